"""Writes docs/settings.md from the dataclasses of `nspdata.config.build`: `python docs/generate_settings.py`."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import typing
from pathlib import Path

from nspdata.config.build import Config

HEAD = """# Settings

Written as TOML (`--config build.toml`) or one by one (`--set pairing.max_seq_length=512`); flags win over `--set`, `--set` over the file.
An unknown key is an error that names the nearest known one. This page is generated from the code (`python docs/generate_settings.py`).

"""


def attributes(kind: type) -> dict[str, str]:
    """What the docstring of a dataclass says of each attribute."""
    _, _, text = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", text, flags=re.MULTILINE)
    return {name: " ".join(described.split()) for name, described in entries}


def rows(kind: type, prefix: str = "") -> list[str]:
    """A line of the table for each setting."""
    hints, described, lines = typing.get_type_hints(kind), attributes(kind), []
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            lines += rows(typing.cast("type", hint), f"{prefix}{field.name}.")
            continue
        choices = ", ".join(f"`{choice}`" for choice in typing.get_args(hint)) or f"{hint.__name__}"
        default = json.dumps(field.default)
        lines.append(f"| `{prefix}{field.name}` | {choices} | `{default}` | {described[field.name]} |")
    return lines


def page() -> str:
    """The whole page."""
    table = "\n".join(["| key | values | default | meaning |", "| --- | --- | --- | --- |", *rows(Config)])
    return f"{HEAD}{table}\n"


if __name__ == "__main__":
    Path(__file__).with_name("settings.md").write_text(page(), encoding="utf-8")
