"""Sentences of texts, as a build splits them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nspdata.api.builds import build_config

if TYPE_CHECKING:
    from collections.abc import Sequence


def split_sentences(texts: Sequence[str], *, config: Any = None, **settings: Any) -> list[list[tuple[int, int]]]:
    """The sentences of texts as a build splits them.

    Args:
        texts: the texts.
        config: settings as a `BuildConfig`, the path of a TOML file, or a mapping of tables.
        settings: settings by name, such as `language="de"` or `paragraphs="line"`; see docs/settings.md.

    Returns:
        For each text the spans (start, end) of its sentences, in characters.

    Raises:
        ConfigError: a setting is wrong, or the language needs a package that is not installed.

    >>> import nspdata
    >>> text = "He left. She stayed."
    >>> [text[start:end] for start, end in nspdata.split_sentences([text], language="en")[0]]
    ['He left.', 'She stayed.']
    """
    sentences = build_config(config, settings).sentences
    from nspdata.tokenization.encoders import make_splitter

    return list(make_splitter(sentences).split(list(texts)))
