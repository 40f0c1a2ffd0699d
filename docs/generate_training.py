"""Writes the tables of settings in docs/training.md from the dataclasses of the trainer: `python docs/generate_training.py`."""

from __future__ import annotations

import dataclasses
import json
import typing
from pathlib import Path

from generate_settings import attributes

from nspdata.config.train import Phase, TrainConfig

PAGE = Path(__file__).with_name("training.md")
HEAD = "| key | values | default | meaning |\n| --- | --- | --- | --- |\n"


def rows(kind: type, prefix: str = "") -> list[str]:
    """A line of the table for each setting except `phases`."""
    hints, described, lines = typing.get_type_hints(kind), attributes(kind), []
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            lines += rows(typing.cast("type", hint), f"{prefix}{field.name}.")
        elif field.name != "phases":
            default = field.default_factory() if field.default is dataclasses.MISSING else field.default
            lines.append(
                f"| `{prefix}{field.name}` | {values(hint)} | `{json.dumps(default)}` | {described[field.name]} |"
            )
    return lines


def values(hint: typing.Any) -> str:
    """The values that a setting takes, in a few words."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return f"list of {values(arguments[0])}"
    if typing.get_origin(hint) is dict:
        return "table"
    return ", ".join(f"`{choice}`" for choice in arguments if choice != "") or hint.__name__


def page(text: str) -> str:
    """The page with new tables; each is between two comments."""
    for name, lines in (("settings", rows(TrainConfig)), ("phases", rows(Phase))):
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = before + begin + HEAD + "".join(f"{line}\n" for line in lines) + end + after
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
