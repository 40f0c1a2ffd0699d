"""The second half of a build: the rows of a shard. They depend only on its documents, the settings and the shard's index."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from nspdata.building.tokenize import add_counts, unspill
from nspdata.dataset.manifest import FILE, ShardEntry
from nspdata.dataset.schema import row_schema
from nspdata.dataset.shards import write_shard
from nspdata.errors import InputError, ShardError
from nspdata.files.checked_json import COUNT, OBJECT, TEXT, map_of, parse, record
from nspdata.files.lease import check_now_and_then
from nspdata.files.local import join
from nspdata.files.state import read_state, seal, unseal_head
from nspdata.instances.assemble import Instances
from nspdata.statistics import Statistics, from_dict, merge, summarize_corpus, summarize_rows, to_dict, zero
from nspdata.statistics.rejected import over_limit
from nspdata.tokenization.cutting import cut_documents
from nspdata.tokenization.encoded import TokenizedDocuments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from nspdata.building.plan import BuildPlan
    from nspdata.building.tokenize import ReadSummary
    from nspdata.config.build import Config
    from nspdata.files.local import FileInfo, Files
    from nspdata.instances.rows import Rows
    from nspdata.tokenization.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardResult:
    """A finished shard.

    Attributes:
        key: the shard's index over all splits.
        entry: the shard's entry in the manifest.
        counts: documents, sentences and tokens, and how many were dropped, cut and forced.
        statistics: of its documents and rows.
    """

    key: int
    entry: ShardEntry
    counts: dict[str, int]
    statistics: Statistics

    def to_json(self) -> bytes:
        """The result as JSON; the token counts are arrays in base64, because tens of thousands of numbers are slow to parse."""
        parts = {name: getattr(self.statistics, name) for name in PARTS}
        without = Statistics(**{name: replace(part, token_counts=NO_COUNTS) for name, part in parts.items()})
        values = {
            "key": self.key,
            "entry": asdict(self.entry),
            "counts": self.counts,
            "statistics": to_dict(without),
            "token_counts": {name: _packed(part.token_counts) for name, part in parts.items()},
        }
        return orjson.dumps(values)

    @staticmethod
    def from_values(values: dict[str, Any]) -> ShardResult:
        """Creates a result from the values that `to_json` writes.

        Raises:
            ValueError: the token counts are not arrays in base64.
        """
        without, packed = from_dict(values["statistics"]), values["token_counts"]
        parts = {name: replace(getattr(without, name), token_counts=_unpacked(packed[name])) for name in PARTS}
        return ShardResult(
            key=values["key"],
            entry=ShardEntry(**values["entry"]),
            counts=values["counts"],
            statistics=Statistics(**parts),
        )


PARTS = ("corpus", "rows")
"""The parts of `Statistics`."""

NO_COUNTS = np.zeros(0, np.int64)


def _packed(counts: NDArray[np.int64]) -> dict[str, str]:
    dtype = np.min_scalar_type(counts.max(initial=0)).newbyteorder("<")
    return {"dtype": dtype.str, "data": base64.b64encode(counts.astype(dtype).tobytes()).decode()}


def _unpacked(packed: dict[str, str]) -> NDArray[np.int64]:
    return np.frombuffer(base64.b64decode(packed["data"], validate=True), packed["dtype"]).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The sum of finished shards; `+` is associative. It grows by about 200 bytes per shard, because statistics are summed.

    Attributes:
        entries: the shards' entries in the manifest, by key.
        counts: the sums of `ShardResult.counts`.
        statistics: of all the shards.
    """

    entries: dict[int, ShardEntry] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=zero)

    @staticmethod
    def of(result: ShardResult) -> Built:
        """Returns the sum that contains one shard."""
        return Built(entries={result.key: result.entry}, counts=result.counts, statistics=result.statistics)

    @staticmethod
    def merged(parts: Iterable[Built]) -> Built:
        """Merges several results; their order has no effect."""
        entries: dict[int, ShardEntry] = {}
        counts: dict[str, int] = {}
        statistics = zero()
        for part in parts:
            entries.update(part.entries)
            counts = add_counts(counts, part.counts)
            statistics = merge(statistics, part.statistics)
        return Built(entries=entries, counts=counts, statistics=statistics)


def finish_shard(plan: BuildPlan, key: int, spills: Iterable[bytes], files: Files) -> ShardResult:
    """Builds and writes one shard, or returns the result of an earlier run of the same plan.

    Raises:
        InputError: another build has taken OUT, because this one did not renew its lease in time; or the earlier result is lost.
    """
    if key in plan.finished:
        return earlier_result(plan, key, files)
    gathered = TokenizedDocuments.concatenate([unspill(data) for data in spills], plan.vocabulary.dtype)
    documents, dropped = shard_documents(gathered, plan.config, plan.vocabulary)
    del gathered
    split, shard, _ = plan.locate(key)
    instances = Instances(documents, plan.config, plan.vocabulary, split=split, shard=shard)
    summaries: list[Statistics] = []
    parts = _summarized(plan, instances, summaries, files)
    entry = write_shard(files, plan.root, plan.shard_path(key), parts, row_schema(plan.metadata))
    counts = {
        "documents": len(documents),
        "sentences": documents.num_sentences,
        "tokens": len(documents.ids),
        "rows": entry.rows,
        **dropped,
        **instances.counts,
    }
    statistics = merge(summarize_corpus(documents, counts, plan.vocabulary), *summaries)
    result = ShardResult(key=key, entry=entry, counts=counts, statistics=statistics)
    write_result(plan, result, files)
    return result


def _summarized(plan: BuildPlan, instances: Instances, summaries: list[Statistics], files: Files) -> Iterator[Rows]:
    """Yields the rows of each pass and adds up their statistics; at the end, checks that OUT still belongs to this build."""
    longest, total = plan.config.pairing.max_seq_length, zero()
    for rows in instances:
        total = merge(total, summarize_rows(rows, plan.vocabulary, max_seq_length=longest))
        yield rows
    summaries.append(total)
    check_now_and_then(plan.output, plan.lease, files)


def shard_documents(
    gathered: TokenizedDocuments, config: Config, vocabulary: Vocabulary
) -> tuple[TokenizedDocuments, dict[str, int]]:
    """Prepares the documents of a shard for pairing: sorts them, removes duplicates, cuts long sentences.

    Returns:
        The documents, and the counts of `in_order` and `Cuts.counts`. Both cover only the documents that are kept, so a resumed
        build has the same counts.
    """
    documents, dropped = in_order(gathered)
    documents, cuts = cut_documents(documents, vocabulary, max_tokens=config.max_sentence_tokens)
    return documents, {**dropped, **cuts}


PACKED = record({"dtype": {"type": "string", "enum": ["|u1", "<u2", "<u4", "<u8"]}, "data": {"type": "string"}})

SCHEMA = record(
    {
        "fingerprint": TEXT,
        "result": record(
            {
                "key": COUNT,
                "entry": FILE,
                "counts": map_of(COUNT),
                "statistics": OBJECT,
                "token_counts": record(dict.fromkeys(PARTS, PACKED)),
            }
        ),
    }
)
"""The saved result of a shard."""

HEAD = re.compile(rb'\{"fingerprint": "([0-9a-f]+)", "entry": (\{[^{}]*\}), "format": 2, "result":\n')
"""The first bytes of a saved result. Those of nspdata before format 2 are ignored: their shards are built again."""

HEAD_BYTES = 4096
"""Bytes that contain `HEAD`, even if a path is long."""


def write_result(plan: BuildPlan, result: ShardResult, files: Files) -> None:
    """Saves the result of a shard after its file was written; its entry comes first, for `read_entry`."""
    entry = json.dumps(asdict(result.entry))
    head = f'{{"fingerprint": "{plan.fingerprint}", "entry": {entry}, "format": 2, "result":\n'.encode()
    files.write(plan.result_path(result.key), seal(head + result.to_json() + b"}"))


def earlier_result(plan: BuildPlan, key: int, files: Files) -> ShardResult:
    """Returns the saved result of a shard that an earlier run has finished.

    Raises:
        InputError: it is missing or damaged. The documents of this shard were not tokenized, so it cannot be built in this run.
    """
    path = plan.result_path(key)
    values = read_state(files, path, SCHEMA)
    with suppress(ValueError):
        if values is not None and values["fingerprint"] == plan.fingerprint:
            return ShardResult.from_values(values["result"])
    files.delete(path)
    raise InputError(f"{path}: was damaged and is removed; run the same command again, which builds this shard again")


def read_entry(plan: BuildPlan, info: FileInfo, files: Files) -> ShardEntry | None:
    """The entry of a saved result; None if it is corrupt or from another plan.

    Of an object, only the first bytes are read: a store has no partial or altered objects, and 20,000 results have 7 GB.
    `earlier_result` checks the rest.
    """
    size = HEAD_BYTES if "://" in plan.output else info.size
    try:
        value = unseal_head(files.head(info, size), info.size)
        head = HEAD.match(value) if value else None
        if not head or head[1].decode() != plan.fingerprint:
            return None
        return ShardEntry(**parse(head[2], name=info.path, schema=FILE))
    except (FileNotFoundError, ShardError):
        return None


def in_order(documents: TokenizedDocuments) -> tuple[TokenizedDocuments, dict[str, int]]:
    """Sorts by (text hash, document id), and drops exact duplicates and documents without a token.

    Returns:
        The documents, and how many were dropped: `duplicates_dropped`, `documents_without_tokens`.
    """
    hashes = documents.text_hashes
    order = np.lexsort((documents.document_ids, hashes[:, 1], hashes[:, 0]))
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
