"""WordPiece as compiled loops over code points: normalizes, divides into words, and takes the longest piece of the vocabulary each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.arrays.eights import HIGHEST, bytes_before, eight_from, num_bytes
from nspdata.arrays.ragged import offsets as offsets_of
from nspdata.tokenization.fast.characters import ALONE, BREAK, DROPPED, SEVERAL, UNSAFE, WORD
from nspdata.tokenization.fast.signs import ENDS_WORD, OTHER
from nspdata.tokenization.fast.word_memo import ASCII_LETTERS, WordMemo, packed, remember, slot_of, write_remembered
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.tokenization.vocabulary import Vocabulary

MAX_CHARACTERS_A_WORD = 100

MOST_TOKENS_A_CHARACTER = 4
"""The longest canonical decomposition of a character."""

BEGIN, CONTINUE = np.uint64(0xCBF29CE484222325), np.uint64(0x84222325CBF29CE4)
PRIME = np.uint64(0x9FB21C651E98DF25)
SHIFT = np.uint64(32)
OPENING_BRACKET = ord("[")


class PieceTable:
    """The vocabulary as a hash table of code points, and the special tokens, which may occur literally in texts.

    Attributes:
        slots: shape (2**n,), int32: id or -1, at the hash of a piece; a piece that continues a word has a different hash.
        codes: shape (num_codes,), uint32: the pieces' code points (without `##`).
        ends: shape (vocab_size + 1,), int64: where each piece ends in `codes`.
        continues: shape (vocab_size,), bool: pieces that continue a word.
        longest: code points of the longest piece.
        special_codes, special_ends, special_ids: the five special tokens.
        memo: the pieces of words that occurred.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.continues = vocabulary.continuations
        pieces = [
            token[2:] if continues else token
            for token, continues in zip(vocabulary.tokens, self.continues, strict=True)
        ]
        self.codes = _codes("".join(pieces))
        self.ends = offsets_of(np.array([len(piece) for piece in pieces], np.int64))
        self.longest = max(map(len, pieces))
        self.slots = np.full(1 << max(10, (4 * len(pieces)).bit_length()), -1, np.int32)
        with np.errstate(over="ignore"):
            _fill(self.codes, self.ends, self.continues, self.slots)
        self.special_codes = _codes("".join(SPECIAL_TOKENS))
        self.special_ends = offsets_of(np.array([len(token) for token in SPECIAL_TOKENS], np.int64))
        self.special_ids = np.array([vocabulary.special_ids[token] for token in SPECIAL_TOKENS], np.int64)
        self.unknown_id = vocabulary.special_ids["[UNK]"]
        self.dtype = vocabulary.dtype
        self.memo = WordMemo(8 * self.dtype.itemsize)

    def arrays(self) -> tuple[Any, ...]:
        """The table as `encode_spans` reads it."""
        pieces = (self.codes, self.ends, self.continues, self.slots, self.longest, self.unknown_id)
        special = (self.special_codes, self.special_ends, self.special_ids)
        word, hashes = np.empty(MAX_CHARACTERS_A_WORD + 1, np.uint32), np.empty(MAX_CHARACTERS_A_WORD + 1, np.uint64)
        return (*pieces, *special, self.memo.entries, self.memo.id_bits, self.memo.single, word, hashes)


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


@compiled
def _step(mixed: Any, code: Any) -> Any:
    mixed = (mixed ^ np.uint64(code)) * PRIME
    return mixed ^ (mixed >> SHIFT)


@compiled
def _fill(
    codes: NDArray[np.uint32], ends: NDArray[np.int64], continues: NDArray[np.bool_], slots: NDArray[np.int32]
) -> None:
    for piece in range(len(continues)):
        mixed = CONTINUE if continues[piece] else BEGIN
        for at in range(ends[piece], ends[piece + 1]):
            mixed = _step(mixed, codes[at])
        slot = np.int64(mixed & np.uint64(len(slots) - 1))
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = piece


@compiled
def _look_up(
    mixed: Any,
    word: NDArray[np.uint32],
    start: int,
    length: int,
    continuing: bool,  # noqa: FBT001
    codes: NDArray[np.uint32],
    ends: NDArray[np.int64],
    continues: NDArray[np.bool_],
    slots: NDArray[np.int32],
) -> Any:
    """The id of a piece of a word, or -1."""
    slot = np.int64(mixed & np.uint64(len(slots) - 1))
    while slots[slot] >= 0:
        piece = slots[slot]
        begin = ends[piece]
        if continues[piece] == continuing and ends[piece + 1] - begin == length:
            same = True
            for index in range(length):
                if codes[begin + index] != word[start + index]:
                    same = False
                    break
            if same:
                return piece
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@compiled
def _word_pieces(
    word: NDArray[np.uint32],
    length: int,
    hashes: NDArray[np.uint64],
    table: tuple[Any, ...],
    ids: NDArray[Any],
    count: int,
) -> int:
    """Writes the pieces of a word, or one [UNK]; returns the new number of ids."""
    codes, ends, continues, slots, longest, unknown_id = table[:6]
    if length > MAX_CHARACTERS_A_WORD:
        ids[count] = unknown_id
        return count + 1
    first, start = count, 0
    while start < length:
        mixed = CONTINUE if start else BEGIN
        reach = min(longest, length - start)
        for index in range(reach):
            mixed = _step(mixed, word[start + index])
            hashes[index] = mixed
        piece = -1
        while reach > 0:
            piece = _look_up(hashes[reach - 1], word, start, reach, start > 0, codes, ends, continues, slots)
            if piece >= 0:
                break
            reach -= 1
        if piece < 0:
            ids[first] = unknown_id
            return first + 1
        ids[count] = piece
        count += 1
        start += reach
    return count


@compiled
def _remembered(
    word: NDArray[np.uint32],
    length: int,
    hashes: NDArray[np.uint64],
    table: tuple[Any, ...],
    ids: NDArray[Any],
    count: int,
) -> int:
    """Like `_word_pieces`, but looks the word up in the memo first, and remembers it."""
    entries, id_bits = table[9], table[10]
    first, second = packed(word, length)
    if first == 0:
        return _word_pieces(word, length, hashes, table, ids, count)
    slot = slot_of(first, second)
    if entries[slot, 0] == first and entries[slot, 1] == second:
        return write_remembered(entries, slot, id_bits, ids, count)  # type: ignore[no-any-return]
    return _divided(slot, first, second, word, length, hashes, table, ids, count)  # type: ignore[no-any-return]


@compiled
def _divided(
    slot: Any,
    first: Any,
    second: Any,
    word: NDArray[np.uint32],
    length: Any,
    hashes: NDArray[np.uint64],
    table: tuple[Any, ...],
    ids: NDArray[Any],
    count: int,
) -> Any:
    """`_word_pieces` of a word that the memo does not hold, which it holds then."""
    end = _word_pieces(word, length, hashes, table, ids, count)
    remember(table[9], slot, first, second, table[10], ids, count, end)
    return end


@compiled
def _alone(
    code: Any,
    word: NDArray[np.uint32],
    hashes: NDArray[np.uint64],
    table: tuple[Any, ...],
    ids: NDArray[Any],
    count: int,
) -> int:
    """Writes the id of a word of one character, which has one piece, and remembers it."""
    word[0] = code
    _word_pieces(word, 1, hashes, table, ids, count)
    table[11][code] = ids[count] + 1
    return count + 1


@compiled
def _special_at(
    codes: NDArray[np.uint32], at: int, end: int, special_codes: NDArray[np.uint32], special_ends: NDArray[np.int64]
) -> int:
    """The special token at this position, or -1."""
    for special in range(len(special_ends) - 1):
        begin = special_ends[special]
        length = special_ends[special + 1] - begin
        if at + length <= end:
            same = True
            for index in range(length):
                if codes[at + index] != special_codes[begin + index]:
                    same = False
                    break
            if same:
                return special
    return -1


@compiled
def _plain_word(eights: NDArray[np.uint64], at: Any) -> tuple[Any, Any, Any]:
    """The up to 16 plain characters from a place on, as the key of a word, and their number."""
    low, high = eight_from(eights, at), np.uint64(0)
    inside = bytes_before(low & HIGHEST)
    size = num_bytes(inside)
    if size == 8:
        high = eight_from(eights, at + 8)
        rest = bytes_before(high & HIGHEST)
        high &= rest
        size += num_bytes(rest)
    return low & inside, high, size


@compiled
def encode_spans(  # noqa: C901, PLR0912, PLR0915 - one loop over characters; its state stays in registers
    texts: NDArray[np.uint32],
    signs: NDArray[np.uint8],
    eights: NDArray[np.uint64],
    spans: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    targets: NDArray[np.uint32],
    parts: NDArray[np.uint32],
    table: tuple[Any, ...],
    ids: NDArray[Any],
    ends_of: NDArray[np.int64],
    unsafe: NDArray[np.bool_],
) -> int:
    """Encodes each span of code points independently.

    Args:
        texts: shape (num_characters,), uint32.
        signs: their signs.
        eights: the same memory as numbers of eight bytes; see `signs.room_for`.
        spans: shape (num_spans + 1,), int64: where each begins.
        kinds: that of `Characters`.
        targets: that of `Characters`.
        parts: that of `Characters`.
        table: `PieceTable.arrays`.
        ids: output array, large enough for all ids.
        ends_of: shape (num_spans,), int64, filled: where each span's ids end.
        unsafe: shape (num_spans,), bool, filled: spans with a character that needs the plain encoder.

    Returns:
        The number of ids.
    """
    special_codes, special_ends, special_ids, entries, id_bits, single, word, hashes = table[6:]
    count = 0
    for span in range(len(spans) - 1):
        at, end, length = spans[span], spans[span + 1], 0
        while at < end:
            if not length and signs[at] < OTHER:
                low, high, size = _plain_word(eights, at)
                stop = at + size
                if size < ASCII_LETTERS and (stop == end or (stop < end and signs[stop] & ENDS_WORD)):
                    slot = slot_of(low, high)
                    if entries[slot, 0] == low and entries[slot, 1] == high:
                        count = write_remembered(entries, slot, id_bits, ids, count)
                    else:
                        for index in range(size):
                            word[index] = signs[at + index]
                        count = _divided(slot, low, high, word, size, hashes, table, ids, count)
                    at = stop
                    if stop == end:
                        break
            code = texts[at]
            kind = kinds[code]
            if kind == WORD:
                if length <= MAX_CHARACTERS_A_WORD:
                    word[length] = targets[code]
                    length += 1
                at += 1
                continue
            if length and kind != DROPPED and kind != SEVERAL:  # noqa: PLR1714 - faster in a compiled loop
                count = _remembered(word, length, hashes, table, ids, count)
                length = 0
            if kind == BREAK:
                at += 1
                continue
            special = _special_at(texts, at, end, special_codes, special_ends) if code == OPENING_BRACKET else -1
            if special >= 0:
                ids[count] = special_ids[special]
                count += 1
                at += special_ends[special + 1] - special_ends[special]
                continue
            if kind == ALONE:
                target = targets[code]
                if single[target]:
                    ids[count] = single[target] - 1
                    count += 1
                else:
                    count = _alone(target, word, hashes, table, ids, count)
            elif kind == UNSAFE:
                unsafe[span] = True
            elif kind == SEVERAL:
                part = np.int64(targets[code])
                while parts[part, 0] != 255:
                    kind, target = parts[part, 0], parts[part, 1]
                    if kind == WORD:
                        if length <= MAX_CHARACTERS_A_WORD:
                            word[length] = target
                            length += 1
                    elif kind != DROPPED:
                        unsafe[span] |= kind == UNSAFE
                        if length:
                            count = _remembered(word, length, hashes, table, ids, count)
                            length = 0
                        if kind == ALONE:
                            count = _alone(target, word, hashes, table, ids, count)
                    part += 1
            at += 1
        if length:
            count = _remembered(word, length, hashes, table, ids, count)
        ends_of[span] = count
    return count
