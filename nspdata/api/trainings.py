"""Pretraining and scoring; torch is imported when they run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from nspdata.config.keywords import nested_settings
from nspdata.config.train import TrainConfig, train_config
from nspdata.errors import ConfigError, naming_extra

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from nspdata.training.held_out import Interval
    from nspdata.training.run import Outcome

    Texts = list[str] | tuple[str, ...]


def train(
    dataset: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    config: TrainConfig | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    resume: bool = False,
    **settings: Any,
) -> Outcome:
    """Pretrains a BERT on a dataset; `output/model` loads with `transformers`.

    Args:
        dataset: the dataset directory.
        output: the directory of the run to write.
        model: `tiny`, `mini`, `small`, `base`, `large`, or the directory of a Hugging Face BERT to continue from.
        config: settings as a `TrainConfig`, the path of a TOML file, or a mapping of tables.
        resume: whether the run continues from its last checkpoint.
        settings: settings by name, such as `steps=1000` or `optimizer__learning_rate=1e-4`; see docs/training.md.

    Raises:
        ConfigError: settings, model, dataset and run do not fit together.
        ShardError: the dataset or a checkpoint is corrupt.

    >>> import nspdata
    >>> outcome = nspdata.train("data", "short-run", model="tiny", steps=2, batch_sequences=8)  # doctest: +SKIP
    >>> outcome.finished, outcome.step  # doctest: +SKIP
    (True, 2)
    """
    if "batch_size" in settings:
        raise ConfigError(
            "the keyword 'batch_size' may mean several settings; write batch_sequences (of an update) or evaluation__batch_size"
        )
    if model is not None:
        settings["model__source"] = os.fspath(model)
    resolved = config if isinstance(config, TrainConfig) and not settings else None
    resolved = resolved or train_config(nested_settings(TrainConfig, config, settings))
    with naming_extra("nspdata.train"):
        from nspdata.training import run

        return run.train(os.fspath(dataset), Path(output), resolved, resume=resume)


class Scorer:
    """The probability that B follows A, from a pretrained model.

    >>> import nspdata
    >>> scorer = nspdata.Scorer("run/model")
    >>> 0 < scorer.score("He opened the door.", "It was raining.") < 1
    True
    """

    def __init__(self, model: str | os.PathLike[str], *, device: str = "auto") -> None:
        """Loads a model directory, such as `run/model`; nothing is downloaded.

        Args:
            model: the directory.
            device: `cpu`, `cuda`, or `auto`.

        Raises:
            ConfigError: the directory holds no model, or one without a trained next-sentence head.
        """
        with naming_extra("nspdata.Scorer"):
            from nspdata.training.scoring import Scorer as Loaded

        self._scorer = Loaded.load(os.fspath(model), device=device)

    @property
    def meaning(self) -> str:
        """Describes the event whose probability `score` returns."""
        return self._scorer.meaning

    @overload
    def score(self, a: str, b: str, *, batch_size: int = ...) -> float: ...

    @overload
    def score(self, a: Texts, b: Texts, *, batch_size: int = ...) -> NDArray[np.float64]: ...

    def score(self, a: str | Texts, b: str | Texts, *, batch_size: int = 64) -> float | NDArray[np.float64]:
        """Scores one pair of texts, or as many pairs as there are texts in two lists.

        Args:
            a: the first text of each pair.
            b: the second text of each pair.
            batch_size: pairs of one forward pass.

        Returns:
            A probability, or shape (num_pairs,), float64.
        """
        if isinstance(a, str) and isinstance(b, str):
            return float(self._scorer.score([(a, b)])[0])
        return self._scorer.score(list(zip(a, b, strict=True)), batch_size=batch_size)

    def score_lines(
        self, lines: Iterable[str], *, name: str = "pairs", batch_size: int = 64
    ) -> Iterator[dict[str, Any]]:
        """Scores JSON lines such as `{"a": "...", "b": "..."}`; yields each record with its `score`, in order.

        Args:
            lines: such as an open file.
            name: of the file, for messages.
            batch_size: pairs of one forward pass.

        Raises:
            InputError: a line is not such a record.
        """
        return self._scorer.score_lines(lines, name=name, batch_size=batch_size)


def evaluate(  # noqa: PLR0913 - the options of the command
    model: str | os.PathLike[str],
    dataset: str | os.PathLike[str],
    *,
    split: str = "validation",
    rows: int = 2000,
    candidates: int = 10,
    seed: int = 0,
    batch_size: int = 64,
) -> dict[str, Interval]:
    """Evaluates a model on held-out rows.

    Args:
        model: a model directory, such as `run/model`.
        dataset: the dataset directory, a path or a URL.
        split: the split to evaluate on.
        rows: number of rows, drawn at random; 0 for all.
        candidates: number of texts that a true B is ranked among.
        seed: of all random draws.
        batch_size: rows of one forward pass.

    Returns:
        `mlm_accuracy`, `mlm_loss`, `pseudo_perplexity`, `nsp_accuracy` and `mean_reciprocal_rank`, as far as the objective has
        them. Each has a `value`, a 95% confidence interval `low` to `high`, and a `count`.

    Raises:
        ConfigError: the model does not fit the dataset.
        ShardError: the dataset is corrupt.

    >>> import nspdata
    >>> nspdata.evaluate("run/model", "data", rows=500)["mlm_accuracy"]  # doctest: +SKIP
    Interval(value=0.41, low=0.40, high=0.42, count=9120)
    """
    from nspdata.training.held_out import Sampling, evaluate_model

    sampling = Sampling(split=split, rows=rows, candidates=candidates, seed=seed, batch_size=batch_size)
    return evaluate_model(Path(model), os.fspath(dataset), sampling)
