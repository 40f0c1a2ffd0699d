"""Three simple classifiers, trained on some documents and scored on others.

Gururangan et al. 2018 ("Annotation artifacts in natural language inference data", arXiv:1803.02324) show why: a model learns a
label from a shortcut if there is one. The classifiers see the tokens without masks, so their accuracy is an upper bound
on what a model could gain from such shortcuts.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.dataset.directory import open_directory
from nspdata.inspection.shortcuts.features import Words, bags, lengths, overlap
from nspdata.inspection.shortcuts.pairs import parted

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nspdata.dataset.directory import Directory

LEARNED, SCORED = 60_000, 20_000
"""Maximum number of pairs."""

TITLES = {
    "lengths": "from the lengths alone",
    "overlap": "from words that A and B share",
    "bags": "from bags of words",
}

LENGTH_TOLERANCE = 0.03
EASY = 0.75

Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """The result of one classifier.

    Attributes:
        key: `lengths`, `overlap` or `bags`.
        title: the features that it uses.
        accuracy: pairs guessed right, 0 to 1.
        low, high: the 95% interval of the accuracy (Wilson 1927).
    """

    key: str
    title: str
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcuts:
    """The result of the test.

    Attributes:
        guesses: one per classifier.
        majority: share of the more frequent label among the scored pairs: the accuracy of guessing.
        learned, scored: pairs.
        how: how the two sets were separated.
        negatives: `pairing.negatives` of the dataset.
    """

    guesses: list[Guess]
    majority: float
    learned: int
    scored: int
    how: str
    negatives: str

    def to_json(self) -> dict[str, Any]:
        """Returns the result as JSON types."""
        return asdict(self)


def measure_shortcuts(
    directory: Directory | str | Path, *, learned: int = LEARNED, scored: int = SCORED
) -> Shortcuts | None:
    """Runs the test on a dataset; None if its rows have no label (`pairing.objective` = `none`).

    Raises:
        ShardError: the dataset is unfinished, corrupt or too small.
    """
    opened = open_directory(directory)
    manifest = opened.manifest
    if manifest.config["pairing"]["objective"] == "none":
        return None
    one, other, how = parted(opened, learned=learned, scored=scored)
    vocab_size = manifest.tokenizer["vocab_size"]
    words, words_there = Words.of(one, vocab_size), Words.of(other, vocab_size)
    rarity = words.rarity()
    features = {
        "lengths": (lengths(one), lengths(other)),
        "overlap": (overlap(words, rarity), overlap(words_there, rarity)),
        "bags": (bags(words, rarity), bags(words_there, rarity)),
    }
    guesses = [_guess(key, *features[key], one.labels, other.labels) for key in TITLES]
    ones = float(np.mean(other.labels == 1))
    return Shortcuts(
        guesses=guesses,
        majority=max(ones, 1 - ones),
        learned=len(one),
        scored=len(other),
        how=how,
        negatives=manifest.config["pairing"]["negatives"],
    )


REMEDIES = {
    "other": 'pairing.negatives = "similar" draws negatives from documents that share rare words',
    "similar": "the documents differ much from each other even if they share rare words",
    "same_document": "the places of a document differ much from each other",
}
"""What to do, or the cause, by `pairing.negatives`."""


def cautions(found: Shortcuts) -> dict[str, str]:
    """Returns a warning per classifier out of range: figure, range and remedy; of the two that use words, only the better one."""
    result = {}
    lengths_alone, *of_words = found.guesses
    words = max(of_words, key=lambda guess: guess.low)
    if lengths_alone.low > found.majority + LENGTH_TOLERANCE:
        result[lengths_alone.key] = (
            f"{_describe(lengths_alone)}; majority label {found.majority:.1%}): positives and negatives differ in length, so a model learns "
            "the lengths; look at documents of one or two sentences, and at pairing.unit"
        )
    if words.low > EASY:
        remedy = REMEDIES[found.negatives]
        result[words.key] = (
            f"{_describe(words)}): negatives are easy to tell, and the task teaches topics more than order; {remedy}; "
            'with pairing.objective = "sop" shared words reveal nothing'
        )
    return result


def _describe(guess: Guess) -> str:
    return f"{guess.accuracy:.1%} of the labels can be guessed {guess.title} (95% interval {guess.low:.1%} to {guess.high:.1%}"


def _guess(key: str, one: Any, other: Any, labels: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Guess:
    """Trains one classifier and returns its score."""
    right = truth == labels[0] if len(np.unique(labels)) == 1 else _predict(key, one, labels, other) == truth
    low, high = wilson(int(right.sum()), len(right))
    return Guess(key=key, title=TITLES[key], accuracy=float(right.mean()), low=low, high=high)


def _predict(key: str, one: Any, labels: NDArray[np.uint8], other: Any) -> Any:
    """Boosted trees for few features, logistic regression for many words; both are deterministic."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():  # waiting threads cost 20 times the work on a busy machine
        warnings.simplefilter("ignore", ConvergenceWarning)  # the result after 100 steps is reported, converged or not
        if key == "bags":
            return LogisticRegression(C=0.05, max_iter=100, tol=1e-3).fit(one, labels).predict(other)
        trees = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, early_stopping=False, random_state=0)
        return trees.fit(one, labels).predict(other)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson 1927).

    >>> [round(bound, 4) for bound in wilson(50, 100)]
    [0.4038, 0.5962]
    """
    if not trials:
        return 0.0, 1.0
    share, square = successes / trials, Z_95**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    half = Z_95 * float(np.sqrt(share * (1 - share) / trials + square / (4 * trials**2))) / (1 + square / trials)
    return max(0.0, middle - half), min(1.0, middle + half)
