"""Reads plain text: one document per file, one document per line, or one sentence per line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.reading.compression import BOM, CutShortError, whole
from nspdata.reading.documents import LONG_BYTES
from nspdata.reading.lines import HEAD_BYTES, blank, lines
from nspdata.reading.records import INVALID_UTF8, TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.input import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source


def read_document(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """Adds the whole file as one document, named after the file."""
    data = whole(source, files, most_bytes=settings.max_record_bytes)
    if len(data) > settings.max_record_bytes:
        size = max(len(data), source.size_bytes)
        gathering.input_bytes += size
        gathering.reject(0, TOO_LARGE, bytes(data[:HEAD_BYTES]), size=size)
        yield
        return
    gathering.input_bytes += len(data)
    if data.startswith(BOM):
        del data[: len(BOM)]
    if len(data) > LONG_BYTES:
        gathering.add_long(data)
    else:
        gathering.add(0, source.name, bytes(data))
    del data  # not held while the document is in use
    yield


def read_lines(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """Adds each non-blank line as a document, identified by its byte offset."""
    for offsets, found in lines(source, files, gathering, settings.max_record_bytes):
        for position, line in zip(offsets, found, strict=True):
            if not blank(line):
                gathering.add(position, None, line.removesuffix(b"\r"))
        gathering.input_bytes += sum(map(len, found)) + len(found)
        yield


def read_sentences(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """Adds the lines between blank lines as one document; each line is one sentence."""
    held: list[bytes] = []
    begin = 0
    try:
        for offsets, found in lines(source, files, gathering, settings.max_record_bytes):
            for position, line in zip(offsets, found, strict=True):
                if not blank(line):
                    begin = begin if held else position
                    held.append(line.removesuffix(b"\r"))
                elif held:
                    _add_sentences(gathering, begin, held)
                    held = []
            gathering.input_bytes += sum(map(len, found)) + len(found)
            yield
    except CutShortError as error:
        if held:  # the document continues after the cut
            part = b"\n".join([*held, error.part])
            raise CutShortError(str(error), position=begin, part=part, read_bytes=error.read_bytes) from error
        raise
    if held:
        _add_sentences(gathering, begin, held)


def _add_sentences(gathering: Gathering, position: int, held: list[bytes]) -> None:
    try:
        sentences = [line.decode() for line in held]
    except UnicodeDecodeError:
        gathering.reject(position, INVALID_UTF8, b"\n".join(held))
        return
    gathering.add(position, None, "\n".join(sentences), sentences=sentences)
