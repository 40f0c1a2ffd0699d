"""Reads CSV and TSV."""

from __future__ import annotations

import csv
from collections import deque
from typing import TYPE_CHECKING, Any

from nspdata.reading.compression import BLOCK_BYTES, CutShortError
from nspdata.reading.fields import fields_of
from nspdata.reading.lines import lines
from nspdata.reading.records import BROKEN_CSV, TRUNCATED_FILE, WRONG_FIELDS, record_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.input import InputConfig
    from nspdata.files.local import Files
    from nspdata.reading.records import Gathering
    from nspdata.reading.sources import Source


class _Lines:
    """Lines for the `csv` module; keeps those of the current row so that they can be read again."""

    def __init__(self, found: Iterator[bytes]) -> None:
        self.taken: list[str] = []
        self.single = 0
        self._again: deque[str] = deque()
        self._lines = (line.decode("utf-8", "surrogateescape") + "\n" for line in found)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def begin_after_first(self, *, ended: bool) -> None:
        """Drops the first line of a malformed row and reads its other lines again, each at most once more by itself.

        No line before the last one can start a row of several lines: its quote would have ended the field.
        """
        again = self.taken[1:]
        self._again.extendleft(reversed(again))
        self.single = max(0, self.single, len(again) if ended else len(again) - 1)


def dialect(source: Source, settings: InputConfig) -> dict[str, Any]:
    """The arguments of `csv.reader`, from the settings or else from the format."""
    tabs = source.format == "tsv"
    quoted = settings.csv_quoting == "quoted" or (settings.csv_quoting == "auto" and not tabs)
    return {
        "delimiter": settings.csv_delimiter or ("\t" if tabs else ","),
        "quoting": csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        "escapechar": settings.csv_escape or None,
        "strict": True,
    }


def read_csv(source: Source, files: Files, gathering: Gathering, settings: InputConfig) -> Iterator[None]:
    """Adds every row, identified by its number (0 is the first after the header). Quoted fields may contain line ends.

    An unclosed quote costs one line, not the rest of the file. The time is linear: a line is read at most three times.
    """
    csv.field_size_limit(max(csv.field_size_limit(), settings.max_record_bytes))
    text_field, id_field = fields_of(settings, source.name)
    found = _Lines(line for _, block in lines(source, files, gathering, settings.max_record_bytes) for line in block)
    header: list[str] = []
    row = due = 0
    for values in _rows(found, dialect(source, settings)):
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
            found.begin_after_first(ended="unexpected end" in str(values))
        elif settings.csv_header and not header:
            header = values
            continue
        elif header and len(values) > len(header):
            gathering.reject(row, WRONG_FIELDS, line)
        else:
            fields = dict(zip(header or map(str, range(len(values))), values, strict=False))
            text = fields.get(text_field)
            data = text if text is None or text.isascii() else text.encode("utf-8", "surrogateescape")
            gathering.add(row, fields.get(id_field), data, record=line, language=fields.get(gathering.language_field))
        row += 1
        if due >= BLOCK_BYTES:
            due = 0
            yield


def _rows(found: _Lines, options: dict[str, Any]) -> Iterator[list[str] | csv.Error | CutShortError]:
    """Yields the rows that are not empty, and errors in place of malformed rows."""
    rows = csv.reader(found, **options)
    while True:
        found.taken.clear()
        try:
            if found.single:
                found.single -= 1
                values = next(csv.reader([next(found)], **options), [])
            else:
                values = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield error
        except CutShortError as error:
            yield error
            return
        else:
            if values:
                yield values
