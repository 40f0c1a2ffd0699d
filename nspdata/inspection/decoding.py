"""Token ids to readable text: word pieces joined, control characters made visible."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.tokenization.vocabulary import SPECIAL_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nspdata.tokenization.vocabulary import Vocabulary

NO_SPACE_BEFORE = frozenset(".,;:!?)]}%’”»…،؛؟।")
NO_SPACE_AFTER = frozenset("([{$#@¿¡‘“«")
APOSTROPHES = frozenset("'’")
ENGLISH_ENDINGS = frozenset({"s", "t", "m", "d", "ll", "ve", "re"})
"""English endings that follow an apostrophe without a space."""

LEFT_TO_RIGHT, RIGHT_TO_LEFT, END_OF_ISOLATE = "\u2066", "\u2067", "\u2069"
DOTTED_CIRCLE = "\u25cc"

MASKED, RANDOM, KEPT = "mask", "random", "kept"
"""What a masked position holds in `input_ids`: [MASK], another token, or the original token."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One token as it is shown.

    Attributes:
        text: the token without `##`, safe to print.
        spaced: whether a space precedes it.
    """

    text: str
    spaced: bool


def decode(ids: Iterable[int], vocabulary: Vocabulary) -> str:
    """The text of some token ids, as readable as WordPiece allows, safe to print.

    >>> from nspdata.tokenization.vocabulary import Vocabulary
    >>> words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "jump", "##ed", "he", ".", "東", "京")
    >>> decode([7, 5, 6, 8, 4, 9, 10], Vocabulary(words))
    'he jumped. [MASK] 東京'
    """
    return "".join(" " * piece.spaced + piece.text for piece in spell(ids, vocabulary))


def spell(ids: Iterable[int], vocabulary: Vocabulary) -> list[Piece]:
    """One piece per token id; an id outside the vocabulary becomes `[id N]`."""
    size = len(vocabulary)
    tokens = [vocabulary.tokens[token] if 0 <= token < size else f"[id {token}]" for token in map(int, ids)]
    spaces = [_spaced(tokens, index) for index in range(len(tokens))]
    return [Piece(visible(bare(token)), spaced) for token, spaced in zip(tokens, spaces, strict=True)]


def standing_alone(token: str) -> str:
    """A single token for display: with its `##`, a combining mark on a dotted circle, isolated from the text around it."""
    prefix, text = ("##", bare(token)) if continues(token) else ("", token)
    circle = DOTTED_CIRCLE if unicodedata.combining(text[:1] or " ") else ""
    return isolate(prefix + circle + visible(text))


def visible(text: str) -> str:
    r"""The text with every control, format and unassigned character made visible.

    >>> visible("a\x1b[31mb\u202ec")
    'a␛[31mb⟨U+202E⟩c'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def isolate(text: str) -> str:
    """The text between direction marks, so that right-to-left words do not reorder the text around it; other text is unchanged."""
    directions = [unicodedata.bidirectional(character) for word in _words(text) for character in word]
    right = sum(direction in {"R", "AL"} for direction in directions)
    if not right:
        return text
    start = RIGHT_TO_LEFT if right >= directions.count("L") else LEFT_TO_RIGHT
    return f"{start}{text}{END_OF_ISOLATE}"


def replacement_kinds(held: NDArray[Any], labels: NDArray[Any], mask_id: int) -> list[str]:
    """For each masked position, how it was replaced: `MASKED`, `RANDOM` or `KEPT`.

    Args:
        held: shape (num_masked,), the ids in the row.
        labels: shape (num_masked,), the original ids.
        mask_id: id of [MASK].
    """
    kinds = np.where(held == labels, KEPT, RANDOM)
    kinds[held == mask_id] = MASKED
    return kinds.tolist()  # type: ignore[no-any-return]


def _words(text: str) -> list[str]:
    """The words that decide the direction of a text; special tokens are left out."""
    for special in SPECIAL_TOKENS:
        text = text.replace(special, " ")
    return text.split()


def continues(token: str) -> bool:
    """Whether a token continues a word."""
    return token.startswith("##") and len(token) > 2


def bare(token: str) -> str:
    """The token without `##`."""
    return token[2:] if continues(token) else token


def _spaced(tokens: Sequence[str], index: int) -> bool:
    token = tokens[index]
    if not index or continues(token):
        return False
    before = bare(tokens[index - 1])
    if token in NO_SPACE_BEFORE or (before in NO_SPACE_AFTER and not continues(tokens[index - 1])):
        return False
    if is_ideographic(before[-1:]) and is_ideographic(token[:1]):
        return False
    apostrophe = tokens[index - 1] in APOSTROPHES and index > 1
    return not (
        (apostrophe and token in ENGLISH_ENDINGS)
        or (token in APOSTROPHES and index + 1 < len(tokens) and tokens[index + 1] in ENGLISH_ENDINGS)
    )


def is_ideographic(character: str) -> bool:
    """Whether a character is written without spaces: Han, kana, and the punctuation between them (Korean has spaces)."""
    return bool(character) and (
        "\u2e80" <= character <= "\u312f"
        or "\u31a0" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or "\uff00" <= character <= "\uff9f"
        or "\U0001b000" <= character <= "\U0001b16f"
        or "\U00020000" <= character <= "\U0003ffff"
    )


def _visible(character: str) -> str:
    if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"⟨U+{code:04X}⟩"
