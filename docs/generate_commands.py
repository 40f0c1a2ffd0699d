"""Writes docs/commands.md from the command line itself: `python docs/generate_commands.py`."""

from __future__ import annotations

import json
import re
import typing
from pathlib import Path
from typing import Any

import typer

from nspdata.cli import app

HEAD = """# Commands

Every command, from the code (`python docs/generate_commands.py`). `nspdata COMMAND --help` prints the same. A command ends with exit code 0 if
it succeeded, 1 if an input or a dataset cannot be used, 2 if the command or a setting is wrong, and 130 after Ctrl-C. An error is one line on
stderr: the rule, the value, the remedy. `nspdata --traceback COMMAND` also prints where it was raised.

"""


def cell(text: str) -> str:
    """A text inside a table."""
    return " ".join(text.split()).replace("|", "\\|")


def linked(text: str) -> str:
    """Paragraphs, each on one line, with links to the pages that they name."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return re.sub(r"docs/(\w+)\.md", r"[\1](\1.md)", "\n\n".join(paragraphs))


def value_of(parameter: Any, hint: Any) -> str:
    """What follows an option: its metavariable, its choices, or the name of its type; "" for a switch."""
    if getattr(parameter, "is_flag", False):
        return ""
    plain = [kind for kind in typing.get_args(hint) if kind is not type(None)] if _optional(hint) else [hint]
    if typing.get_origin(plain[0]) is typing.Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(plain[0]))
    kind = typing.get_args(plain[0])[0] if typing.get_origin(plain[0]) is list else plain[0]
    named = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}
    written = parameter.metavar or named.get(kind, getattr(kind, "__name__", "TEXT").upper())
    return f"`{cell(written)}`"


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def names_of(parameter: Any) -> str:
    """How an option or an argument is written."""
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    return ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])


def default_of(parameter: Any) -> str:
    """The default that a reader needs to know; "required" for what has none."""
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or default is False or default == "" or callable(default):
        return ""
    return f"`{json.dumps(default) if isinstance(default, bool | int | float) else default}`"


def section(name: str, command: Any) -> str:
    """A command: its text, how it is called, and a table of its arguments and options."""
    hints = typing.get_type_hints(command.callback)
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    called = [f"nspdata {name}"]
    for one in arguments:
        written = (one.metavar or one.name.upper()).strip("[]")
        called.append(written if one.required else f"[{written}]")
    lines = [f"## nspdata {name}", "", linked(command.help or ""), ""]
    lines += ["```text", " ".join([*called, command.options_metavar or "[OPTIONS]"]), "```", ""]
    lines += ["| argument or option | value | default | meaning |", "| --- | --- | --- | --- |"]
    for one in [*arguments, *(one for one in shown if one not in arguments)]:
        value = "" if one in arguments else value_of(one, hints[one.name])
        lines.append(f"| {names_of(one)} | {value} | {default_of(one)} | {cell(one.help or '')} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page."""
    group = typer.main.get_command(app)
    sections = [section(name, command) for name, command in group.commands.items()]  # type: ignore[attr-defined]
    return HEAD + "\n".join(sections)


if __name__ == "__main__":
    Path(__file__).with_name("commands.md").write_text(page(), encoding="utf-8")
