"""Trains a tokenizer on inputs: sample, train, write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.errors import ConfigError
from nspdata.files.local import join
from nspdata.reading import expand_inputs, sample_documents
from nspdata.tokenization.training import choose_accents, train
from nspdata.tokenization.vocabulary import TOKENIZER_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nspdata.config.build import Config
    from nspdata.files.local import Files
    from nspdata.tokenization.marks import Accents
    from nspdata.tokenization.wordpiece import WordPiece


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A tokenizer that was trained and written.

    Attributes:
        wordpiece: the tokenizer.
        text_bytes: bytes of text it was trained on.
        accents: the automatic choice for accents; None if the settings or `--cased` decide.
    """

    wordpiece: WordPiece
    text_bytes: int
    accents: Accents | None


def train_from_inputs(  # noqa: PLR0913 - the arguments of the command
    inputs: Sequence[str],
    output: str,
    config: Config,
    files: Files,
    *,
    overwrite: bool = False,
    show_progress: bool = False,
) -> Training:
    """Trains on a deterministic sample of the inputs and writes the tokenizer's directory.

    Raises:
        ConfigError: the directory holds a tokenizer and `overwrite` is not given, or holds something else.
        InputError: an input cannot be read, or contains no word.
    """
    check_tokenizer_directory(output, files, overwrite=overwrite)
    sources = expand_inputs(inputs, files, config.input)
    settings = config.tokenizer
    text_bytes = 0

    def texts() -> Iterator[str]:
        nonlocal text_bytes
        text_bytes = 0
        for text in sample_documents(sources, files, config.input, sample_bytes=settings.sample_bytes):
            text_bytes += len(text.encode())
            yield text

    lowercase = settings.lowercase != "no"
    accents = choose_accents(texts()) if lowercase and settings.strip_accents == "auto" else None
    wordpiece = train(
        texts,
        lowercase=lowercase,
        strip_accents=settings.strip_accents == "yes" if accents is None else accents.strip,
        vocab_size=settings.vocab_size,
        min_frequency=settings.min_frequency,
        limit_alphabet=settings.limit_alphabet,
        show_progress=show_progress,
    )
    for name, data in wordpiece.files().items():
        files.write(join(output, name), data)
    return Training(wordpiece=wordpiece, text_bytes=text_bytes, accents=accents)


def check_tokenizer_directory(output: str, files: Files, *, overwrite: bool) -> None:
    """Checks that a tokenizer may be written to a directory.

    Raises:
        ConfigError: it must not be written.
    """
    found = [path for path, _ in files.match(output)] if files.exists(output) else []
    if other := [path for path in found if not path.endswith(TOKENIZER_FILES)]:
        raise ConfigError(f"{output} is not empty (there is {other[0]}); give a directory of its own with -o")
    if found and not overwrite:
        raise ConfigError(
            f"{output} holds a tokenizer already ({found[0]}); give another -o, or --overwrite to replace it"
        )
