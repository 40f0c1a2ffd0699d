"""Whether a tokenizer fits a corpus."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nspdata.api.builds import build_config
from nspdata.api.inputs import as_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nspdata.api.inputs import Inputs
    from nspdata.config.build import Config
    from nspdata.tokenization.fit import Fitness, Problem


@dataclass(frozen=True, slots=True)
class TokenizerFit:
    """How a tokenizer fits a corpus.

    Attributes:
        fitness: counts of a sample: words, tokens, [UNK], characters that are in no token.
        problems: what is out of range, each with a remedy; an empty list if the tokenizer fits.

    >>> import nspdata
    >>> fit = nspdata.check_tokenizer("tokenizer", "corpus.jsonl")
    >>> fit.fits, fit.fitness.unknown_share < 0.05
    (True, True)
    """

    fitness: Fitness
    problems: list[Problem]

    @property
    def fits(self) -> bool:
        """Whether nothing is out of range."""
        return not self.problems


def check_tokenizer(
    tokenizer: str | os.PathLike[str],
    inputs: Inputs,
    *,
    config: Config | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    sample_bytes: int = 10_000_000,
    **settings: Any,
) -> TokenizerFit:
    """Checks on a sample whether a tokenizer fits a corpus: [UNK], tokens per word, letters that accent stripping changes.

    Args:
        tokenizer: a `vocab.txt`, a `tokenizer.json`, or a directory with one of them.
        inputs: paths, URLs, texts, records, or a table; see `nspdata.Inputs`.
        config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
        sample_bytes: the most bytes of text to read.
        settings: settings by name, such as `max_unknown=0.02`; see docs/settings.md.

    Raises:
        ConfigError: a setting is wrong, or the tokenizer cannot be used.
        InputError: an input is missing, or holds no document.

    >>> import nspdata
    >>> nspdata.check_tokenizer("tokenizer", "corpus.jsonl", sample_bytes=100_000).problems
    []
    """
    resolved = build_config(config, settings)
    from nspdata.files.any import AnyFiles
    from nspdata.reading import expand_inputs, sample_documents
    from nspdata.tokenization.fit import measure, problems
    from nspdata.tokenization.wordpiece import WordPiece

    files, name, chosen = AnyFiles(), os.fspath(tokenizer), resolved.tokenizer
    wordpiece = WordPiece.load(name, lowercase=chosen.lowercase, strip_accents=chosen.strip_accents)
    with as_paths(inputs, resolved.input) as paths:
        sources = expand_inputs(paths, files, resolved.input)
        fitness = measure(wordpiece, sample_documents(sources, files, resolved.input, sample_bytes=sample_bytes))
    found = problems(fitness, max_unknown=chosen.max_unknown, tokenizer=name, strip_accents=chosen.strip_accents)
    return TokenizerFit(fitness, found)
