"""Trains tokenizers, and checks whether a tokenizer fits a corpus."""

from __future__ import annotations

import dataclasses
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nspdata.api.builds import build_config
from nspdata.api.inputs import as_paths
from nspdata.api.runs import RunOptions, run_tokenizer_training
from nspdata.errors import ConfigError, naming_extra

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nspdata.api.inputs import Inputs
    from nspdata.config.build import Config
    from nspdata.tokenization.fit import Fitness, Problem
    from nspdata.tokenization.marks import Accents
    from nspdata.tokenization.wordpiece import WordPiece


@dataclass(frozen=True, slots=True)
class TrainedTokenizer(os.PathLike[str]):
    """A trained tokenizer; can be used wherever a path of its directory can.

    Attributes:
        directory: holds `vocab.txt` and `tokenizer.json`; `transformers.AutoTokenizer` loads it.
        vocab_size: number of tokens.
        text_bytes: bytes of text that it was trained on; None if a remote worker trained it.
        accents: why accents are stripped or kept; None if a setting decided.

    >>> import nspdata
    >>> nspdata.TrainedTokenizer("tokenizer", vocab_size=30522, text_bytes=10**9)
    TrainedTokenizer(directory='tokenizer', vocab_size=30522, text_bytes=1000000000, accents=None)
    """

    directory: str
    vocab_size: int
    text_bytes: int | None
    accents: Accents | None = None

    def __fspath__(self) -> str:
        return self.directory


def train_tokenizer(  # noqa: PLR0913 - the options of the command
    inputs: Inputs,
    output: str | os.PathLike[str],
    *,
    config: Config | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    overwrite: bool = False,
    progress: bool = True,
    beam_options: Sequence[str] = (),
    **settings: Any,
) -> TrainedTokenizer:
    """Trains a WordPiece vocabulary on a sample of the inputs.

    Args:
        inputs: paths, URLs, texts, records, or a table; see `nspdata.Inputs`.
        output: the directory to write.
        config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
        overwrite: whether a tokenizer in `output` is replaced.
        progress: whether progress is shown on stderr if that is a terminal.
        beam_options: options for Apache Beam; with a runner, one of its workers reads the sample and trains.
        settings: settings by name, such as `vocab_size=30522` or `lowercase="no"`; see docs/settings.md.

    Raises:
        ConfigError: a setting is wrong, or `output` holds a tokenizer or anything else.
        InputError: an input is missing, or holds no word.

    >>> import nspdata
    >>> nspdata.train_tokenizer("corpus.jsonl", "small-tokenizer", vocab_size=500).vocab_size
    500
    """
    target, options = os.fspath(output), RunOptions(overwrite=overwrite, beam_options=beam_options)
    resolved = build_config(config, settings)
    with naming_extra("nspdata.train_tokenizer"):
        from nspdata.pipelines.run import Submitted

        done = run_tokenizer_training(inputs, target, resolved, options, progress=progress and sys.stderr.isatty())
    if isinstance(done, Submitted):
        raise ConfigError(f"the tokenizer is not written yet ({done.location}); leave out the options that do not wait")
    if done is None:
        return TrainedTokenizer(target, vocab_size=len(_load(target).vocabulary), text_bytes=None)
    return TrainedTokenizer(
        target, vocab_size=len(done.wordpiece.vocabulary), text_bytes=done.text_bytes, accents=done.accents
    )


@dataclass(frozen=True, slots=True)
class TokenizerFit:
    """How a tokenizer fits a corpus.

    Attributes:
        fitness: counts of a sample: words, tokens, [UNK], characters that are in no token.
        problems: what is out of range, each with a remedy; an empty list if the tokenizer fits.
        wordpiece: the tokenizer.
        max_unknown: largest share of [UNK] that is in range.

    >>> import nspdata
    >>> fit = nspdata.check_tokenizer("tokenizer", "corpus.jsonl")
    >>> fit.fits, fit.fitness.unknown_share < 0.05
    (True, True)
    """

    fitness: Fitness
    problems: list[Problem]
    wordpiece: WordPiece
    max_unknown: float

    @property
    def fits(self) -> bool:
        """Whether nothing is out of range."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON's types, as `nspdata check-tokenizer --json` prints them."""
        from nspdata.tokenization.fit import MAX_STRIPPED

        fitness = self.fitness
        unwritable = sorted(fitness.unwritable.items(), key=lambda item: (-item[1], item[0]))
        return {
            "fits": self.fits,
            "problems": [dataclasses.asdict(problem) for problem in self.problems],
            "texts": fitness.texts,
            "words": fitness.words,
            "tokens": fitness.tokens,
            "unknown_share": fitness.unknown_share,
            "max_unknown": self.max_unknown,
            "tokens_per_word": fitness.tokens_per_word,
            "max_tokens_per_word": fitness.max_tokens_per_word,
            "stripped_share": fitness.stripped_share,
            "max_stripped_share_per_script": MAX_STRIPPED,
            "lowercase": self.wordpiece.lowercase,
            "strip_accents": self.wordpiece.strip_accents,
            "fast": self.wordpiece.is_plain,
            "reason": self.wordpiece.reason,
            "unwritable": [
                {"character": character, "count": count, "example": fitness.examples[character]}
                for character, count in unwritable
            ],
        }


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
    from nspdata.tokenization.fit import measure_fit, problems
    from nspdata.tokenization.wordpiece import WordPiece

    files, name, chosen = AnyFiles(), os.fspath(tokenizer), resolved.tokenizer
    wordpiece = WordPiece.load(name, lowercase=chosen.lowercase, strip_accents=chosen.strip_accents)
    with as_paths(inputs, resolved.input) as paths:
        sources = expand_inputs(paths, files, resolved.input)
        fitness = measure_fit(wordpiece, sample_documents(sources, files, resolved.input, sample_bytes=sample_bytes))
    found = problems(fitness, max_unknown=chosen.max_unknown, tokenizer=name, strip_accents=chosen.strip_accents)
    return TokenizerFit(fitness, found, wordpiece=wordpiece, max_unknown=chosen.max_unknown)


def _load(directory: str) -> WordPiece:
    from nspdata.tokenization.wordpiece import WordPiece

    return WordPiece.load(directory)
