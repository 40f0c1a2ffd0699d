"""Batches against the rows they are made of, read plainly: padding, labels, names, masks, with and without the compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nspdata.config.build import MaskingConfig
from nspdata.dataset.manifest import read_manifest
from nspdata.errors import ConfigError
from nspdata.loading import Loader
from nspdata.tokenization.vocabulary import Vocabulary
from tests.datasets import write_dataset
from tests.loading.rows import Batch

ROWS, LONGEST = 90, 40


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("batches") / "data", rows=ROWS, num_shards=3, max_seq_length=LONGEST)


def plain_rows(directory: Path) -> list[list[dict[str, Any]]]:
    """The rows of each shard, as pyarrow's own reader gives them."""
    entries = read_manifest(directory).splits["train"]
    return [pa.ipc.open_stream((directory / entry.path).read_bytes()).read_all().to_pylist() for entry in entries]


def pairs(directory: Path, loader: Loader) -> list[tuple[Batch, int, dict[str, Any]]]:
    """Yields each row of each batch with the row of the dataset that it must equal."""
    rows = plain_rows(directory)
    found = []
    for batch in loader:
        for line, (shard, row) in enumerate(zip(batch["shard"].tolist(), batch["row"].tolist(), strict=True)):
            found.append((batch, line, rows[shard][row]))
    assert len(found) == ROWS
    return found


def padded(values: list[int], width: int, filler: int = 0) -> list[int]:
    return values + [filler] * (width - len(values))


def plain_labels(row: dict[str, Any], width: int) -> list[int]:
    labels = [-100] * width
    for position, label in zip(row["masked_lm_positions"], row["masked_lm_labels"], strict=True):
        labels[position] = label
    return labels


@pytest.mark.parametrize("padding", ["longest", "max", "multiple_of=8"])
@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_a_padded_batch_shows_its_rows(directory: Path, padding: str, dtype: Any) -> None:
    """Ids, types, mask and labels are the shard's, padded; the width is what `padding` says."""
    loader = Loader(directory, batch_size=7, padding=padding, dtype=dtype, trace=True)
    for batch, line, row in pairs(directory, loader):
        longest = int(batch["attention_mask"].sum(1).max())
        width = {"longest": longest, "max": LONGEST, "multiple_of=8": -(-longest // 8) * 8}[padding]
        assert batch["input_ids"][line].tolist() == padded(row["input_ids"], width)
        assert batch["token_type_ids"][line].tolist() == padded(row["token_type_ids"], width)
        assert batch["attention_mask"][line].tolist() == padded([1] * len(row["input_ids"]), width)
        assert batch["labels"][line].tolist() == plain_labels(row, width)
        assert batch["next_sentence_label"][line] == row["next_sentence_label"]
        assert all(batch[name].dtype == dtype for name in batch if name not in {"shard", "row"})


def test_the_names_of_other_loops(directory: Path) -> None:
    """`names="nvidia"` has the same rows, with predictions as positions, ids and weights of one width."""
    loader = Loader(directory, batch_size=7, names="nvidia", trace=True)
    for batch, line, row in pairs(directory, loader):
        most, count = int(np.ceil(LONGEST * 0.15)), len(row["masked_lm_positions"])
        assert batch["masked_lm_positions"][line].tolist() == padded(row["masked_lm_positions"], most)
        assert batch["masked_lm_ids"][line].tolist() == padded(row["masked_lm_labels"], most)
        assert batch["masked_lm_weights"][line].tolist() == padded([1.0] * count, most, 0)
        assert batch["masked_lm_weights"].dtype == np.float32
        assert batch["segment_ids"][line].tolist() == padded(row["token_type_ids"], batch["segment_ids"].shape[1])
        assert batch["input_mask"][line].sum() == len(row["input_ids"])
        assert batch["next_sentence_labels"][line] == row["next_sentence_label"]
        assert set(batch) == {
            "input_ids", "segment_ids", "input_mask", "masked_lm_positions", "masked_lm_ids", "masked_lm_weights",
            "next_sentence_labels", "shard", "row",
        }  # fmt: skip


def test_a_flat_batch_shows_its_rows(directory: Path) -> None:
    """Without padding, rows stand one after another, and positions point into all tokens."""
    for batch in Loader(directory, batch_size=7, layout="flat", trace=True):
        ends, rows = batch["cu_seqlens"].tolist(), plain_rows(directory)
        assert len(batch["input_ids"]) == ends[-1]
        at = 0
        for line, (shard, number) in enumerate(zip(batch["shard"].tolist(), batch["row"].tolist(), strict=True)):
            row, some = rows[shard][number], slice(ends[line], ends[line + 1])
            count = len(row["masked_lm_positions"])
            assert batch["input_ids"][some].tolist() == row["input_ids"]
            assert batch["token_type_ids"][some].tolist() == row["token_type_ids"]
            assert batch["position_ids"][some].tolist() == list(range(len(row["input_ids"])))
            assert batch["cls_positions"][line] == ends[line]
            assert (batch["masked_lm_positions"][at : at + count] - ends[line]).tolist() == row["masked_lm_positions"]
            assert batch["masked_lm_ids"][at : at + count].tolist() == row["masked_lm_labels"]
            at += count
        assert at == len(batch["masked_lm_ids"])


def unmasked(row: dict[str, Any]) -> list[int]:
    ids = list(row["input_ids"])
    for position, label in zip(row["masked_lm_positions"], row["masked_lm_labels"], strict=True):
        ids[position] = label
    return ids


def test_no_masks(directory: Path) -> None:
    """`masking="none"` undoes the masks of the shards, and predicts nothing."""
    for batch, line, row in pairs(directory, Loader(directory, batch_size=7, masking="none", trace=True)):
        assert batch["input_ids"][line].tolist() == padded(unmasked(row), batch["input_ids"].shape[1])
        assert (batch["labels"] == -100).all()


@pytest.mark.parametrize("strategy", ["token", "whole_word", "span"])
def test_dynamic_masks(directory: Path, strategy: Any) -> None:
    """Dynamic masks are laid over the unmasked row, obey the settings, and write back to it; special tokens are never masked."""
    config = MaskingConfig(strategy=strategy, masked_lm_prob=0.3)
    loader = Loader(directory, batch_size=7, masking="dynamic", masking_config=config, seed=3, trace=True)
    specials = set(Vocabulary.read(directory / "tokenizer" / "vocab.txt").special_ids.values())
    for batch, line, row in pairs(directory, loader):
        length, labels, original = len(row["input_ids"]), batch["labels"][line], unmasked(row)
        predicted = np.flatnonzero(labels != -100)
        ids = batch["input_ids"][line, :length].copy()
        ids[predicted] = labels[predicted]
        assert ids.tolist() == original
        assert not specials & set(labels[predicted].tolist())
        limit = min(config.predictions(LONGEST), max(1, round(length * 0.3)))
        assert len(predicted) == limit if strategy != "whole_word" else len(predicted) <= limit


def masks(loader: Loader) -> dict[tuple[int, int], tuple[list[int], list[int]]]:
    """Masked ids and labels of each row, by its location."""
    found = {}
    for batch in loader:
        ends = batch["cu_seqlens"]
        rows = np.searchsorted(ends, batch["masked_lm_positions"], side="right") - 1
        for line, place in enumerate(zip(batch["shard"].tolist(), batch["row"].tolist(), strict=True)):
            found[place] = (
                batch["input_ids"][ends[line] : ends[line + 1]].tolist(),
                (batch["masked_lm_positions"][rows == line] - ends[line]).tolist(),
            )
    return found


def test_a_dynamic_mask_is_a_function_of_seed_epoch_and_row(directory: Path) -> None:
    """The mask of a row does not depend on the batch, the ranks, the packing or the bins; epoch and seed change it."""
    options: dict[str, Any] = {"masking": "dynamic", "layout": "flat", "trace": True, "seed": 1}
    expected = masks(Loader(directory, batch_size=64, **options))
    others = [{"batch_size": 3}, {"batch_size": 5, "bins": 2}, {"batch_size": 2, "packing": True}]
    for other in others:
        assert masks(Loader(directory, **options | other)) == expected
    of_ranks = [masks(Loader(directory, batch_size=4, rank=rank, world_size=3, **options)) for rank in range(3)]
    assert {place: mask for found in of_ranks for place, mask in found.items()} == expected
    for change in ({"epoch": 1}, {"seed": 2}):
        changed = masks(Loader(directory, batch_size=64, **options | change))
        assert sum(changed[place] != expected[place] for place in expected) > 0.9 * ROWS


def test_a_dataset_without_masks_is_masked_as_it_is_read(tmp_path: Path) -> None:
    """Rows that were built with `masking.strategy=none` get masks of single tokens with `masking="dynamic"`, and none else."""
    bare = write_dataset(tmp_path / "bare", rows=20, num_shards=1, max_seq_length=LONGEST, strategy="none")
    for batch in Loader(bare, batch_size=20):
        assert (batch["labels"] == -100).all()
    for batch in Loader(bare, batch_size=20, masking="dynamic"):
        assert ((batch["labels"] != -100).sum(1) >= 1).all()


def test_wide_vocabularies(tmp_path: Path) -> None:
    """Token ids over 65,535 are kept."""
    wide = write_dataset(tmp_path / "wide", rows=20, num_shards=1, max_seq_length=LONGEST, vocab_size=70_000)
    assert max(int(batch["input_ids"].max()) for batch in Loader(wide, batch_size=8, masking="dynamic")) > 65_535


SAME = """
import hashlib, itertools, sys
import numpy as np
from nspdata.arrays.compiled import is_compiled
from nspdata.loading import Loader
digest = hashlib.sha256()
for masking, way in itertools.product(("static", "dynamic", "none"), (
    {}, {"dtype": np.int32, "padding": "multiple_of=8"}, {"names": "nvidia"}, {"layout": "flat"}, {"packing": True}, {"bins": 3},
)):
    for batch in Loader(sys.argv[1], batch_size=9, masking=masking, window_rows=40, **way):
        for name, array in batch.items():
            digest.update(f"{name}{array.dtype}{array.shape}".encode() + array.tobytes())
print(is_compiled(), digest.hexdigest())
"""


def test_the_same_bytes_without_the_compiler(directory: Path) -> None:
    """Every kind of batch has the same bytes with numba and without."""
    pytest.importorskip("numba")
    reported = [
        subprocess.run(
            [sys.executable, "-c", SAME, str(directory)],
            env=os.environ | {"NSPDATA_NUMBA": numba},
            capture_output=True, text=True, check=True,
        ).stdout.split()
        for numba in "01"
    ]  # fmt: skip
    assert [compiled for compiled, _ in reported] == ["False", "True"]
    assert reported[0][1] == reported[1][1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number of 1 or more, not 0"),
        ({"rank": 2, "world_size": 2}, "rank must be below world_size 2, not 2"),
        ({"masking": "fresh"}, "masking must be one of 'static', 'dynamic', 'none', not 'fresh'"),
        ({"padding": "multiple_of=0"}, "padding must be 'longest', 'max' or 'multiple_of=N'"),
        ({"names": "google"}, "names must be one of 'huggingface', 'nvidia', not 'google'"),
        ({"dtype": np.int16}, "dtype must be int64 or int32, not int16"),
        ({"packing": True, "bins": 4}, "packing leaves no padding for bins to save"),
        ({"packing": True, "names": "nvidia"}, "names='nvidia' is for padded batches"),
        ({"bins": (8, 16)}, "the last at least max_seq_length 40"),
        ({"bins": 41}, "bins must be from 1 to max_seq_length 40, not 41"),
        ({"seed": 0.5}, "seed must be an integer"),
        ({"epoch": -1}, "epoch must be an integer, 0 or more, not -1"),
        ({"masking_config": MaskingConfig()}, "masking_config is for masking='dynamic'"),
    ],
)
def test_wrong_options_are_reported(directory: Path, options: dict[str, Any], message: str) -> None:
    """An option out of range is refused with the rule and the value, before anything is read."""
    with pytest.raises(ConfigError) as error:
        Loader(directory, **{"batch_size": 4} | options)
    assert message in str(error.value)
