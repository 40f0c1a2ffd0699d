"""Plain text in its three shapes: a document a file, a document a line, a sentence a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.reading.lines import CutShortError, lines, whole
from nspdata.reading.records import INVALID_UTF8, TRUNCATED_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.files import Files
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source


def read_document(source: Source, files: Files, gathering: Gathering) -> Iterator[None]:
    """Adds the whole file as one document, named by the file alone."""
    try:
        data = whole(source, files)
    except CutShortError as error:
        gathering.reject(0, TRUNCATED_FILE, str(error))
        return
    gathering.input_bytes += len(data)
    text = _decoded(gathering, 0, data)
    if text is not None:
        gathering.add(0, source.name, text)
    yield


def read_lines(source: Source, files: Files, gathering: Gathering) -> Iterator[None]:
    """Adds each line that is not blank as a document."""
    for offsets, found in lines(source, files):
        for position, line in zip(offsets, found, strict=True):
            gathering.input_bytes += len(line) + 1
            if line.strip():
                text = _decoded(gathering, position, line)
                if text is not None:
                    gathering.add(position, None, text.removesuffix("\r"))
        yield


def read_sentences(source: Source, files: Files, gathering: Gathering) -> Iterator[None]:
    """Adds the runs of lines between blank lines as documents; each line is a sentence as it stands."""
    held: list[bytes] = []
    begin = 0
    for offsets, found in lines(source, files):
        for position, line in zip(offsets, found, strict=True):
            gathering.input_bytes += len(line) + 1
            if line.strip():
                begin = begin if held else position
                held.append(line.removesuffix(b"\r"))
            elif held:
                _add_sentences(gathering, begin, held)
                held = []
        yield
    if held:
        _add_sentences(gathering, begin, held)


def _add_sentences(gathering: Gathering, position: int, held: list[bytes]) -> None:
    text = _decoded(gathering, position, b"\n".join(held))
    if text is not None:
        gathering.add(position, None, text, text.split("\n"))


def _decoded(gathering: Gathering, position: int, data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        gathering.reject(position, INVALID_UTF8, data)
        return None
