"""Word segmenters by name: jieba, another package, one that an installed package adds; and names that give none."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from nspdata.config.build import MaskingConfig
from nspdata.errors import ConfigError
from nspdata.tokenization.segmenters import make_segmenter

SENTENCE = "我爱北京天安门，天安门上太阳升。"
WORDS = ["我", "爱", "北京", "天安门", "，", "天安门", "上", "太阳升", "。"]


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    make_segmenter.cache_clear()


@pytest.mark.parametrize("name", ["jieba", "rjieba"])
def test_words_of_a_sentence(name: str) -> None:
    """Both find the words of a well-known sentence."""
    pytest.importorskip(name)
    assert list(make_segmenter(name)(SENTENCE)) == WORDS


def test_no_file_and_no_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """jieba's cache in the shared temporary directory is neither written nor read: anyone can put a file there."""
    pytest.importorskip("jieba")
    (tmp_path / "jieba.cache").write_bytes(b"from a stranger")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert list(make_segmenter("jieba")(SENTENCE)) == WORDS
    assert [path.name for path in tmp_path.iterdir()] == ["jieba.cache"]
    assert capfd.readouterr() == ("", "")


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command that installs it."""
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(ConfigError, match=r"needs the package jieba: pip install 'nspdata\[chinese\]', or remove"):
        make_segmenter("jieba")


def test_an_unknown_name() -> None:
    """The message lists the names, and how to add one; the name is not imported."""
    with pytest.raises(
        ConfigError, match=r"must be one of jieba, rjieba, not 'os:getcwd'; a package adds others by an entry"
    ):
        make_segmenter("os:getcwd")


def test_a_segmenter_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point of an installed package names a function."""
    (tmp_path / "pairs_of_characters.py").write_text(
        "def pairs(text):\n    return [text[i : i + 2] for i in range(0, len(text), 2)]\n"
    )
    installed = tmp_path / "pairs_of_characters-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: pairs-of-characters\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[nspdata.word_segmenters]\npairs = pairs_of_characters:pairs\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(make_segmenter("pairs")("我爱北京天")) == ["我爱", "北京", "天"]


@pytest.mark.parametrize("strategy", ["token", "none"])
def test_only_words_need_a_segmenter(strategy: str) -> None:
    """A segmenter that no mask would use is refused."""
    with pytest.raises(
        ConfigError, match=r"masking\.word_segmenter must be \"\" unless masking\.strategy is whole_word or span"
    ):
        MaskingConfig(strategy=strategy, word_segmenter="jieba")  # type: ignore[arg-type]
    assert MaskingConfig(strategy="span", word_segmenter="jieba").word_segmenter == "jieba"
