"""Word segmenters for Chinese, by name: which characters form a word."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from nspdata.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Segmenter = Callable[[str], Iterable[str]]
    """The words of a sentence, in order. White space may be left out; every other character is in exactly one word."""

GROUP = "nspdata.word_segmenters"
"""Entry points of installed packages: name = a `Segmenter`."""


def _jieba() -> Segmenter:
    import jieba

    # The dictionary is read from the package. `Tokenizer.initialize` would load a cache file of any user from the shared
    # temporary directory with `marshal`, and write log lines.
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    segment: Segmenter = tokenizer.cut
    return segment


def _rjieba() -> Segmenter:
    import rjieba

    segment: Segmenter = rjieba.cut
    return segment


BUILT_IN = {"jieba": _jieba, "rjieba": _rjieba}
"""Segmenters that need no entry point. `rjieba` is jieba's algorithm in Rust, with a dictionary of its own."""


@lru_cache(maxsize=4)
def make_segmenter(name: str) -> Segmenter:
    """The segmenter with this name: `jieba`, `rjieba`, or the name of an entry point of the group `nspdata.word_segmenters`.

    A name from a dataset can only choose among the packages that are installed.

    Raises:
        ConfigError: the package of the segmenter is not installed, or no segmenter has this name.

    >>> list(make_segmenter("jieba")("我爱北京天安门"))
    ['我', '爱', '北京', '天安门']
    """
    if name in BUILT_IN:
        try:
            return BUILT_IN[name]()
        except ImportError as error:
            extra = "nspdata[chinese]" if name == "jieba" else name
            raise ConfigError(
                f"masking.word_segmenter={name!r} needs the package {name}: pip install '{extra}', or remove the setting"
            ) from error
    others = {found.name: found for found in entry_points(group=GROUP)}
    if name not in others:
        raise ConfigError(
            f"masking.word_segmenter must be one of {', '.join([*BUILT_IN, *sorted(others)])}, not {name!r}; a package adds "
            f"others by an entry point of the group {GROUP}"
        )
    loaded: Segmenter = others[name].load()
    return loaded
