"""Checks whether a training learned: compares its held-out figures with those of guessing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.errors import InputError

if TYPE_CHECKING:
    from nspdata.training.metrics import Line

ENOUGH_NATS = 0.2
"""MLM must be this far below the unigram entropy."""

ENOUGH_SIGMAS = 4.0
"""Pair accuracy must be this many standard deviations above chance; one in 30,000 models with random weights reaches this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The last held-out figures of a training, and those of guessing.

    Attributes:
        mlm_loss: held-out, nats per masked token.
        unigram: the cross entropy of the train split's token frequencies on the same tokens, nats.
        nsp_accuracy: held-out share of correct pair labels.
        chance: share of the more frequent label, the accuracy of always guessing it.
        rows: held-out rows.
        passes: passes over the documents of the rows; rows of different passes are not independent.
    """

    mlm_loss: float
    unigram: float
    nsp_accuracy: float
    chance: float
    rows: int
    passes: int = 1

    @property
    def sigmas(self) -> float:
        """Standard deviations of the pair accuracy above chance, counting the rows of one pass."""
        return (self.nsp_accuracy - self.chance) / math.sqrt(self.chance * (1 - self.chance) * self.passes / self.rows)

    @property
    def holds(self) -> bool:
        """Whether both were learned."""
        return self.mlm_loss < self.unigram - ENOUGH_NATS and self.sigmas > ENOUGH_SIGMAS

    def __str__(self) -> str:
        """Both figures with the number of rows, in a sentence."""
        return (
            f"on {self.rows:,} held-out rows: MLM loss {self.mlm_loss:.2f} nats, token frequencies alone give {self.unigram:.2f}; "
            f"NSP {self.nsp_accuracy:.1%} right, chance gives {self.chance:.1%} ({self.sigmas:.1f} standard deviations)"
        )


def proof(lines: list[Line], *, passes: int) -> Proof:
    """The proof of a training with MLM and pairs.

    Args:
        lines: of its `metrics.jsonl`.
        passes: `duplicate_factor` of its dataset.

    Raises:
        InputError: it was not evaluated on MLM and pairs.
    """
    last = {line["kind"]: line for line in lines}
    try:
        held_out, guessed = last["evaluation"], last["baseline"]
        return Proof(
            mlm_loss=held_out["mlm_loss"],
            unigram=guessed["mlm_loss"],
            nsp_accuracy=held_out["nsp_accuracy"],
            chance=guessed["nsp_accuracy"],
            rows=held_out["rows"],
            passes=passes,
        )
    except KeyError as error:
        raise InputError(
            f"no held-out {error} to prove anything with; build with output.validation_fraction, train with mlm+nsp"
        ) from error
