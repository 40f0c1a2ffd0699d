"""A deterministic sample of texts from all parts of the input, without reading all of it.

The input is divided into units: fixed ranges of an uncompressed file of lines; any other file is one unit. The units are
sorted by a hash of their name and first byte. A budget grows with each unit by its share of `sample_bytes`. When it reaches
`GRAIN_BYTES`, the current unit is read from its beginning until the budget is used. So every part of the input contributes
in proportion to its size, and few units are opened. The order and the location of the files do not change the sample. An
input that is smaller than the sample is used completely.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from nspdata.config.input import InputConfig
from nspdata.errors import InputError
from nspdata.reading.read import read_source
from nspdata.reading.records import REASONS
from nspdata.reading.units import Budget, expected_text_bytes, sampling_order, split_sources, text_bytes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nspdata.files.local import Files
    from nspdata.reading.documents import DocumentLanguages
    from nspdata.reading.records import Rejected
    from nspdata.reading.sources import Source

UNIT_BYTES = 1 << 18
"""The smallest range of a large file that is a unit."""

MAX_UNITS = 1 << 16
"""About how many units there are at most: the ranges of a very large input are larger."""

GRAIN_BYTES = 1 << 16
"""The least that is taken from a unit that is opened."""


def sample_documents(
    sources: Sequence[Source], files: Files, settings: InputConfig | None = None, *, sample_bytes: int
) -> Iterator[str]:
    """Yields about `sample_bytes` of text (UTF-8), spread over the whole input; all of it, in name order, if there is no more.

    Memory: one batch of 64 KiB of text, or one document if that is larger.

    Raises:
        InputError: records were read, but none has a usable text.
    """
    return (text for text, _ in sample_with_languages(sources, files, settings, sample_bytes=sample_bytes))


def sample_with_languages(
    sources: Sequence[Source],
    files: Files,
    settings: InputConfig | None = None,
    *,
    sample_bytes: int,
    languages: DocumentLanguages | None = None,
) -> Iterator[tuple[str, str]]:
    """Like `sample_documents`, but yields each text with its language code, which is "" for the default language."""
    settings = settings or InputConfig()
    total = expected_text_bytes(sources)
    ordered = sorted(sources, key=lambda source: (source.name, source.start))
    if total > sample_bytes:
        units = split_sources(ordered, range_bytes=max(UNIT_BYTES, total // MAX_UNITS))
        ordered = sorted(units, key=sampling_order)
    grain = min(GRAIN_BYTES, sample_bytes)
    budget, rejected = Budget(min(sample_bytes, total), total), _Faults(settings.text_field)
    for unit in ordered:
        left = budget.after(text_bytes_of(unit)) if total > sample_bytes else float("inf")
        if left < grain:
            continue
        for text, code, size in _texts(unit, files, settings, languages, rejected):
            yield text, code
            budget.taken += size
            left -= size
            if left <= 0:
                break
    if not budget.taken:
        rejected.raise_if_any()


class _Faults:
    """Counts the reasons for rejection, in case all records are rejected."""

    def __init__(self, text_field: str) -> None:
        self.text_field = text_field
        self.reasons: Counter[str] = Counter()
        self.first: Rejected | None = None

    def add(self, rejected: list[Rejected]) -> None:
        """Adds rejected records."""
        self.reasons.update(record.reason for record in rejected)
        self.first = self.first or next(iter(rejected), None)

    def raise_if_any(self) -> None:
        """Raises an error that names the most frequent reason."""
        if self.first is None:
            return
        reason, count = self.reasons.most_common(1)[0]
        raise InputError(
            f"none of the {self.reasons.total()} records looked at can be used; of {count} {REASONS[reason]}; "
            f"the first, in {self.first.source} at {self.first.position}: {self.first.excerpt!r}; "
            f"the text was looked for in {self.text_field!r}: name its field or column with --text-field, or the format with --input-format"
        )


def _texts(
    source: Source, files: Files, settings: InputConfig, languages: DocumentLanguages | None, faults: _Faults
) -> Iterator[tuple[str, str, int]]:
    """The texts of a unit, each with its language code and its size as UTF-8."""
    for batch in read_source(source, files, settings, languages=languages, batch_bytes=1 << 16):
        faults.add(batch.rejected)
        texts = batch.documents.texts
        codes = batch.documents.languages or [""] * len(texts)
        yield from zip(texts, codes, map(len, batch.documents.encoded()), strict=True)
