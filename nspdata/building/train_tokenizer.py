"""A tokenizer from inputs: sample, train, write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.errors import ConfigError
from nspdata.files.local import join
from nspdata.reading import expand_inputs, sample_documents
from nspdata.tokenization.training import train

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nspdata.config.build import Config
    from nspdata.files.local import Files
    from nspdata.tokenization.wordpiece import WordPiece


def train_from_inputs(
    inputs: Sequence[str], output: str, config: Config, files: Files, *, show_progress: bool = False
) -> tuple[WordPiece, int]:
    """Trains on a deterministic sample of the inputs and writes the tokenizer's directory.

    Returns:
        The tokenizer, and the bytes of text it was trained on.

    Raises:
        ConfigError: the directory holds something else than a tokenizer.
        InputError: an input cannot be read, or holds no word.
    """
    foreign = [path for path, _ in files.match(output)] if files.exists(output) else []
    known = ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
    if other := [path for path in foreign if not path.endswith(known)]:
        raise ConfigError(f"{output} is not empty (there is {other[0]}); give a directory of its own with -o")
    sources = expand_inputs(inputs, files, config.input)
    settings = config.tokenizer
    text_bytes = 0

    def texts() -> Iterator[str]:
        nonlocal text_bytes
        text_bytes = 0
        for text in sample_documents(
            sources,
            files,
            config.input,
            sample_bytes=settings.sample_bytes,
        ):
            text_bytes += len(text.encode())
            yield text

    wordpiece = train(
        texts,
        lowercase=settings.lowercase != "no",
        strip_accents=None if settings.strip_accents == "auto" else settings.strip_accents == "yes",
        vocab_size=settings.vocab_size,
        min_frequency=settings.min_frequency,
        limit_alphabet=settings.limit_alphabet,
        show_progress=show_progress,
    )
    for name, data in wordpiece.files().items():
        files.write(join(output, name), data)
    return wordpiece, text_bytes
