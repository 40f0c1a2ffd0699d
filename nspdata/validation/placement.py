"""Finds the segments of a row in its documents: A and B are looked for as the procedure of the build cuts them out.

A segment is a run of whole sentences. Where A and B are longer than a row, tokens were taken one at a time from the longer of
the two (from B where they were equal), each from its front or its back. So the number of tokens that A and B keep follows from
the sentences that they held, and what is kept is an unbroken run inside those sentences.
"""

# ruff: noqa: PLR0911, PLR0913, PLR0917, SIM110 - compiled loops take arrays, and many of them, and are written out

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nspdata.arrays.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.instances import Text

FOUND, UNNAMED, NO_SENTENCE, A_ABSENT, B_ABSENT, NOT_ADJACENT, NOT_WHOLE, TOO_NEAR = range(8)
"""What becomes of a row: found; of no document of the shard; of a sentence that its document has not; A or B not found from
its first sentence on; A and B found, but not side by side; found, but not as whole sentences cut in the one way; found, but
adjacent or overlapping in a row of label 1."""

COLUMNS = 7
"""Of what is found for a row: one of the above, A's document, B's document, first and end of the run of the document that the
row uses up (sentences; tokens where the objective is none), and tokens that were cut off, at least and at most: which it is
cannot be known where B stands in two documents of one id."""


class Segments(NamedTuple):
    """Rows as the loop reads them.

    Attributes:
        ids: shape (num_tokens,), unmasked.
        begin_a, length_a, begin_b, length_b: shape (num_rows,): the segments in `ids`.
        label: shape (num_rows,).
        sentence_a, sentence_b: shape (num_rows,), first sentences in their documents.
        next_sentence: shape (num_rows,): where the next row of A's document begins, or -1 where there is none.
    """

    ids: NDArray[Any]
    begin_a: NDArray[np.int64]
    length_a: NDArray[np.int64]
    begin_b: NDArray[np.int64]
    length_b: NDArray[np.int64]
    label: NDArray[np.int64]
    sentence_a: NDArray[np.int64]
    sentence_b: NDArray[np.int64]
    next_sentence: NDArray[np.int64]


class Named(NamedTuple):
    """The documents that have the ids of a row; more than one if several texts of the input share an id.

    Attributes:
        order: shape (num_documents,): documents, equal ids side by side.
        begin_a, count_a, begin_b, count_b: shape (num_rows,): runs of `order`.
    """

    order: NDArray[np.int64]
    begin_a: NDArray[np.int64]
    count_a: NDArray[np.int64]
    begin_b: NDArray[np.int64]
    count_b: NDArray[np.int64]


class Cut(NamedTuple):
    """How segments are cut out.

    Attributes:
        max_tokens: of A and B together.
        single: A and B are single sentences.
        swaps: label 1 is A and B swapped (`sop`).
        same: with label 1, B is from another place of A's document.
    """

    max_tokens: int
    single: bool
    swaps: bool
    same: bool


@compiled
def place_pairs(text: Text, rows: Segments, named: Named, cut: Cut, found: NDArray[np.int64]) -> None:
    """Fills `found` (num_rows, COLUMNS) for rows of two segments."""
    last = -1
    for row in range(len(rows.label)):
        found[row, 0] = UNNAMED
        sentence = min(rows.sentence_a[row], rows.sentence_b[row]) if cut.swaps else rows.sentence_a[row]
        stays = last >= 0 and text.document_offsets[last] + sentence > found[row - 1, 3]
        turn = _turn(named, row, last, stays and found[row - 1, 4] < text.document_offsets[last + 1])
        for step in range(named.count_a[row]):
            document = named.order[named.begin_a[row] + (turn + step) % named.count_a[row]]
            if found[row, 0] == FOUND:
                break
            if rows.label[row] == 0 or cut.swaps:
                _keep(found[row], document, document, _place_neighbours(text, rows, row, document, cut))
                continue
            for rank in range(named.begin_b[row], named.begin_b[row] + named.count_b[row]):
                other = named.order[rank]
                _keep(found[row], document, other, _place_strangers(text, rows, row, document, other, cut))
        last = found[row, 1] if found[row, 0] == FOUND else -1


@compiled
def _turn(named: Named, row: int, last: int, stays: bool) -> int:  # noqa: FBT001
    """Which of the documents with a row's id to try first: that of the previous row if it continues, else the next one."""
    for step in range(named.count_a[row]):
        document = named.order[named.begin_a[row] + step]
        if document > last or (stays and document == last):
            return step
    return 0


@compiled
def _keep(found: NDArray[np.int64], document: int, other: int, place: tuple[int, int, int, int]) -> None:
    """Notes what was found, unless an earlier document of the same id did as well, or as badly."""
    if found[0] == UNNAMED or (place[0] == FOUND and found[0] != FOUND):
        found[0], found[1], found[2] = place[0], document, other
        found[3], found[4], found[5], found[6] = place[1], place[2], place[3], place[3]
    elif place[0] == FOUND:
        found[5], found[6] = min(found[5], place[3]), max(found[6], place[3])


@compiled
def _place_neighbours(text: Text, rows: Segments, row: int, document: int, cut: Cut) -> tuple[int, int, int, int]:
    """Two adjacent segments of one document; with `swaps` and label 1, B comes before A."""
    swapped = rows.label[row] == 1
    first, end = text.document_offsets[document], text.document_offsets[document + 1]
    a, b = first + rows.sentence_a[row], first + rows.sentence_b[row]
    if a >= end or b >= end:
        return NO_SENTENCE, 0, 0, 0
    begin, middle = (b, a) if swapped else (a, b)
    length_a, length_b = rows.length_a[row], rows.length_b[row]
    kept_1, kept_2 = (length_b, length_a) if swapped else (length_a, length_b)
    offsets = text.sentence_offsets
    whole_1 = offsets[middle] - offsets[begin]
    if begin < middle and (not cut.single or middle == begin + 1):
        stop = sentence_end(text, middle, end, offsets[middle] + kept_2)
        whole = kept_1 == whole_1 and stop > 0 and (not cut.single or stop == middle + 1)
        if whole and _both(text, rows, row, offsets[a], 0, offsets[b], 0):
            return FOUND, begin, stop, 0
        if kept_1 + kept_2 == cut.max_tokens:
            stop = middle + 1 if cut.single else end_over(text, middle, end, offsets[begin] + cut.max_tokens)
            whole_2 = offsets[stop] - offsets[middle] if stop > 0 else 0
            whole_a, whole_b = (whole_2, whole_1) if swapped else (whole_1, whole_2)
            cut_a, cut_b = cuts(whole_a, whole_b, cut.max_tokens)
            whole = stop > 0 and cut_a == whole_a - length_a and cut_b == whole_b - length_b
            if whole and _both(text, rows, row, offsets[a], cut_a, offsets[b], cut_b):
                return FOUND, begin, stop, cut_a + cut_b
    return _why(text, rows, row, a, b, document, document, begin, middle, kept_1, cut), 0, 0, 0


@compiled
def _why(
    text: Text,
    rows: Segments,
    row: int,
    a: int,
    b: int,
    document: int,
    other: int,
    begin: int,
    middle: int,
    kept: int,
    cut: Cut,
) -> int:
    """Returns the rule that a row breaks whose segments are not where they must be."""
    offsets = text.sentence_offsets
    end_a, end_b = text.document_offsets[document + 1], text.document_offsets[other + 1]
    if not within(text, offsets[a], offsets[end_a] - offsets[a], rows.ids, rows.begin_a[row], rows.length_a[row]):
        return A_ABSENT
    if not within(text, offsets[b], offsets[end_b] - offsets[b], rows.ids, rows.begin_b[row], rows.length_b[row]):
        return B_ABSENT
    if document != other:
        return NOT_WHOLE
    whole = offsets[middle] - offsets[begin]
    full = rows.length_a[row] + rows.length_b[row] == cut.max_tokens
    if kept > whole or (kept < whole and not full) or (cut.single and middle != begin + 1):
        return NOT_ADJACENT
    return NOT_WHOLE


@compiled
def _place_strangers(
    text: Text, rows: Segments, row: int, document: int, other: int, cut: Cut
) -> tuple[int, int, int, int]:
    """Two segments of two documents; the next row says where A ended, otherwise every end is tried."""
    first, end = text.document_offsets[document], text.document_offsets[document + 1]
    a, b = first + rows.sentence_a[row], text.document_offsets[other] + rows.sentence_b[row]
    if a >= end or b >= text.document_offsets[other + 1]:
        return NO_SENTENCE, 0, 0, 0
    if (document == other) != cut.same:
        return B_ABSENT, 0, 0, 0
    end_a = end if rows.next_sentence[row] < 0 else min(end, first + rows.next_sentence[row])
    if end_a > a:
        lost = _cut_off(text, rows, row, a, end_a, b, other, cut)
        if lost >= 0:
            return FOUND, a, end_a, lost
    stop = a + 1
    while stop <= end:
        lost = _cut_off(text, rows, row, a, stop, b, other, cut)
        if lost >= 0:
            return FOUND, a, stop, lost
        if cut.single or text.sentence_offsets[stop] - text.sentence_offsets[a] >= cut.max_tokens:
            break
        stop += 1
    why = _why(text, rows, row, a, b, document, other, a, stop, 0, cut)
    return (TOO_NEAR if cut.same and why == NOT_ADJACENT else why), 0, 0, 0


@compiled
def _cut_off(text: Text, rows: Segments, row: int, a: int, stop: int, b: int, other: int, cut: Cut) -> int:
    """The truncated tokens if A held the sentences from `a` to `stop`; -1 if that is impossible."""
    offsets, end = text.sentence_offsets, text.document_offsets[other + 1]
    length_a, length_b = rows.length_a[row], rows.length_b[row]
    whole_a = offsets[stop] - offsets[a]
    if stop > a + 1 and (cut.single or whole_a >= cut.max_tokens):
        return -1
    if cut.same:
        if a <= b <= stop:
            return -1
        end = a - 1 if b < a else end
    stop_b = sentence_end(text, b, end, offsets[b] + length_b)
    whole = whole_a == length_a and stop_b > 0 and (not cut.single or stop_b == b + 1)
    if whole and _both(text, rows, row, offsets[a], 0, offsets[b], 0):
        return 0
    if length_a + length_b < cut.max_tokens:
        return -1
    stop_b = b + 1 if cut.single else end_over(text, b, end, offsets[b] + cut.max_tokens - whole_a)
    if stop_b < 0:
        return -1
    whole_b = offsets[stop_b] - offsets[b]
    cut_a, cut_b = cuts(whole_a, whole_b, cut.max_tokens)
    if cut_a != whole_a - length_a or cut_b != whole_b - length_b:
        return -1
    return cut_a + cut_b if _both(text, rows, row, offsets[a], cut_a, offsets[b], cut_b) else -1


@compiled
def place_single(text: Text, rows: Segments, named: Named, cut: Cut, found: NDArray[np.int64]) -> None:
    """Fills `found` (num_rows, COLUMNS) for rows of one segment: whole sentences, or a piece of one that is longer than a row."""
    last = -1
    for row in range(len(rows.label)):
        found[row, 0] = UNNAMED
        done = found[row - 1, 4] if last >= 0 else -1
        turn = _turn(named, row, last, done < text.sentence_offsets[text.document_offsets[last + 1]])
        for step in range(named.count_a[row]):
            document = named.order[named.begin_a[row] + (turn + step) % named.count_a[row]]
            if found[row, 0] != FOUND:
                _keep(found[row], document, document, _place_run(text, rows, row, document, cut.max_tokens, done))
        last = found[row, 1] if found[row, 0] == FOUND else -1


@compiled
def _place_run(
    text: Text, rows: Segments, row: int, document: int, max_tokens: int, done: int
) -> tuple[int, int, int, int]:
    """One segment; if a sentence is longer than a row, the piece after the end of the previous row is tried first."""
    first, end = text.document_offsets[document], text.document_offsets[document + 1]
    sentence = first + rows.sentence_a[row]
    if sentence >= end:
        return NO_SENTENCE, 0, 0, 0
    begin, length = text.sentence_offsets[sentence], rows.length_a[row]
    stop = sentence + 1
    while stop < end and text.sentence_offsets[stop + 1] - begin <= max_tokens:
        stop += 1
    last = text.sentence_offsets[stop]
    pieces = -(-(last - begin) // max_tokens)
    previous = (done - begin) // max_tokens if begin < done < last else 0
    for step in range(pieces):
        start = begin + (previous + step) % pieces * max_tokens
        if length == min(max_tokens, last - start) and stands(text, start, rows.ids, rows.begin_a[row], length):
            return FOUND, start, start + length, 0
    if within(text, begin, text.sentence_offsets[end] - begin, rows.ids, rows.begin_a[row], length):
        return NOT_WHOLE, 0, 0, 0
    return A_ABSENT, 0, 0, 0


@compiled
def stands(text: Text, start: int, ids: NDArray[Any], begin: int, length: int) -> bool:
    """Whether the segment is at this token of the text."""
    for index in range(length):
        if text.ids[start + index] != ids[begin + index]:
            return False
    return True


@compiled
def within(text: Text, start: int, room: int, ids: NDArray[Any], begin: int, length: int) -> bool:
    """Whether the segment is anywhere in this run of the text."""
    for place in range(start, start + room - length + 1):
        if stands(text, place, ids, begin, length):
            return True
    return False


@compiled
def _both(text: Text, rows: Segments, row: int, start_a: int, cut_a: int, start_b: int, cut_b: int) -> bool:
    """Whether A and B are in their runs, which are longer by this many tokens."""
    length_a, length_b = rows.length_a[row], rows.length_b[row]
    return within(text, start_a, length_a + cut_a, rows.ids, rows.begin_a[row], length_a) and within(
        text, start_b, length_b + cut_b, rows.ids, rows.begin_b[row], length_b
    )


@compiled
def sentence_end(text: Text, sentence: int, end: int, token: int) -> int:
    """The sentence up to which a run from `sentence` on goes that ends at this token; -1 where no sentence ends there."""
    stop = end_over(text, sentence, end, token - 1)
    return stop if stop > 0 and text.sentence_offsets[stop] == token else -1


@compiled
def end_over(text: Text, sentence: int, end: int, token: int) -> int:
    """The first sentence up to which a run from `sentence` on goes that ends after this token; -1 where the document ends before."""
    found = sentence + 1 + int(np.searchsorted(text.sentence_offsets[sentence + 1 : end + 1], token, side="right"))
    return found if found <= end else -1


@compiled
def cuts(length_a: int, length_b: int, max_tokens: int) -> tuple[int, int]:
    """How many tokens A and B lose.

    >>> [int(number) for number in cuts(9, 4, 7)], [int(number) for number in cuts(3, 3, 5)]
    ([5, 1], [0, 1])
    """
    excess = max(0, length_a + length_b - max_tokens)
    level = min(excess, abs(length_a - length_b))
    rest = excess - level
    cut_a = rest // 2 + (level if length_a > length_b else 0)
    return cut_a, excess - cut_a
