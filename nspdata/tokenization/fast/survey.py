"""Finds the chunks of texts that can matter to where sentences begin: runs of characters between white space, see `boundaries`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.arrays.eights import FOUR, HIGHEST, ONE, TWO, bytes_before, eight_from, num_bytes
from nspdata.tokenization.fast.signs import IS_MARK, IS_SPACE, OTHER
from nspdata.tokenization.rules import PUNCTUATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEW_PARAGRAPH, PLAIN_CHUNK = -1, -2
"""Events that are no entry of the table."""

LONGEST_KEPT = 48
"""Characters of the longest chunk that is cached; longer chunks rarely occur again."""

SPACE_SIGN = OTHER | IS_SPACE


@compiled
def _slot_of(mixed: Any, slots: NDArray[np.int32], hashes: NDArray[np.uint64]) -> Any:
    """The slot of this hash: the one that holds it, or the free one for it."""
    last = len(slots) - 1
    slot = np.int64(mixed & np.uint64(last))
    while slots[slot] >= 0 and hashes[slots[slot]] != mixed:
        slot = (slot + 1) & last
    return slot


@compiled
def insert(entries: NDArray[np.int32], slots: NDArray[np.int32], hashes: NDArray[np.uint64]) -> None:
    """Puts entries, those that are not negative, into the table `slots`."""
    for entry in entries:
        if entry >= 0:
            slots[_slot_of(hashes[entry], slots, hashes)] = entry


@compiled
def _next_space(eights: NDArray[np.uint64], at: Any, end: Any) -> tuple[Any, Any]:
    """The place of the next white space, or the end, and whether a mark precedes it."""
    marks, length = np.uint64(0), 8
    while length == 8 and at < end:
        signs = eight_from(eights, at)
        inside = bytes_before(signs & (signs << ONE) & HIGHEST)
        length = num_bytes(inside)
        if at + length > end:
            length = end - at
            inside = (ONE << np.uint64(8 * length)) - ONE
        marks |= signs & (signs << TWO) & inside & HIGHEST
        at += length
    return at, marks != 0


@compiled
def _next_that_matters(
    signs: NDArray[np.uint8], eights: NDArray[np.uint64], start: Any, end: Any, glued: NDArray[np.int64], glue: int
) -> Any:
    """Where the next chunk with a mark, or run of white space with a line end, begins; `end` if there is none.

    A chunk begins or ends at `start`, and `glued[glue]` is the first of these places that is not before it.
    """
    at, length = start, 8
    while length == 8 and at < end:
        word = eight_from(eights, at)
        length = num_bytes(bytes_before(word & ((word << TWO) | (word << FOUR)) & HIGHEST))
        at += length
    if at >= end:
        return end
    if signs[at] & SPACE_SIGN == SPACE_SIGN:
        while at > start and signs[at - 1] & SPACE_SIGN == SPACE_SIGN:
            at -= 1
        return at
    while at > start and (signs[at - 1] & SPACE_SIGN != SPACE_SIGN or glued[_glue_from(glued, glue, at - 1)] == at - 1):
        at -= 1
    return at


@compiled
def _glue_from(glued: NDArray[np.int64], glue: Any, place: Any) -> Any:
    """The index of the first glued place that is not before this one, from index `glue` on."""
    while glued[glue] < place:
        glue += 1
    return glue


@compiled
def _chunk_end(
    signs: NDArray[np.uint8], eights: NDArray[np.uint64], begin: Any, end: Any, glued: NDArray[np.int64], glue: Any
) -> tuple[Any, Any, Any]:
    """The end of a chunk, which may hold glued white space; whether it holds a mark; and `_glue_from` its end."""
    at, stops = _next_space(eights, begin, end)
    glue = _glue_from(glued, glue, at)
    while at < end and glued[glue] == at:
        stops = stops or (signs[at] & IS_MARK) != 0
        at, marks = _next_space(eights, at + 1, end)
        stops = stops or marks
        glue = _glue_from(glued, glue, at)
    return at, stops, glue


@compiled
def _hash_chunk(codes: NDArray[np.uint32], begin: int, end: int) -> Any:
    mixed = np.uint64(0x9E3779B97F4A7C15)
    for at in range(begin, end):
        mixed = (mixed ^ np.uint64(codes[at])) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
    return mixed


@compiled
def survey(  # noqa: C901 - one loop over chunks
    codes: NDArray[np.uint32],
    signs: NDArray[np.uint8],
    eights: NDArray[np.uint64],
    documents: NDArray[np.int64],
    classes: NDArray[np.uint16],
    parting: int,
    glued: NDArray[np.int64],
    slots: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    num_entries: int,
    events: NDArray[np.int64],
    asked: NDArray[np.int64],
) -> tuple[int, int]:
    """Finds the chunks that matter: `events` (any, 3) of place, entry and gap, and `asked` (any, 2), the span of each new entry.

    A gap is white space that spaCy turns into a token: anything but a single space.
    """
    num_events, num_asked, glue = 0, 0, 0
    most_kept = len(slots) // 4 * 3  # further chunks of this call are asked for each time, and kept by a later one
    for document in range(len(documents) - 1):
        at, end = documents[document], documents[document + 1]
        fresh, maybe = True, False
        while at < end:
            if not fresh and not maybe:
                at = _next_that_matters(signs, eights, at, end, glued, glue)
            run, line_ends = at, 0
            while at < end and signs[at] & SPACE_SIGN == SPACE_SIGN:
                code = codes[at]
                line_ends += code == 13 or (code == 10 and (at == run or codes[at - 1] != 13))
                at += 1
            if at == end:
                break
            if run < at and not fresh and not maybe and line_ends < parting:
                continue
            gap = at > run and (at - run > 1 or codes[run] != 32)
            begin = at
            at, stops, glue = _chunk_end(signs, eights, begin, end, glued, glue)
            if fresh or line_ends >= parting:
                events[num_events, 0], events[num_events, 1], events[num_events, 2] = begin, NEW_PARAGRAPH, 0
                num_events += 1
                fresh, maybe, gap = False, False, False
            entry = PLAIN_CHUNK
            punctuated = (classes[codes[begin]] & PUNCTUATION) != 0
            if stops or (punctuated and maybe and not gap):
                entry, mixed = -3, _hash_chunk(codes, begin, at)
                if at - begin <= LONGEST_KEPT:
                    slot = _slot_of(mixed, slots, hashes)
                    entry = slots[slot]
                    if entry < 0 and num_entries + num_asked < most_kept:
                        slots[slot] = num_entries + num_asked
                if entry < 0:
                    entry = num_entries + num_asked
                    hashes[entry] = mixed
                    asked[num_asked, 0], asked[num_asked, 1] = begin, at
                    num_asked += 1
            if entry >= 0 or maybe:
                events[num_events, 0], events[num_events, 1], events[num_events, 2] = begin, entry, gap
                num_events += 1
            maybe = stops or (entry >= 0 and maybe and not gap)
    return num_events, num_asked
