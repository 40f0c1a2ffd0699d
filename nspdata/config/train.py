"""Settings of a training: frozen values, checked at birth, read from TOML and `key=value` like those of a build."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nspdata.config.parsing import assigned, flat, from_dict, read_settings, require
from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Objective = Literal["auto", "mlm+nsp", "mlm+sop", "mlm", "nsp", "sop"]
Masking = Literal["static", "dynamic"]
Layout = Literal["auto", "flat", "packed"]
ScheduleName = Literal["linear", "cosine", "wsd", "constant"]

SIZES = {"tiny": (2, 128), "mini": (4, 256), "small": (4, 512), "base": (12, 768), "large": (24, 1024)}
"""Layers and hidden size of the BERT miniatures (Turc et al. 2019) and of BERT; heads are hidden / 64, intermediate 4 x hidden."""

RATES = {"tiny": 2e-3, "mini": 1e-3, "small": 5e-4, "base": 2e-4, "large": 1e-4}
"""Highest learning rate of each size; `tiny` was measured (docs/training.md), the others are customary."""

FURTHER_RATE = 5e-5
"""The same where a checkpoint is gone on from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """What is trained.

    Attributes:
        source: `tiny`, `mini`, `small`, `base`, `large`, or a Hugging Face BERT directory to go on from.
        dropout: of embeddings and layers' outputs, 0 to 1.
        attention_dropout: of attention weights, 0 to 1; flash attention of ragged rows has none, so 0 is the default.
        extend_vocab: lets the dataset's vocabulary be longer than the checkpoint's; new rows begin as the mean row.
        activation_checkpointing: computes a layer again in the backward pass; less memory, a third more work.
    """

    source: str = "tiny"
    dropout: float = 0.1
    attention_dropout: float = 0.0
    extend_vocab: bool = False
    activation_checkpointing: bool = False

    def __post_init__(self) -> None:
        for key in ("dropout", "attention_dropout"):
            value = getattr(self, key)
            require(f"model.{key}", value, "at least 0 and under 1", holds=0 <= value < 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """AdamW and its schedule, one over all phases.

    Attributes:
        learning_rate: the highest one; 0 takes what suits the size (`RATES`).
        beta1: decay of the mean gradient.
        beta2: decay of the mean squared gradient.
        epsilon: added to the root of the mean squared gradient.
        weight_decay: decoupled; biases and LayerNorm are skipped.
        clip: largest norm of the whole gradient; 0 clips nothing.
        schedule: after the warm-up: `linear` or `cosine` down, `wsd` (constant, then linear down at the end), `constant`.
        warmup_share: share of all steps in which the rate climbs from 0.
        decay_share: share of all steps in which `wsd` comes down.
        final_share: what is left of the learning rate at the end.
    """

    learning_rate: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-6
    weight_decay: float = 0.01
    clip: float = 1.0
    schedule: ScheduleName = "linear"
    warmup_share: float = 0.06
    decay_share: float = 0.2
    final_share: float = 0.0

    def __post_init__(self) -> None:
        for key in ("beta1", "beta2", "warmup_share", "decay_share", "final_share"):
            value = getattr(self, key)
            require(f"optimizer.{key}", value, "from 0 to 1", holds=0 <= value <= 1)
        for key in ("learning_rate", "epsilon", "weight_decay", "clip"):
            value = getattr(self, key)
            require(f"optimizer.{key}", value, "0 or more", holds=value >= 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of training on one dataset, such as short rows first and long ones after.

    Attributes:
        dataset: its dataset directory; "" for the one named on the command line.
        steps: updates; 0 for one pass over the train split.
        batch_size: rows of one update, over all ranks (in the packed layout: sequences of max_seq_length tokens).
        micro_batch_size: rows of one forward pass of one rank at most; 0 for no limit. More are accumulated.
    """

    dataset: str = ""
    steps: int = 0
    batch_size: int = 32
    micro_batch_size: int = 0

    def __post_init__(self) -> None:
        require("batch_size", self.batch_size, "at least 1", holds=self.batch_size >= 1)
        for key in ("steps", "micro_batch_size"):
            value = getattr(self, key)
            require(key, value, "0 or more", holds=value >= 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """Held-out figures.

    Attributes:
        every: steps between two evaluations; 0 for one at the end only.
        rows: rows of the validation split to evaluate at most; 0 for all of them.
        batch_size: rows of one forward pass of one rank.
    """

    every: int = 0
    rows: int = 0
    batch_size: int = 64

    def __post_init__(self) -> None:
        require("evaluation.batch_size", self.batch_size, "at least 1", holds=self.batch_size >= 1)
        for key in ("every", "rows"):
            value = getattr(self, key)
            require(f"evaluation.{key}", value, "0 or more", holds=value >= 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointConfig:
    """What a killed run goes on from.

    Attributes:
        every: steps between two checkpoints; 0 for one at the end and at SIGTERM only.
        keep: how many of the last ones stay.
    """

    every: int = 1000
    keep: int = 2

    def __post_init__(self) -> None:
        require("checkpoint.every", self.every, "0 or more", holds=self.every >= 0)
        require("checkpoint.keep", self.keep, "at least 1", holds=self.keep >= 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What is told.

    Attributes:
        every: steps between two lines of `metrics.jsonl`; only then does the processor wait for the GPU.
        tensorboard: whether TensorBoard's files are written too.
        divergence: a line's MLM or NSP loss this far above its best one, in nats, stops the run; 0 never stops it.
    """

    every: int = 10
    tensorboard: bool = True
    divergence: float = 3.0

    def __post_init__(self) -> None:
        require("log.every", self.every, "at least 1", holds=self.every >= 1)
        require("log.divergence", self.divergence, "0 or more", holds=self.divergence >= 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """Where and how it runs.

    Attributes:
        name: `auto` takes a CUDA device where there is one.
        precision: `auto` is `bf16` on CUDA and `fp32` on a processor; parameters are fp32 always.
        compile: `auto` compiles on CUDA.
        layout: rows one after another without padding (`flat`), or packed to max_seq_length; `auto` is packed on CUDA.
        parallel: with several ranks, `ddp` copies the model, `fsdp` shards it.
    """

    name: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    compile: Literal["auto", "yes", "no"] = "auto"
    layout: Layout = "auto"
    parallel: Literal["ddp", "fsdp"] = "ddp"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Every setting of a training.

    Attributes:
        seed: of initial weights, order of rows, dynamic masks and dropout.
        objective: `auto` takes what the dataset was built for; the loss is the sum of the parts.
        masking: masks as they lie in the shards, or fresh ones each epoch.
        steps: updates of the only phase; 0 for one pass over the train split.
        batch_size: rows of one update of the only phase, over all ranks.
        micro_batch_size: rows of one forward pass of one rank at most; 0 for no limit.
        phases: several phases, in place of the three settings above.

    >>> TrainConfig(steps=1000, model=ModelConfig(source="base")).with_rate().optimizer.learning_rate
    0.0002
    """

    seed: int = 12345
    objective: Objective = "auto"
    masking: Masking = "static"
    steps: int = 0
    batch_size: int = 32
    micro_batch_size: int = 0
    phases: tuple[Phase, ...] = ()
    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    log: LogConfig = field(default_factory=LogConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)

    def __post_init__(self) -> None:
        only = Phase(steps=self.steps, batch_size=self.batch_size, micro_batch_size=self.micro_batch_size)
        if self.phases and only != Phase():
            raise ConfigError(
                "steps, batch_size and micro_batch_size belong into each of [[phases]] where there are any"
            )

    @property
    def stages(self) -> tuple[Phase, ...]:
        """The phases; where none is given, the one that the three settings make."""
        only = Phase(steps=self.steps, batch_size=self.batch_size, micro_batch_size=self.micro_batch_size)
        return self.phases or (only,)

    def intervals(self) -> dict[str, int]:
        """Steps between two of each: `log`, `evaluation`, `checkpoint`; 0 for never."""
        return {kind: getattr(self, kind).every for kind in ("log", "evaluation", "checkpoint")}

    def to_dict(self) -> dict[str, Any]:
        """The settings as nested dictionaries and lists of JSON's types."""
        values = dataclasses.asdict(self)
        return values | {"phases": list(values["phases"])}

    def with_rate(self) -> TrainConfig:
        """The settings with a learning rate, where 0 was given."""
        if self.optimizer.learning_rate:
            return self
        rate = RATES.get(self.model.source, FURTHER_RATE)
        return dataclasses.replace(self, optimizer=dataclasses.replace(self.optimizer, learning_rate=rate))

    def decisive(self) -> dict[str, Any]:
        """The settings that the course of a training depends on, flat: a resumed one needs the same."""
        settings = flat(self.to_dict())
        other = ("checkpoint.", "log.", "evaluation.", "device.name", "device.compile", "device.parallel")
        return {key: value for key, value in settings.items() if not key.startswith(other)}


def train_config(values: Mapping[str, Any]) -> TrainConfig:
    """Builds the settings from nested dictionaries; `phases` is a list of tables.

    Raises:
        ConfigError: an unknown key (the nearest known one is named), a value of the wrong type, or one out of range.

    >>> train_config({"phases": [{"steps": 9}, {"dataset": "long", "steps": 1}]}).phases[1].dataset
    'long'
    """
    values = dict(values)
    phases = values.pop("phases", [])
    if not isinstance(phases, list) or not all(isinstance(phase, dict) for phase in phases):
        raise ConfigError("phases is a list of tables: write [[phases]] before the settings of each")
    parsed = tuple(from_dict(Phase, phase, prefix=f"phases[{i}].") for i, phase in enumerate(phases))
    plain = from_dict(TrainConfig, values)
    return dataclasses.replace(plain, phases=parsed) if parsed else plain


def load_train_config(text: str, assignments: Sequence[str], flags: Mapping[str, Any]) -> TrainConfig:
    """Reads settings: TOML, `key=value` over it, and flags over both.

    Args:
        text: TOML, "" for none.
        assignments: such as `optimizer.learning_rate=1e-3`.
        flags: dotted keys and the values that flags gave; None where a flag was not given.
    """
    return train_config(read_settings(text, [*assignments, *assigned(flags)]))
