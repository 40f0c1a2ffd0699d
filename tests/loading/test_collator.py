"""Rows of `datasets` become the loader's batches, and no row is masked twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from nspdata.config.build import MaskingConfig  # noqa: E402
from nspdata.dataset.manifest import read_manifest  # noqa: E402
from nspdata.dataset.shards import open_shard  # noqa: E402
from nspdata.errors import ConfigError  # noqa: E402
from nspdata.loading import Loader  # noqa: E402
from nspdata.torch import collator  # noqa: E402
from tests.datasets import write_dataset  # noqa: E402


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("collator") / "data", rows=300, num_shards=1, max_seq_length=64)


@pytest.fixture(scope="module")
def rows(directory: Path) -> list[dict[str, Any]]:
    """The rows as `datasets` gives them: a dictionary of lists for each."""
    table, _ = open_shard(directory, read_manifest(directory).splits["train"][0])
    return table.to_pylist()


def test_rows_become_the_batch_of_the_loader(directory: Path, rows: list[dict[str, Any]]) -> None:
    """Static masks: the batch equals the loader's, name by name; arrays and tensors in place of lists change nothing."""
    expected = next(iter(Loader(directory, batch_size=20, shuffle=False)))
    arrays = [{name: np.asarray(value) for name, value in row.items()} for row in rows[:20]]
    tensors = [
        {name: torch.as_tensor(np.asarray(value, np.int64)) for name, value in row.items() if name[:8] != "document"}
        for row in rows[:20]
    ]
    for given in (rows[:20], arrays, tensors):
        batch = collator(directory)(given)
        assert list(batch) == list(expected)
        for name, array in expected.items():
            assert batch[name].dtype == torch.int64
            np.testing.assert_array_equal(batch[name].numpy(), array, err_msg=name)


def test_no_token_is_masked_twice(directory: Path, rows: list[dict[str, Any]]) -> None:
    """Dynamic masks: 15% of tokens have a label, 80% of those are [MASK], and every [MASK] has a label."""
    torch.manual_seed(1)
    mask = Loader(directory, batch_size=1).metadata.special_ids["[MASK]"]
    for share in (0.15, 0.3):
        config = MaskingConfig(masked_lm_prob=share, max_predictions_per_seq=64)
        batch = collator(directory, masking="dynamic", masking_config=config)(rows)
        labelled, real = batch["labels"] != -100, int(batch["attention_mask"].sum())
        assert int(labelled.sum()) / real == pytest.approx(share, abs=0.015)
        assert bool(labelled[batch["input_ids"] == mask].all())
        assert float((batch["input_ids"][labelled] == mask).double().mean()) == pytest.approx(0.8, abs=0.04)


def test_dynamic_masks_follow_the_seed_of_torch(directory: Path, rows: list[dict[str, Any]]) -> None:
    """The same seed gives the same masks, the next batch others; the tokens under them are the same."""
    collate = collator(directory, masking="dynamic")
    torch.manual_seed(5)
    first, second = collate(rows[:50]), collate(rows[:50])
    torch.manual_seed(5)
    again = collate(rows[:50])
    assert torch.equal(first["labels"], again["labels"])
    assert not torch.equal(first["labels"], second["labels"])
    plain = [torch.where(batch["labels"] >= 0, batch["labels"], batch["input_ids"]) for batch in (first, second)]
    assert torch.equal(*plain)
    assert torch.equal(plain[0], collator(directory, masking="none")(rows[:50])["input_ids"])


def test_missing_columns_are_named(directory: Path, rows: list[dict[str, Any]]) -> None:
    """Rows whose labels were dropped, as the Trainer does by default, are refused with the remedy."""
    kept = [{name: row[name] for name in ("input_ids", "token_type_ids", "next_sentence_label")} for row in rows[:4]]
    with pytest.raises(ConfigError, match=r"no masked_lm_positions, masked_lm_labels: .*remove_unused_columns=False"):
        collator(directory)(kept)
