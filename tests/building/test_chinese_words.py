"""Whole words of Chinese, from the build to the batch: masks that hold whole words, their column, and what reads it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

pytest.importorskip("jieba")

import nspdata
from nspdata.config.build import MaskingConfig
from nspdata.errors import ConfigError
from nspdata.loading import Loader
from nspdata.loading.mixture import Mixture
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS
from tests.validation.damage import edit_rows

WORDS = ["我们", "北京", "天安门", "电磁炉", "图书馆", "明天", "参观", "喜欢", "非常", "这个", "城市", "历史"]

CONFIG = {
    "language": "zh", "max_seq_length": 48, "num_shards": 2, "seed": 3, "workers": 1, "max_unknown": 1.0,
    "masking__strategy": "whole_word",
}  # fmt: skip


def texts(count: int = 60) -> list[str]:
    draw = random.Random(1)
    return [
        "".join("".join(draw.choices(WORDS, k=7)) + "。" for _ in range(draw.choice([2, 4, 9]))) for _ in range(count)
    ]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("chinese") / "vocab.txt"
    path.write_text("\n".join([*SPECIAL_TOKENS, "。", *dict.fromkeys("".join(WORDS))]) + "\n", encoding="utf-8")
    return path


def build(vocabulary: Path, name: str, **settings: Any) -> Path:
    output = vocabulary.parent / name
    nspdata.build(iter(texts()), output, tokenizer=vocabulary, **{**CONFIG, **settings})
    return output


@pytest.fixture(scope="module")
def segmented(vocabulary: Path) -> Path:
    return build(vocabulary, "segmented", masking__word_segmenter="jieba")


@pytest.fixture(scope="module")
def plain(vocabulary: Path) -> Path:
    return build(vocabulary, "plain")


def words_of(row: dict[str, Any]) -> list[set[int]]:
    """The positions of each word of a row, by its column."""
    words: list[set[int]] = []
    for position, start in enumerate(row["word_starts"]):
        if start:
            words.append(set())
        words[-1].add(position)
    return words


def masked_in_part(words: list[set[int]], masked: set[int]) -> int:
    return sum(bool(word & masked) and not word <= masked for word in words)


def test_masks_hold_whole_words(segmented: Path, plain: Path) -> None:
    """Every word is masked whole or not at all; without the segmenter most are torn. The words are those of the text."""
    rows = list(nspdata.open_dataset(segmented).rows())
    vocabulary = (segmented / "tokenizer" / "vocab.txt").read_text(encoding="utf-8").split("\n")
    texts_of_words, torn, torn_without = set(), 0, 0
    for row, other in zip(rows, nspdata.open_dataset(plain).rows(), strict=True):
        ids = np.array(row["input_ids"])
        ids[row["masked_lm_positions"]] = row["masked_lm_labels"]
        words = words_of(row)
        texts_of_words |= {"".join(vocabulary[ids[position]] for position in sorted(word)) for word in words}
        torn += masked_in_part(words, set(row["masked_lm_positions"]))
        torn_without += masked_in_part(words, set(other["masked_lm_positions"]))
        assert "word_starts" not in other
    assert texts_of_words >= set(WORDS) - {"电磁炉", "图书馆"}
    assert torn == 0
    assert torn_without > len(rows)


def test_the_dataset_says_so(segmented: Path, plain: Path) -> None:
    """Metadata, statistics, card and Croissant name the segmenter and the column; a dataset without it does not."""
    dataset = nspdata.open_dataset(segmented)
    assert dataset.metadata.word_segmenter == "jieba"
    counts = dataset.statistics.corpus.counts
    assert 0.3 < counts["joined_characters"] / counts["tokens"] < 0.8
    assert dataset.validate(iter(texts())) == []
    for name in ("README.md", "croissant.json"):
        assert "word_starts" in (segmented / name).read_text(encoding="utf-8")
        assert "word_starts" not in (plain / name).read_text(encoding="utf-8")
    assert "(`whole_word` masking, words by `jieba`)" in (segmented / "README.md").read_text(encoding="utf-8")


def test_masks_made_again(segmented: Path) -> None:
    """Dynamic masks of a loader hold whole words as well, with the settings of the build and with spans."""
    rows = list(nspdata.open_dataset(segmented).rows())
    for config in (None, MaskingConfig(strategy="span", masked_lm_prob=0.3)):
        loader = Loader(segmented, batch_size=64, masking="dynamic", masking_config=config, shuffle=False)
        first = next(iter(loader))
        torn = []
        for row, labels in zip(rows, first["labels"], strict=False):
            masked = set(np.flatnonzero(labels != -100).tolist())
            assert masked
            torn.append(masked_in_part(words_of(row), masked))
        if config is None:
            assert sum(torn) == 0
        else:
            assert sum(torn) <= len(torn)  # only the last span of a row is cut, at its budget


def test_static_batches_need_no_words(segmented: Path) -> None:
    """A batch with the masks of the shard has the usual arrays."""
    assert set(next(iter(Loader(segmented, batch_size=8)))) == {
        "input_ids", "token_type_ids", "attention_mask", "labels", "next_sentence_label"
    }  # fmt: skip


def test_collator(segmented: Path) -> None:
    """Rows of `datasets`: new masks hold whole words, and a removed column is named."""
    torch = pytest.importorskip("torch")
    from nspdata.torch import collator

    rows = list(nspdata.open_dataset(segmented).rows())[:50]
    torch.manual_seed(0)
    batch = collator(segmented, masking="dynamic")(rows)
    for row, labels in zip(rows, batch["labels"].numpy(), strict=True):
        assert masked_in_part(words_of(row), set(np.flatnonzero(labels != -100).tolist())) == 0
    without = [{name: value for name, value in row.items() if name != "word_starts"} for row in rows]
    with pytest.raises(ConfigError, match="the rows have no word_starts"):
        collator(segmented, masking="dynamic")(without)
    assert len(collator(segmented)(without)["labels"]) == 50


def test_words_of_different_builds(segmented: Path, plain: Path) -> None:
    """New masks of words need one segmenter for all rows; masks of the shards and of single tokens do not."""
    mixture = Mixture({str(segmented): 1, str(plain): 1})
    with pytest.raises(ConfigError, match=r"masking\.word_segmenter='jieba', but the datasets have '', 'jieba'"):
        Loader(mixture, batch_size=8, masking="dynamic")
    wanted = MaskingConfig(strategy="whole_word", word_segmenter="jieba")
    with pytest.raises(ConfigError, match=r"masking\.word_segmenter='jieba', but the datasets have ''"):
        Loader(plain, batch_size=8, masking="dynamic", masking_config=wanted)
    for options in ({"masking": "static"}, {"masking": "dynamic", "masking_config": MaskingConfig()}):
        assert len(next(iter(Loader(mixture, batch_size=8, **options)))["labels"]) == 8


def test_export(segmented: Path, tmp_path: Path) -> None:
    """Parquet keeps the column."""
    nspdata.open_dataset(segmented).export(tmp_path / "parquet", to="parquet")
    tables = [pq.read_table(path).to_pylist() for path in sorted((tmp_path / "parquet").rglob("*.parquet"))]
    rows = list(nspdata.open_dataset(segmented).rows())
    assert [row["word_starts"] for table in tables for row in table] == [row["word_starts"] for row in rows]


def tear(row: dict[str, Any]) -> None:
    """Joins the character after a masked word to the word."""
    masked = set(row["masked_lm_positions"])
    place = next(p for p in masked if p + 1 not in masked and row["token_type_ids"][p + 1 : p + 3] == [0, 0])
    row["word_starts"][place + 1] = 0


def join_unmasked(row: dict[str, Any]) -> None:
    """Joins two words that are not masked."""
    words = words_of(row)
    free = [not word & set(row["masked_lm_positions"]) and len(word) > 1 for word in words]
    place = next(index for index in range(len(words) - 1) if free[index] and free[index + 1])
    row["word_starts"][min(words[place + 1])] = 0


DAMAGES: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "no flag": ("word_starts", lambda row: row["word_starts"].__setitem__(3, 2)),
    "the first token of a segment": ("word_starts", lambda row: row["word_starts"].__setitem__(1, 0)),
    "a flag too many": ("ragged", lambda row: row["word_starts"].append(1)),
    "a torn word": ("whole_words", tear),
    "words that the segmenter does not give": ("rebuilt", join_unmasked),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_altered_words_are_found(segmented: Path, tmp_path: Path, name: str) -> None:
    """Flags that no row can have are found in the row; other words, by building the row again from the source."""
    rule, damage = DAMAGES[name]
    copy = Path(shutil.copytree(segmented, tmp_path / "copy"))
    edit_rows(copy, lambda rows: damage(rows[0]))
    source = iter(texts()) if rule == "rebuilt" else None
    found = {finding.rule for finding in nspdata.open_dataset(copy).validate(source)}
    assert found - {"tokens_lost"} == {rule}  # a row that cannot be read is left out of the count


def test_a_segmenter_without_chinese(vocabulary: Path) -> None:
    """A segmenter that joins nothing is reported."""
    documents = ["One sentence. Another sentence. A third."] * 3
    output = vocabulary.parent / "english"
    dataset = nspdata.build(
        iter([f"{text} Number {index}." for index, text in enumerate(documents)]), output, tokenizer=vocabulary,
        **{**CONFIG, "num_shards": 1, "masking__word_segmenter": "jieba", "max_unused_tokens": 1.0},
    )  # fmt: skip
    assert [warning for warning in dataset.warnings if "found no word of several Chinese characters" in warning.message]
