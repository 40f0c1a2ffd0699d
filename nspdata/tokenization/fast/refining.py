"""Corrections that look at characters only, as compiled loops: opening marks, and starts that begin no sentence.

`rules.opening` and `rules.SentenceRules.continues` say the same in plain code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.tokenization.fast.characters import MARK
from nspdata.tokenization.rules import (
    CLOSING,
    DASH,
    DIGIT,
    LETTER,
    LOWER,
    MAX_ORDINAL_DIGITS,
    OPENING,
    QUOTE,
    SPACE,
    UPPER,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULL_STOP, WIDE_FULL_STOP, ELLIPSIS = ord("."), ord("．"), ord("\u2026")

QUESTION, EXCLAMATION = ord("?"), ord("!")

SPACED_OPENING = (ord("«"), ord("‹"))


@compiled
def refine(
    codes: NDArray[np.uint32],
    classes: NDArray[np.uint16],
    starts: NDArray[np.int64],
    fresh: NDArray[np.bool_],
    move: bool,  # noqa: FBT001
    correct: bool,  # noqa: FBT001
) -> int:
    """Corrects the starts of sentences in place; returns how many are left.

    Args:
        codes: shape (num_characters,), uint32.
        classes: `Characters.classes`.
        starts: shape (num_starts,), int64, increasing.
        fresh: shape (at least num_starts,): starts of paragraphs, which stay.
        move: whether opening marks go to the sentence that they open.
        correct: whether starts that begin no sentence are removed.
    """
    count, limit, upcoming, begin = 0, np.int64(0), 0, np.int64(0)
    for index in range(len(starts)):
        start = starts[index]
        if fresh[index]:
            upcoming = index + 1
            while upcoming < len(starts) and not fresh[upcoming]:
                upcoming += 1
            limit = starts[upcoming] if upcoming < len(starts) else np.int64(len(codes))
        else:
            if move:
                start = _opening(codes, classes, begin, start)
            if start <= begin or (correct and _continues(codes, classes, begin, start, limit)):
                continue
        starts[count] = begin = start
        count += 1
    return count


@compiled
def _opening(codes: NDArray[np.uint32], classes: NDArray[np.uint16], begin: Any, start: Any) -> Any:
    """See `rules.opening`."""
    at = found = start
    while at > begin:
        kind, touching = classes[codes[at - 1]], not classes[codes[at]] & SPACE
        if kind & SPACE:
            at -= 1
            continue
        if kind & DASH:
            while at > begin and classes[codes[at - 1]] & DASH:
                at -= 1
            if not (at == begin or classes[codes[at - 1]] & SPACE):
                break
        elif kind & OPENING and (
            touching
            or (codes[at - 1] in SPACED_OPENING and (at - 1 == begin or classes[codes[at - 2]] & (SPACE | DASH)))
        ):
            at -= 1
        elif kind & QUOTE and touching:
            first = at - 1
            while first > begin and classes[codes[first - 1]] & (OPENING | QUOTE):
                first -= 1
            if not (first == begin or classes[codes[first - 1]] & (SPACE | DASH)):
                break
            at -= 1
        else:
            break
        found = at
    return found


@compiled
def _continues(codes: NDArray[np.uint32], classes: NDArray[np.uint16], begin: Any, start: Any, limit: Any) -> Any:
    """See `rules.SentenceRules.continues`; `limit` is the end of the paragraph."""
    first, dash = start, False
    while first < limit and classes[codes[first]] & (OPENING | QUOTE | DASH | SPACE):
        dash = dash or (classes[codes[first]] & DASH) != 0
        first += 1
    following = classes[codes[first]] if first < limit else np.uint16(0)
    end = start
    while classes[codes[end - 1]] & SPACE:
        end -= 1
    if following & LOWER and (dash or not classes[codes[end - 1]] & MARK or _is_initial(codes, classes, begin, end)):
        return True
    if end == start and _is_inside_a_name(codes, classes, begin, end):
        return True
    while end > begin and classes[codes[end - 1]] & (CLOSING | SPACE):
        end -= 1
    return not following & UPPER and _ends_with_ellipsis(codes, begin, end)


@compiled
def _is_initial(codes: NDArray[np.uint32], classes: NDArray[np.uint16], begin: Any, end: Any) -> Any:
    """See `rules._is_initial`."""
    at = end - 1
    while at > begin and end - 1 - at <= MAX_ORDINAL_DIGITS and classes[codes[at - 1]] & DIGIT:
        at -= 1
    if at == end - 1 and at > begin and classes[codes[at - 1]] & LETTER:
        at -= 1
    length = end - 1 - at
    ahead = at > begin and (classes[codes[at - 1]] & (LETTER | DIGIT)) != 0
    return codes[end - 1] == FULL_STOP and 0 < length <= MAX_ORDINAL_DIGITS and not ahead


@compiled
def _is_inside_a_name(codes: NDArray[np.uint32], classes: NDArray[np.uint16], begin: Any, end: Any) -> Any:
    """See `rules._is_inside_a_name`."""
    if end - 2 < begin or (codes[end - 1] != FULL_STOP and codes[end - 1] != WIDE_FULL_STOP):
        return False
    before, after = codes[end - 2], codes[end]
    if classes[before] & DIGIT and classes[after] & DIGIT:
        return True
    named = before < 128 and (classes[before] & (LETTER | DIGIT)) != 0
    return named and after < 128 and (classes[after] & LOWER) != 0


@compiled
def _ends_with_ellipsis(codes: NDArray[np.uint32], begin: Any, end: Any) -> Any:
    """See `rules._ends_with_ellipsis`."""
    at = end
    while at > begin and (codes[at - 1] == FULL_STOP or codes[at - 1] == ELLIPSIS):
        at -= 1
    if at == end or (end - at == 1 and codes[at] == FULL_STOP):
        return False
    return at == begin or (codes[at - 1] != QUESTION and codes[at - 1] != EXCLAMATION)
