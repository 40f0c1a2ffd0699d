"""Settings of a training: frozen values, checked when they are created, read from TOML and `key=value` like those of a build."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nspdata.config.build import MaskingConfig
from nspdata.config.parsing import assigned, flat, from_dict, read_settings, require
from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Objective = Literal["auto", "mlm+nsp", "mlm+sop", "mlm", "nsp", "sop"]
Masking = Literal["static", "dynamic"]
Layout = Literal["packed", "flat"]
ScheduleName = Literal["linear", "cosine", "wsd", "constant"]
OptimizerName = Literal["adamw", "lamb", "muon"]
Destination = Literal["tensorboard", "wandb", "mlflow"]

SIZES = {"tiny": (2, 128), "mini": (4, 256), "small": (4, 512), "base": (12, 768), "large": (24, 1024)}
"""Layers and hidden size of the BERT miniatures (Turc et al. 2019) and of BERT; heads are hidden / 64, intermediate 4 x hidden."""

RATES = {"tiny": 2e-3, "mini": 1e-3, "small": 5e-4, "base": 2e-4, "large": 1e-4}
"""Highest learning rate of each size; `tiny` was measured (docs/training.md), the others are customary."""

FURTHER_RATE = 5e-5
"""Highest learning rate of each size when training continues from a checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """The model that is trained.

    Attributes:
        source: `tiny`, `mini`, `small`, `base`, `large`, or a Hugging Face BERT directory to continue from.
        dropout: of embeddings and of the layers' outputs, 0 to 1; -1: none for a new model, that of its `config.json` for a directory.
        attention_dropout: of attention weights, 0 to 1; flash attention over ragged rows has none, so the default is 0.
        extend_vocab: the dataset's vocabulary may be longer than the checkpoint's; new rows start as the mean row.
        extend_positions: the dataset's rows may be longer than the checkpoint's positions; new positions repeat the known ones.
        activation_checkpointing: computes each layer again in the backward pass: less memory, a third more work.
    """

    source: str = "tiny"
    dropout: float = -1.0
    attention_dropout: float = 0.0
    extend_vocab: bool = False
    extend_positions: bool = False
    activation_checkpointing: bool = False

    def __post_init__(self) -> None:
        rule = "at least 0 and under 1"
        require("model.dropout", self.dropout, f"{rule}, or -1", holds=0 <= self.dropout < 1 or self.dropout == -1)
        require("model.attention_dropout", self.attention_dropout, rule, holds=0 <= self.attention_dropout < 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """The optimizer and its schedule, one over all phases.

    Attributes:
        name: `adamw`; `lamb` for very large batches (You et al. 2020); `muon` for the encoder's matrices, AdamW for the rest.
        learning_rate: the highest learning rate; 0 takes the default of the model size (`RATES`).
        beta1: decay of the mean gradient.
        beta2: decay of the mean squared gradient.
        epsilon: added to the root of the mean squared gradient.
        weight_decay: decoupled; biases and LayerNorm are skipped.
        clip: largest norm of the whole gradient; 0 turns clipping off.
        schedule: after the warm-up: `linear` or `cosine` decay, `wsd` (constant, then a linear decay at the end), `constant`.
        warmup_share: share of all steps in which the rate rises from 0.
        decay_share: share of all steps in which `wsd` decays.
        final_share: share of the highest learning rate that is left at the end.
    """

    name: OptimizerName = "adamw"
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
    """A part of a training on one dataset, such as short rows first and long rows later.

    A phase on a dataset that an earlier phase used continues where that phase stopped.

    Attributes:
        dataset: its dataset directory or URL; "" for the one named on the command line.
        mixture: several dataset directories or URLs and their weights, in place of `dataset`.
        temperature: a mixture's weight is multiplied by the dataset's rows to this power; 0 takes the weights as they are.
        steps: updates; 0 for one pass over the train split.
        batch_sequences: sequences of one update, over all ranks. A sequence is what `device.layout` says, on every device.
        micro_batch_sequences: sequences of one forward pass of one rank at most; 0 for no limit, -1 for what the GPU's memory holds.
        learning_rate: the highest one of this phase; 0 for `optimizer.learning_rate`. The schedule spans all phases.
        masking: `static` masks from the shards, `dynamic` masks drawn in each epoch; "" for the setting of the whole training.
        masking_config: settings of `masking.*` that dynamic masks differ in from the build, such as `masked_lm_prob = 0.3`.
        bins: length bins of a batch in the flat layout; 0 for none.
    """

    dataset: str = ""
    mixture: dict[str, float] = field(default_factory=dict)
    temperature: float = 0.0
    steps: int = 0
    batch_sequences: int = 32
    micro_batch_sequences: int = 0
    learning_rate: float = 0.0
    masking: Literal["", "static", "dynamic"] = ""
    masking_config: dict[str, Any] = field(default_factory=dict)
    bins: int = 0

    def __post_init__(self) -> None:
        require("batch_sequences", self.batch_sequences, "at least 1", holds=self.batch_sequences >= 1)
        micro = self.micro_batch_sequences
        require("micro_batch_sequences", micro, "0 or more, or -1", holds=micro >= -1)
        for key in ("steps", "learning_rate", "bins"):
            value = getattr(self, key)
            require(key, value, "0 or more", holds=value >= 0)
        require("temperature", self.temperature, "from 0 to 1", holds=0 <= self.temperature <= 1)
        if self.mixture and self.dataset:
            raise ConfigError(f"a phase has a dataset or a mixture, not both: {self.dataset!r} and {self.mixture}")
        from_dict(MaskingConfig, self.masking_config, prefix="masking_config.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """Held-out metrics, on the validation split of the phase's own dataset.

    Attributes:
        every: steps between two evaluations; 0 for one at the end only.
        rows: rows of the validation split to evaluate, exactly, on any number of ranks; 0 for all rows.
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
    """Checkpoints, from which a stopped run resumes.

    Attributes:
        every: steps between two checkpoints; 0 for one at the end and when the run is stopped.
        keep: how many of the last ones are kept.
        background: whether a thread writes the files while training continues; takes the memory of one more copy on the host.
    """

    every: int = 1000
    keep: int = 2
    background: bool = True

    def __post_init__(self) -> None:
        require("checkpoint.every", self.every, "0 or more", holds=self.every >= 0)
        require("checkpoint.keep", self.keep, "at least 1", holds=self.keep >= 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """Records of a training.

    Attributes:
        every: steps between two lines of `metrics.jsonl`; only then does the CPU wait for the GPU.
        to: further destinations of the metrics: `tensorboard`, `wandb`, `mlflow`, as a list; each needs its package.
        divergence: an MLM or NSP loss this far above its lowest, in nats, stops the run; 0 never stops it.
        profile: steps to record with torch's profiler, after the first ten, into `RUN/profile`; 0 for none.
        report: whether `RUN/report.html`, with curves of the metrics, is written at the end: about 2 CPU-seconds.
    """

    every: int = 10
    to: tuple[Destination, ...] = ("tensorboard",)
    divergence: float = 3.0
    profile: int = 0
    report: bool = True

    def __post_init__(self) -> None:
        require("log.every", self.every, "at least 1", holds=self.every >= 1)
        for key in ("divergence", "profile"):
            value = getattr(self, key)
            require(f"log.{key}", value, "0 or more", holds=value >= 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """The device, and how the model runs on it.

    Attributes:
        name: `auto` takes a CUDA device if there is one.
        precision: `auto` is `bf16` on CUDA and `fp32` on a CPU; parameters are always fp32.
        compile: `auto` compiles on CUDA; `max` compiles with max-autotune, which takes minutes to start.
        layout: the meaning of a sequence, on every device: `packed`, as many rows as fit into max_seq_length tokens; `flat`, one row.
        parallel: with several ranks, `ddp` copies the model, `fsdp` shards it.
        tf32: fp32 matrix products on CUDA in TF32: faster, with 10 bits of mantissa.
        flash_attention: implementation of flash attention: `auto` is torch's own; `fa3` where torch and its package offer it.
        residual: precision of the states between layers where products are bf16: `bf16` moves half the bytes and rounds more.
        fused_qkv: computes queries, keys and values of a layer in one matrix product; the saved model is the same.
    """

    name: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    compile: Literal["auto", "yes", "no", "max"] = "auto"
    layout: Layout = "packed"
    parallel: Literal["ddp", "fsdp"] = "ddp"
    tf32: bool = False
    flash_attention: Literal["auto", "fa3"] = "auto"
    residual: Literal["fp32", "bf16"] = "fp32"
    fused_qkv: bool = False

    def __post_init__(self) -> None:
        if self.residual == "bf16" and self.precision == "fp32":
            raise ConfigError("device.residual=bf16 needs bf16 products; set device.precision=bf16, or leave it out")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Every setting of a training.

    Attributes:
        seed: of initial weights, order of rows, dynamic masks and dropout.
        objective: `auto` takes what the dataset was built for; the loss is the sum of the parts.
        masking: `static` masks from the shards, or `dynamic` masks drawn in each epoch.
        masking_config: settings of `masking.*` that dynamic masks differ in from the build, such as `masked_lm_prob = 0.3`.
        steps: updates of the only phase; 0 for one pass over the train split.
        batch_sequences: sequences of one update of the only phase, over all ranks; `device.layout` says what a sequence is.
        micro_batch_sequences: sequences of one forward pass of one rank at most; 0 for no limit, -1 for what the GPU's memory holds.
        phases: several phases, in place of the three settings above.

    >>> TrainConfig(steps=1000, seed=7).steps
    1000
    """

    seed: int = 12345
    objective: Objective = "auto"
    masking: Masking = "static"
    masking_config: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    batch_sequences: int = 32
    micro_batch_sequences: int = 0
    phases: tuple[Phase, ...] = ()
    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    log: LogConfig = field(default_factory=LogConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)

    def __post_init__(self) -> None:
        from_dict(MaskingConfig, self.masking_config, prefix="masking_config.")
        only = self._only()
        if self.phases and only != Phase():
            raise ConfigError("steps, batch_sequences and micro_batch_sequences belong into each table of [[phases]]")

    def _only(self) -> Phase:
        return Phase(
            steps=self.steps,
            batch_sequences=self.batch_sequences,
            micro_batch_sequences=self.micro_batch_sequences,
        )

    @property
    def stages(self) -> tuple[Phase, ...]:
        """The phases, with the masking of the whole training if they have none; without phases, a single one."""
        return tuple(
            dataclasses.replace(
                phase,
                masking=phase.masking or ("dynamic" if phase.masking_config else self.masking),
                masking_config=self.masking_config | phase.masking_config,
            )
            for phase in self.phases or (self._only(),)
        )

    def intervals(self) -> dict[str, int]:
        """Steps between two of each: `log`, `evaluation`, `checkpoint`; 0 for never."""
        return {kind: getattr(self, kind).every for kind in ("log", "evaluation", "checkpoint")}

    def to_dict(self) -> dict[str, Any]:
        """The settings as nested dictionaries and lists of JSON's types."""
        values = dataclasses.asdict(self)
        return values | {"phases": list(values["phases"])}

    def with_rate(self) -> TrainConfig:
        """Returns the settings with 0 replaced by the default learning rate."""
        if self.optimizer.learning_rate:
            return self
        rate = RATES.get(self.model.source, FURTHER_RATE)
        return dataclasses.replace(self, optimizer=dataclasses.replace(self.optimizer, learning_rate=rate))

    def decisive(self) -> dict[str, Any]:
        """The settings that determine the result of a training, without the steps and phases; a resumed run must have the same."""
        settings = flat(self.to_dict())
        other = ["checkpoint.", "log.", "evaluation.", "device.name", "device.compile", "device.parallel", "masking"]
        other += ["steps", "batch_sequences", "micro_batch_sequences", "phases"]
        return {key: value for key, value in settings.items() if not key.startswith(tuple(other))}


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
