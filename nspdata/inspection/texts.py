"""Many texts from token ids at once, with the rules of `nspdata.inspection.decoding` in arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.inspection import decoding

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nspdata.tokenization.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the rules ask of each token of a vocabulary; the arrays have the shape (vocab_size,), bool.

    Attributes:
        written: two strings per token: without and with a space before it.
        attached: never has a space before it.
        attaching: never has a space after it.
        begins_ideographic, ends_ideographic: no space is between two such characters.
        apostrophe, ending: no space is before and after an apostrophe that an English ending follows.
    """

    written: list[str]
    attached: NDArray[np.bool_]
    attaching: NDArray[np.bool_]
    begins_ideographic: NDArray[np.bool_]
    ends_ideographic: NDArray[np.bool_]
    apostrophe: NDArray[np.bool_]
    ending: NDArray[np.bool_]


def decode_all(ids: NDArray[Any], bounds: NDArray[Any], vocabulary: Vocabulary) -> list[str]:
    """The text of each segment, as `decode` gives it.

    Args:
        ids: token ids.
        bounds: shape (num_segments, 2), the first token of each segment and the one after its last.
        vocabulary: the tokens by id.
    """
    ids = ids.astype(np.int64)
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(vocabulary):
        return [decoding.decode(ids[begin:end].tolist(), vocabulary) for begin, end in bounds.tolist()]
    table = _table(vocabulary)
    codes = (2 * ids + _spaced(ids, bounds, table)).tolist()
    written = table.written.__getitem__
    return ["".join(map(written, codes[begin:end])) for begin, end in bounds.tolist()]


def _spaced(ids: NDArray[np.int64], bounds: NDArray[Any], table: Table) -> NDArray[np.bool_]:
    """Whether a space precedes each token, shape (num_tokens,), bool; tokens outside of all segments do not matter."""
    begins, ends = bounds[bounds[:, 0] < bounds[:, 1]].T
    first, second, last = (np.zeros(len(ids) + 1, np.bool_) for _ in range(3))
    first[begins], second[begins + 1], last[ends - 1] = True, True, True
    before, after = np.roll(ids, 1), np.roll(ids, -1)
    glued = first[:-1] | table.attached[ids] | table.attaching[before]
    glued |= table.ends_ideographic[before] & table.begins_ideographic[ids]
    glued |= table.apostrophe[before] & table.ending[ids] & ~second[:-1]
    glued |= table.apostrophe[ids] & table.ending[after] & ~last[:-1]
    return ~glued


@lru_cache(maxsize=2)
def _table(vocabulary: Vocabulary) -> Table:
    def which(rule: Callable[[str], bool]) -> NDArray[np.bool_]:
        return np.array([rule(token) for token in vocabulary.tokens], np.bool_)

    shown = [decoding.visible(text) for text in vocabulary.texts]
    return Table(
        written=[text for word in shown for text in (word, f" {word}")],
        attached=which(lambda token: decoding.continues(token) or token in decoding.NO_SPACE_BEFORE),
        attaching=which(decoding.NO_SPACE_AFTER.__contains__),
        begins_ideographic=which(lambda token: decoding.is_ideographic(token[:1])),
        ends_ideographic=which(lambda token: decoding.is_ideographic(decoding.bare(token)[-1:])),
        apostrophe=which(decoding.APOSTROPHES.__contains__),
        ending=which(decoding.ENGLISH_ENDINGS.__contains__),
    )
