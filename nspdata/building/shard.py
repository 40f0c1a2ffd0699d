"""The second half of a build: the rows of a group of shards. They depend only on its documents, the settings and the shards' indices."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from nspdata.building.results import Built, earlier_result, write_result
from nspdata.building.tokenize import unspill
from nspdata.dataset.schema import row_schema
from nspdata.dataset.shards import start_shard
from nspdata.errors import InputError
from nspdata.files.growing import finish_all
from nspdata.files.lease import check_now_and_then
from nspdata.files.local import join
from nspdata.instances.assemble import Instances, ShardDocuments
from nspdata.instances.rows import Rows
from nspdata.statistics import merge, summarize_corpus, summarize_rows, zero
from nspdata.statistics.rejected import over_limit
from nspdata.tokenization.cutting import cut_documents
from nspdata.tokenization.encoded import TokenizedDocuments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from nspdata.building.plan import BuildPlan
    from nspdata.building.tokenize import ReadSummary
    from nspdata.config.build import Config
    from nspdata.dataset.manifest import ShardEntry
    from nspdata.files.growing import GrowingFile
    from nspdata.files.local import Files
    from nspdata.statistics import Statistics
    from nspdata.tokenization.vocabulary import Vocabulary

SUMMARIZED_TOKENS = 1 << 18
"""Tokens of rows that are summarized together at least, if a group has as many."""


SUMMARIZED_ROWS = 1 << 16
"""Rows that are summarized together at most; each needs about a kilobyte."""


def finish_group(plan: BuildPlan, group: int, spills: Iterable[bytes], files: Files) -> Built:
    """Builds and writes the shards of a group, or returns the result of an earlier run of the same plan.

    Raises:
        InputError: another build has taken OUT, because this one did not renew its lease in time; or the earlier result is lost.
    """
    keys = plan.groups[group]
    if keys[0] in plan.finished:
        return earlier_result(plan, group, files)
    gathered = TokenizedDocuments.concatenate([unspill(data) for data in spills], plan.vocabulary.dtype)
    documents, dropped, shards = group_documents(plan, group, gathered)
    del gathered
    ends = np.searchsorted(shards, np.arange(keys.start, keys.stop + 1)).tolist()
    split, first, _ = plan.locate(keys[0])
    parts = [ShardDocuments(first + place, *span) for place, span in enumerate(pairwise(ends))]
    instances = Instances(documents, plan.config, plan.vocabulary, split=split, shards=parts)
    summary = _RowSummary(plan)
    entries: dict[int, ShardEntry] = {}
    schema = row_schema(plan.metadata)
    unfinished: list[GrowingFile] = []
    with ExitStack() as stack:
        for key, rows in zip(keys, _rows_of_shards(instances, summary, len(keys)), strict=True):
            file, entry = start_shard(files, plan.root, plan.shard_path(key), rows, schema)
            stack.callback(file.discard)
            unfinished.append(file)
            entries[key] = entry
        check_now_and_then(plan.output, plan.lease, files)
        finish_all(unfinished)
    sums = {
        "documents": len(documents),
        "sentences": documents.num_sentences,
        "tokens": len(documents.ids),
        **dropped,
        **instances.counts,
        "rows": sum(entry.rows for entry in entries.values()),
    }
    corpus = summarize_corpus(documents, sums, plan.vocabulary, shards if len(keys) > 1 else None)
    built = Built(entries=entries, counts=sums, statistics=merge(corpus, summary.total()))
    write_result(plan, group, built, files)
    return built


def _rows_of_shards(instances: Instances, summary: _RowSummary, num_shards: int) -> Iterator[Iterable[Rows]]:
    """The rows of each shard of a group, pass by pass, and adds them to the summary.

    The passes over one shard are made as they are written. Those over several are held: a group of them has little text.
    """
    if num_shards == 1:
        yield summary.of(rows for rows, _ in instances)
        return
    passes = [(rows, offsets.tolist()) for rows, offsets in instances]
    deque(summary.of(rows for rows, _ in passes), maxlen=0)
    for place in range(num_shards):
        yield [rows.part(*offsets[place : place + 2]) for rows, offsets in passes]


def group_documents(
    plan: BuildPlan, group: int, gathered: TokenizedDocuments
) -> tuple[TokenizedDocuments, dict[str, int], NDArray[np.int64]]:
    """`shard_documents` of each shard of a group, in the order of their keys, and the key of each document's shard."""
    shards = plan.assign_in(group, gathered.text_hashes) if len(plan.groups[group]) > 1 else None
    documents, dropped = shard_documents(gathered, plan.config, plan.vocabulary, shards)
    return documents, dropped, plan.assign_in(group, documents.text_hashes)


class _RowSummary:
    """The statistics of the rows of a group. Passes over small shards are summarized together."""

    def __init__(self, plan: BuildPlan) -> None:
        self._plan, self._total = plan, zero()
        self._held: list[Rows] = []
        self._tokens = 0

    def of(self, passes: Iterable[Rows]) -> Iterator[Rows]:
        """Yields the rows of each pass, and adds them."""
        for rows in passes:
            self._held.append(rows)
            self._tokens += len(rows.input_ids)
            if self._tokens >= SUMMARIZED_TOKENS:
                self._add()
            yield rows

    def total(self) -> Statistics:
        """The statistics of all rows so far."""
        if self._held:
            self._add()
        return self._total

    def _add(self) -> None:
        rows, longest = Rows.concatenate(self._held), self._plan.config.pairing.max_seq_length
        self._held, self._tokens = [], 0
        for start in range(0, len(rows), SUMMARIZED_ROWS):
            part = rows.part(start, min(start + SUMMARIZED_ROWS, len(rows)))
            self._total = merge(self._total, summarize_rows(part, self._plan.vocabulary, max_seq_length=longest))


def shard_documents(
    gathered: TokenizedDocuments, config: Config, vocabulary: Vocabulary, shards: NDArray[np.int64] | None = None
) -> tuple[TokenizedDocuments, dict[str, int]]:
    """Prepares the documents of a shard for pairing: sorts them, removes duplicates, cuts long sentences.

    Args:
        gathered: the documents of one shard, or of several.
        config: all settings.
        vocabulary: of the ids.
        shards: the shard of each document; see `in_order`.

    Returns:
        The documents, and the counts of `in_order` and `Cuts.counts`. Both cover only the documents that are kept, so a resumed
        build has the same counts.
    """
    documents, dropped = in_order(gathered, shards)
    documents, cuts = cut_documents(documents, vocabulary, max_tokens=config.max_sentence_tokens)
    return documents, {**dropped, **cuts}


def in_order(
    documents: TokenizedDocuments, shards: NDArray[np.int64] | None = None
) -> tuple[TokenizedDocuments, dict[str, int]]:
    """Sorts by (shard, text hash, document id), and drops exact duplicates and documents without a token.

    Args:
        documents: of one shard, or of several.
        shards: the shard of each document, which depends on the hash alone; None for one shard.

    Returns:
        The documents, and how many were dropped: `duplicates_dropped`, `documents_without_tokens`.
    """
    hashes = documents.text_hashes
    order = np.lexsort((documents.document_ids, hashes[:, 1], hashes[:, 0]))
    if shards is not None:
        order = order[np.argsort(shards[order], kind="stable")]
    ordered = hashes[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    holds = (np.diff(documents.document_offsets) > 0)[order]
    dropped = {"duplicates_dropped": int((~first).sum()), "documents_without_tokens": int((first & ~holds).sum())}
    return documents.take(order[first & holds]), dropped


def check_rejected(plan: BuildPlan, summary: ReadSummary) -> None:
    """Checks the share of rejected records, and of their bytes, against `input.max_rejected`.

    Raises:
        InputError: more were rejected; no shard has been built.
    """
    records, rejected = summary.counts.get("records", 0), sum(summary.rejected.values())
    if found := over_limit(summary.counts, plan.config):
        raise InputError(f"{found}; the rejected records are in {join(plan.root, 'rejected')}")
    if not summary.counts.get("documents", 0):
        raise InputError(f"the input holds no document ({records} records, {rejected} rejected); check the input")
