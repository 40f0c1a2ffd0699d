"""Findings of a validation: the rule that is broken, where, and how many times."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RULES = {
    "manifest_schema": "the manifest matches its JSON Schema",
    "manifest_version": "the manifest has the version that this nspdata reads",
    "manifest_path": "every shard has the path that the settings give, below the dataset directory",
    "manifest_config": "the manifest's settings are valid, and its fingerprint is theirs",
    "manifest_counts": "the manifest's counts agree with each other and with the rows",
    "missing_file": "every file of a dataset exists",
    "stray_file": "the directory holds no file that the manifest does not explain",
    "file_size": "every shard has the size that the manifest names",
    "file_sha256": "every shard has the sha256 that the manifest names",
    "tokenizer": "the tokenizer's files match the manifest and each other",
    "datasets_files": "the files that `datasets` reads match the manifest",
    "rejected": "rejected/ holds the rejected records of the input, as many per reason as the manifest counts",
    "arrow": "every shard is a complete Arrow IPC stream",
    "arrow_schema": "every shard has the columns, types and metadata of the schema, and no null",
    "shard_rows": "every shard has the rows that the manifest names",
    "shard_tokens": "every shard has the tokens that the manifest names",
    "ragged": "a row has as many token types (and word starts) as ids, and as many masked labels as positions",
    "row_length": "a row has at most max_seq_length tokens",
    "framing": "a row is [CLS] A [SEP] B [SEP], divided as its token types say",
    "token_types": "token types are 0 for [CLS] A [SEP], then 1 for B [SEP]",
    "empty_segment": "A and B each hold a token (with the objective none there is no B)",
    "vocabulary": "every id is below the vocabulary's size",
    "mask_order": "masked positions are strictly increasing and inside the row",
    "mask_special": "no special token is masked, and no label is one",
    "mask_replacement": "a masked position holds [MASK], the original token, or a token that is not special",
    "mask_count": "a row has as many masked positions as masked_lm_prob and max_predictions_per_seq give",
    "whole_words": "with whole_word all tokens of a word are masked, or none",
    "word_starts": "word_starts is 1 where `##` and the special tokens say so, and 0 or 1 at Chinese characters inside a segment",
    "mask_shares": "over the dataset, the shares of [MASK], random and kept tokens are those of the settings",
    "label_value": "a label is 0 or 1",
    "label_documents": "label 0: A and B are from one document; label 1: from two (same_document, sop and none: always from one)",
    "negative_adjacent": "same_document, label 1: at least one sentence is between A and B (and they do not overlap)",
    "sentence_order": "B begins after A's last sentence (sop, label 1: before A's first; none: B is A)",
    "label_share": "the share of label 1 is random_next_prob within 0.01, apart from forced negatives and positives",
    "duplicated_rows": "no row occurs twice",
    "split_overlap": "no document is in two splits",
    "statistics": "statistics.json matches its JSON Schema and the rows",
    "card": "README.md and croissant.json match the manifest and the statistics",
    "source_files": "the inputs are the files that the manifest names",
    "source_counts": "the inputs give the counts of the manifest: documents, tokens, rejected records, duplicates, truncated tokens",
    "source_statistics": "the corpus part of statistics.json matches the inputs",
    "encoder": "with --fast: on a sample of 1% of the documents, the plain encoder gives the same ids and sentences",
    "unknown_document": "the documents of every row are in the input",
    "wrong_shard": "the documents of every row belong to its shard by their text, and are not dropped duplicates",
    "segment_not_found": "A and B are found in their documents, starting at the sentences that the row names",
    "not_adjacent": "label 0: B begins right after A (apart from truncated tokens)",
    "not_whole": "A and B are whole sentences, apart from truncated tokens",
    "missing_document": "every document of the input has a row, apart from those that the counts name",
    "tokens_lost": "every sentence of the corpus is in one row of each pass, apart from those that the counts name",
    "row_order": "the rows of a shard are in the order of its documents, pass after pass",
    "rebuilt": "building a shard again from its documents and the settings gives the same rows",
}
"""The meaning of every rule, by its name."""

EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that a dataset breaks.

    Attributes:
        rule: the name of the rule, a key of `RULES`.
        file: the file, relative to the dataset directory; "" for the whole dataset.
        count: number of rows, files or records that break the rule.
        rows: the first few of these rows, by their index in the file.
        message: what is wrong.

    >>> Finding(rule="row_length", file="train/data-00000-of-00001.arrow", rows=[3], message="130 tokens").count
    1
    """

    rule: str
    file: str = ""
    count: int = 1
    rows: list[int] = field(default_factory=list)
    message: str = ""


class Findings:
    """Collects findings, one for each rule, file and message."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Finding] = {}

    def add(self, rule: str, message: str, *, file: str = "", count: int = 1) -> None:
        """Adds a finding."""
        self._merge(Finding(rule=rule, file=file, count=count, message=message))

    def add_rows(self, rule: str, rows: NDArray[np.int64], message: str = "", *, file: str) -> None:
        """Notes rows of a file by their index; an empty array is ignored."""
        if len(rows):
            rows = np.unique(rows)
            self._merge(
                Finding(
                    rule=rule, file=file, count=len(rows), rows=rows[:EXAMPLES].tolist(), message=message or RULES[rule]
                )
            )

    def add_all(self, other: Findings) -> None:
        """Adds the findings of another part of the validation."""
        for finding in other._found.values():
            self._merge(finding)

    def _merge(self, new: Finding) -> None:
        assert new.rule in RULES, new.rule
        key = (new.rule, new.file, new.message)
        old = self._found.get(key, Finding(rule=new.rule, file=new.file, count=0, message=new.message))
        rows = sorted({*old.rows, *new.rows})[:EXAMPLES]
        self._found[key] = Finding(
            rule=new.rule, file=new.file, count=old.count + new.count, rows=rows, message=new.message
        )

    def __len__(self) -> int:
        return len(self._found)

    def to_list(self) -> list[Finding]:
        """The findings, in the order of the rules, then by file."""
        order = list(RULES)
        return sorted(self._found.values(), key=lambda finding: (order.index(finding.rule), finding.file))


@dataclass(frozen=True, slots=True)
class Notes:
    """Where the checks of a batch of rows add their findings.

    Attributes:
        findings: of the whole validation.
        file: the shard's path.
        numbers: shape (num_rows,), int64: each row's number in the shard.
    """

    findings: Findings
    file: str
    numbers: NDArray[np.int64]

    def add(self, rule: str, broken: NDArray[np.bool_] | NDArray[np.int64], message: str = "") -> None:
        """Notes rows of the batch: a flag for each, or the indices of some."""
        self.findings.add_rows(rule, self.numbers[broken], message, file=self.file)

    def keep(self, rows: NDArray[np.bool_]) -> Notes:
        """The same for these rows of the batch only."""
        return Notes(self.findings, self.file, self.numbers[rows])


def report(findings: Sequence[Finding], directory: str, source: Sequence[str]) -> str:
    """The whole result of a validation as the text of a JSON object."""
    found = {"directory": directory, "source": list(source), "valid": not findings}
    return json.dumps({**found, "findings": [to_json(finding) for finding in findings]}, indent=1)


def to_json(finding: Finding) -> dict[str, Any]:
    """A finding as JSON's types, with the meaning of the rule."""
    return {
        "rule": finding.rule,
        "description": RULES[finding.rule],
        "file": finding.file,
        "count": finding.count,
        "rows": finding.rows,
        "message": finding.message,
    }
