"""Cuts sentences with too many tokens into pieces: at clause marks, else between words, else inside a word.

Works on token ids, so the result does not depend on which encoder made them. What a token is (a word, a piece of one, a
clause mark, ...) is derived once from the vocabulary.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.compiled import compiled
from nspdata.arrays.ragged import offsets as offsets_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nspdata.tokenization.encoded import TokenizedDocuments
    from nspdata.tokenization.vocabulary import Vocabulary

CLAUSE_MARKS = frozenset(
    ",;:!?—–―…‥"
    "\u037e\u0387"  # Greek
    "՝։"  # Armenian
    "\u05c3"  # Hebrew
    "،؍؛؞؟۔"  # Arabic
    "܀܁܂܃܄܅܆܇܈܉܊"  # Syriac
    "߸߹"  # NKo
    "।॥"  # Devanagari and its relatives
    "๚๛"  # Thai
    "།༎༏༐༑༔"  # Tibetan
    "၊။"  # Burmese
    "჻"  # Georgian
    "።፣፤፥፦፧፨"  # Ethiopic
    "។៕៖"  # Khmer
    "᠂᠃᠄᠈᠉"  # Mongolian
    "᭞᭟"  # Balinese
    "᱾᱿"  # Ol Chiki
    "、。｡､，．：；！？"  # Chinese and Japanese
    "︐︑︒︓︔︕︖﹐﹑﹒﹔﹕﹖﹗"
    "꓾꓿꣎꣏꧈꧉꧊꩝꩞꩟꯫"  # Lisu, Saurashtra, Javanese, Cham, Meetei Mayek
)
"""Characters after which a clause or a sentence ends. Not the full stop of Latin scripts: inside a sentence it is mostly part of an
abbreviation, a number or a name."""

JOINERS = frozenset("'’‘\"/\\@&#・／")
"""Punctuation that mostly joins its two sides, such as `don't` and `a/b`, or whose side is unknown. Hyphens
(categories Pd and Pc) are added to these."""

UNSPACED = (
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "TIBETAN",
    "HIRAGANA",
    "KATAKANA",
    "CJK",
    "YI",
    "JAVANESE",
    "BALINESE",
    "TAI",
    "NEW",  # New Tai Lue
    "CHAM",
    "BOPOMOFO",
)
"""Scripts without spaces between words, by the first word of their characters' names."""

PIECE, WORD, OPENING, CLOSING, MARK, JOINING = range(6)
"""Kinds of tokens: continues a word; a word or its first piece; opening punctuation; closing punctuation; clause mark; punctuation
that joins its two sides."""

DIGITS = 8
"""Added to the kind of a token of digits: a mark between two numbers ends no clause."""

INSIDE, PUNCTUATION, BETWEEN, CLAUSE = range(4)
"""Quality of a place for a cut: inside a word; between two tokens of which one is punctuation that belongs to the other; between
words; after a clause mark."""

REASONS = {CLAUSE: "clause_mark", BETWEEN: "between_words", INSIDE: "inside_word"}
"""Names of the reasons for a cut, as used in the counters."""


@lru_cache(maxsize=4)
def token_kinds(vocabulary: Vocabulary) -> NDArray[np.uint8]:
    """The kind of each token, shape (vocab_size,), uint8: `PIECE` to `JOINING`, plus `DIGITS` for numbers.

    >>> from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary
    >>> token_kinds(Vocabulary((*SPECIAL_TOKENS, "boat", "##s", ",", "(", ")", "-", "19", "##84", "##の"))).tolist()[5:]
    [1, 0, 4, 2, 3, 5, 9, 8, 1]

    The array is kept for the next call and is read-only.
    """
    tokens = zip(vocabulary.tokens, vocabulary.continuations.tolist(), strict=True)
    texts = ((token[2:] if piece else token, piece) for token, piece in tokens)
    plain = WORD, PIECE  # most tokens are letters of ASCII
    kinds = np.array(
        [plain[piece] if text.isascii() and text.isalpha() else _kind(text, piece=piece) for text, piece in texts],
        np.uint8,
    )
    kinds.flags.writeable = False
    return kinds


def _kind(text: str, *, piece: bool) -> int:
    category = unicodedata.category(text[0]) if text else "Lo"
    digits = DIGITS * text.isdigit()
    if piece:
        unspaced = category[0] != "M" and category != "Lm" and _script(text[0]) in UNSPACED
        return (WORD if unspaced else PIECE) + digits
    if CLAUSE_MARKS.issuperset(text) and text:
        return MARK
    if len(text) > 1 or category[0] != "P":
        return WORD + digits
    if text in JOINERS or category in {"Pd", "Pc"}:
        return JOINING
    if category in {"Ps", "Pi"} or text in "¿¡":
        return OPENING
    return WORD if text in "*•·|" else CLOSING


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """Where sentences are cut, in order; arrays of shape (num_cuts,).

    Attributes:
        sentences: int64, index of the sentence that is cut.
        places: int64, index in `ids` of the token that begins the next piece.
        reasons: uint8, a key of `REASONS`.
    """

    sentences: NDArray[np.int64]
    places: NDArray[np.int64]
    reasons: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.places)

    def counts(self) -> dict[str, int]:
        """`sentences_cut`, `sentence_pieces` (the pieces that they were cut into), and `cuts_<reason>` for each reason."""
        cut = len(np.unique(self.sentences))
        reasons = {f"cuts_{name}": int(np.count_nonzero(self.reasons == reason)) for reason, name in REASONS.items()}
        return {"sentences_cut": cut, "sentence_pieces": cut + len(self), **reasons}

    def apply(
        self, sentence_offsets: NDArray[np.int64], document_offsets: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the offsets in which each piece is a sentence of its own.

        >>> cuts = Cuts(sentences=np.array([1]), places=np.array([5]), reasons=np.array([CLAUSE], np.uint8))
        >>> [part.tolist() for part in cuts.apply(np.array([0, 2, 7, 9]), np.array([0, 2, 3]))]
        [[0, 2, 5, 7, 9], [0, 3, 4]]
        """
        added = np.zeros(len(sentence_offsets), np.int64)
        np.add.at(added, self.sentences + 1, 1)
        merged = np.insert(sentence_offsets, self.sentences + 1, self.places)
        return merged, document_offsets + np.cumsum(added)[document_offsets]


def find_cuts(
    ids: NDArray[Any], sentence_offsets: NDArray[np.int64], kinds: NDArray[np.uint8], *, max_tokens: int
) -> Cuts:
    """Finds where to cut the sentences that have more than `max_tokens` tokens, so that no piece has more.

    A sentence is cut into as few pieces as possible: full pieces, and two of about equal length at the end. If all pieces of a
    document had one length, the lengths of A and B would show whether both are from one document. The cut is at the clause mark that
    is nearest to the ideal place, or one more piece is made if only this gives a clause mark; else between words; inside a word
    only if a word alone has more than `max_tokens` tokens.

    Args:
        ids: shape (num_tokens,).
        sentence_offsets: shape (num_sentences + 1,), into `ids`.
        kinds: of the vocabulary, see `token_kinds`.
        max_tokens: of a piece.

    >>> from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary
    >>> kinds = token_kinds(Vocabulary((*SPECIAL_TOKENS, "boat", "##s", ",")))
    >>> find_cuts(np.array([5, 6, 7, 5, 6, 5]), np.array([0, 6]), kinds, max_tokens=4).places.tolist()
    [3]
    """
    lengths = np.diff(sentence_offsets)
    long = np.flatnonzero(lengths > max_tokens)
    quality, begins = place_quality(ids, sentence_offsets, kinds, long)
    found = np.empty((0, 3), np.int64)
    found = np.empty((_cut_all(quality, begins, max_tokens, found), 3), np.int64)
    _cut_all(quality, begins, max_tokens, found)
    sentences = long[found[:, 0]]
    return Cuts(
        sentences=sentences,
        places=found[:, 1] + sentence_offsets[:-1][sentences] - begins[:-1][found[:, 0]],
        reasons=found[:, 2].astype(np.uint8),
    )


def place_quality(
    ids: NDArray[Any], sentence_offsets: NDArray[np.int64], kinds: NDArray[np.uint8], sentences: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The quality of a cut before each token of some sentences.

    Args:
        ids: shape (num_tokens,).
        sentence_offsets: shape (num_sentences + 1,), into `ids`.
        kinds: of the vocabulary, see `token_kinds`.
        sentences: shape (n,), indices of the sentences.

    Returns:
        `INSIDE` to `CLAUSE` for each of their tokens (meaningless for the first token of a sentence), and the offsets of the
        sentences in this array, shape (n + 1,).
    """
    begins = offsets_of(sentence_offsets[sentences + 1] - sentence_offsets[sentences])
    quality = np.empty(int(begins[-1]), np.uint8)
    _rate_places(ids, sentence_offsets, kinds, sentences, quality)
    return quality, begins


@compiled
def _rate_places(
    ids: NDArray[Any],
    sentence_offsets: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    sentences: NDArray[np.int64],
    quality: NDArray[np.uint8],
) -> None:
    """Fills `quality`. `since_mark` counts the closing punctuation after a clause mark, of which two tokens at most are skipped."""
    count = 0
    for sentence in sentences:
        before, left, since_mark = 0, 0, 3
        for place in range(sentence_offsets[sentence], sentence_offsets[sentence + 1]):
            here = kinds[ids[place]]
            kind, left_kind = here % DIGITS, left % DIGITS
            joins = (left_kind == OPENING) | (left_kind == JOINING)
            number = (here >= DIGITS) & (before >= DIGITS) & ((left_kind == MARK) | (left_kind == CLOSING))
            begins = ((kind == WORD) | (kind == OPENING)) & (not (joins | number))
            ended = CLAUSE if since_mark < 3 else BETWEEN
            quality[count] = INSIDE if kind == PIECE else ended if begins else PUNCTUATION
            since_mark = 0 if kind == MARK else since_mark + 1 if kind == CLOSING and since_mark < 3 else 3
            count, before, left = count + 1, left, here


@compiled
def _cut_all(quality: NDArray[np.uint8], begins: NDArray[np.int64], max_tokens: int, found: NDArray[np.int64]) -> int:
    """Fills `found` (num_cuts, 3): sentence, place, reason. Returns how many; with no row in `found` it only counts."""
    count = 0
    for sentence in range(len(begins) - 1):
        begin, end = begins[sentence], begins[sentence + 1]
        while end - begin > max_tokens:
            length, reason = _next_cut(quality, begin, end, max_tokens)
            begin += length
            if len(found):
                found[count, 0], found[count, 1], found[count, 2] = sentence, begin, reason
            count += 1
    return count


@compiled
def _next_cut(quality: NDArray[np.uint8], begin: int, end: int, max_tokens: int) -> tuple[int, int]:
    """The length of the first piece of the rest of a sentence, and the reason for the cut after it."""
    left = end - begin
    fewest = -(-left // max_tokens)
    for wanted in (CLAUSE, BETWEEN, PUNCTUATION):
        for pieces in (fewest, fewest + 1):
            length = _nearest(quality, begin, left, (pieces, max_tokens), wanted)
            if length:
                return length, CLAUSE if wanted == CLAUSE else BETWEEN
    for length in range(max_tokens, 0, -1):
        if quality[begin + length] != INSIDE:
            return length, BETWEEN
    return -(-left // fewest), INSIDE


@compiled
def _nearest(quality: NDArray[np.uint8], begin: int, left: int, aim: tuple[int, int], wanted: int) -> int:
    """The length of a piece that ends at a place of this quality, the nearest to the ideal length; 0 if none is near enough.

    The ideal length is `max_tokens`, or an equal share if two pieces are enough. A place is near enough from half of it to one and
    a half, if the rest then fits into one piece less.
    """
    pieces, max_tokens = aim
    share = max_tokens if left > 2 * max_tokens else (left + pieces // 2) // pieces
    low, high = (
        max(1, share - share // 2, left - (pieces - 1) * max_tokens),
        min(max_tokens, share + share // 2, left - 1),
    )
    for step in range(share // 2 + 1):
        for length in (share - step, share + step):
            if low <= length <= high and quality[begin + length] >= wanted:
                return length
    return 0


def cut_documents(
    documents: TokenizedDocuments, vocabulary: Vocabulary, *, max_tokens: int
) -> tuple[TokenizedDocuments, dict[str, int]]:
    """Returns the documents with long sentences replaced by their pieces, and `Cuts.counts`."""
    cuts = find_cuts(documents.ids, documents.sentence_offsets, token_kinds(vocabulary), max_tokens=max_tokens)
    sentence_offsets, document_offsets = cuts.apply(documents.sentence_offsets, documents.document_offsets)
    cut = replace(documents, sentence_offsets=sentence_offsets, document_offsets=document_offsets)
    return cut, cuts.counts()
