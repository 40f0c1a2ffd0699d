"""Shared by all programs of nspdata: one line on stderr per error and warning, a clean exit on signals, no output of libraries."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from typing import TYPE_CHECKING, TextIO

from nspdata import interrupts
from nspdata.errors import ConfigError, NspdataError, UnsoundInputError, missing_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TRACEBACK = "NSPDATA_TRACEBACK"
"""Environment variable: `1` prints the traceback of an error as well, like `--traceback`."""

REMEDIES = {
    errno.ENOSPC: "free disk space, then run the same command again",
    errno.EDQUOT: "free disk space or raise the quota, then run the same command again",
    errno.EFBIG: "raise the limit of the file size (ulimit -f), then run the same command again",
    errno.EROFS: "give a path on a file system that can be written",
    errno.EACCES: "change the permissions, or give another path",
    errno.EPERM: "change the permissions, or give another path",
    errno.ENOTDIR: "a part of this path is a file, not a directory; give another path",
    errno.EISDIR: "this is a directory; give the path of a file",
    errno.ENOENT: "check the path",
    errno.ENAMETOOLONG: "give a shorter path",
    errno.ELOOP: "a symbolic link points to itself; give another path",
    errno.EMFILE: "too many files are open; raise the limit with ulimit -n, or use fewer --workers",
    errno.ENFILE: "too many files are open on this machine; close other programs",
    errno.ENOMEM: "use fewer --workers, or a machine with more memory",
    errno.EIO: "the disk or the network failed; check it, then run the same command again",
}

QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}
"""Environment variables that keep libraries from printing."""

MEMORY = "out of memory; use fewer --workers, shorter inputs or a machine with more memory"


def run_program(main: Callable[[], object], *, program: str = "nspdata", advice: str = "") -> None:
    """Runs a program: exit code 0, 1 = failed, 2 = bad usage or configuration, 130 or 143 = interrupted.

    Args:
        main: reads `sys.argv`, without `--traceback`.
        program: the name that an error line begins with.
        advice: what the user can do after an interruption.
    """
    interrupts.install(advice)
    sys.argv[1:] = take_traceback_option(sys.argv[1:])
    silence_libraries()
    print_warnings()
    with one_line_errors(program):
        main()


def silence_libraries() -> None:
    """Hides the logs, warnings and progress bars of libraries, unless tracebacks were requested."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if wants_traceback():
        return
    import logging
    import warnings

    logging.getLogger().addHandler(logging.NullHandler())  # otherwise the first message installs one that prints
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def print_warnings() -> None:
    """Prints what nspdata logs at `WARNING` and above to stderr, one line each; `silence_libraries` would hide it."""
    import logging

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            _print(f"{record.levelname.lower()}: {_visible(record.getMessage())}")

    logging.getLogger("nspdata").addHandler(Lines(logging.WARNING))


def wants_traceback() -> bool:
    """Whether `--traceback` or the environment variable is set."""
    return os.environ.get(TRACEBACK, "") not in {"", "0"}


def explain(error: BaseException) -> tuple[str, int] | None:  # noqa: PLR0911 - one for each kind
    """Returns the line and the exit code of an error that a user can cause; None for a bug of nspdata."""
    if isinstance(error, NspdataError):
        return str(error), 2 if isinstance(error, ConfigError) else 1
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130
    if isinstance(error, MemoryError):
        return MEMORY, 1
    if isinstance(error, ModuleNotFoundError):
        message = missing_package(error)
        return (f"this command {message}", 1) if message else None
    if isinstance(error, OSError):
        return _system(error), 1
    if isinstance(error, UnicodeDecodeError):
        bad = " ".join(f"0x{byte:02x}" for byte in error.object[error.start : error.end][:4])
        return f"the text is not {error.encoding.upper()} ({bad} at byte {error.start:,}); save it as UTF-8", 1
    if isinstance(error, UnicodeEncodeError):
        bad = ascii(error.object[error.start : error.end][:4])
        return f"{bad} cannot be written as {error.encoding.upper()}; set PYTHONIOENCODING=utf-8, or rename the file", 1
    return None


def bug(error: BaseException) -> str:
    """Returns the line of an internal error, which is a bug of nspdata."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "nspdata" in frame.filename]
    place = f" in {os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""  # noqa: PTH119
    text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return f"this is a bug in nspdata ({text}{place}); run the command again with --traceback and report what it prints"


@contextlib.contextmanager
def one_line_errors(program: str = "nspdata") -> Iterator[None]:
    """Turns an exception of the block into one line on stderr and `SystemExit`.

    Args:
        program: the name that the line begins with.
    """
    try:
        yield
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last boundary
        if isinstance(error, BrokenPipeError) and _output_is_closed():
            _discard_output(1, 2)
            raise SystemExit(1) from None
        if isinstance(error, OSError) and _is_broken(sys.stdout):
            _discard_output(1)
        if wants_traceback():
            traceback.print_exc()
        message, code = explain(error) or (bug(error), 1)
        lines = "\n" if isinstance(error, UnsoundInputError) else " "
        _print(f"{program}: {lines.join(message.splitlines())}")
        if "TORCHELASTIC_RUN_ID" in os.environ:
            _end_rank(code)
        raise SystemExit(code) from None


def take_traceback_option(arguments: Sequence[str]) -> list[str]:
    """Switches tracebacks on if `--traceback` is among the arguments before `--`; returns the others."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    own = [argument for argument in arguments[:end] if argument != "--traceback"]
    if len(own) < end:
        os.environ[TRACEBACK] = "1"
    return [*own, *arguments[end:]]


def _system(error: OSError) -> str:
    paths = [str(path) for path in (error.filename, error.filename2) if path is not None]
    reason = (error.strerror or str(error) or type(error).__name__).rstrip(".")
    where = f"{' -> '.join(map(_visible, paths))}: " if paths else ""
    remedy = REMEDIES.get(error.errno or 0, "check the path and the connection, then run the command again")
    return f"{where}{reason[:1].lower()}{reason[1:]}; {remedy}"


def _visible(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _print(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        encoding = sys.stderr.encoding or "utf-8"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr, flush=True)  # noqa: T201


def _output_is_closed() -> bool:
    """Whether the reader of stdout or stderr has closed it (`| head`)."""
    import select

    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, select.POLLOUT)
    return any(event & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, event in poll.poll(0))


def _is_broken(stream: TextIO) -> bool:
    try:
        stream.flush()
    except (OSError, ValueError):
        return True
    return False


def _end_rank(code: int) -> None:
    """Ends a rank that torchrun started, without the interpreter's own end, which can wait for threads in torch for good.

    The other ranks, and torchrun, wait for this process.
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)


def _discard_output(*descriptors: int) -> None:
    """Lets the interpreter flush its buffers without another error."""
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.dup2(null, descriptor)
