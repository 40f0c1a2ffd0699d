"""The rules of spaCy's tokenizer applied to runs of tokens: `Tokenizer._apply_special_cases` of spaCy 3, in Python.

`rule_strings.apply_rules` does the same in a compiled loop for most chunks. It leaves those to this module in which rules overlap, in which a
rule has white space inside, or in which a token alone is a rule of several tokens: fewer than one in a thousand.
"""

from __future__ import annotations

from itertools import accumulate


class SpecialCases:
    """The rules of a tokenizer.

    Args:
        rules: for each string the texts of its tokens.
        patterns: for each rule that spaCy looks for in runs of tokens, the texts of these tokens: those of its string without rules.
    """

    def __init__(self, rules: dict[str, list[str]], patterns: dict[str, list[str]]) -> None:
        self._rules = rules
        self._by_first: dict[str, set[tuple[str, ...]]] = {}
        for tokens in patterns.values():
            self._by_first.setdefault(tokens[0], set()).add(tuple(tokens))

    def applied(self, text: str, spans: list[tuple[int, int]]) -> list[int]:
        """Where the tokens of a text begin after the rules were applied.

        Args:
            text: a chunk.
            spans: start and end of each of its tokens before.

        >>> cases = SpecialCases({"e.g.": ["e.g."]}, {"e.g.": ["e", ".", "g", "."]})
        >>> cases.applied("(e.g.", [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)])
        [0, 1]
        """
        chosen = _chosen(self._matches([text[start:end] for start, end in spans]))
        starts, index = list[int](), 0
        while index < len(spans):
            first, last = spans[index][0], chosen.get(index, index + 1)
            rule = self._rules.get(text[first : spans[last - 1][1]]) if index in chosen else None
            if rule is None:  # also a run whose white space is not that of a rule
                starts += [start for start, _ in spans[index:last]]
            else:
                starts += [first + length for length in accumulate(map(len, rule[:-1]), initial=0)]
            index = last
        return starts

    def _matches(self, tokens: list[str]) -> list[tuple[int, int]]:
        """The runs of tokens that are a pattern, as first token and one after the last."""
        return [
            (first, first + len(pattern))
            for first, token in enumerate(tokens)
            for pattern in self._by_first.get(token, ())
            if tuple(tokens[first : first + len(pattern)]) == pattern
        ]


def _chosen(matches: list[tuple[int, int]]) -> dict[int, int]:
    """The end of each run that is used, by its start: the longest of those that overlap, the first of those that are as long.

    A run that is not used still keeps shorter ones from its tokens, as in `Tokenizer._filter_special_spans`.

    >>> _chosen([(0, 2), (1, 4), (3, 5), (4, 6)])
    {1: 4}
    >>> _chosen([(0, 2), (2, 3), (2, 4)])
    {0: 2, 2: 4}
    """
    chosen: dict[int, int] = {}
    seen: set[int] = set()
    for first, last in sorted(matches, key=lambda match: (match[0] - match[1], match[0])):
        if first not in seen and last - 1 not in seen:
            chosen[first] = last
        seen.update(range(first, last))
    return chosen
