"""Where sentences begin, in plain code: spaCy's sentencizer, with the ends it misses and the starts it misplaces corrected.

spaCy's sentencizer looks at tokens. A token that is one of its marks ends a sentence, and the next token that is not only
punctuation begins one. On gold sentences that rule fails in five ways, each corrected here:

1. Marks of scripts that the tokenizer leaves inside a token (Armenian, Tibetan, Khmer, Burmese, Japanese under `xx`) are not
   seen. They are: such a token is divided at each mark.
2. Marks that the tokenizer leaves on the last word before white space are not seen (`2004.` in Arabic and German). They are,
   unless the word is an exception of the tokenizer, an initial, an abbreviation with a full stop inside, or a number of at
   most three digits (an ordinal or a list number).
3. An ellipsis before white space is not seen. It ends a sentence if an upper-case letter follows.
4. A sentence never begins with a lower-case letter right after a comma, a closing quote or bracket, a dash, or a single letter
   or short number with a full stop (`"Why?" he said`, `до н. э. когда`, `20. marec`), nor after a full stop inside a number or
   a name (`2.85`, `node.js`).
5. Opening quotes and brackets, `¿`, `¡`, and dashes after white space belong to the sentence that they open.

`opening_marks = "as_spacy"` turns 5 off, `end_marks = "as_spacy"` turns 1 to 4 off (but for `extra_marks`).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

SPACE, OPENING, QUOTE, DASH, CLOSING, LOWER, UPPER, LETTER, DIGIT, PUNCTUATION = (1 << bit for bit in range(10))
"""Classes of characters, as bits; `QUOTE` opens or closes, by context."""

SCRIPT_MARKS = "\u05c3\u0f0d\u0f0e\u0f11\u17d4\u17d5\u17da\ufe12"
"""Marks that spaCy's sentencizer does not know: Hebrew (end of a verse), Tibetan, Khmer, and the vertical form of the ideographic full stop."""

NOT_ENDS = "\u104a"
"""The Burmese comma, which spaCy's sentencizer takes for the end of a sentence."""

LANGUAGE_MARKS = {"el": ";\u037e", "hy": ":"}
"""Marks of single languages: the Greek question mark, and the colon that stands for the Armenian full stop."""

WORD_MARKS = ".!?\u2026"
"""Marks that end a sentence at the end of a word."""

MAX_ORDINAL_DIGITS = 3

MAX_ABBREVIATED_LETTERS = 3


@dataclass(frozen=True, kw_only=True)
class SentenceRules:
    """The corrections to apply.

    Attributes:
        move_opening_marks: correction 5.
        correct_end_marks: corrections 1 to 4.
        extra_marks: more marks. A mark of ASCII ends a sentence at the end of a word, any other wherever it is.
        punct_chars: spaCy's marks.
        exceptions: the strings that the tokenizer keeps whole.
        by_character: whether each character is a token.
    """

    move_opening_marks: bool = True
    correct_end_marks: bool = True
    extra_marks: str = ""
    punct_chars: frozenset[str] = frozenset()
    exceptions: Container[str] = ()
    by_character: bool = False

    @cached_property
    def single_marks(self) -> frozenset[str]:
        """Marks that end a sentence where they are a token."""
        return (self.punct_chars | self.inner_marks) - self.not_ends

    @cached_property
    def not_ends(self) -> frozenset[str]:
        """End marks of spaCy that do not end a sentence here."""
        return frozenset(NOT_ENDS) - {*self.extra_marks} if self.correct_end_marks else frozenset()

    @cached_property
    def inner_marks(self) -> frozenset[str]:
        """Marks that end a sentence wherever they are, also inside a token."""
        given = {mark for mark in self.extra_marks if self.by_character or not mark.isascii()}
        known = {mark for mark in {*SCRIPT_MARKS, *self.punct_chars} if not mark.isascii()} - self.not_ends
        return frozenset(given | known if self.correct_end_marks else given)

    @cached_property
    def word_marks(self) -> frozenset[str]:
        """Marks that end a sentence at the end of a word."""
        if self.by_character:
            return frozenset()
        given = {mark for mark in self.extra_marks if mark.isascii()}
        return frozenset({*WORD_MARKS, *given} if self.correct_end_marks else given)

    @cached_property
    def all_marks(self) -> frozenset[str]:
        """All marks that end a sentence."""
        return self.single_marks | self.word_marks | frozenset(WORD_MARKS)

    def starts(self, text: str, tokens: Iterable[tuple[int, int]]) -> list[int]:
        """Where the sentences of a paragraph begin; the first at 0.

        Args:
            text: the paragraph.
            tokens: start and end of each token of spaCy, those of white space included.
        """
        candidates = self._candidates(text, self._divided(text, tokens))
        if not (self.move_opening_marks or self.correct_end_marks):
            return candidates
        first = len(text) - len(text.lstrip())
        kept = [first]
        for candidate in candidates[1:]:
            start = candidate
            while start < len(text) and text[start].isspace():
                start += 1
            if start == len(text):
                break
            if self.move_opening_marks:
                start = opening(text, kept[-1], start)
            if start > kept[-1] and not (self.correct_end_marks and self.continues(text, kept[-1], start)):
                kept.append(start)
        return [0, *kept[1:]]

    def _divided(self, text: str, tokens: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """The tokens, with those that hold a mark inside divided into marks, runs of punctuation and runs of the rest."""
        divided = []
        for start, end in tokens:
            if end - start == 1 or self.inner_marks.isdisjoint(text[start:end]):
                divided.append((start, end))
                continue
            for place in range(start, end):
                kind = self._part(text[place])
                if place > start and kind and kind == self._part(text[place - 1]):
                    divided[-1] = (divided[-1][0], place + 1)
                else:
                    divided.append((place, place + 1))
        return divided

    def _part(self, character: str) -> int:
        """0 for a mark, which stands alone; 1 for punctuation; 2 for the rest."""
        if character in self.inner_marks:
            return 0
        return 1 if classes(character) & PUNCTUATION else 2

    def _candidates(self, text: str, tokens: Sequence[tuple[int, int]]) -> list[int]:
        """Runs spaCy's sentencizer over the tokens, with the marks on words and the ellipses among those that end a sentence."""
        ends = self._word_ends(text, tokens)
        starts, ended = [0], False
        for index, (start, end) in enumerate(tokens):
            word = text[start:end]
            if word in self.single_marks or (index in ends and is_punctuation(word)):
                ended = True
            elif not is_punctuation(word):
                if ended:
                    starts.append(start)
                ended = index in ends
        return starts

    def _word_ends(self, text: str, tokens: Sequence[tuple[int, int]]) -> set[int]:
        """Indices of tokens that end a sentence because of where they are: the last word before white space, and what follows it."""
        found: set[int] = set()
        if not self.word_marks:
            return found
        for index, (start, end) in enumerate(tokens):
            followed = index + 1 < len(tokens) and tokens[index + 1][0] == end and not text[end].isspace()
            if followed or text[start].isspace():
                continue
            at, begin = index, start
            while is_punctuation(text[begin : tokens[at][1]]):
                if text[tokens[at][1] - 1] in self.word_marks:
                    found.add(at)
                if at == 0 or tokens[at - 1][1] != begin or text[tokens[at - 1][0]].isspace():
                    break
                at, begin = at - 1, tokens[at - 1][0]
            if self.ends_with_mark(text[begin : tokens[at][1]]):
                found.add(at)
        return found

    def ends_with_mark(self, token: str) -> bool:
        """Whether the last word before white space, with what the tokenizer left on it, ends a sentence.

        >>> rules = SentenceRules(exceptions={"etc."})
        >>> [token for token in ("2004.", "4.", "F.", "U.S.", "etc.", "word.", "2C.'", "6.000.", "so...") if rules.ends_with_mark(token)]
        ['2004.', 'word.', "2C.'", '6.000.', 'so...']
        """
        body = token
        while body and classes(body[-1]) & CLOSING:
            body = body[:-1]
        stem = body.rstrip("".join(self.word_marks))
        if token in self.exceptions or not stem or stem == body:
            return False
        core = stem
        while core and classes(core[0]) & PUNCTUATION:
            core = core[1:]
        if body != f"{stem}.":
            return bool(core)
        parts = core.split(".")
        if all(part.isdigit() for part in parts):
            return len(parts) > 1 or len(core) > MAX_ORDINAL_DIGITS
        short = all(len(part) <= MAX_ABBREVIATED_LETTERS for part in parts)
        letters = sum(not unicodedata.category(character).startswith("M") for character in core)
        return letters > 1 and not (len(parts) > 1 and short)

    def continues(self, text: str, begin: int, start: int) -> bool:
        """Whether the sentence that begins at `begin` does not end before `start`."""
        first, dash = start, False
        while first < len(text) and classes(text[first]) & (OPENING | QUOTE | DASH | SPACE):
            dash = dash or bool(classes(text[first]) & DASH)
            first += 1
        following = classes(text[first]) if first < len(text) else 0
        end = start
        while classes(text[end - 1]) & SPACE:
            end -= 1
        if following & LOWER and (dash or text[end - 1] not in self.all_marks or _is_initial(text, begin, end)):
            return True
        if end == start and _is_inside_a_name(text, begin, end):
            return True
        while end > begin and classes(text[end - 1]) & (CLOSING | SPACE):
            end -= 1
        return not following & UPPER and _ends_with_ellipsis(text, begin, end)


def opening(text: str, begin: int, start: int) -> int:
    """Where a sentence begins that has its first word at `start`: at the quotes, brackets and dashes that open it.

    >>> opening('Go. ("Now") I', 0, 6), opening('“Go.” I', 0, 6), opening("Go. « Now", 0, 6), opening("Go. — I", 0, 6)
    (4, 6, 4, 4)
    """
    at = found = start
    while at > begin:
        kind, touching = classes(text[at - 1]), not classes(text[at]) & SPACE
        if kind & SPACE:
            at -= 1
            continue
        if kind & DASH:
            at = _run_of_dashes(text, begin, at)
            if not (at == begin or classes(text[at - 1]) & SPACE):
                break
        elif (kind & OPENING and (touching or (text[at - 1] in "«‹" and _is_after_space(text, begin, at - 1)))) or (
            kind & QUOTE and touching and _is_after_space(text, begin, _run_of_quotes(text, begin, at - 1))
        ):
            at -= 1
        else:
            break
        found = at
    return found


def _run_of_dashes(text: str, begin: int, at: int) -> int:
    while at > begin and classes(text[at - 1]) & DASH:
        at -= 1
    return at


def _run_of_quotes(text: str, begin: int, at: int) -> int:
    while at > begin and classes(text[at - 1]) & (OPENING | QUOTE):
        at -= 1
    return at


def _is_after_space(text: str, begin: int, at: int) -> bool:
    return at == begin or bool(classes(text[at - 1]) & (SPACE | DASH))


def _is_initial(text: str, begin: int, end: int) -> bool:
    """Whether a single letter, or a number of at most three digits, and a full stop end here."""
    at = end - 1
    while at > begin and end - 1 - at <= MAX_ORDINAL_DIGITS and classes(text[at - 1]) & DIGIT:
        at -= 1
    if at == end - 1 and at > begin and classes(text[at - 1]) & LETTER:
        at -= 1
    length = end - 1 - at
    ahead = at > begin and bool(classes(text[at - 1]) & (LETTER | DIGIT))
    return text[end - 1] == "." and 0 < length <= MAX_ORDINAL_DIGITS and not ahead


def _is_inside_a_name(text: str, begin: int, end: int) -> bool:
    """Whether a full stop here is one of a number or of a name such as `node.js`."""
    if end - 2 < begin or end >= len(text) or text[end - 1] not in ".．":
        return False
    before, after = text[end - 2], text[end]
    if classes(before) & DIGIT and classes(after) & DIGIT:
        return True
    return before.isascii() and before.isalnum() and after.isascii() and bool(classes(after) & LOWER)


def _ends_with_ellipsis(text: str, begin: int, end: int) -> bool:
    """Whether two full stops or an ellipsis end here, but not `?..`."""
    at = end
    while at > begin and text[at - 1] in ".\u2026":
        at -= 1
    if at == end or (end - at == 1 and text[at] == "."):
        return False
    return at == begin or text[at - 1] not in "!?"


@cache
def classes(character: str) -> int:
    """The classes of a character.

    >>> classes("(") == OPENING | PUNCTUATION, classes("a") == LOWER | LETTER
    (True, True)
    """
    category = unicodedata.category(character)
    found = {
        SPACE: character.isspace(),
        OPENING: category in {"Ps", "Pi"} or character in "¿¡",
        QUOTE: category == "Pf" or character in "\"'",
        DASH: category == "Pd",
        CLOSING: category in {"Pe", "Pf", "Pi"} or character in "\"'",
        LOWER: character.islower(),
        UPPER: character.isupper() or character.istitle(),
        LETTER: category[0] in "LM",
        DIGIT: character.isdigit(),
        PUNCTUATION: category[0] == "P",
    }
    return sum(bit for bit, holds in found.items() if holds)


@cache
def is_punctuation(token: str) -> bool:
    """Whether a token is punctuation only, as spaCy's `is_punct` says."""
    return all(classes(character) & PUNCTUATION for character in token)
