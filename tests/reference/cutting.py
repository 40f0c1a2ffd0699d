"""How a long sentence is cut into pieces, in plain code: one sentence as a list of tokens.

The lists of marks and of scripts are those of the product, because they are part of the rule.
"""

from __future__ import annotations

import unicodedata

from nspdata.tokenization.cutting import CLAUSE_MARKS, UNSPACED

JOINING = set("'’‘\"/\\@&#・／")


def word_piece(token: str) -> bool:
    """Whether a token continues a word; in scripts without spaces any piece can begin one, but not a combining mark."""
    if not token.startswith("##") or len(token) < 3:
        return False
    first = token[2]
    if unicodedata.category(first)[0] == "M" or unicodedata.category(first) == "Lm":
        return True
    return unicodedata.name(first, "").split(" ")[0] not in UNSPACED


def punctuation(token: str) -> str:
    """`open`, `close`, `mark`, `join`, or "" for a word."""
    if token in CLAUSE_MARKS:
        return "mark"
    if len(token) > 1 or unicodedata.category(token)[0] != "P" or token in "*•·|":
        return ""
    category = unicodedata.category(token)
    if token in JOINING or category in {"Pd", "Pc"}:
        return "join"
    return "open" if category in {"Ps", "Pi"} or token in "¿¡" else "close"


def digits(token: str) -> bool:
    return token.removeprefix("##").isdigit()


def place(tokens: list[str], index: int) -> str:
    """What the place before a token is: `clause`, `words`, `punctuation` or `inside`."""
    if word_piece(tokens[index]):
        return "inside"
    before, after = punctuation(tokens[index - 1]), punctuation(tokens[index])
    if after in {"close", "mark", "join"} or before in {"open", "join"}:
        return "punctuation"
    if before in {"close", "mark"} and index > 1 and digits(tokens[index - 2]) and digits(tokens[index]):
        return "punctuation"
    last = index - 1
    while last > 0 and index - last < 3 and punctuation(tokens[last]) == "close" and not word_piece(tokens[last]):
        last -= 1
    return "clause" if punctuation(tokens[last]) == "mark" else "words"


def cut(tokens: list[str], max_tokens: int) -> list[tuple[int, str]]:
    """Where a sentence is cut, and why."""
    found: list[tuple[int, str]] = []
    begin = 0
    while len(tokens) - begin > max_tokens:
        length, reason = next_piece(tokens, begin, max_tokens)
        begin += length
        found.append((begin, reason))
    return found


def next_piece(tokens: list[str], begin: int, max_tokens: int) -> tuple[int, str]:
    left = len(tokens) - begin
    fewest = -(-left // max_tokens)
    places = {length: place(tokens, begin + length) for length in range(1, min(max_tokens, left - 1) + 1)}
    for good, reason in (
        ({"clause"}, "clause_mark"),
        ({"clause", "words"}, "between_words"),
        ({"clause", "words", "punctuation"}, "between_words"),
    ):
        for pieces in (fewest, fewest + 1):
            share = max_tokens if left > 2 * max_tokens else (left + pieces // 2) // pieces
            near = [
                length
                for length in places
                if abs(length - share) <= share // 2
                and left - length <= (pieces - 1) * max_tokens
                and places[length] in good
            ]
            if near:
                return min(near, key=lambda length: (abs(length - share), length)), reason
    boundaries = [length for length in places if places[length] != "inside"]
    if boundaries:
        return max(boundaries), "between_words"
    return -(-left // fewest), "inside_word"
