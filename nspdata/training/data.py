"""The datasets of a training: their contents, the objective that they allow, and the number of updates of each phase."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.dataset.directory import open_directory
from nspdata.dataset.stores import open_store
from nspdata.errors import ConfigError, ShardError
from nspdata.loading import Loader, Mixture

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from nspdata.config.build import MaskingConfig
    from nspdata.config.train import Phase, TrainConfig
    from nspdata.dataset.directory import Directory
    from nspdata.dataset.schema import RowMetadata

    States = Mapping[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """The dataset of a phase: one directory, or a mixture of several.

    Attributes:
        mixture: directories and weights.
        directories: the same directories, open.
    """

    mixture: Mixture
    directories: tuple[Directory, ...]

    @property
    def name(self) -> str:
        """The directories, for messages."""
        return ", ".join(self.mixture.weights)

    @property
    def metadata(self) -> RowMetadata:
        """The common schema of the rows; for a mixture, with the longest `max_seq_length`."""
        return max((directory.metadata for directory in self.directories), key=lambda each: each.max_seq_length)

    @property
    def rows(self) -> dict[str, int]:
        """Number of rows of each split that all directories have."""
        sizes = [directory.sizes for directory in self.directories]
        splits = [{split for split, size in each.items() if size.rows} for each in sizes]
        return {split: sum(each[split].rows for each in sizes) for split in sorted(set.intersection(*splits))}

    @property
    def masked(self) -> bool:
        """Whether every directory's shards have masks."""
        return all(directory.masking.strategy != "none" for directory in self.directories)

    @property
    def fingerprint(self) -> str:
        """Hexadecimal hash of the shards of all splits."""
        shards = [shard.entry.sha256 for directory in self.directories for shard in directory.shards()]
        return hashlib.sha256("".join(shards).encode()).hexdigest()[:32]

    @property
    def passes(self) -> int:
        """Passes over the documents, each with different pairs (`duplicate_factor`)."""
        return max(int(directory.manifest.config.get("duplicate_factor", 1)) for directory in self.directories)

    def masking(self, changes: dict[str, object]) -> MaskingConfig:
        """The settings of the stored masks with some changed; a changed share of predictions also sets its own limit."""
        stored = self.directories[0].masking
        if stored.strategy == "none":
            stored = dataclasses.replace(stored, strategy="token")
        if "masked_lm_prob" in changes:
            stored = dataclasses.replace(stored, max_predictions_per_seq=0)
        return dataclasses.replace(stored, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPhase:
    """A phase with all derived values.

    Attributes:
        phase: its settings.
        dataset: the dataset of its rows.
        first_step: number of updates before it.
        steps: number of its updates.
        accumulation: forward passes of one update on each rank.
        rank_sequences: sequences of one forward pass of one rank.
        stream: names the endless stream of samples that the phase reads; phases that read one dataset in one order share it.
    """

    phase: Phase
    dataset: TrainingData
    first_step: int
    steps: int
    accumulation: int
    rank_sequences: int
    stream: str

    @property
    def end(self) -> int:
        """The number of the update at which this phase ends."""
        return self.first_step + self.steps


def open_training_data(
    dataset: str, mixture: dict[str, float] | None = None, *, temperature: float = 0.0
) -> TrainingData:
    """Opens one directory or URL, or several with weights.

    Raises:
        ShardError: a directory is unfinished or corrupt.
        ConfigError: there are no rows to train on.
    """
    weights = mixture or {dataset: 1.0}
    stores = [open_store(name) for name in weights]
    directories = tuple(open_directory(store) for store in stores)
    for directory in directories:
        if not directory.sizes.get("train") or not directory.sizes["train"].rows:
            raise ConfigError(f"{directory.name}: no rows in the train split; there is nothing to train on")
    shares = {
        name: weight * directory.sizes["train"].rows ** temperature
        for (name, weight), directory in zip(weights.items(), directories, strict=True)
    }
    return TrainingData(mixture=Mixture(shares), directories=directories)


def phase_loader(phase: Phase, dataset: TrainingData, config: TrainConfig, **ranks: int) -> Loader:
    """The endless stream of a phase's train split, on one rank.

    Args:
        phase: its settings.
        dataset: the dataset of its rows.
        config: seed and layout.
        ranks: `batch_size` of one forward pass of one rank, `rank` and `world_size`.
    """
    return Loader(
        dataset.mixture,
        seed=config.seed,
        masking=phase.masking or "static",
        masking_config=dataset.masking(phase.masking_config) if phase.masking == "dynamic" else None,
        layout="packed" if config.device.layout == "packed" else "flat",
        bins=phase.bins,
        endless=True,
        trace=True,
        **ranks,  # type: ignore[arg-type]
    )


def stream_loader(
    planned: PlannedPhase, phases: list[PlannedPhase], states: States, config: TrainConfig, **ranks: int
) -> Loader:
    """The loader of a phase, where its stream stands.

    A stream without a state begins after the rows that earlier phases read of its datasets, whatever their weights were.

    Args:
        planned: the phase.
        phases: all phases of the training.
        states: of each stream, after the last trained batch.
        config: seed and layout.
        ranks: `rank` and `world_size`.
    """
    ranks |= {"batch_size": planned.rank_sequences}
    state, dataset = states.get(planned.stream), planned.dataset
    if state is None:
        starts = _rows_read(planned, phases, states, config)
        dataset = dataclasses.replace(dataset, mixture=dataclasses.replace(dataset.mixture, starts=starts))
    loader = phase_loader(planned.phase, dataset, config, **ranks)
    if state is not None:
        loader.load_state_dict(state)
    return loader


def _rows_read(
    planned: PlannedPhase, phases: list[PlannedPhase], states: States, config: TrainConfig
) -> dict[str, int]:
    """Rows of each dataset of a phase that the phases before it read."""
    before = [phase for phase in phases if phase.first_step < planned.first_step]
    taken: dict[str, dict[str, int]] = {}  # by stream, so that each is opened once
    starts = {}
    for name in planned.dataset.mixture.weights:
        last = _last_reader(name, before)
        if last and last.stream in states:
            if last.stream not in taken:
                loader = phase_loader(last.phase, last.dataset, config, batch_size=last.rank_sequences)
                loader.load_state_dict(states[last.stream])
                taken[last.stream] = loader.rows_taken()
            starts[name] = taken[last.stream][name]
    return starts


def _last_reader(name: str, phases: list[PlannedPhase]) -> PlannedPhase | None:
    """The last of these phases that reads a dataset."""
    return next((phase for phase in reversed(phases) if name in phase.dataset.mixture.weights), None)


def _stream_of(dataset: TrainingData, planned: list[PlannedPhase], order: str) -> str:
    """The stream of a phase: the one that all its datasets were last read from if it has the same order, else a new one."""
    readers = [_last_reader(name, planned) for name in dataset.mixture.weights]
    streams = {reader.stream if reader else "" for reader in readers}
    if streams == {""}:
        return order
    last = streams.pop()
    return last if not streams and last.partition("#")[0] == order else f"{order}#{len(planned)}"


def resolve_objective(config: TrainConfig, dataset: TrainingData) -> str:
    """The objective: the one in the settings, or with `auto` the full objective that the dataset was built for.

    Raises:
        ConfigError: the dataset does not have the labels or the masks for it.
    """
    pair = {"nsp": "nsp", "sop": "sop"}.get(dataset.metadata.objective, "")
    masked = dataset.masked or all(phase.masking == "dynamic" for phase in config.stages)
    if config.objective == "auto":
        parts = [part for part, there in (("mlm", masked), (pair, bool(pair))) if there]
        if not parts:
            raise ConfigError(f"{dataset.name}: neither masks nor labels to train on; set masking=dynamic")
        return "+".join(parts)
    wanted = config.objective.split("+")
    if "mlm" in wanted and not masked:
        raise ConfigError(
            f"{dataset.name}: built with masking.strategy=none; set masking=dynamic to mask rows as they are read"
        )
    asked = [part for part in wanted if part != "mlm"]
    if asked and asked != [pair]:
        raise ConfigError(
            f"objective {config.objective!r} needs rows built with pairing.objective={asked[0]}; {dataset.name} has "
            f"pairing.objective={dataset.metadata.objective}"
        )
    return config.objective


def plan_phases(config: TrainConfig, directory: str, *, world_size: int) -> list[PlannedPhase]:
    """Opens the dataset of each phase and derives its numbers.

    Raises:
        ConfigError: datasets of several vocabularies or objectives, or a batch that the ranks cannot share.
    """
    planned: list[PlannedPhase] = []
    for phase in config.stages:
        dataset = open_training_data(phase.dataset or directory, phase.mixture, temperature=phase.temperature)
        _check_same(planned[0].dataset if planned else dataset, dataset)
        accumulation, rank_sequences = _shares(phase, world_size)
        loader = phase_loader(phase, dataset, config, batch_size=phase.batch_sequences)
        samples = loader.samples_per_epoch()
        if samples < phase.batch_sequences:
            raise ConfigError(
                f"{dataset.name}: {samples} sequences to train on are less than one batch of {phase.batch_sequences}; "
                "use smaller batch_sequences"
            )
        state = loader.state_dict()
        planned.append(
            PlannedPhase(
                phase=phase,
                dataset=dataset,
                first_step=planned[-1].end if planned else 0,
                steps=phase.steps or samples // phase.batch_sequences,
                accumulation=accumulation,
                rank_sequences=rank_sequences,
                stream=_stream_of(dataset, planned, f"{state['dataset']}-{state['order']}"),
            )
        )
    return planned


def _check_same(first: TrainingData, other: TrainingData) -> None:
    for key in ("tokenizer_sha256", "objective"):
        values = [getattr(dataset.metadata, key) for dataset in (first, other)]
        if values[0] != values[1]:
            raise ConfigError(
                f"every phase needs the same {key}: {first.name} has {values[0]}, {other.name} has {values[1]}"
            )


def _shares(phase: Phase, world_size: int) -> tuple[int, int]:
    """Returns the forward passes of an update on each rank, and the sequences of each."""
    if phase.batch_sequences % world_size:
        raise ConfigError(
            f"batch_sequences {phase.batch_sequences} must be a multiple of the {world_size} ranks that share it"
        )
    share = phase.batch_sequences // world_size
    micro = max(0, phase.micro_batch_sequences) or share  # -1: `memory.fitted` divides it when the model is there
    accumulation = -(-share // micro)
    if share % accumulation:
        raise ConfigError(
            f"a rank's share of {share} sequences cannot be cut into equal parts of at most {micro} (micro_batch_sequences); "
            f"use micro_batch_sequences that divide {share}"
        )
    return accumulation, share // accumulation


def phase_of(planned: list[PlannedPhase], step: int) -> PlannedPhase:
    """The phase that the update number `step`, from 0, is in; after the end, the last one."""
    return next((phase for phase in planned if step < phase.end), planned[-1])


def check_states(states: dict[str, dict[str, object]], planned: list[PlannedPhase], *, step: int, name: str) -> None:
    """Checks that each stream is at the position after the updates before `step`.

    Raises:
        ShardError: the states are not those of this training at this step.
    """
    used: dict[str, int] = {}
    for phase in planned:
        done = min(phase.steps, step - phase.first_step)
        if done > 0:
            used[phase.stream] = used.get(phase.stream, 0) + done * phase.phase.batch_sequences
    found = {stream: state.get("position") for stream, state in states.items()}
    if found != used:
        raise ShardError(
            f"{name}: at step {step} the loaders must be at {sorted(used.values())} sequences, not "
            f"{sorted(map(str, found.values()))}; the file was altered or is of another training. Remove this checkpoint to "
            "resume from the one before"
        )
