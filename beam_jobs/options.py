"""Command lines of the jobs: those of the commands of the same name, with `--input` for the arguments, and Beam's options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

INPUT = "--input"

ON_BEAM = "--direct_num_workers=1"
"""Given to Beam if the job has no other option for it: `nspdata build` uses Beam only where it has options for Beam."""


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
    return [*own, *inputs, "--", *(beam_options or [ON_BEAM])]


def split(arguments: Sequence[str], command: Any) -> tuple[list[str], list[str], list[str]]:
    """Returns the options of the command, the values of `--input`, and the remaining options for Beam.

    A setting may also be an option of its own, as the parameters of a template are: `--pairing__max_seq_length=512` for
    `--set pairing.max_seq_length=512`; and a flag may have a value, `true` or `false`.
    """
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
        elif (
            "--set" in takes_value
            and name not in takes_value
            and (setting := name.removeprefix("--").replace("__", ".")) in _settings()
        ):
            own += ["--set", f"{setting}={' '.join(values) if value is None else value}"]
        elif value in {"true", "false"} and takes_value.get(name) is False:
            own += [name] if value == "true" else []
        elif name not in {*takes_value, "--help"}:
            beam_options += [name if value is None else f"{name}={value}", *values]
        elif value is not None or not takes_value.get(name) or len(values) < 2:
            own += [name if value is None else f"{name}={value}", *values]
        else:
            own += [part for one in values for part in (name, one)]  # --set a=1 b=2
    return own, inputs, beam_options


def _settings() -> set[str]:
    """The dotted names of the settings."""
    from nspdata.config.build import Config
    from nspdata.config.keywords import setting_names

    names = setting_names(Config)
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)}


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
