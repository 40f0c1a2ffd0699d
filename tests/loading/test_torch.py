"""The loader behind torch: the same batches with workers, and exact resume through every kind of `DataLoader`."""

from __future__ import annotations

import multiprocessing
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
    """The state after a batch counts what was handed out, not what workers made ahead; it resumes with other workers."""
    loader = DataLoader(make(directory, **way), num_workers=before)
    given = [batch for _, batch in zip(range(step), loader, strict=False)]
    state = loader.state_dict()
    restored = DataLoader(make(directory, **way | {"seed": 0}), num_workers=after)
    restored.load_state_dict(state)
    whole = list(make(directory, **way))
    assert_same(whole[: len(given)], arrays(given))
    assert_same(whole[len(given) :] or make(directory, **way | {"epoch": 2}), arrays(restored))
    restored.set_epoch(1)
    assert_same(whole, arrays(restored))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_epoch_follows_by_itself(directory: Path, num_workers: int) -> None:
    """An exhausted iteration moves to the next epoch, one that was left does not; `set_epoch` reaches the workers."""
    loader = DataLoader(make(directory, masking="dynamic"), num_workers=num_workers)
    expected = {epoch: list(make(directory, masking="dynamic", epoch=epoch)) for epoch in (1, 2, 3, 6)}
    next(iter(loader))
    for epoch in (1, 2, 3):
        assert_same(expected[epoch], arrays(loader))
    loader.set_epoch(6)
    assert_same(expected[6], arrays(loader))
    assert loader.state_dict() == make(directory, masking="dynamic", epoch=7).state_dict()
    assert len(loader) == 13


def test_workers_serve_every_epoch(directory: Path) -> None:
    """The worker processes of the first epoch are those of the third, also after a new state; another seed starts new ones."""
    loader = DataLoader(make(directory), num_workers=2)
    processes = []
    for _ in range(3):
        processes.append({process.pid for process in multiprocessing.active_children()})
        list(loader)
    state = loader.state_dict()
    loader.load_state_dict(state)
    list(loader)
    assert processes[0] < processes[1] == processes[2] <= {process.pid for process in multiprocessing.active_children()}
    loader.load_state_dict(make(directory, seed=9).state_dict())
    assert_same(make(directory, seed=9), arrays(loader))


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}])
def test_torch_moves_to_the_next_epoch(directory: Path, options: dict[str, Any]) -> None:
    """torch's own DataLoader over a ShardDataset gives epoch after epoch without `set_epoch`, workers or not."""
    dataset = ShardDataset(make(directory, masking="dynamic"))
    loader = data.DataLoader(dataset, batch_size=None, **options)
    for epoch in (1, 2, 3):
        assert_same(make(directory, masking="dynamic", epoch=epoch), arrays(loader))
    dataset.set_epoch(4)
    dataset.set_epoch(4)
    assert_same(make(directory, masking="dynamic", epoch=4), arrays(loader))


def test_a_resumed_epoch_is_resumed_once(directory: Path) -> None:
    """A state loaded into a ShardDataset applies to the next iteration with workers, not to the ones after it."""
    whole = list(make(directory))
    source = make(directory)
    for _ in zip(range(4), source, strict=False):
        pass
    dataset = ShardDataset(make(directory))
    dataset.load_state_dict(source.state_dict())
    loader = data.DataLoader(dataset, batch_size=None, num_workers=2)
    assert_same(whole[4:], arrays(loader))
    assert_same(make(directory, epoch=2), arrays(loader))


def test_a_forgotten_batch_size(directory: Path) -> None:
    """torch's default of one sample leaves a whole batch as it is; several whole batches are refused with the remedy."""
    assert_same(make(directory), arrays(data.DataLoader(ShardDataset(make(directory)))))
    with pytest.raises(ConfigError, match=r"batch_size=4\) collates them again; pass batch_size=None"):
        next(iter(data.DataLoader(ShardDataset(make(directory)), batch_size=4)))


def test_a_batch_moves(directory: Path) -> None:
    """A batch goes to a device with one call and stays a batch."""
    (batch,) = [batch for _, batch in zip(range(1), DataLoader(make(directory)), strict=False)]
    moved = batch.to("meta")
    assert type(moved) is type(batch)
    assert {tensor.device.type for tensor in moved.values()} == {"meta"}


def test_skipped_batches(directory: Path) -> None:
    """accelerate's `skip_first_batches`, which the Trainer calls on resume, skips batches and keeps the loader's position."""
    skip_first_batches = pytest.importorskip("accelerate").skip_first_batches
    loader = DataLoader(make(directory))
    whole = list(make(directory))
    skipped = iter(skip_first_batches(loader, 2))
    assert_same(whole[2:4], arrays([next(skipped), next(skipped)]))
    restored = DataLoader(make(directory))
    restored.load_state_dict(loader.state_dict())
    assert_same(whole[4:], arrays(restored))


def test_spawned_workers(directory: Path) -> None:
    """Workers work with the `spawn` start method: the loader can be pickled."""
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
    """A token attends to its own row only; padding attends to padding."""
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
    reported = {name: batch[name] for name in ("input_ids", "token_type_ids", "position_ids")}
    with torch.no_grad():
        packed = model(**reported, attention_mask=block_diagonal(batch["segments"])).last_hidden_state.flatten(0, 1)
        starts = batch["cu_seqlens"].tolist()
        assert len(batch["cls_positions"]) > 3
        for start in batch["cls_positions"].tolist():
            row = slice(start, starts[starts.index(start) + 1])
            alone = model(**{name: tensor.flatten()[None, row] for name, tensor in reported.items()}).last_hidden_state[
                0
            ]
            torch.testing.assert_close(packed[row], alone, rtol=1e-4, atol=1e-5)
