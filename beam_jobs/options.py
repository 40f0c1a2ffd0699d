"""Command lines of the jobs: those of the commands of the same name, with `--input` for the arguments, and Beam's options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

INPUT = "--input"


def run_command(name: str, program: str, arguments: Sequence[str], *, about: str | None = None) -> None:
    """Runs a command of `nspdata` with the arguments of a job.

    Args:
        name: of the command.
        program: of the job, for messages.
        arguments: of the job.
        about: shown before the help.

    Raises:
        SystemExit: the exit code is not 0.
    """
    command = command_named(name)
    if about and "--help" in arguments:
        print(about)  # noqa: T201 - the help of a program
    finish(lambda: command.main(as_command(arguments, command), prog_name=program, standalone_mode=False))


def finish(run: Callable[[], Any]) -> None:
    """Runs a command; exits the process on bad usage and on exit codes other than 0."""
    try:
        code = run()
    except Exception as error:
        if not (hasattr(error, "show") and hasattr(error, "exit_code")):
            raise
        error.show()
        raise SystemExit(error.exit_code) from None
    if isinstance(code, int) and code:
        raise SystemExit(code)


def command_named(name: str) -> Any:
    """Returns the parser of a command of `nspdata`."""
    import typer.main

    from nspdata.cli import app

    group: Any = typer.main.get_command(app)
    return group.commands[name]


def as_command(arguments: Sequence[str], command: Any) -> list[str]:
    """Converts the arguments of a job to those of a command: inputs, options, `--`, and the unknown options for Beam."""
    own, inputs, beam_options = split(arguments, command)
    return [*own, *inputs, *(["--", *beam_options] if beam_options else [])]


def split(arguments: Sequence[str], command: Any) -> tuple[list[str], list[str], list[str]]:
    """Returns the options of the command, the values of `--input`, and the remaining options for Beam."""
    takes_value = {
        name: not param.is_flag
        for param in command.params
        if param.param_type_name == "option"
        for name in (*param.opts, *param.secondary_opts)
    }
    own: list[str] = []
    inputs: list[str] = []
    beam_options: list[str] = []
    for name, value, values in _groups(arguments):
        if name == INPUT:
            inputs += [*([] if value is None else [value]), *values]
        elif name not in {*takes_value, "--help"}:
            beam_options += [name if value is None else f"{name}={value}", *values]
        elif value is not None or not takes_value.get(name) or len(values) < 2:
            own += [name if value is None else f"{name}={value}", *values]
        else:
            own += [part for one in values for part in (name, one)]  # --set a=1 b=2
    return own, inputs, beam_options


def _groups(arguments: Sequence[str]) -> Iterator[tuple[str, str | None, list[str]]]:
    """Yields each option with the value after its `=`, and the words that follow it.

    >>> list(_groups(["--input", "a", "b", "--seed=1"]))
    [('--input', None, ['a', 'b']), ('--seed', '1', [])]
    """
    starts = [index for index, word in enumerate(arguments) if re.match(r"-{1,2}[A-Za-z]", word)]
    if arguments and (not starts or starts[0]):
        yield INPUT, None, list(arguments[: starts[0] if starts else None])
    for start, end in zip(starts, [*starts[1:], len(arguments)], strict=True):
        name, separator, value = arguments[start].partition("=")
        yield name, value if separator else None, list(arguments[start + 1 : end])
