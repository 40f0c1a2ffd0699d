"""A JSON object a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import orjson

from nspdata.reading.lines import lines
from nspdata.reading.records import BROKEN_JSON, INVALID_UTF8, NOT_AN_OBJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.build import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source


def read_json(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """Adds every line that is not blank, named by the offset of its first byte."""
    for offsets, found in lines(source, files):
        for position, line in zip(offsets, found, strict=True):
            if line and not line.isspace():
                _add_line(gathering, position, line, settings)
        gathering.input_bytes += sum(map(len, found)) + len(found)
        yield


def _add_line(gathering: Gathering, position: int, line: bytes, settings: InputConfig) -> None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            record = json.loads(line.decode())  # a lone surrogate, NaN: JSON of sorts, and the text may be sound
        except UnicodeDecodeError:
            gathering.reject(position, INVALID_UTF8, line)
            return
        except (ValueError, RecursionError):
            gathering.reject(position, BROKEN_JSON, line)
            return
    if isinstance(record, dict):
        gathering.add(position, record.get(settings.id_field), record.get(settings.text_field), record=line)
    else:
        gathering.reject(position, NOT_AN_OBJECT, line)
