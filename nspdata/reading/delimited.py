"""CSV and TSV with a header."""

from __future__ import annotations

import csv
from collections import deque
from typing import TYPE_CHECKING

from nspdata.reading.compression import BLOCK_BYTES, CutShortError
from nspdata.reading.lines import lines
from nspdata.reading.records import BROKEN_CSV, TRUNCATED_FILE, WRONG_FIELDS, record_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.build import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source

MAX_FIELD_CHARACTERS = 1 << 26
"""A longer field is taken for a quote that was never closed."""


class _Lines:
    """Lines with their ends, as `csv` takes them, which remembers those of the row at hand and can give them again."""

    def __init__(self, source: Source, files: Files) -> None:
        self.taken: list[str] = []
        self._again: deque[str] = deque()
        self._lines = (
            line.decode("utf-8", "surrogateescape") + "\n" for _, found in lines(source, files) for line in found
        )

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def begin_after_first(self) -> None:
        """The row is no row: its first line is given up, the others are read again."""
        self._again.extendleft(reversed(self.taken[1:]))


def read_csv(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """Adds every row; fields may hold line ends inside quotes; a row is named by its number, from 0 after the header.

    A quote that is never closed costs its own line, not the rest of the file.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD_CHARACTERS))
    found = _Lines(source, files)
    header: list[str] = []
    row = due = 0
    for values in _rows(found, "\t" if source.format == "tsv" else ","):
        line = found.taken[0] if isinstance(values, csv.Error) else "".join(found.taken)
        size = record_bytes(line)
        gathering.input_bytes += size
        due += size
        if isinstance(values, CutShortError):
            lost = values.lost_bytes(source.size_bytes, gathering.read_bytes)
            gathering.input_bytes += lost
            excerpt = line + values.part.decode("utf-8", "replace") or str(values)
            gathering.reject(row, TRUNCATED_FILE, excerpt, size=size + lost)
        elif isinstance(values, csv.Error):
            gathering.reject(row, BROKEN_CSV, line)
            found.begin_after_first()
        elif not header:
            header = values
            continue
        elif len(values) > len(header):
            gathering.reject(row, WRONG_FIELDS, line)
        else:
            fields = dict(zip(header, values, strict=False))
            text = fields.get(settings.text_field)
            data = text if text is None or text.isascii() else text.encode("utf-8", "surrogateescape")
            gathering.add(row, fields.get(settings.id_field), data, record=line)
        row += 1
        if due >= BLOCK_BYTES:
            due = 0
            yield


def _rows(found: _Lines, delimiter: str) -> Iterator[list[str] | csv.Error | CutShortError]:
    """The rows that are not empty, and in their places the errors."""
    rows = csv.reader(found, delimiter=delimiter, strict=True)
    while True:
        found.taken.clear()
        try:
            values = next(rows, None)
        except csv.Error as error:
            yield error
        except CutShortError as error:
            yield error
            return
        else:
            if values is None:
                return
            if values:
                yield values
