"""A finished model on held-out rows: accuracies with confidence intervals, pseudo-perplexity, and a ranking of continuations."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from nspdata.arrays.ragged import offsets as offsets_of
from nspdata.arrays.random import stream
from nspdata.dataset.directory import open_directory
from nspdata.dataset.schema import IS_NEXT
from nspdata.dataset.stores import open_store
from nspdata.errors import ConfigError, InputError
from nspdata.instances.rows import Rows, take
from nspdata.loading.collate import Padding, collate
from nspdata.training.model import OBJECTIVE_KEY, checkpoint_model

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import BertForPreTraining

    from nspdata.dataset.directory import Directory

Z = 1.96
"""Standard errors on each side of a 95% confidence interval."""

PSEUDO_TOKENS = 8
"""Number of tokens of a row that are masked one at a time for the pseudo-perplexity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Size of the evaluation.

    Attributes:
        split: split of the dataset.
        rows: rows of the split, drawn by the seed; 0 for all.
        ranked: largest number of rows whose B is ranked among candidates.
        candidates: texts that a true B is ranked among, including itself.
        seed: of all random draws.
        batch_size: rows of one forward pass.
    """

    split: str = "validation"
    rows: int = 2000
    ranked: int = 500
    candidates: int = 10
    seed: int = 0
    batch_size: int = 64

    def __post_init__(self) -> None:
        for key, least in (("rows", 0), ("ranked", 0), ("candidates", 2), ("batch_size", 1)):
            if getattr(self, key) < least:
                raise ConfigError(f"{key} must be {least} or more, not {getattr(self, key)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95% confidence interval.

    Attributes:
        value: the figure.
        low, high: the interval.
        count: number of values that it is the mean of.
    """

    value: float
    low: float
    high: float
    count: int


def ratio(correct: NDArray[np.float64], counts: NDArray[np.float64], clusters: NDArray[Any]) -> Interval:
    """Returns the ratio of two sums, with an interval that treats the rows of a document as one draw.

    Args:
        correct: shape (n,).
        counts: shape (n,).
        clusters: shape (n,): the cluster of each.

    >>> ratio(np.array([1.0, 0.0, 1.0, 1.0]), np.ones(4), np.arange(4)).value
    0.75
    """
    total = float(counts.sum())
    if not total:
        return Interval(value=math.nan, low=math.nan, high=math.nan, count=0)
    value = float(correct.sum()) / total
    _, number = np.unique(clusters, return_inverse=True)
    sums = np.bincount(number, weights=correct - value * counts)
    error = math.sqrt(float((sums**2).sum()) * len(sums) / max(1, len(sums) - 1)) / total
    return Interval(value=value, low=value - Z * error, high=value + Z * error, count=int(total))


def evaluate_model(
    model: str | Path, dataset: str | Path, sampling: Sampling, *, device: str = "auto"
) -> dict[str, Interval]:
    """Evaluates a model directory, such as RUN/model, on a split of a dataset.

    Returns:
        For the objectives of the model: `mlm_accuracy`, `mlm_loss` (nats per masked token), `pseudo_perplexity` (Salazar et al.
        2020, over some tokens of each row), `nsp_accuracy` and `mean_reciprocal_rank` of the true B.

    Raises:
        ConfigError: the directory has no model, or one of another vocabulary.
        ShardError: the dataset is unfinished or corrupt.
        InputError: the split has no rows.
    """
    opened = open_directory(open_store(str(dataset)))
    rows = sampled_rows(opened, sampling)
    judge = Judge.load(Path(model), opened, sampling, device=device)
    found: dict[str, Interval] = {}
    if "mlm" in judge.objective:
        found |= judge.masked(rows) | judge.pseudo(rows)
    if judge.objective != "mlm":
        found |= judge.pairs(rows) | judge.ranking(rows)
    return found


def sampled_rows(directory: Directory, sampling: Sampling) -> Rows:
    """Draws rows of a split without replacement, in the order of the shards."""
    size = directory.sizes.get(sampling.split)
    if size is None or not size.rows:
        raise InputError(
            f"{directory.name}: no rows in split {sampling.split!r} to evaluate on; build with output.validation_fraction, or name "
            f"another of {', '.join(sorted(directory.sizes))}"
        )
    generator = np.random.Generator(stream(sampling.seed, "held_out"))
    count = min(sampling.rows or size.rows, size.rows)
    chosen = np.sort(generator.choice(size.rows, count, replace=False))
    parts, start = [], 0
    for shard in directory.shards(sampling.split):
        for batch in shard.batches():
            some = chosen[(chosen >= start) & (chosen < start + len(batch))] - start
            parts += [take(batch, some)] if len(some) else []
            start += len(batch)
    return Rows.concatenate(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A model in evaluation mode, with the properties of its rows.

    Attributes:
        model: the model.
        objective: the objective that it was trained on.
        sampling: size of the evaluation.
        special_ids: id of each special token.
        max_seq_length: tokens of the longest row.
    """

    model: BertForPreTraining
    objective: str
    sampling: Sampling
    special_ids: dict[str, int]
    max_seq_length: int

    @staticmethod
    def load(path: Path, dataset: Directory, sampling: Sampling, *, device: str) -> Judge:
        """Reads a model directory; nothing is downloaded.

        Raises:
            ConfigError: it has no model, or a model of another vocabulary.
        """
        from nspdata.config.train import ModelConfig

        longest = dataset.metadata.max_seq_length
        model, _ = checkpoint_model(path, dataset.vocabulary, max_seq_length=longest, config=ModelConfig())
        place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        return Judge(
            model=model.eval().to(place),
            objective=getattr(model.config, OBJECTIVE_KEY, "mlm+nsp"),
            sampling=sampling,
            special_ids=dataset.metadata.special_ids,
            max_seq_length=longest,
        )

    def masked(self, rows: Rows) -> dict[str, Interval]:
        """Returns accuracy and loss at the masked tokens of the rows."""
        losses, right = self._predictions(rows)
        counts = np.diff(rows.masked_offsets).astype(np.float64)
        row = np.repeat(np.arange(len(rows)), np.diff(rows.masked_offsets))
        sums = [np.bincount(row, weights=each, minlength=len(rows)).astype(np.float64) for each in (right, losses)]
        return {
            "mlm_accuracy": ratio(sums[0], counts, rows.document_a),
            "mlm_loss": ratio(sums[1], counts, rows.document_a),
        }

    def pseudo(self, rows: Rows) -> dict[str, Interval]:
        """The pseudo-perplexity: some tokens of each row, each predicted from all the others."""
        single, document = single_masks(rows, self.special_ids, seed=self.sampling.seed)
        losses, _ = self._predictions(single)
        mean = ratio(losses, np.ones(len(losses)), document)
        value, low, high = (math.exp(min(each, 700.0)) for each in (mean.value, mean.low, mean.high))
        return {"pseudo_perplexity": Interval(value=value, low=low, high=high, count=mean.count)}

    def pairs(self, rows: Rows) -> dict[str, Interval]:
        """The share of pairs with the right label."""
        right = (self._next(rows) > 0.5) == (rows.next_sentence_label == IS_NEXT)
        return {"nsp_accuracy": ratio(right.astype(np.float64), np.ones(len(rows)), rows.document_a)}

    def ranking(self, rows: Rows) -> dict[str, Interval]:
        """The mean reciprocal rank of a true B among the B of other documents; chance gives 0.29 among 10."""
        pairs, true = candidate_pairs(rows, self.sampling, max_seq_length=self.max_seq_length)
        if not len(true):
            return {}
        scores = self._next(pairs).reshape(-1, self.sampling.candidates)  # (num_ranked, candidates), the true B first
        ranks = 1 + (scores[:, 1:] > scores[:, :1]).sum(1) + 0.5 * (scores[:, 1:] == scores[:, :1]).sum(1)
        return {"mean_reciprocal_rank": ratio(1 / ranks, np.ones(len(true)), rows.document_a[true])}

    @torch.inference_mode()
    def _predictions(self, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Loss and correctness at each masked token, in the order of the rows."""
        losses, right = [np.zeros(0)], [np.zeros(0)]
        for batch in self._batches(rows):
            hidden = self.model.bert(**batch["inputs"]).last_hidden_state
            labels = batch["labels"][batch["labels"] != -100]
            scores = self.model.cls.predictions(hidden[batch["labels"] != -100]).float()
            losses.append(functional.cross_entropy(scores, labels, reduction="none").double().cpu().numpy())
            right.append((scores.argmax(-1) == labels).double().cpu().numpy())
        return np.concatenate(losses), np.concatenate(right)

    @torch.inference_mode()
    def _next(self, rows: Rows) -> NDArray[np.float64]:
        """Returns P(B follows A) of each row."""
        parts = [np.zeros(0)]
        for batch in self._batches(rows):
            pooled = self.model.bert(**batch["inputs"]).pooler_output
            parts.append(self.model.cls.seq_relationship(pooled).double().softmax(-1)[:, IS_NEXT].cpu().numpy())
        return np.concatenate(parts)

    def _batches(self, rows: Rows) -> Any:
        padding = Padding(max_seq_length=self.max_seq_length)
        for start in range(0, len(rows), self.sampling.batch_size):
            some = np.arange(start, min(start + self.sampling.batch_size, len(rows)))
            arrays = collate(rows, some, pad_id=self.special_ids["[PAD]"], padding=padding)
            tensors = {name: torch.from_numpy(array).to(self.model.device) for name, array in arrays.items()}
            inputs = {name: tensors[name] for name in ("input_ids", "token_type_ids", "attention_mask")}
            yield {"inputs": inputs, "labels": tensors["labels"]}


def single_masks(rows: Rows, special_ids: dict[str, int], *, seed: int) -> tuple[Rows, NDArray[np.uint64]]:
    """Copies of the rows, unmasked, each with one token masked; and the document of each copy."""
    plain = dataclasses.replace(rows, input_ids=rows.unmasked_ids())
    generator = np.random.Generator(stream(seed, "held_out.masks"))
    keys = generator.random(len(plain.input_ids))
    keys[np.isin(plain.input_ids, list(special_ids.values()))] = 2.0  # never masked
    row = np.repeat(np.arange(len(plain)), plain.lengths)
    order = np.lexsort((keys, row))
    rank = np.arange(len(order)) - plain.offsets[row[order]]
    picked = np.sort(order[(rank < PSEUDO_TOKENS) & (keys[order] < 2.0)])
    copies = take(plain, row[picked])
    positions = picked - plain.offsets[row[picked]]
    ids = copies.input_ids.copy()
    places = copies.offsets[:-1] + positions
    labels = ids[places]
    ids[places] = special_ids["[MASK]"]
    masked = dataclasses.replace(
        copies,
        input_ids=ids,
        masked_lm_positions=positions.astype(np.uint16),
        masked_lm_labels=labels,
        masked_offsets=np.arange(len(copies) + 1),
    )
    return masked, copies.document_a


def candidate_pairs(rows: Rows, sampling: Sampling, *, max_seq_length: int) -> tuple[Rows, NDArray[np.int64]]:
    """For each row whose B follows A: A with its B, then A with the B of rows of other documents, cut to the longest row.

    Returns:
        The pairs, unmasked, `candidates` for each ranked row, the true one first; and which rows are ranked.
    """
    generator = np.random.Generator(stream(sampling.seed, "held_out.ranking"))
    true = np.flatnonzero(rows.next_sentence_label == IS_NEXT)
    true = np.sort(generator.permutation(true)[: sampling.ranked])
    ids = rows.unmasked_ids()
    pairs, kept = [], []
    for row in true.tolist():
        others = np.flatnonzero((rows.document_b != rows.document_a[row]) & (rows.document_a != rows.document_a[row]))
        if len(others) < sampling.candidates - 1:
            continue
        chosen = [row, *generator.choice(others, sampling.candidates - 1, replace=False).tolist()]
        first = ids[rows.offsets[row] : rows.offsets[row] + rows.lengths_a[row]]
        for other in chosen:
            second = ids[rows.offsets[other] + rows.lengths_a[other] : rows.offsets[other + 1]]
            room = max(2, max_seq_length - len(first))
            pairs.append((first, np.append(second[: room - 1], second[-1]) if len(second) > room else second))
        kept.append(row)
    return _pair_rows(pairs, rows), np.array(kept, np.int64)


def _pair_rows(pairs: list[tuple[NDArray[Any], NDArray[Any]]], like: Rows) -> Rows:
    none = np.zeros(len(pairs), np.int64)
    return Rows(
        input_ids=np.concatenate([part for pair in pairs for part in pair]) if pairs else like.input_ids[:0],
        offsets=offsets_of(np.array([len(first) + len(second) for first, second in pairs], np.int64)),
        lengths_a=np.array([len(first) for first, _ in pairs], np.int64),
        next_sentence_label=none.astype(np.uint8),
        masked_lm_positions=none[:0].astype(np.uint16),
        masked_lm_labels=like.input_ids[:0],
        masked_offsets=np.zeros(len(pairs) + 1, np.int64),
        document_a=none.astype(np.uint64),
        document_b=none.astype(np.uint64),
        sentence_a=none.astype(np.uint32),
        sentence_b=none.astype(np.uint32),
    )
