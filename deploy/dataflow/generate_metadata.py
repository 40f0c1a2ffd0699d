"""Writes metadata.json, the description of the template's parameters: `python deploy/dataflow/generate_metadata.py`.

Every setting of docs/settings.md is a parameter, with `__` for the dot: `pairing__max_seq_length`.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import typing
from pathlib import Path
from typing import Any

from nspdata.config.build import Config

GIVEN = [
    (
        "input",
        False,
        "TEXT",
        "Files, directories, globs or URLs that the workers can read, such as gs://bucket/corpus/*.jsonl.",
    ),
    ("output", False, "GCS_WRITE_FOLDER", "The dataset directory to write."),
    ("tokenizer", False, "TEXT", "A vocab.txt, a tokenizer.json, or a directory with one."),
    ("overwrite", True, "BOOLEAN", "Replace another build in the output directory."),
    ("strict", True, "BOOLEAN", "Fail on any warning."),
    ("sdk_container_image", True, "TEXT", "Image of the workers: the image of this template."),
    ("number_of_worker_harness_threads", True, "TEXT", "Threads per worker process; 1 is best."),
]
"""Name, whether it may be left out, type and help of the parameters that are no settings."""


def metadata() -> dict[str, Any]:
    """The whole file."""
    given = [parameter(name, name, optional=optional, kind=kind, text=text) for name, optional, kind, text in GIVEN]
    return {
        "name": "nspdata: BERT pretraining data",
        "description": "Builds next sentence prediction and masked language modelling rows from documents.",
        "parameters": [*given, *settings(Config)],
    }


def settings(kind: type, prefix: str = "") -> list[dict[str, Any]]:
    """A parameter for each setting."""
    hints, described, found = typing.get_type_hints(kind), _attributes(kind), []
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            found += settings(typing.cast("type", hint), f"{prefix}{field.name}.")
            continue
        choices = [str(choice) for choice in typing.get_args(hint)]
        text = f"{described[field.name]} Default: {json.dumps(field.default)}."
        name = f"{prefix}{field.name}"
        regexes = [f"^({'|'.join(map(re.escape, choices))})$"] if choices else None
        found.append(parameter(name.replace(".", "__"), name, optional=True, kind="TEXT", text=text, regexes=regexes))
    return found


def parameter(  # noqa: PLR0913 - the keys of a parameter
    name: str, label: str, *, optional: bool, kind: str, text: str, regexes: list[str] | None = None
) -> dict[str, Any]:
    """One parameter."""
    found: dict[str, Any] = {"name": name, "label": label, "helpText": text, "isOptional": optional, "paramType": kind}
    return {**found, "regexes": regexes} if regexes else found


def _attributes(kind: type) -> dict[str, str]:
    """What the docstring of a dataclass says of each attribute."""
    _, _, text = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", text, flags=re.MULTILINE)
    return {name: " ".join(described.split()) for name, described in entries}


def page() -> str:
    """The text of the file."""
    return json.dumps(metadata(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("metadata.json").write_text(page(), encoding="utf-8")
