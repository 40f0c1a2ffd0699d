"""Where sentences begin after the corrections, written slowly from docs/languages.md: strings and regular expressions over spaCy's tokens.

Nothing here is shared with `nspdata.tokenization.rules`, whose result must be identical.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass

SCRIPTS = set("\N{HEBREW PUNCTUATION SOF PASUQ}\N{TIBETAN MARK SHAD}\N{TIBETAN MARK NYIS SHAD}\N{TIBETAN MARK RIN CHEN SPUNGS SHAD}"
              "\N{KHMER SIGN KHAN}\N{KHMER SIGN BARIYOOSAN}\N{KHMER SIGN KOOMUUT}"
              "\N{PRESENTATION FORM FOR VERTICAL IDEOGRAPHIC FULL STOP}")  # fmt: skip

BURMESE_COMMA = "\N{MYANMAR SIGN LITTLE SECTION}"

OWN = {"el": set(";\N{GREEK QUESTION MARK}"), "hy": {":"}}

AT_THE_END_OF_WORDS = set(".!?\N{HORIZONTAL ELLIPSIS}")

Token = tuple[int, int]


@dataclass(frozen=True)
class Language:
    """What a language brings: its code, spaCy's marks, the strings that its tokenizer keeps whole, and whether each character is a token."""

    code: str
    spacy_marks: frozenset[str]
    exceptions: frozenset[str]
    by_character: bool

    @property
    def anywhere(self) -> set[str]:
        """Marks that end a sentence wherever they stand."""
        own = OWN.get(self.code, set())
        wide = {mark for mark in SCRIPTS | self.spacy_marks if ord(mark) > 127} - {BURMESE_COMMA}
        return wide | {mark for mark in own if ord(mark) > 127 or self.by_character}

    @property
    def alone(self) -> set[str]:
        """Marks that end a sentence where they are a token."""
        return (self.spacy_marks | self.anywhere) - {BURMESE_COMMA}

    @property
    def on_words(self) -> set[str]:
        """Marks that end a sentence at the end of a word."""
        own = {mark for mark in OWN.get(self.code, set()) if ord(mark) < 128}
        return set() if self.by_character else AT_THE_END_OF_WORDS | own


def category(character: str) -> str:
    return unicodedata.category(character)


def punctuation(text: str) -> bool:
    return all(category(character).startswith("P") for character in text)


def closing(character: str) -> bool:
    return category(character) in {"Pe", "Pf", "Pi"} or character in {'"', "'"}


def letter(character: str) -> bool:
    return category(character)[0] in "LM"


def letter_or_digit(character: str) -> bool:
    return letter(character) or character.isdigit()


def outline(text: str) -> str:
    """One letter for each character: Space, Dash, Guillemet that opens, Opening, Quote, or x."""
    letters = []
    for character in text:
        kind = category(character)
        if character.isspace():
            letters.append("S")
        elif kind == "Pd":
            letters.append("D")
        elif character in "\u00ab\u2039":
            letters.append("G")
        elif kind in {"Ps", "Pi"} or character in "\u00bf\u00a1":
            letters.append("O")
        elif kind == "Pf" or character in "\"'":
            letters.append("Q")
        else:
            letters.append("x")
    return "".join(letters)


def begins(text: str, tokens: list[Token], language: Language) -> list[int]:
    """Where the sentences of a paragraph begin: the first at 0."""
    found = [len(text) - len(text.lstrip())]
    for place in after_marks(text, divide(text, tokens, language), language):
        rest = text[place:]
        word = place + len(rest) - len(rest.lstrip())
        if word == len(text):
            break
        start = found[-1] + opened_at(text[found[-1] : word])
        if start > found[-1] and not goes_on(text[found[-1] : start], text[start:], language):
            found.append(start)
    return [0, *found[1:]]


def divide(text: str, tokens: list[Token], language: Language) -> list[Token]:
    """Correction 1: a token with a mark inside becomes marks, runs of punctuation, and runs of the rest."""
    result = []
    for start, end in tokens:
        if not language.anywhere & set(text[start:end]):
            result.append((start, end))
            continue
        numbers = itertools.count()

        def part(place: int, numbers: itertools.count[int] = numbers) -> object:
            character = text[place]
            return next(numbers) if character in language.anywhere else str(punctuation(character))

        for _, places in itertools.groupby(range(start, end), key=part):
            run = list(places)
            result.append((run[0], run[-1] + 1))
    return result


def after_marks(text: str, tokens: list[Token], language: Language) -> list[int]:
    """The first token after each end that is not punctuation, as spaCy's sentencizer takes it."""
    ending = at_word_ends(text, tokens, language)
    result, ended = [], False
    for start, end in tokens:
        word = text[start:end]
        if word in language.alone:
            ended = True
        elif punctuation(word):
            ended = ended or (start, end) in ending
        else:
            if ended:
                result.append(start)
            ended = (start, end) in ending
    return result


def at_word_ends(text: str, tokens: list[Token], language: Language) -> set[Token]:
    """Correction 2: in each word with what follows it up to the white space, the tokens with a mark at the end."""
    words: list[list[Token]] = []
    for start, end in tokens:
        if text[start].isspace():
            words.append([])
        elif words and words[-1] and words[-1][-1][1] == start:
            words[-1].append((start, end))
        else:
            words.append([(start, end)])
    ending = set()
    for every in filter(None, words if language.on_words else []):
        word, first = every, every[0]
        while word[1:] and punctuation(text[slice(*word[-1])]):
            if text[word[-1][1] - 1] in language.on_words:
                ending.add(word[-1])
            word = word[:-1]
        last = text[slice(*word[-1])]
        mark_alone = word == [first] and punctuation(last) and last[-1] in language.on_words
        if mark_alone or ends_a_sentence(last, language):
            ending.add(word[-1])
    return ending


def ends_a_sentence(token: str, language: Language) -> bool:
    """A mark that the tokenizer left on a word: not of an exception, an initial, an abbreviation, a short number."""
    if token in language.exceptions:
        return False
    body = token
    while body and closing(body[-1]):
        body = body[:-1]
    stem = body
    while stem and stem[-1] in language.on_words:
        stem = stem[:-1]
    core = stem
    while core and punctuation(core[0]):
        core = core[1:]
    if not stem or stem == body:
        return False
    if body[len(stem) :] != ".":
        return bool(core)
    parts = core.split(".")
    if all(part and part.isdigit() for part in parts):
        return len(parts) > 1 or len(core) >= 4
    if len([character for character in core if not category(character).startswith("M")]) < 2:
        return False
    return len(parts) == 1 or max(map(len, parts)) >= 4


def opened_at(before: str) -> int:
    """Correction 5: how much of the text before a word is not of its sentence: dashes, brackets and quotes that open it are."""
    shape = outline(before)
    while found := (
        re.search(r"(?:^|(?<=S))D+S*$", shape)
        or re.search(r"[OG]$", shape)
        or re.search(r"(?:^|(?<=[SD]))GS+$", shape)
        or re.search(r"(?:^|(?<=[SD]))[OGQ]*Q$", shape)
    ):
        shape = shape[: found.start()]
    return len(shape)


def goes_on(sentence: str, rest: str, language: Language) -> bool:
    """Corrections 3 and 4: whether the sentence does not end before the rest."""
    lead = re.match(r"[SDGOQ]*", outline(rest))
    assert lead
    following = rest[lead.end() :][:1]
    told = sentence.rstrip()
    marks = language.alone | language.on_words | AT_THE_END_OF_WORDS
    if following.islower() and ("D" in lead.group() or told[-1] not in marks or initial(told)):
        return True
    if told == sentence and inside_a_name(told, rest):
        return True
    while told and (told[-1].isspace() or closing(told[-1])):
        told = told[:-1]
    bare = told.rstrip(".\N{HORIZONTAL ELLIPSIS}")
    dots = told[len(bare) :]
    return not (following.isupper() or following.istitle()) and dots not in {"", "."} and not bare.endswith(("!", "?"))


def initial(text: str) -> bool:
    """A single letter, or at most three digits, and a full stop."""
    if not text.endswith("."):
        return False
    word = text[:-1]
    bare = word
    while bare and bare[-1].isdigit():
        bare = bare[:-1]
    digits = len(word) - len(bare)
    if not digits and bare and letter(bare[-1]):
        bare, digits = bare[:-1], 1
    return 1 <= digits <= 3 and not (bare and letter_or_digit(bare[-1]))


def inside_a_name(text: str, rest: str) -> bool:
    """A full stop between two digits, or between ASCII and a lower-case letter of ASCII."""
    if len(text) < 2 or text[-1] not in ".\N{FULLWIDTH FULL STOP}":
        return False
    before, after = text[-2], rest[0]
    if before.isdigit() and after.isdigit():
        return True
    return bool(re.match(r"[A-Za-z0-9]", before) and re.match(r"[a-z]", after))
