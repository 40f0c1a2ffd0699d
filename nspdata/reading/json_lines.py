"""Reads JSON: one object per line, one array, or concatenated values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import orjson

from nspdata.reading.compression import blocks
from nspdata.reading.fields import fields_of, joined, lookup
from nspdata.reading.json_values import JsonValues
from nspdata.reading.lines import lines
from nspdata.reading.records import BROKEN_JSON, INVALID_UTF8, NOT_AN_OBJECT, TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.input import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source


def read_json_lines(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """Adds every non-blank line, identified by its byte offset."""
    fields = fields_of(settings, source.name)
    for offsets, found in lines(source, files, gathering, settings.max_record_bytes):
        for position, line in zip(offsets, found, strict=True):
            if line and not line.isspace():
                _add(gathering, position, line, fields)
        gathering.input_bytes += sum(map(len, found)) + len(found)
        yield


def read_json(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """Adds every element of an array or every value of a file, identified by its byte offset."""
    fields, taken = fields_of(settings, source.name), 0
    for value in JsonValues(settings.max_record_bytes).cut(blocks(source, files)):
        if value.too_long:
            gathering.reject(value.offset, TOO_LARGE, value.data, size=value.size)
        else:
            _add(gathering, value.offset, value.data, fields)
        gathering.input_bytes += value.size
        taken += value.size
        if taken >= 1 << 16:
            taken = 0
            yield
    yield


def _add(gathering: Gathering, position: int, data: bytes, fields: tuple[str, str]) -> None:
    try:
        record = orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            record = json.loads(data.decode())  # a lone surrogate, NaN: JSON of sorts, and the text may be usable
        except UnicodeDecodeError:
            gathering.reject(position, INVALID_UTF8, data)
            return
        except (ValueError, RecursionError):
            gathering.reject(position, BROKEN_JSON, data)
            return
    if isinstance(record, dict):
        text, document_id = record.get(fields[0]), record.get(fields[1])
        if type(text) is not str:
            text = joined(lookup(record, fields[0]))
        if document_id is None:
            document_id = lookup(record, fields[1])
        language = lookup(record, gathering.language_field) if gathering.language_field else None
        gathering.add(position, document_id, text, record=data, language=language)
    else:
        gathering.reject(position, NOT_AN_OBJECT, data)
