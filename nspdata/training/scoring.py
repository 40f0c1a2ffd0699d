"""P(B follows A) from a pretrained model, in batches of pairs of similar length."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nspdata.dataset.schema import IS_NEXT
from nspdata.errors import ConfigError, InputError
from nspdata.files.checked_json import OBJECT, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from transformers import BertForNextSentencePrediction, PreTrainedTokenizerBase

    Pair = tuple[str, str]

CHUNK = 4096
"""Pairs that are sorted by length together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """A model with its tokenizer.

    Attributes:
        model: in evaluation mode.
        tokenizer: the model's own.
        meaning: the event whose probability is the score.
    """

    model: BertForNextSentencePrediction
    tokenizer: PreTrainedTokenizerBase
    meaning: str

    @staticmethod
    def load(directory: str | Path, *, device: str = "auto") -> Scorer:
        """Reads a model directory, such as RUN/model; nothing is downloaded.

        Raises:
            ConfigError: it has no model, or a model whose pair head was never trained.
        """
        from transformers import AutoTokenizer, BertForNextSentencePrediction
        from transformers.utils import logging

        path = Path(directory)
        if not (path / "config.json").is_file():
            raise ConfigError(
                f"{path}: no config.json, so this is no model; name the directory RUN/model of a training"
            )
        described = parse(
            (path / "config.json").read_bytes(), name=f"{path}/config.json", schema=OBJECT, error=ConfigError
        )
        objective = described.get("nspdata_objective", "mlm+nsp")
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()  # suppresses the warning about heads that are not loaded
        try:
            model, info = BertForNextSentencePrediction.from_pretrained(
                path, local_files_only=True, output_loading_info=True, dtype=torch.float32
            )
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        except Exception as error:  # whatever transformers raises for a wrong value
            raise ConfigError(f"{path}: cannot be read as a BERT with its tokenizer ({error})") from error
        finally:
            logging.set_verbosity(verbosity)
        untrained = any("seq_relationship" in key for key in info["missing_keys"])
        if untrained or objective == "mlm":
            raise ConfigError(f"{path}: its next-sentence head was never trained (objective mlm); train with mlm+nsp")
        place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        meaning = "A and B stand in this order" if objective.endswith("sop") else "B follows A"
        return Scorer(model=model.eval().to(place), tokenizer=tokenizer, meaning=meaning)

    def score(self, pairs: Sequence[Pair], *, batch_size: int = 64) -> NDArray[np.float64]:
        """P(B follows A) of each pair; pairs longer than the model are cut, the longer segment first.

        Args:
            pairs: texts A and B.
            batch_size: pairs of one forward pass.

        Returns:
            Shape (num_pairs,), float64.
        """
        result = np.zeros(len(pairs))
        if not pairs:
            return result
        encoded = self.tokenizer(
            [a for a, _ in pairs],
            [b for _, b in pairs],
            truncation="longest_first",
            max_length=self.model.config.max_position_embeddings,
        )
        order = sorted(range(len(pairs)), key=lambda i: len(encoded["input_ids"][i]))
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            batch = self.tokenizer.pad({key: [encoded[key][i] for i in chosen] for key in encoded}, return_tensors="pt")
            result[chosen] = self._probabilities(batch)
        return result

    def _probabilities(self, batch: Any) -> NDArray[np.float64]:
        with torch.inference_mode():
            logits = self.model(**batch.to(self.model.device)).logits  # (num_pairs, 2)
        probabilities: NDArray[np.float64] = logits.double().softmax(-1)[:, IS_NEXT].cpu().numpy()
        return probabilities

    def score_lines(self, lines: Iterable[str], *, name: str, batch_size: int = 64) -> Iterator[dict[str, Any]]:
        """Scores JSON lines with fields `a` and `b`; yields each record with `score`, in order.

        Raises:
            InputError: a line is not such a record.
        """
        records = (_record(line, name, number) for number, line in enumerate(lines, start=1) if line.strip())
        while chunk := list(itertools.islice(records, CHUNK)):
            scores = self.score([(record["a"], record["b"]) for record in chunk], batch_size=batch_size)
            for record, score in zip(chunk, scores, strict=True):
                yield record | {"score": float(score)}


def _record(line: str, name: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
        if isinstance(record["a"], str) and isinstance(record["b"], str):
            return dict(record)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise InputError(
        f'{name}, line {number}: not a pair; a line is {{"a": "...", "b": "..."}}, not {line.strip()[:80]!r}'
    )
