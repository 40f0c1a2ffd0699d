"""What sentence splitting takes from spaCy's blank pipeline of a language, as plain data.

It can be kept in a file (`facts_file`): then spaCy is imported only if it must tokenize a chunk.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nspdata.tokenization.fast.alphabet import PATTERNS, groups_of
from nspdata.tokenization.fast.parsing import UnknownPatternError
from nspdata.tokenization.fast.programs import write_programs
from nspdata.tokenization.fast.rule_strings import rules_of
from nspdata.tokenization.fast.tokenizer import bare_tokenizer

if TYPE_CHECKING:
    from nspdata.tokenization.fast.alphabet import CharacterSet, Guards
    from nspdata.tokenization.fast.programs import Written

BY_RULES, BY_CHARACTER, OTHER = "rules", "characters", "other"
"""Kinds of tokenizers: spaCy's own, every character a token (Chinese by default), one that the fast encoder does not know."""


@dataclass(frozen=True)
class TokenizerFacts:
    """A tokenizer of spaCy.

    Attributes:
        strings: the strings of its rules.
        rules: these with the texts of their tokens; see `rules_of`.
        groups: see `groups_of`.
        programs: of its patterns; None if no program covers one of them.
        patterns: for each rule that it looks for in runs of tokens, the texts of these tokens; None without rules or programs.
        digest: 64 hexadecimal digits, of spaCy's version and all settings of the tokenizer.
    """

    strings: tuple[str, ...]
    rules: dict[str, list[str]] | None
    groups: dict[Guards, list[CharacterSet]] | None
    programs: Written | None
    patterns: dict[str, list[str]] | None
    digest: str


@dataclass(frozen=True)
class Facts:
    """A blank pipeline of spaCy with its sentencizer.

    Attributes:
        language: spaCy's code of its language.
        kind: `BY_RULES`, `BY_CHARACTER` or `OTHER`.
        punct_chars: the characters that end a sentence.
        strings: the strings of the tokenizer's rules.
    """

    language: str
    kind: str
    punct_chars: frozenset[str]
    strings: tuple[str, ...]


def facts_of(nlp: Any) -> Facts:
    """The facts of a pipeline."""
    return Facts(
        language=str(nlp.lang),
        kind=_kind(nlp),
        punct_chars=frozenset(nlp.get_pipe("sentencizer").punct_chars),
        strings=tuple(getattr(nlp.tokenizer, "rules", None) or ()),
    )


def tokenizer_facts(tokenizer: Any) -> TokenizerFacts:
    """The facts of a tokenizer of spaCy's own class. It takes 0.1 s to compute, 2 s for French."""
    try:
        programs = write_programs(tokenizer)
    except UnknownPatternError:
        programs = None
    rules = rules_of(tokenizer)
    return TokenizerFacts(
        strings=tuple(tokenizer.rules or ()),
        rules=rules,
        groups=groups_of(tokenizer),
        programs=programs,
        patterns=None if programs is None or rules is None else _patterns(tokenizer),
        digest=_digest(tokenizer),
    )


def _patterns(tokenizer: Any) -> dict[str, list[str]]:
    """The tokens without rules of each rule that `Tokenizer.add_special_case` adds to the matcher of runs of tokens."""
    without_rules = bare_tokenizer(tokenizer, with_rules=False)
    finders = (tokenizer.find_prefix, tokenizer.find_infix, tokenizer.find_suffix)
    return {
        rule: [token.text for token in without_rules(rule)]
        for rule in tokenizer.rules or ()
        if not tokenizer.faster_heuristics or " " in rule or any(find(rule) for find in finders)
    }


def _kind(nlp: Any) -> str:
    from spacy.pipeline import Sentencizer
    from spacy.tokenizer import Tokenizer

    if nlp.pipe_names != ["sentencizer"] or type(nlp.get_pipe("sentencizer")) is not Sentencizer:
        return OTHER
    if type(nlp.tokenizer) is Tokenizer:
        return BY_RULES
    by_character = getattr(nlp.tokenizer, "segmenter", "") == "char"
    return BY_CHARACTER if type(nlp.tokenizer).__name__ == "ChineseTokenizer" and by_character else OTHER


def _digest(tokenizer: Any) -> str:
    import spacy

    patterns = [getattr(getattr(tokenizer, name), "__self__", None) for name in PATTERNS]
    described = [
        spacy.__version__,
        [(getattr(pattern, "pattern", None), getattr(pattern, "flags", None)) for pattern in patterns],
        sorted(map(repr, tokenizer.rules.items())),
        tokenizer.faster_heuristics,
    ]
    return hashlib.sha256(repr(described).encode("utf-8", "surrogatepass")).hexdigest()
