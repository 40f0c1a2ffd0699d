"""Reads the output of WikiExtractor: `<doc id="1" url="..." title="...">`, the text, `</doc>`."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from nspdata.reading.compression import CutShortError
from nspdata.reading.lines import lines
from nspdata.reading.records import OUTSIDE_OF_A_DOCUMENT, TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.input import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source

START = re.compile(rb"<doc( [^>]*)?>\s*$")
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
END = b"</doc>"


def read_wiki(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """Adds every document under its `id`. The first line of the text is the title, as WikiExtractor writes it."""
    document = _Document(gathering, settings.max_record_bytes)
    try:
        for offsets, found in lines(source, files, gathering, settings.max_record_bytes):
            for position, line in zip(offsets, found, strict=True):
                document.take(position, line)
            gathering.input_bytes += sum(map(len, found)) + len(found)
            yield
    except CutShortError as error:
        part = b"\n".join([*document.held, error.part])
        raise CutShortError(str(error), position=document.position, part=part, read_bytes=error.read_bytes) from error
    document.end()


class _Document:
    """The current document."""

    def __init__(self, gathering: Gathering, max_record_bytes: int) -> None:
        self.gathering, self.max_record_bytes = gathering, max_record_bytes
        self.held: list[bytes] = []
        self.position = self.size = 0
        self.attributes: dict[str, str] | None = None

    def take(self, position: int, line: bytes) -> None:
        """Adds a line."""
        if line.startswith(b"<doc") and (match := START.match(line)):
            self.end()
            self.position = position
            written = (match[1] or b"").decode("utf-8", "backslashreplace")
            self.attributes = {key: html.unescape(value) for key, value in ATTRIBUTE.findall(written)}
        elif line.rstrip() == END:
            self.end()
        elif self.attributes is not None:
            self.size += len(line) + 1
            if self.size <= self.max_record_bytes:
                self.held.append(line.removesuffix(b"\r"))
        elif line.strip():
            self.gathering.reject(position, OUTSIDE_OF_A_DOCUMENT, line)

    def end(self) -> None:
        """Ends the document and adds it."""
        if self.attributes is not None:
            text = b"\n".join(self.held)
            if self.size > self.max_record_bytes:
                self.gathering.reject(self.position, TOO_LARGE, text, size=self.size)
            else:
                text = html.unescape(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
                language = self.attributes.get(self.gathering.language_field)
                self.gathering.add(self.position, self.attributes.get("id"), text, language=language)
        self.held, self.size, self.attributes = [], 0, None
