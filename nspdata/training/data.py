"""The datasets of a training: what they hold, which objective they allow, how many updates each phase has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nspdata.dataset.manifest import read_manifest
from nspdata.dataset.shards import open_shard
from nspdata.errors import ConfigError
from nspdata.tokenization.vocabulary import Vocabulary

if TYPE_CHECKING:
    from nspdata.config.train import Phase, TrainConfig
    from nspdata.dataset.schema import RowMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset directory as the trainer sees it.

    Attributes:
        directory: where it is.
        metadata: of its rows.
        rows: rows of each split.
        masked: whether masks lie in the shards.
        fingerprint: of the settings that it was built with.
        passes: over the documents, each with pairs of its own (`duplicate_factor`).
    """

    directory: Path
    metadata: RowMetadata
    rows: dict[str, int]
    masked: bool
    fingerprint: str
    passes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPhase:
    """A phase with everything derived.

    Attributes:
        phase: its settings.
        dataset: where its rows are.
        first_step: updates before it.
        steps: its updates.
        accumulation: forward passes of one update on each rank.
        rank_rows: rows (packed: sequences) of one forward pass of one rank.
    """

    phase: Phase
    dataset: Dataset
    first_step: int
    steps: int
    accumulation: int
    rank_rows: int


def open_dataset(directory: str | Path) -> Dataset:
    """Reads what a dataset directory says of itself.

    Raises:
        ShardError: it is unfinished or damaged.
        ConfigError: it has no rows to train on.
    """
    manifest = read_manifest(directory)
    rows = {split: sum(entry.rows for entry in entries) for split, entries in manifest.splits.items()}
    if not rows.get("train"):
        raise ConfigError(f"{directory}: no rows in the train split; there is nothing to train on")
    _, metadata = open_shard(directory, next(entry for entry in manifest.splits["train"] if entry.rows))
    masked = manifest.config.get("masking", {}).get("strategy", "token") != "none"
    return Dataset(
        directory=Path(directory),
        metadata=metadata,
        rows=rows,
        masked=masked,
        fingerprint=manifest.config_fingerprint,
        passes=manifest.config.get("duplicate_factor", 1),
    )


def read_vocabulary(dataset: Dataset) -> Vocabulary:
    """The dataset's vocabulary, held to what its shards name.

    Raises:
        ConfigError: the vocabulary beside the shards is not theirs.
    """
    path = dataset.directory / "tokenizer" / "vocab.txt"
    try:
        vocabulary = Vocabulary.read(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); copy the whole dataset directory") from error
    if vocabulary.sha256 != dataset.metadata.tokenizer_sha256:
        raise ConfigError(
            f"{path}: sha256 {vocabulary.sha256[:12]}..., but the shards were built with {dataset.metadata.tokenizer_sha256[:12]}...; "
            "copy the whole dataset directory anew"
        )
    return vocabulary


def resolve_objective(config: TrainConfig, dataset: Dataset) -> str:
    """The objective: what is asked for, or with `auto` all that the dataset was built for.

    Raises:
        ConfigError: the dataset has not the labels or the masks for it.
    """
    pair = {"nsp": "nsp", "sop": "sop"}.get(dataset.metadata.objective, "")
    masked = dataset.masked or config.masking == "dynamic"
    if config.objective == "auto":
        parts = [part for part, there in (("mlm", masked), (pair, bool(pair))) if there]
        if not parts:
            raise ConfigError(f"{dataset.directory}: neither masks nor labels to train on; set masking=dynamic")
        return "+".join(parts)
    wanted = config.objective.split("+")
    if "mlm" in wanted and not masked:
        raise ConfigError(
            f"{dataset.directory}: built with masking.strategy=none; set masking=dynamic to mask as it is read"
        )
    asked = [part for part in wanted if part != "mlm"]
    if asked and asked != [pair]:
        raise ConfigError(
            f"objective {config.objective!r} needs rows built with pairing.objective={asked[0]}; {dataset.directory} has "
            f"pairing.objective={dataset.metadata.objective}"
        )
    return config.objective


def plan_phases(config: TrainConfig, directory: Path, *, world_size: int) -> list[PlannedPhase]:
    """Opens the dataset of each phase and derives its numbers.

    Raises:
        ConfigError: datasets of several vocabularies or objectives, or a batch that the ranks cannot share.
    """
    planned: list[PlannedPhase] = []
    first_step = 0
    for phase in config.stages:
        dataset = open_dataset(phase.dataset or directory)
        _check_same(planned[0].dataset if planned else dataset, dataset)
        accumulation, rank_rows = _shares(phase, world_size)
        steps = phase.steps or max(1, dataset.rows["train"] // phase.batch_size)
        planned.append(
            PlannedPhase(
                phase=phase,
                dataset=dataset,
                first_step=first_step,
                steps=steps,
                accumulation=accumulation,
                rank_rows=rank_rows,
            )
        )
        first_step += steps
    return planned


def _check_same(first: Dataset, other: Dataset) -> None:
    for key in ("tokenizer_sha256", "objective"):
        values = [getattr(dataset.metadata, key) for dataset in (first, other)]
        if values[0] != values[1]:
            raise ConfigError(
                f"every phase needs the same {key}: {first.directory} has {values[0]}, {other.directory} has {values[1]}"
            )


def _shares(phase: Phase, world_size: int) -> tuple[int, int]:
    """How many forward passes an update has on each rank, and how many rows each."""
    if phase.batch_size % world_size:
        raise ConfigError(f"batch_size {phase.batch_size} must be a multiple of the {world_size} ranks that share it")
    share = phase.batch_size // world_size
    micro = phase.micro_batch_size or share
    accumulation = -(-share // micro)
    if share % accumulation:
        raise ConfigError(
            f"a rank's share of {share} rows cannot be cut into equal parts of at most {micro} (micro_batch_size); "
            f"take a micro_batch_size that divides {share}"
        )
    return accumulation, share // accumulation


def phase_of(planned: list[PlannedPhase], step: int) -> PlannedPhase:
    """The phase that the update number `step`, from 0, is in; the last one after the end."""
    return next((phase for phase in planned if step < phase.first_step + phase.steps), planned[-1])
