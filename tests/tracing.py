"""Finds every row of a finished dataset in its documents, without code of the builder.

Rows are compared only with the input, through Arrow's reader, spaCy, `tokenizers`, and the plain reading of paragraphs in
`tests.reference`. Each document is split and encoded again, and each segment is compared with the text at the position that the
row names.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from tokenizers import Encoding, Tokenizer

from tests.reference.cutting import cut
from tests.reference.sentences import sentences

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Document:
    """A document of the input, split and encoded plainly.

    Attributes:
        tokens: all its ids as bytes of uint32, to look for runs in.
        starts: where each sentence with a token begins, in tokens; the last is the end of the document.
    """

    tokens: bytes
    starts: list[int]

    def find(self, run: list[int], begin: int, end: int) -> int | None:
        """The first place from `begin` on, before `end`, where the run of tokens stands."""
        wanted, at = np.array(run, np.uint32).tobytes(), 4 * begin - 1
        while (at := self.tokens.find(wanted, at + 1)) >= 0:
            if at % 4 == 0:
                return at // 4 if at // 4 < end else None
        return None


@dataclass(frozen=True)
class Trace:
    """What was traced: rows, rows of label 1, and the names of the documents that gave segments, by split."""

    rows: int
    negatives: int
    documents: dict[str, set[int]]


def trace(directory: Path, documents: Iterable[Mapping[str, Any]]) -> Trace:
    """Holds every row to the documents.

    Args:
        directory: a finished dataset directory.
        documents: the records of the input, with `id` and `text`, or `sentences` where the input gives them.
    """
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer" / "tokenizer.json"))
    sources = encode(documents, tokenizer, manifest["config"])
    special = {token: int(tokenizer.token_to_id(token) or 0) for token in SPECIAL}
    seen: dict[str, set[int]] = {}
    rows = negatives = 0
    for split, shards in manifest["splits"].items():
        seen[split] = set()
        for shard in shards:
            count = 0
            for row in read(directory / shard["path"], shard):
                check(row, sources, special, manifest["config"])
                seen[split] |= {row["document_a"], row["document_b"]}
                negatives += row["next_sentence_label"]
                count += 1
            assert count == shard["rows"]
            rows += count
    assert sum(map(len, seen.values())) == len(set().union(*seen.values())), "a document in two splits"
    return Trace(rows, negatives, seen)


def encode(
    documents: Iterable[Mapping[str, Any]], tokenizer: Tokenizer, config: Mapping[str, Any]
) -> dict[int, list[Document]]:
    """The documents by the hash of their id; those of equal ids together."""
    found: dict[int, list[Document]] = {}
    settings, longest = config["sentences"], config["pairing"]["max_seq_length"]
    half = longest - 2 if config["pairing"]["objective"] == "none" else (longest - 3) // 2
    for record in documents:
        given = record.get("sentences")
        parts = given or sentences(record["text"], settings["language"], settings["paragraphs"])
        encoded = [
            piece
            for part in parts
            for piece in pieces(tokenizer.encode(part, add_special_tokens=False), settings["max_tokens"] or half)
        ]
        tokens = np.array([token for ids in encoded for token in ids], np.uint32)
        starts = [0, *np.cumsum([len(ids) for ids in encoded]).tolist()]
        key = xxhash.xxh3_64_intdigest(str(record["id"]).encode())
        found.setdefault(key, []).append(Document(tokens.tobytes(), starts))
    return found


def pieces(encoding: Encoding, max_tokens: int) -> list[list[int]]:
    """A sentence's ids, cut into pieces if there are too many; nothing if there is none."""
    bounds = [0, *(place for place, _ in cut(encoding.tokens, max_tokens)), len(encoding.ids)]
    return [encoding.ids[begin:end] for begin, end in itertools.pairwise(bounds) if end > begin]


def read(path: Path, shard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of a shard, whose size and sum are those that the manifest names."""
    data = path.read_bytes()
    assert len(data) == shard["bytes"]
    assert hashlib.sha256(data).hexdigest() == shard["sha256"]
    tokens = 0
    with pa.ipc.open_stream(data) as reader:
        for batch in reader:
            for row in batch.to_pylist():
                tokens += len(row["input_ids"])
                yield row
    assert tokens == shard["tokens"]


def check(
    row: dict[str, Any], sources: dict[int, list[Document]], special: dict[str, int], config: dict[str, Any]
) -> None:
    """One row: its shape, its masks, and both segments where it says that they stand."""
    ids, types, pairing = list(row["input_ids"]), row["token_type_ids"], config["pairing"]
    positions, labels = row["masked_lm_positions"], row["masked_lm_labels"]
    masking = config["masking"]
    limit = masking["max_predictions_per_seq"] or math.ceil(pairing["max_seq_length"] * masking["masked_lm_prob"])
    assert positions == sorted(set(positions))
    assert len(labels) == len(positions) <= limit
    for position, label in zip(positions, labels, strict=True):
        assert label not in special.values(), "a special token was masked"
        assert ids[position] not in set(special.values()) - {special["[MASK]"]}, "a special token as a replacement"
        ids[position] = label
    middle = types.count(0)
    assert types == [0] * middle + [1] * (len(ids) - middle)
    assert len(ids) <= pairing["max_seq_length"]
    a, b = ids[1 : middle - 1], ids[middle:-1]
    assert [ids[0], ids[middle - 1], ids[-1]] == [special["[CLS]"], special["[SEP]"], special["[SEP]"]]
    full = len(ids) == pairing["max_seq_length"]
    pairs = [(one, other) for one in sources[row["document_a"]] for other in sources[row["document_b"]]]
    if pairing["objective"] == "none":
        assert b == []
        assert any(stands(a, one, row["sentence_a"], full=True) for one, _ in pairs), row
        return
    swapped = pairing["objective"] == "sop" and row["next_sentence_label"] == 1
    negative = pairing["objective"] == "nsp" and row["next_sentence_label"] == 1
    same = pairing["negatives"] == "same_document"
    assert (negative and not same) == (row["document_a"] != row["document_b"]), "label and documents disagree"
    early, late = (
        ((b, row["sentence_b"]), (a, row["sentence_a"]))
        if swapped
        else ((a, row["sentence_a"]), (b, row["sentence_b"]))
    )
    if negative and same:
        found = [apart(a, b, row, one, full=full) for one, _ in pairs]
    elif negative:
        found = [stands(a, one, early[1], full=full) and stands(b, other, late[1], full=full) for one, other in pairs]
    else:
        found = [
            stands(early[0], one, early[1], before=late[1], full=full) and stands(late[0], one, late[1], full=full)
            for one, _ in pairs
        ]
    assert any(found), row


def apart(a: list[int], b: list[int], row: dict[str, Any], document: Document, *, full: bool) -> bool:
    """Whether A and B stand in a document with at least one sentence between them."""
    first, second = (a, row["sentence_a"]), (b, row["sentence_b"])
    early, late = sorted((first, second), key=lambda segment: segment[1])
    if late[1] >= len(document.starts) - 1:
        return False
    gap = document.starts[late[1] - 1]  # where the last sentence before the later segment begins
    begin = document.starts[early[1]]
    found = document.find(early[0], begin, gap) if begin < gap else None
    ends = found is not None and found + len(early[0]) <= gap
    return ends and stands(early[0], document, early[1], full=full) and stands(late[0], document, late[1], full=full)


def stands(segment: list[int], document: Document, sentence: int, *, full: bool, before: int = 0) -> bool:
    """Whether a segment stands in a document.

    Args:
        segment: its tokens, one at least.
        document: where.
        sentence: its first sentence.
        full: the row is as long as may be, so tokens may have been cut off at both ends; else it is whole sentences, from the
            first token of its first one on.
        before: the sentence before which it ends, and where it ends if nothing was cut; 0 where any will do.
    """
    if not segment or sentence >= len(document.starts) - 1 or before >= len(document.starts):
        return False
    begin, end = document.starts[sentence], document.starts[before or -1]
    if full:
        found = document.find(segment, begin, end)
        return found is not None and found + len(segment) <= end
    return (
        document.find(segment, begin, begin + 1) == begin
        and begin + len(segment) in document.starts
        and (not before or begin + len(segment) == end)
    )
