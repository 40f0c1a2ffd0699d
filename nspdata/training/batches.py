"""Turns a loader's arrays into tensors on the device: prefetched by a thread, pinned, copied asynchronously."""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    State = dict[str, Any]

AHEAD = 4
"""Number of prefetched batches."""


class Read(NamedTuple):
    """A batch of a loader, and the loader's state after it.

    Attributes:
        arrays: a flat batch, the keys of `Batch`, any integer dtype.
        state: of the loader, after it.
    """

    arrays: Mapping[str, NDArray[Any]]
    state: State


class Batch(NamedTuple):
    """Concatenated rows without padding; a named tuple, because torch's wrappers and compiler handle its fields.

    Attributes:
        input_ids, token_type_ids, position_ids: shape (num_tokens,), int64.
        cu_seqlens: shape (num_rows + 1,), int32: where each row starts.
        masked_lm_positions: shape (num_masked,), int64, indices into the tokens.
        masked_lm_ids: shape (num_masked,), int64, the original ids there; -100 for padding of the shape.
        cls_positions: shape (num_rows,), int64, indices into the tokens.
        next_sentence_label: shape (num_rows,), int64; -100 for padding of the shape.
        max_seqlen: tokens of the longest row, or more.
    """

    input_ids: Tensor
    token_type_ids: Tensor
    position_ids: Tensor
    cu_seqlens: Tensor
    masked_lm_positions: Tensor
    masked_lm_ids: Tensor
    cls_positions: Tensor
    next_sentence_label: Tensor
    max_seqlen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """A batch with its counts and the loader's state.

    Attributes:
        batch: tensors.
        counts: shape (2,), float32, on the device: masked positions and rows.
        size: shape (4,), float64, on the CPU: real tokens, the sum of rows' squared lengths, masked positions, rows.
        state: of the loader, after this batch.
        places: shape (num_rows, 2), int64: shard and row of each row, for display; empty if not requested.
    """

    batch: Batch
    counts: Tensor
    size: Tensor
    state: State
    places: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Multiples that batch shapes are padded to, so that a compiled step has few shapes; 1 pads nothing.

    Attributes:
        tokens: num_tokens becomes a multiple of this.
        masked: likewise the masked positions.
        rows: likewise the rows.
        row_tokens: `max_seqlen` of every batch; 0 for the batch's own longest row.
    """

    tokens: int = 1
    masked: int = 1
    rows: int = 1
    row_tokens: int = 0

    @staticmethod
    def of(num_sequences: int, max_seq_length: int) -> Shape:
        """The shape for batches of at most this many tokens; all batches get (almost) the same size."""
        tokens = num_sequences * max_seq_length
        return Shape(tokens=tokens, masked=max(8, tokens // 64), rows=max(8, num_sequences), row_tokens=max_seq_length)


def to_batch(arrays: Mapping[str, NDArray[Any]], shape: Shape) -> Batch:
    """Returns tensors from a flat batch, padded to the shape, and to at least one token, with rows that are ignored.

    Args:
        arrays: the keys of `Batch`, flat, any integer dtype.
        shape: the shape to pad to.
    """
    num_tokens, num_rows = len(arrays["input_ids"]), len(arrays["cls_positions"])
    max_seqlen = shape.row_tokens or int(np.diff(arrays["cu_seqlens"]).max(initial=1))
    fill = max(-num_tokens % shape.tokens, 1 - num_tokens)
    ends = [
        num_tokens + min(fill, end + max_seqlen) for end in range(0, fill, max_seqlen)
    ]  # length of the padding rows
    ends += [num_tokens + fill] * (-(num_rows + len(ends)) % shape.rows)
    fill_masked = -len(arrays["masked_lm_positions"]) % shape.masked
    return Batch(
        **{name: _tensor(arrays[name], np.zeros(fill)) for name in ("input_ids", "token_type_ids", "position_ids")},
        cu_seqlens=_tensor(arrays["cu_seqlens"], ends, np.int32),
        masked_lm_positions=_tensor(arrays["masked_lm_positions"], np.zeros(fill_masked)),
        masked_lm_ids=_tensor(arrays["masked_lm_ids"], np.full(fill_masked, -100)),
        cls_positions=_tensor(arrays["cls_positions"], np.zeros(len(ends))),
        next_sentence_label=_tensor(arrays["next_sentence_label"], np.full(len(ends), -100)),
        max_seqlen=max_seqlen,
    )


def mapped(batch: Batch, function: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with a function applied to each of its tensors."""
    fields: dict[str, Any] = {
        name: function(value) if isinstance(value, torch.Tensor) else value for name, value in batch._asdict().items()
    }
    return Batch(**fields)


def _tensor(values: NDArray[Any], filler: Any, dtype: Any = np.int64) -> Tensor:
    return torch.from_numpy(np.concatenate([values, filler], dtype=dtype, casting="unsafe"))


class Feeder:
    """Batches on the device, prefetched by a thread; `waited_s` is the time that the loop waited for them."""

    def __init__(
        self,
        source: Iterable[Read],
        device: torch.device,
        shape: Shape,
    ) -> None:
        """Starts the thread.

        Args:
            source: batches of a loader.
            device: where the tensors go.
            shape: see `to_batch`.
        """
        self.waited_s = 0.0
        self._device = device
        self._queue: queue.Queue[Fed | BaseException | None] = queue.Queue(AHEAD)
        self._closed, self._ended = threading.Event(), False
        self._thread = threading.Thread(target=self._read, args=(source, shape), daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Fed]:
        """Returns the iterator itself."""
        return self

    def __next__(self) -> Fed:
        """Returns the next batch; raises the thread's exception if it failed."""
        start = time.perf_counter()
        item = None if self._ended else self._queue.get()
        self.waited_s += time.perf_counter() - start
        if item is None:
            self._ended = True
            raise StopIteration
        if isinstance(item, BaseException):
            raise item
        return moved(item, self._device)

    def close(self) -> None:
        """Stops the thread."""
        self._closed.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.01)
            except queue.Empty:
                continue

    def _read(self, source: Iterable[Read], shape: Shape) -> None:
        try:
            for arrays, state in source:
                fed = make_fed(arrays, state, shape)
                self._queue.put(_pinned(fed) if self._device.type == "cuda" else fed)
                if self._closed.is_set():
                    return
            self._queue.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the loop's thread
            self._queue.put(error)


def make_fed(arrays: Mapping[str, NDArray[Any]], state: State, shape: Shape) -> Fed:
    """A loader's flat batch with its counts and state, on the CPU."""
    size = batch_size(arrays)
    none = np.zeros(0, np.int64)
    places = np.stack([arrays.get(key, none) for key in ("shard", "row")], axis=1)
    return Fed(batch=to_batch(arrays, shape), counts=size[2:].float(), size=size, state=state, places=places)


def batch_size(arrays: Mapping[str, NDArray[Any]]) -> Tensor:
    """The size of a batch: see `Fed.size`."""
    squares = (np.diff(arrays["cu_seqlens"]).astype(np.float64) ** 2).sum()
    counts = [len(arrays[key]) for key in ("input_ids", "masked_lm_ids", "cls_positions")]
    return torch.tensor([counts[0], squares, counts[1], counts[2]], dtype=torch.float64)


def _pinned(fed: Fed) -> Fed:
    return _mapped(fed, lambda tensor: tensor.pin_memory())


def moved(fed: Fed, device: torch.device) -> Fed:
    """Copies the batch to a device; the copy is asynchronous if the batch is pinned."""
    return fed if device.type == "cpu" else _mapped(fed, lambda tensor: tensor.to(device, non_blocking=True))


def _mapped(fed: Fed, function: Callable[[Tensor], Tensor]) -> Fed:
    return dataclasses.replace(fed, batch=mapped(fed.batch, function), counts=function(fed.counts))
