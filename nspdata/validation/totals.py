"""The rules of a whole dataset: counts, shares, and rows and documents that may be in one place only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.statistics import merge, summarize_rows, zero
from nspdata.validation.masks import Replaced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.dataset.manifest import Manifest
    from nspdata.instances.rows import Rows
    from nspdata.statistics import Statistics
    from nspdata.validation.findings import Findings
    from nspdata.validation.spec import RowSpec

MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(slots=True)
class Tally:
    """Sums over the shards; needs 8 bytes per row and 8 bytes per document.

    Attributes:
        rows, negatives: of all shards; `negatives` are rows of label 1.
        own_tokens: tokens of A, and of B if B continues the document of A.
        replaced: what replaces the masked tokens.
        documents: for each split, the distinct documents of each of its shards, shape (any,), uint64.
        first_documents: as `documents`, those that gave an A.
        keys: for each shard, one number a row, the same for the same row, shape (num_rows,), uint64.
        mask_bits: for each shard, how unlikely each row's mask is to be drawn again, see `mask_bits`, shape (num_rows,).
        places: path of each shard in `keys`.
        statistics: of the rows.
    """

    rows: int = 0
    negatives: int = 0
    own_tokens: int = 0
    replaced: Replaced = field(default_factory=Replaced)
    documents: dict[str, list[NDArray[np.uint64]]] = field(default_factory=dict)
    first_documents: list[NDArray[np.uint64]] = field(default_factory=list)
    keys: list[NDArray[np.uint64]] = field(default_factory=list)
    mask_bits: list[NDArray[np.float32]] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    statistics: Statistics = field(default_factory=zero)

    def add(self, other: Tally) -> None:
        """Adds the sums over other shards, which follow these."""
        self.rows += other.rows
        self.negatives += other.negatives
        self.own_tokens += other.own_tokens
        self.replaced += other.replaced
        for split, parts in other.documents.items():
            self.documents.setdefault(split, []).extend(parts)
        self.first_documents += other.first_documents
        self.keys += other.keys
        self.mask_bits += other.mask_bits
        self.places += other.places
        self.statistics = merge(self.statistics, other.statistics)

    def add_shard(self, split: str, path: str, parts: list[Rows], spec: RowSpec) -> None:
        """Adds the rows of a shard that have a valid shape."""
        longest = spec.config.pairing.max_seq_length
        for rows in parts:
            part = summarize_rows(rows, spec.vocabulary, max_seq_length=longest)
            self.statistics = merge(self.statistics, part)
        a = _distinct([rows.document_a for rows in parts])
        both = _distinct([a, *(rows.document_b for rows in parts)])
        self.documents.setdefault(split, []).append(both)
        self.first_documents.append(a)
        none = np.zeros(0, np.uint64)
        self.keys.append(np.concatenate([none, *(row_keys(rows) for rows in parts)]))
        bits = [mask_bits(rows, spec) for rows in parts]
        self.mask_bits.append(np.concatenate([np.zeros(0, np.float32), *bits]))
        self.places.append(path)
        for rows in parts:
            negative = rows.next_sentence_label == 1
            other = negative & (spec.same_document | (rows.document_a != rows.document_b))
            length_a, length_b = rows.lengths_a - 2, np.maximum(0, rows.lengths - rows.lengths_a - 1)
            self.rows += len(rows)
            self.negatives += int(negative.sum())
            self.own_tokens += int(length_a.sum()) + int(length_b[~other].sum())


def _distinct(parts: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *parts]))


def row_keys(rows: Rows) -> NDArray[np.uint64]:
    """One number a row, shape (num_rows,), uint64, made of all its columns: equal rows have equal numbers.

    Of the ids only their sum and four of them go in: rows that agree in those, in their documents, sentences and masks,
    and differ elsewhere do not come up.
    """
    starts, lengths = rows.offsets[:-1], rows.lengths
    columns: list[NDArray[Any]] = [
        rows.document_a,
        rows.document_b,
        (rows.sentence_a.astype(np.uint64) << np.uint64(32)) | rows.sentence_b,
        (rows.lengths_a << 32) | lengths,
        rows.next_sentence_label,
        np.diff(rows.masked_offsets),
        _sums(rows.input_ids, rows.offsets),
        *(rows.input_ids[starts + lengths * quarter // 4] for quarter in (1, 2, 3)),
        _sums(rows.masked_lm_positions.astype(np.uint64) * (rows.masked_lm_labels + MIX), rows.masked_offsets),
    ]
    keys = np.zeros(len(rows), np.uint64)
    for column in columns:
        keys = (keys ^ column.astype(np.uint64)) * MIX
        keys ^= keys >> np.uint64(29)
    return keys


def mask_bits(rows: Rows, spec: RowSpec) -> NDArray[np.float32]:
    """The negated binary logarithm of the chance that the same tokens are masked in the same way again, at most: shape (num_rows,).

    There are at least (n / k)**k ways to choose k of n tokens, and each is replaced alike with a chance of about 0.65. Where
    words or spans are chosen, there are about half as many things to choose.
    """
    masks = np.diff(rows.masked_offsets)
    choices = masks if spec.config.masking.strategy == "token" else masks / 2
    ways = np.log2(rows.lengths / np.maximum(1, masks)) + 0.6
    return (choices * ways).astype(np.float32)


def _sums(values: NDArray[Any], offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The sum of each run, modulo 2**64."""
    ends = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)])
    return np.diff(ends[offsets])


def check_whole(tally: Tally, manifest: Manifest, spec: RowSpec, findings: Findings) -> None:
    """Checks what only the whole dataset shows."""
    _check_counts(tally, manifest, spec, findings)
    _check_label_share(tally, manifest, spec, findings)
    _check_duplicates(tally, spec, findings)
    _check_splits(tally, manifest, findings)


def _check_counts(tally: Tally, manifest: Manifest, spec: RowSpec, findings: Findings) -> None:
    """The manifest's counts against its entries and against the rows that were read."""
    built, read = manifest.counts.get("built", {}), manifest.counts.get("read", {})
    entries = [entry for split in manifest.splits.values() for entry in split]
    dropped = built.get("duplicates_dropped", 0) + built.get("documents_without_tokens", 0)
    firsts = len(_distinct(tally.first_documents))
    claims = [
        ("rows built", built.get("rows"), "rows of all shards", sum(entry.rows for entry in entries)),
        ("records read", read.get("records"), "documents and rejected records", _records(read)),
        ("documents read", read.get("documents"), "documents built and dropped", built.get("documents", 0) + dropped),
    ]
    for what, one, where, other in claims:
        if one != other:
            findings.add("manifest_counts", f"counts: {one} {what}, but {other} {where}", file="manifest.json")
    if firsts > built.get("documents", 0):
        findings.add(
            "manifest_counts",
            f"counts: {built.get('documents')} documents built, but the rows name {firsts}",
            file="manifest.json",
        )
    if spec.config.pairing.unit == "segments" and spec.objective != "sop" and not spec.same_document:
        _check_tokens(tally, built, spec, findings)
    if tally.rows == sum(entry.rows for entry in entries):
        _check_used(tally, built, spec, findings)


def _records(read: dict[str, Any]) -> int:
    return int(read.get("documents", 0)) + int(sum(read.get("rejected", {}).values()))


def _check_tokens(tally: Tally, built: dict[str, int], spec: RowSpec, findings: Findings) -> None:
    """Every token of a document is in one A, or in one B that follows A, in each pass; or it was truncated."""
    due = built.get("tokens", 0) * spec.config.duplicate_factor
    truncated = built.get("tokens_truncated", 0)
    if not due - truncated <= tally.own_tokens <= due:
        findings.add(
            "tokens_lost",
            f"the documents have {due:,} tokens over all passes and {truncated:,} were truncated, but the rows hold "
            f"{tally.own_tokens:,} of them",
            count=max(tally.own_tokens - due, due - truncated - tally.own_tokens),
        )


def _check_used(tally: Tally, built: dict[str, int], spec: RowSpec, findings: Findings) -> None:
    """In one pass over segments no token is in two rows, so the tokens used are those of the rows; otherwise they are at most that many."""
    used, most = built.get("used_tokens", 0), min(tally.own_tokens, built.get("tokens", 0))
    if _never_truncated(spec) and built.get("tokens_truncated", 0):
        message = (
            f"counts: {built['tokens_truncated']:,} tokens_truncated, but with these settings nothing is truncated"
        )
        findings.add("manifest_counts", message, file="manifest.json")
    once = spec.config.duplicate_factor == 1 and (spec.objective == "none" or spec.config.pairing.unit == "segments")
    if used > most or (once and used != tally.own_tokens):
        message = (
            f"counts: {used:,} used_tokens, but the rows hold {tally.own_tokens:,} of {built.get('tokens', 0):,} tokens"
        )
        findings.add("manifest_counts", message, file="manifest.json")


def _never_truncated(spec: RowSpec) -> bool:
    """Whether any two sentences fit into a row."""
    fits = spec.config.pairing.fill == "fit" and 2 * spec.config.max_sentence_tokens <= spec.max_tokens
    return fits or spec.objective == "none"


def _check_label_share(tally: Tally, manifest: Manifest, spec: RowSpec, findings: Findings) -> None:
    if spec.objective == "none" or not tally.rows:
        return
    wanted = spec.config.pairing.random_next_prob
    built = manifest.counts.get("built", {})
    share, forced = tally.negatives / tally.rows, built.get("forced_negatives", 0) / tally.rows
    most = 1 - built.get("forced_positives", 0) / tally.rows
    chance = 4 * (0.25 / tally.rows) ** 0.5
    if not min(wanted, most) - 0.01 - chance <= share <= max(wanted, forced) + 0.01 + chance:
        findings.add(
            "label_share",
            f"{share:.2%} of the rows have label 1; random_next_prob is {wanted:.2%} and {forced:.2%} were forced",
            count=tally.rows,
        )


def _check_duplicates(tally: Tally, spec: RowSpec, findings: Findings) -> None:
    """Rows that occur twice with masks that are not equal by chance, or more often than there were passes.

    With objective none, a sentence longer than a row is cut into rows that text which repeats itself makes equal: not counted
    unless their masks are equal too.
    """
    if not tally.keys:
        return
    keys, bits = np.concatenate(tally.keys), np.concatenate(tally.mask_bits)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    again = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
    if not len(again):
        return
    passes = spec.config.duplicate_factor
    _, group, sizes = np.unique(ordered[again], return_inverse=True, return_counts=True)
    often = sizes[group] + 1 > (passes if spec.objective != "none" else len(keys))
    unlikely = bits[order[again]] > np.log2(1000 * len(keys) * passes**2)
    again = order[again[often | unlikely]]
    begins = np.cumsum([0, *(len(part) for part in tally.keys)])
    for place, begin, end in zip(tally.places, begins[:-1], begins[1:], strict=True):
        findings.add_rows("duplicated_rows", again[(again >= begin) & (again < end)] - begin, file=place)


def _check_splits(tally: Tally, manifest: Manifest, findings: Findings) -> None:
    """Checks that no document is in two splits; an id that several texts of the input share may be, as the counts say."""
    splits = {split: _distinct(parts) for split, parts in tally.documents.items()}
    repeated = manifest.counts.get("built", {}).get("documents", 0) - len(_distinct(tally.first_documents))
    names = sorted(splits)
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            common = np.intersect1d(splits[one], splits[other], assume_unique=True)
            if len(common) > max(0, repeated):
                findings.add(
                    "split_overlap", f"{one} and {other} share documents, such as {common[0]:016x}", count=len(common)
                )
