"""Figures derived from statistics; the table, the report and the card use these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from nspdata.statistics.histograms import RELATIVE_ERROR
from nspdata.statistics.rejected import rejected_shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from nspdata.statistics.histograms import Histogram
    from nspdata.statistics.values import PartStatistics, Statistics

NUM_BINS = 8
"""Number of equal length bins in the figure for padding with bins."""

COLUMNS = {"mean": 0.0, "p05": 0.05, "p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
"""Columns of a distribution, and the quantile of each."""

Unit = Literal["count", "share", "number", "bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number.

    Attributes:
        key: its name in JSON.
        section: its heading.
        title: its name in tables.
        value: a whole number, or a share from 0 to 1.
        unit: its format.
        note: an explanation; may be "".
        of: for a figure of a distribution, the name of its histogram; otherwise "".
        column: for a figure of a distribution, one of `COLUMNS`; otherwise "".
    """

    key: str
    section: str
    title: str
    value: float
    unit: Unit
    note: str = ""
    of: str = ""
    column: str = ""

    @property
    def text(self) -> str:
        """Formatted value.

        >>> Figure(key="a", section="", title="", value=0.4987, unit="share").text
        '49.87%'
        """
        return written(self.value, self.unit)


def written(value: float, unit: Unit) -> str:
    """Formats a value.

    >>> written(12_345, "count"), written(1.234, "number"), written(2_500_000, "bytes")
    ('12,345', '1.23', '2.5 MB')
    """
    if unit == "share":
        return f"{value:.2%}"
    if unit == "bytes":
        power = max(0, min(4, (len(str(int(value))) - 1) // 3))
        return f"{value / 1000**power:,.{min(power, 1)}f} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"
    return f"{value:,.2f}" if unit == "number" else f"{value:,.0f}"


def figures(statistics: Statistics) -> list[Figure]:
    """All figures of the statistics; those of the corpus are missing if only rows are known."""
    return (
        [*_corpus(statistics.corpus), *_rows(statistics.rows, same="forced_positives" in statistics.corpus.counts)]
        if statistics.rows.counts
        else []
    )


def values(listed: list[Figure]) -> dict[str, float]:
    """The figures by key."""
    return {figure.key: figure.value for figure in listed}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _corpus(part: PartStatistics) -> Iterator[Figure]:
    counts = part.counts
    for key, title, unit, note in _CORPUS_COUNTS:
        if key in counts:
            yield Figure(key=key, section="Corpus", title=title, value=counts[key], unit=unit, note=note)
    if "documents" not in counts:
        return
    section, tokens = "Corpus", counts["tokens"]
    single = _share(counts["one_sentence_documents"], counts["documents"])
    note = "they give no row of label 0"
    yield Figure(
        key="one_sentence_share",
        section=section,
        title="Documents of one sentence",
        value=single,
        unit="share",
        note=note,
    )
    if counts.get("letter_words"):
        yield Figure(
            key="tokens_per_word",
            section=section,
            title="Tokens per word",
            value=counts["letter_tokens"] / counts["letter_words"],
            unit="number",
            note="words of letters, in scripts with spaces",
        )
    if "repeated_tokens" in counts:
        yield Figure(
            key="repeated_share",
            section=section,
            title="Repeated sentences",
            value=_share(counts["repeated_tokens"], tokens),
            unit="share",
            note="tokens of sentences that a shard had before",
        )
    unknown = _share(counts["unknown_tokens"], tokens)
    yield Figure(key="corpus_unknown_share", section=section, title="[UNK] in the corpus", value=unknown, unit="share")
    if "used_tokens" in counts:
        used = _share(counts["used_tokens"], tokens)
        note = "the others are in no row of their document"
        yield Figure(
            key="used_share", section=section, title="Share of tokens used", value=used, unit="share", note=note
        )
    yield from _rejected(counts)
    for key, title in _CORPUS_LENGTHS.items():
        yield from _quantiles(key, title, section, part.histograms.get(key))


def _rejected(counts: Mapping[str, int]) -> Iterator[Figure]:
    if not counts.get("records"):
        return
    shares, section = rejected_shares(counts), "Corpus"
    for key, title, value in (
        ("rejected_record_share", "Records rejected", shares.records),
        ("rejected_byte_share", "Bytes rejected", shares.bytes),
        ("empty_share", "Records without text", shares.empty),
    ):
        yield Figure(key=key, section=section, title=title, value=value, unit="share")


_CORPUS_LENGTHS = {
    "document_sentences": "Sentences per document",
    "document_tokens": "Tokens per document",
    "sentence_tokens": "Tokens per sentence",
}

_CORPUS_COUNTS: tuple[tuple[str, str, Unit, str], ...] = (
    ("input_bytes", "Input read", "bytes", "decompressed, with all its fields"),
    ("text_bytes", "Text", "bytes", "UTF-8"),
    ("records", "Records read", "count", ""),
    ("documents", "Documents in the rows", "count", ""),
    ("duplicates_dropped", "Exact duplicates dropped", "count", ""),
    ("documents_without_tokens", "Documents without a token", "count", "dropped"),
    ("sentences", "Sentences", "count", "pieces of cut sentences included"),
    ("sentences_cut", "Sentences cut", "count", "more tokens than sentences.max_tokens"),
    ("sentence_pieces", "Pieces of cut sentences", "count", ""),
    ("cuts_clause_mark", "Cuts after a clause mark", "count", ""),
    ("cuts_between_words", "Cuts between words", "count", ""),
    ("cuts_inside_word", "Cuts inside a word", "count", ""),
    ("tokens", "Tokens", "count", "without [CLS] and [SEP]"),
    ("words", "Words", "count", "tokens that start a word"),
    ("forced_negatives", "Forced negatives", "count", "rows of label 1 because their document had no B"),
    (
        "forced_positives",
        "Forced positives",
        "count",
        "rows of label 0 because their document had no other place for B",
    ),
    ("joined_characters", "Chinese characters inside a word", "count", "not its first; masking.word_segmenter"),
    ("sentences_unpaired", "Sentences without a pair", "count", ""),
    ("tokens_truncated", "Tokens cut off", "count", "to fit a row; some are in other rows"),
    ("used_tokens", "Tokens used", "count", "in at least one row of their document"),
)


def _rows(part: PartStatistics, *, same: bool) -> Iterator[Figure]:
    """`same`: negatives are from A's own document."""
    counts = part.counts
    for key, title, unit in (("rows", "Rows", "count"), ("tokens", "Tokens", "count"), ("bytes", "Shards", "bytes")):
        if key in counts:
            name = key if key == "rows" else f"row_{key}" if key == "tokens" else "shard_bytes"
            yield Figure(key=name, section="Rows", title=title, value=counts[key], unit=unit)  # type: ignore[arg-type]
    if not counts.get("rows"):
        return
    label = _share(counts["label_1"], counts["rows"])
    note = "B is from A's document, but not adjacent to A" if same else ""
    yield Figure(key="label_1_share", section="Rows", title="Rows of label 1", value=label, unit="share", note=note)
    unknown = _share(counts["unknown_tokens"], counts["tokens"] - counts["special_tokens"])
    yield Figure(key="unknown_share", section="Rows", title="[UNK] among the tokens", value=unknown, unit="share")
    for key, title in (("row_tokens", "Tokens per row"), ("a_tokens", "Tokens of A"), ("b_tokens", "Tokens of B")):
        yield from _quantiles(key, title, "Rows", part.histograms.get(key))
    yield from _masks(part)
    yield from _padding(part)
    yield from _vocabulary(part.token_counts)


def _masks(part: PartStatistics) -> Iterator[Figure]:
    counts, section = part.counts, "Masks"
    share = _share(counts["masked"], counts["tokens"])
    note = "of all tokens of the rows, as Google counts"
    yield Figure(key="masked_share", section=section, title="Predicted tokens", value=share, unit="share", note=note)
    titles = {"masked_as_mask": "became [MASK]", "masked_as_random": "became another token", "masked_kept": "stayed"}
    for key, title in titles.items() if counts["masked"] else ():
        share = _share(counts[key], counts["masked"])
        yield Figure(key=f"{key}_share", section=section, title=f"of them {title}", value=share, unit="share")
    yield from _quantiles("row_masked", "Predictions per row", section, part.histograms.get("row_masked"))


def _padding(part: PartStatistics) -> Iterator[Figure]:
    """The share of padding in a training batch, for three ways of batching."""
    counts, lengths = part.counts, part.histograms["row_tokens"]
    width = counts["capacity_tokens"] // counts["rows"]
    places = {
        "padding_share": (counts["capacity_tokens"], f"at max_seq_length {width}", ""),
        "padding_share_binned": (
            _binned_slots(lengths, width),
            f"in {NUM_BINS} length bins",
            "each row filled up to the end of its bin",
        ),
        "padding_share_packed": (
            width * num_packs(lengths, width),
            "packed",
            "estimated: several rows in one sequence, best fit over all rows",
        ),
    }
    for key, (held, title, note) in places.items():
        share = 1 - _share(counts["tokens"], held)
        yield Figure(key=key, section="Padding", title=f"Padding {title}", value=share, unit="share", note=note)


def _binned_slots(lengths: Histogram, width: int) -> int:
    bounds = np.arange(1, NUM_BINS + 1) * width // NUM_BINS
    bins = np.minimum(np.searchsorted(bounds, lengths.values), NUM_BINS - 1)  # a corrupt row may be too long
    return int((bounds[bins] * lengths.counts).sum())


def num_packs(lengths: Histogram, capacity: int) -> int:
    """The number of sequences that contain all rows, by best-fit decreasing on the histogram (Krell et al. 2021, arXiv:2107.02027).

    >>> from nspdata.statistics.histograms import Histogram
    >>> num_packs(Histogram.of(np.array([3, 5, 8, 2, 6])), 8)
    3
    """
    room = np.zeros(capacity + 1, np.int64)
    packs = 0
    for length, count in zip(lengths.values[::-1].tolist(), lengths.counts[::-1].tolist(), strict=True):
        length, left_over = min(max(1, length), capacity), count  # noqa: PLW2901 - of a corrupt row
        for left in (np.flatnonzero(room[length:capacity]) + length).tolist():
            left_over -= _fill(room, left, length, left_over)
        opened = -(-left_over // (capacity // length))
        room[capacity] = opened
        _fill(room, capacity, length, left_over)
        packs += opened
    return packs


def _fill(room: NDArray[np.int64], left: int, length: int, count: int) -> int:
    """Puts up to `count` rows into packs with this much space left, one pack after the other; returns the number of rows."""
    held = left // length
    full = min(int(room[left]), count // held)
    rest = count - full * held if full < room[left] else 0
    for packs, rows in ((full, held), (rest > 0, rest)):
        room[left] -= packs
        room[left - rows * length] += packs
    return full * held + rest


def _vocabulary(token_counts: NDArray[np.int64]) -> Iterator[Figure]:
    seen, size = int(np.count_nonzero(token_counts)), len(token_counts)
    coverage = _share(seen, size)
    section = "Vocabulary"
    yield Figure(key="vocabulary_size", section=section, title="Entries", value=size, unit="count")
    note = "entries in at least one row, masks undone"
    yield Figure(key="vocabulary_seen_share", section=section, title="Seen", value=coverage, unit="share", note=note)
    yield Figure(key="vocabulary_never_seen", section=section, title="Never seen", value=size - seen, unit="count")


def most_frequent(token_counts: NDArray[np.int64], count: int) -> list[tuple[int, int]]:
    """The most frequent ids with their counts, ties by id.

    >>> most_frequent(np.array([4, 0, 9, 4]), 3)
    [(2, 9), (0, 4), (3, 4)]
    """
    order = np.argsort(-token_counts, kind="stable")[:count]
    return [(int(token), int(token_counts[token])) for token in order if token_counts[token]]


def _quantiles(key: str, title: str, section: str, histogram: Histogram | None) -> Iterator[Figure]:
    """Returns the figures of a distribution, one per column of `COLUMNS`."""
    if histogram is None or not len(histogram):
        return
    note = f"quantiles within {RELATIVE_ERROR:.1%}" if histogram.rounded else ""
    for column, share in COLUMNS.items():
        exact = {"mean": histogram.mean, "max": histogram.maximum}
        yield Figure(
            key=f"{key}_{column}",
            section=section,
            title=title,
            value=exact[column] if column in exact else histogram.quantile(share),
            unit="number" if column == "mean" else "count",
            note=note,
            of=key,
            column=column,
        )
