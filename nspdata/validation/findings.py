"""What a validation found: the law that is broken, where, and how many times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAWS = {
    "manifest_schema": "the manifest is as its JSON Schema says",
    "manifest_version": "the manifest is of the version that this nspdata reads",
    "manifest_path": "every shard's path is a plain one below the dataset directory, and the one that the settings give",
    "manifest_config": "the manifest's settings are settings of this nspdata, and their fingerprint is theirs",
    "manifest_counts": "the manifest's counts agree with each other and with the rows",
    "missing_file": "every file of a dataset is there",
    "stray_file": "nothing lies in the directory that the manifest does not account for",
    "file_size": "every shard has the size that the manifest names",
    "file_sha256": "every shard has the sha256 that the manifest names",
    "tokenizer": "the tokenizer's files are those that the manifest names, and agree with each other",
    "datasets_files": "the files that let `datasets` open the directory are those that the manifest gives",
    "rejected": "rejected/ holds as many records, by reason, as the manifest counts, and those that the input gives",
    "arrow": "every shard is a whole Arrow IPC stream",
    "arrow_schema": "every shard has the columns, types and metadata of the contract, and no null",
    "shard_rows": "every shard has the rows that the manifest names",
    "shard_tokens": "every shard has the tokens that the manifest names",
    "ragged": "a row has as many token types as ids, and as many masked labels as positions",
    "row_length": "a row is at most max_seq_length long",
    "framing": "a row is [CLS] A [SEP] B [SEP], as its token types divide it",
    "token_types": "token types are 0 for [CLS] A [SEP], then 1 for B [SEP]",
    "empty_segment": "A and B each hold a token (B is absent where the objective is none)",
    "vocabulary": "every id is below the vocabulary's size",
    "mask_order": "masked positions are strictly increasing and inside the row",
    "mask_special": "no special token is masked, and no label is one",
    "mask_replacement": "what stands at a masked position is [MASK], the label, or a token that is not special",
    "mask_count": "a row has as many masked positions as masked_lm_prob and max_predictions_per_seq give",
    "whole_words": "with whole_word a word is masked whole or not at all",
    "mask_shares": "over the dataset, masked positions become [MASK], random and kept in the shares of the settings",
    "label_value": "a label is 0 or 1",
    "label_documents": "label 0: A and B are of one document; label 1: of two (sop and none: always of one)",
    "sentence_order": "B begins after A's last sentence (sop, label 1: before A's first; none: B is A)",
    "label_share": "the share of label 1 is random_next_prob to within 0.01, forced negatives allowed for",
    "duplicated_rows": "no row is there twice",
    "split_overlap": "no document is in two splits",
    "statistics": "statistics.json is as its JSON Schema says, and agrees with the rows",
    "card": "README.md and croissant.json say what the manifest and the statistics give",
    "source_files": "the inputs are the files that the manifest names",
    "source_counts": "the inputs hold what the manifest counts: documents, tokens, rejected records, duplicates, cut tokens",
    "source_statistics": "statistics.json says of the corpus what the inputs give",
    "unknown_document": "every row's documents are in the input",
    "wrong_shard": "every row's documents are of the row's shard, by their text, and no copies that were dropped",
    "segment_not_found": "A and B are found in their documents, from their first sentences on",
    "not_adjacent": "label 0: B begins right where A ends (but for what truncation took)",
    "not_whole": "A and B are whole sentences, but for what truncation takes",
    "missing_document": "every document of the input has a row, but those that the counts name",
    "tokens_lost": "every sentence of the corpus is in one row of each pass, but those that the counts name",
    "row_order": "the rows of a shard are in the order of its documents, pass after pass",
    "rebuilt": "building a shard again from its documents and the settings gives the same rows",
}
"""Every law that is checked, by its name."""

EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that a dataset breaks.

    Attributes:
        law: the name of the rule, a key of `LAWS`.
        file: the file, relative to the dataset directory; "" for the whole dataset.
        count: number of rows, files or records that break the rule.
        rows: the first few of these rows, by their index in the file.
        message: what is wrong.

    >>> Finding(law="row_length", file="train/data-00000-of-00001.arrow", rows=[3], message="130 tokens").count
    1
    """

    law: str
    file: str = ""
    count: int = 1
    rows: list[int] = field(default_factory=list)
    message: str = ""


class Findings:
    """Findings as they come up, one for each law, file and message."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Finding] = {}

    def add(self, law: str, message: str, *, file: str = "", count: int = 1) -> None:
        """Notes that something is not as it must be."""
        self._merge(Finding(law=law, file=file, count=count, message=message))

    def add_rows(self, law: str, rows: NDArray[np.int64], message: str = "", *, file: str) -> None:
        """Notes rows of a file by their numbers; none is well."""
        if len(rows):
            rows = np.unique(rows)
            self._merge(
                Finding(
                    law=law, file=file, count=len(rows), rows=rows[:EXAMPLES].tolist(), message=message or LAWS[law]
                )
            )

    def _merge(self, new: Finding) -> None:
        assert new.law in LAWS, new.law
        key = (new.law, new.file, new.message)
        old = self._found.get(key, Finding(law=new.law, file=new.file, count=0, message=new.message))
        rows = sorted({*old.rows, *new.rows})[:EXAMPLES]
        self._found[key] = Finding(
            law=new.law, file=new.file, count=old.count + new.count, rows=rows, message=new.message
        )

    def __len__(self) -> int:
        return len(self._found)

    def to_list(self) -> list[Finding]:
        """The findings, in the order of the laws, then by file."""
        order = list(LAWS)
        return sorted(self._found.values(), key=lambda finding: (order.index(finding.law), finding.file))


@dataclass(frozen=True, slots=True)
class Notes:
    """Where the checks of a batch of rows note what is wrong.

    Attributes:
        findings: of the whole validation.
        file: the shard's path.
        numbers: shape (num_rows,), int64: each row's number in the shard.
    """

    findings: Findings
    file: str
    numbers: NDArray[np.int64]

    def add(self, law: str, broken: NDArray[np.bool_] | NDArray[np.int64], message: str = "") -> None:
        """Notes rows of the batch: a flag for each, or the indices of some."""
        self.findings.add_rows(law, self.numbers[broken], message, file=self.file)

    def keep(self, rows: NDArray[np.bool_]) -> Notes:
        """The same place for these rows of the batch only."""
        return Notes(self.findings, self.file, self.numbers[rows])


def to_json(finding: Finding) -> dict[str, Any]:
    """A finding as JSON's types, the law in words beside its name."""
    return {
        "law": finding.law,
        "rule": LAWS[finding.law],
        "file": finding.file,
        "count": finding.count,
        "rows": finding.rows,
        "message": finding.message,
    }
