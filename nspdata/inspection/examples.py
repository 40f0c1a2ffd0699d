"""Rows of a dataset for display: two segments, their documents, and what was masked."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.dataset.directory import open_directory
from nspdata.errors import ConfigError
from nspdata.inspection.decoding import decode, replacement_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from nspdata.dataset.directory import Directory, Shard
    from nspdata.instances.rows import Rows
    from nspdata.tokenization.vocabulary import Vocabulary

HASH_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which rows to show.

    Attributes:
        num_rows: the largest number of rows.
        first: index in the split of the first row; None spreads the rows over the split, or takes the first that match.
        label: only rows with this `next_sentence_label`.
        document: only rows with a segment of the document of this hash.
        token: only rows with this id, masked or not.
    """

    num_rows: int
    first: int | None = None
    label: int | None = None
    document: int | None = None
    token: int | None = None

    @property
    def filters(self) -> bool:
        """Whether rows are selected by their content."""
        return any(value is not None for value in (self.label, self.document, self.token))


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A or B.

    Attributes:
        document: the document's hash.
        sentence: index of the first sentence in its document.
        first: position of the first token in the row.
        ids: token ids, masks applied.
    """

    document: int
    sentence: int
    first: int
    ids: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """One masked position: the original id, the id in the row, and `mask`, `random` or `kept`."""

    position: int
    original: int
    replacement: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One decoded row.

    Attributes:
        split: name of the split.
        row: index in the split, over all its shards.
        shard: path of the shard.
        label: `next_sentence_label`.
        meaning: what the label means; "" if the objective has no label.
        segments: A, and B if the row has one.
        masks: in the order of their positions.
    """

    split: str
    row: int
    shard: str
    label: int
    meaning: str
    segments: list[Segment]
    masks: list[Mask]

    def to_json(self, vocabulary: Vocabulary) -> dict[str, Any]:
        """The row as JSON's types: the tokens of the vocabulary, and each segment as readable text."""
        segments = {
            name: {
                "document": f"{segment.document:0{HASH_DIGITS}x}",
                "sentence": segment.sentence,
                "text": decode(segment.ids, vocabulary),
                "tokens": [token_of(token, vocabulary) for token in segment.ids],
            }
            for name, segment in zip("ab", self.segments, strict=False)
        }
        masks = [
            {
                "position": mask.position,
                "original": token_of(mask.original, vocabulary),
                "replacement": token_of(mask.replacement, vocabulary),
                "kind": mask.kind,
            }
            for mask in self.masks
        ]
        place = {"split": self.split, "row": self.row, "shard": self.shard}
        return {**place, "label": self.label, "meaning": self.meaning, **segments, "masks": masks}


def token_of(token: int, vocabulary: Vocabulary) -> str:
    """The token of an id; `[id N]` for an id outside the vocabulary."""
    return vocabulary.tokens[token] if token < len(vocabulary) else f"[id {token}]"


def token_named(token: str, vocabulary: Vocabulary) -> int:
    """The id of a token.

    Raises:
        ConfigError: the vocabulary does not hold it.
    """
    if token in vocabulary.tokens:
        return vocabulary.tokens.index(token)
    near = difflib.get_close_matches(token, vocabulary.tokens, n=5, cutoff=0.6)
    hint = f"; near it are {', '.join(map(repr, near))}" if near else ""
    raise ConfigError(
        f"the vocabulary holds no token {token!r}{hint}. A word may be several tokens: look for one of them"
    )


def document_named(name: str) -> int:
    """The hash of a document, from its id or from the hash itself as `show` prints it (16 hexadecimal digits)."""
    if len(name) == HASH_DIGITS and set(name) <= set("0123456789abcdef"):
        return int(name, 16)
    from nspdata.arrays.hashing import document_hash

    return document_hash(name)


def select(directory: Directory | str | Path, split: str, selection: Selection) -> Iterator[Shown]:
    """The selected rows of a split, in its order.

    Raises:
        ShardError: the directory is unfinished or corrupt, or has no such split.
        ConfigError: the split has fewer rows than `first` asks for.
    """
    opened = open_directory(directory)
    shards = opened.shards(split)
    total = sum(shard.entry.rows for shard in shards)
    if selection.first is not None and not 0 <= selection.first < total:
        raise ConfigError(
            f"--row must be from 0 to {total - 1:,} (the split {split!r} has {total:,} rows), not {selection.first:,}"
        )
    mask_id, meanings = opened.vocabulary.special_ids["[MASK]"], opened.metadata.labels
    left, wanted = selection.num_rows, _spread(selection, total)
    for shard, begin, rows in _batches(shards):
        chosen = np.flatnonzero(_matching(rows, selection))
        chosen = chosen[np.isin(begin + chosen, wanted)] if wanted is not None else chosen
        chosen = chosen[begin + chosen >= (selection.first or 0)][:left]
        for row in chosen.tolist():
            yield _shown(rows, row, mask_id, meanings, place=(split, begin + row, shard.entry.path))
        left -= len(chosen)
        if not left:
            return


def _spread(selection: Selection, total: int) -> NDArray[np.int64] | None:
    """Rows at equal distances, if neither a filter nor a first row is given."""
    if selection.filters or selection.first is not None:
        return None
    count = min(selection.num_rows, total)
    return np.arange(count) * total // max(1, count)


def _batches(shards: list[Shard]) -> Iterator[tuple[Shard, int, Rows]]:
    """Each batch of rows, with the index in the split of its first row."""
    begin = 0
    for shard in shards:
        for rows in shard.batches():
            yield shard, begin, rows
            begin += len(rows)


def _matching(rows: Rows, selection: Selection) -> NDArray[np.bool_]:
    """Shape (num_rows,), bool: the rows that match every filter."""
    keep = np.ones(len(rows), np.bool_)
    if selection.label is not None:
        keep &= rows.next_sentence_label == selection.label
    if selection.document is not None:
        keep &= (rows.document_a == selection.document) | (rows.document_b == selection.document)
    if selection.token is not None:
        found = np.flatnonzero(rows.unmasked_ids() == selection.token)
        keep &= np.bincount(np.searchsorted(rows.offsets, found, side="right") - 1, minlength=len(rows)) > 0
    return keep


def _shown(rows: Rows, row: int, mask_id: int, meanings: Mapping[int, str], *, place: tuple[str, int, str]) -> Shown:
    ids = rows.input_ids[rows.offsets[row] : rows.offsets[row + 1]]
    masked = slice(int(rows.masked_offsets[row]), int(rows.masked_offsets[row + 1]))
    positions, labels = rows.masked_lm_positions[masked], rows.masked_lm_labels[masked]
    held, middle = ids[positions], int(rows.lengths_a[row])
    a = Segment(
        document=int(rows.document_a[row]),
        sentence=int(rows.sentence_a[row]),
        first=1,
        ids=ids[1 : middle - 1].tolist(),
    )
    b = Segment(
        document=int(rows.document_b[row]),
        sentence=int(rows.sentence_b[row]),
        first=middle,
        ids=ids[middle:-1].tolist(),
    )
    described = zip(
        positions.tolist(), labels.tolist(), held.tolist(), replacement_kinds(held, labels, mask_id), strict=True
    )
    split, index, shard = place
    label = int(rows.next_sentence_label[row])
    return Shown(
        split=split,
        row=index,
        shard=shard,
        label=label,
        meaning=meanings.get(label, ""),
        segments=[a] if middle == len(ids) else [a, b],
        masks=[Mask(position=at, original=was, replacement=now, kind=kind) for at, was, now, kind in described],
    )
