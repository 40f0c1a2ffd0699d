"""The loader behind torch: the same batches with workers, and exact resume through every kind of `DataLoader`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.utils import data  # noqa: E402

from nspdata.errors import ConfigError  # noqa: E402
from nspdata.loading import Loader  # noqa: E402
from nspdata.loading.torch import DataLoader, ShardDataset, block_diagonal  # noqa: E402
from tests.datasets import write_dataset  # noqa: E402
from tests.loading.rows import Batch, assert_same  # noqa: E402

# more workers than cores are wanted here
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")

WAYS: list[dict[str, Any]] = [{}, {"packing": True, "masking": "dynamic"}, {"bins": 2, "dtype": "int32"}]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("torch") / "data", rows=101, num_shards=3, max_seq_length=32)


def make(directory: Path, **options: Any) -> Loader:
    return Loader(directory, **{"batch_size": 8, "seed": 2, "epoch": 1, "window_rows": 40} | options)


def arrays(batches: Any) -> list[Batch]:
    """Tensors as arrays."""
    return [{name: tensor.numpy() for name, tensor in batch.items()} for batch in batches]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("num_workers", [0, 1, 3])
def test_workers_do_not_change_the_batches(directory: Path, way: dict[str, Any], num_workers: int) -> None:
    """torch's DataLoader gives the loader's batches in the loader's order, with any number of workers."""
    loader = data.DataLoader(ShardDataset(make(directory, **way)), batch_size=None, num_workers=num_workers)
    assert_same(make(directory, **way), arrays(loader))
    assert len(loader) == len(make(directory, **way))


@pytest.mark.parametrize(("way", "before", "after"), [(WAYS[0], 0, 2), (WAYS[1], 3, 2), (WAYS[2], 2, 0)])
@pytest.mark.parametrize("step", [0, 5, 100])
def test_resume_with_workers(directory: Path, way: dict[str, Any], before: int, after: int, step: int) -> None:
    """The state after a batch counts what was handed out, not what workers made ahead; it goes on with other workers."""
    loader = DataLoader(make(directory, **way), num_workers=before)
    given = [batch for _, batch in zip(range(step), loader, strict=False)]
    state = loader.state_dict()
    restored = DataLoader(make(directory, **way | {"seed": 0}), num_workers=after)
    restored.load_state_dict(state)
    whole = list(make(directory, **way))
    assert_same(whole[: len(given)], arrays(given))
    assert_same(whole[len(given) :], arrays(restored))
    assert_same(whole, arrays(restored))


def test_an_epoch_is_set_through_workers(directory: Path) -> None:
    """`set_epoch` reaches the workers, and a new iteration begins the epoch anew."""
    loader = DataLoader(make(directory), num_workers=2)
    next(iter(loader))
    loader.set_epoch(4)
    assert_same(make(directory, epoch=4), arrays(loader))
    assert_same(make(directory, epoch=4), arrays(loader))
    assert loader.state_dict() == make_done(directory).state_dict()
    assert len(loader) == 13


def make_done(directory: Path) -> Loader:
    loader = make(directory, epoch=4)
    list(loader)
    return loader


def test_spawned_workers(directory: Path) -> None:
    """Workers that are started afresh get the loader whole."""
    loader = DataLoader(make(directory), num_workers=1, context="spawn")
    assert_same(make(directory), arrays(loader))


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")
@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("way", WAYS)
def test_stateful_data_loader(directory: Path, way: dict[str, Any], num_workers: int) -> None:
    """torchdata's StatefulDataLoader goes on exactly, after any batch, with workers."""
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    whole = list(make(directory, **way))
    for step in (0, 1, 4, 7):
        loader = stateful(ShardDataset(make(directory, **way)), batch_size=None, num_workers=num_workers)
        run = iter(loader)
        given = [next(run) for _ in range(step)]
        state = loader.state_dict()
        del run
        restored = stateful(ShardDataset(make(directory, **way)), batch_size=None, num_workers=num_workers)
        restored.load_state_dict(state)
        assert_same(whole, arrays([*given, *restored]))


def test_block_diagonal() -> None:
    """A token sees its own row; padding sees padding."""
    seen = block_diagonal(torch.tensor([[1, 1, 2, 0]]))
    assert seen.shape == (1, 1, 4, 4)
    assert seen[0, 0].int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.gpu
def test_pinned_memory(directory: Path) -> None:
    """With `pin_memory`, batches lie in pinned memory, with workers and without."""
    for num_workers in (0, 2):
        loader = DataLoader(make(directory), num_workers=num_workers, pin_memory=True)
        batches = list(loader)
        assert all(tensor.is_pinned() for batch in batches for tensor in batch.values())
        assert_same(make(directory), arrays(batches))


def test_too_few_workers_are_refused(directory: Path) -> None:
    """A negative number of workers is a usage error."""
    with pytest.raises(ConfigError, match="num_workers must be 0 or more, not -1"):
        DataLoader(make(directory), num_workers=-1)


def test_packed_rows_do_not_see_each_other(directory: Path) -> None:
    """A model gives each row of a packed sequence the scores that it gives the row alone."""
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    loader = make(directory, batch_size=3, packing=True)
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(vocab_size=loader.metadata.vocab_size, **small)).eval()
    (batch,) = [batch for _, batch in zip(range(1), DataLoader(loader), strict=False)]
    told = {name: batch[name] for name in ("input_ids", "token_type_ids", "position_ids")}
    with torch.no_grad():
        packed = model(**told, attention_mask=block_diagonal(batch["segments"])).last_hidden_state.flatten(0, 1)
        starts = batch["cu_seqlens"].tolist()
        assert len(batch["cls_positions"]) > 3
        for start in batch["cls_positions"].tolist():
            row = slice(start, starts[starts.index(start) + 1])
            alone = model(**{name: tensor.flatten()[None, row] for name, tensor in told.items()}).last_hidden_state[0]
            torch.testing.assert_close(packed[row], alone, rtol=1e-4, atol=1e-5)
