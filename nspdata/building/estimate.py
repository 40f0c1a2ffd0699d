"""Estimates the result and the cost of a build from a sample, with the functions of the build; writes nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import heapq
import time
from collections import Counter
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from nspdata.arrays.compiled import interpreted
from nspdata.building import workers
from nspdata.building.encoders import encoder_of, slow_note
from nspdata.building.loops import pays_to_interpret
from nspdata.building.parts import num_parts
from nspdata.building.plan import TRAIN
from nspdata.building.preflight import check_sample, require_documents, sample_of, summarize_read
from nspdata.building.prepare import make_plan
from nspdata.building.shard import shard_documents
from nspdata.building.tokenize import ReadSummary, spill, tokenize_batch, unspill
from nspdata.dataset.schema import row_schema
from nspdata.dataset.shards import encode_shard
from nspdata.instances.assemble import build_instances
from nspdata.reading import expand_inputs
from nspdata.reading.documents import DocumentBatch
from nspdata.reading.survey import KEPT_BYTES, READ_BYTES
from nspdata.reading.units import make_units, text_bytes_of
from nspdata.statistics import merge, summarize_shard, to_dict, to_json
from nspdata.statistics.values import REJECTED, with_prefix
from nspdata.tokenization.encoded import TokenizedDocuments
from nspdata.tokenization.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nspdata.building.plan import BuildPlan
    from nspdata.config.build import Config
    from nspdata.files.local import Files
    from nspdata.reading import Source
    from nspdata.reading.survey import Sample
    from nspdata.statistics import Statistics
    from nspdata.statistics.checks import DataWarning

START_SECONDS = 2.6
"""Seconds for the start and the end of a build on an idle machine: imports, checks, Beam, small files."""

SMALL_FILES_BYTES = 30_000
"""The manifest, the card and the other small files of OUT."""

WARM_UP_DOCUMENTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The estimate of a build.

    Attributes:
        counts: `records`, `documents`, `input_bytes`, `text_bytes`, `sentences`, `tokens`, `rows`, `row_tokens`,
            `duplicates_dropped`, `forced_negatives`, `forced_positives`, `rejected.<reason>`, `rejected_bytes.<reason>`.
        used_share: tokens of the corpus that are in at least one row of their own document.
        unknown_share: [UNK] among the tokens.
        label_1_share: rows of label 1.
        output_bytes: disk space of OUT.
        temporary_bytes: more disk space needed while the build runs.
        seconds: wall time of the build, on a machine as busy as it is now.
        processor_seconds: processor time of all its processes.
        num_workers: number of processes.
        num_shards: shards of all splits.
        sampled_bytes: size of the text that was tokenized.
        whole: whether the sample is all of the input.
        warnings: what is out of range.
        note: why the fast encoder does not apply, and what it costs; "" if it applies.

    >>> import nspdata
    >>> nspdata.estimate("corpus.jsonl", tokenizer="tokenizer").output_bytes  # doctest: +SKIP
    1307264
    """

    counts: dict[str, int]
    used_share: float
    unknown_share: float
    label_1_share: float
    output_bytes: int
    temporary_bytes: int
    seconds: float
    processor_seconds: float
    num_workers: int
    num_shards: int
    sampled_bytes: int
    whole: bool
    warnings: list[DataWarning]
    note: str = ""

    @property
    def rejected(self) -> dict[str, int]:
        """Records rejected, by reason."""
        return with_prefix(self.counts, REJECTED)


def estimate(inputs: Sequence[str], tokenizer: str, config: Config, files: Files, *, num_workers: int = 0) -> Estimate:
    """Reads a sample, tokenizes it and builds one shard of it.

    Raises:
        ConfigError: a setting is wrong.
        InputError: an input is missing, cannot be read, or holds no document.
    """
    before, clock = time.process_time(), time.perf_counter()
    sources = expand_inputs(inputs, files, config.input)
    wordpiece = WordPiece.load(
        tokenizer, lowercase=config.tokenizer.lowercase, strip_accents=config.tokenizer.strip_accents
    )
    plan = make_plan(sources, "", wordpiece, config)
    plan = dataclasses.replace(plan, interpreted=pays_to_interpret(sources, config))
    with interpreted(when=plan.interpreted):
        encoder_of(plan)
        sample = sample_of(plan, sources, files, read_bytes=READ_BYTES, kept_bytes=KEPT_BYTES)
        require_documents(sample, plan)
        trial = _Trial(plan, sample)
    load = (time.perf_counter() - clock) / max(1e-3, time.process_time() - before)
    return _scaled(plan, sample, trial, sources, start_seconds=START_SECONDS * max(1.0, load), num_workers=num_workers)


class _Trial:
    """A measured build of the sample; times are pairs of wall and processor seconds."""

    def __init__(self, plan: BuildPlan, sample: Sample) -> None:
        _warm_up(plan, sample.batches[0])
        self.read = ReadSummary()
        encoder, marks, tokenized = encoder_of(plan), [_now()], []
        for batch in sample.batches:
            documents, part = tokenize_batch(plan, batch, encoder)
            tokenized.append(documents)
            self.read += part
            marks.append(_now())
        spills = [data for _, data in spill(plan, tokenized)]
        spilled = _now()
        self.spill_bytes = sum(map(len, spills))
        self.statistics, self.shard_bytes = _build(plan, spills)
        self.building = _now() - spilled
        self.tokenizing = spilled - marks[0]
        sizes = np.array([batch.characters for batch in sample.batches])
        half = len(sizes) // 2
        later = (marks[-1] - marks[half]) * sizes.sum() / max(1, sizes[half:].sum())
        self.tokenizing_later = later + spilled - marks[-1]

    def tokenizing_of(self, scale: float) -> NDArray[np.float64]:
        """Returns the time to tokenize a multiple of the sample, at the speed of its second half."""
        return np.asarray(self.tokenizing + (scale - 1) * self.tokenizing_later, np.float64)


def _now() -> NDArray[np.float64]:
    return np.array([time.perf_counter(), time.process_time()])


def _warm_up(plan: BuildPlan, batch: DocumentBatch) -> None:
    """Loads the compiled loops, so that loading is not measured."""
    few = DocumentBatch(
        ids=batch.ids[:WARM_UP_DOCUMENTS],
        texts=[text[:2000] for text in batch.texts[:WARM_UP_DOCUMENTS]],
        sentences=None if batch.sentences is None else batch.sentences[:WARM_UP_DOCUMENTS],
        languages=None if batch.languages is None else batch.languages[:WARM_UP_DOCUMENTS],
    )
    tokenized, _ = tokenize_batch(plan, few, encoder_of(plan))
    documents, _ = shard_documents(tokenized, plan.config, plan.vocabulary)
    if len(set(documents.document_ids.tolist())) > 1:
        build_instances(documents, plan.config, plan.vocabulary, split=TRAIN, shard=0)


def _build(plan: BuildPlan, spills: Iterable[bytes]) -> tuple[Statistics, int]:
    """Builds one shard of all documents; returns its statistics and its size."""
    gathered = TokenizedDocuments.concatenate([unspill(data) for data in spills], plan.vocabulary.dtype)
    documents, dropped = shard_documents(gathered, plan.config, plan.vocabulary)
    rows, counts = build_instances(documents, plan.config, plan.vocabulary, split=TRAIN, shard=0)
    data = encode_shard(rows, row_schema(plan.metadata))
    hashlib.sha256(data).digest()
    return summarize_shard(documents, rows, {**dropped, **counts}, plan.vocabulary, plan.config), len(data)


def _scaled(  # noqa: PLR0913 - all that is known
    plan: BuildPlan,
    sample: Sample,
    trial: _Trial,
    sources: Sequence[Source],
    *,
    start_seconds: float,
    num_workers: int,
) -> Estimate:
    """Scales the trial to the size of the input."""
    scale = sample.counts["text_bytes"] / sample.kept_bytes
    corpus, rows = trial.statistics.corpus.counts, trial.statistics.rows.counts
    counts = Counter({key: round(count) for key, count in sample.counts.items()})
    for key in ("sentences", "tokens", "duplicates_dropped", "forced_negatives", "forced_positives"):
        if key in corpus:  # the last one only with negatives of the same document
            counts[key] = round(scale * corpus[key])
    counts["rows"], counts["row_tokens"] = round(scale * rows["rows"]), round(scale * rows["tokens"])
    units = make_units(sources)
    num_workers = workers.how_many(num_workers, max(sum(map(num_parts, units)), plan.total_shards))
    tokenizing = np.array([sample.read_seconds, sample.read_processor_seconds]) + trial.tokenizing_of(scale)
    building = scale * trial.building
    sizes = [
        sum(map(text_bytes_of, unit)) / parts for unit in units for parts in repeat(num_parts(unit), num_parts(unit))
    ]
    seconds = start_seconds + _makespan(sizes, num_workers, tokenizing[0])
    seconds += _makespan([1.0] * plan.total_shards, num_workers, building[0])
    small_files = sum(map(len, plan.wordpiece.files().values())) + len(to_json(to_dict(trial.statistics)))
    return Estimate(
        counts=dict(counts),
        used_share=corpus["used_tokens"] / max(1, corpus["tokens"]),
        unknown_share=corpus["unknown_tokens"] / max(1, corpus["tokens"]),
        label_1_share=rows["label_1"] / max(1, rows["rows"]),
        output_bytes=round(scale * trial.shard_bytes) + small_files + SMALL_FILES_BYTES,
        temporary_bytes=round(scale * trial.spill_bytes),
        seconds=float(seconds),
        processor_seconds=float(START_SECONDS + tokenizing[1] + building[1]),
        num_workers=num_workers,
        num_shards=plan.total_shards,
        sampled_bytes=sample.kept_bytes,
        note=slow_note(plan),
        whole=sample.whole,
        warnings=check_sample(
            plan, sources, merge(trial.statistics, summarize_read(sample.counts, trial.read)), whole=sample.whole
        ),
    )


def _makespan(sizes: Sequence[float], num_workers: int, seconds: float) -> float:
    """Returns the wall time of tasks that take one worker `seconds` in total, assigned in order to the next idle worker.

    >>> _makespan([3, 1, 1, 1], 2, 6.0)
    3.0
    """
    busy = [0.0] * num_workers
    for size in sizes:
        heapq.heappush(busy, heapq.heappop(busy) + size)
    return max(busy) * seconds / max(1e-9, sum(sizes))
