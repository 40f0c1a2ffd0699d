"""Batches of a dataset directory, in memory, until `nspdata.loading.Loader` takes this place with the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.documents import offsets, ragged_indices
from nspdata.rows import Rows
from nspdata.seeding import stream
from nspdata.shards import read_manifest, read_rows, split_entries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


class Loader:
    """Padded batches of one split, in an order that (seed, epoch) decides."""

    def __init__(  # noqa: PLR0913 - the names of nspdata.loading.Loader
        self,
        directory: Path,
        *,
        split: str,
        batch_size: int,
        seed: int,
        epoch: int = 0,
        rank: int = 0,
        world_size: int = 1,
        masking: str = "static",
        drop_last: bool = False,
        **_: Any,
    ) -> None:
        """Reads the split."""
        entries = split_entries(read_manifest(directory), split)
        self._rows = Rows.concatenate([rows for entry in entries for rows in read_rows(directory, entry)])
        self.batch_size, self.seed, self.epoch, self.position = batch_size, seed, epoch, 0
        self.rank, self.world_size, self.drop_last, self.masking = rank, world_size, drop_last, masking

    def __len__(self) -> int:
        step = self.batch_size * self.world_size
        return len(self._rows) // step if self.drop_last else -(-len(self._rows) // step)

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        """The batches from here to the end of the epoch."""
        words = stream(self.seed, "order.interim", duplicate=self.epoch).random_raw(len(self._rows))
        order = np.argsort(words, kind="stable")
        while self.position < len(self):
            first = (self.position * self.world_size + self.rank) * self.batch_size
            self.position += 1
            yield self._collated(order[first : first + self.batch_size])
        self.epoch, self.position = self.epoch + 1, 0

    def _collated(self, chosen: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        rows, lengths = self._rows, self._rows.lengths[chosen]
        places = ragged_indices(rows.offsets[chosen], lengths)
        labels = np.full(len(rows.input_ids), -100)
        labels[rows.masked_token_indices] = rows.masked_lm_labels
        ends = offsets(lengths)
        cells = ragged_indices(np.arange(len(chosen)) * lengths.max(initial=0), lengths)
        assert len(cells) == ends[-1]
        shape = (len(chosen), int(lengths.max(initial=0)))
        batch = {}
        for name, values, pad in (
            ("input_ids", rows.input_ids, 0),
            ("token_type_ids", rows.token_type_ids(), 0),
            ("attention_mask", np.ones(len(labels)), 0),
            ("labels", labels, -100),
        ):
            batch[name] = np.full(shape, pad, np.int64)
            batch[name].ravel()[cells] = values[places]
        return batch | {"next_sentence_label": rows.next_sentence_label[chosen].astype(np.int64)}

    def set_epoch(self, epoch: int) -> None:
        """Goes to the beginning of an epoch."""
        self.epoch, self.position = epoch, 0

    def state_dict(self) -> dict[str, int]:
        """Where it is."""
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Goes to where it was."""
        self.epoch, self.position = state["epoch"], state["position"]
