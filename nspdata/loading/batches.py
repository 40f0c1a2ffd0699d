"""Makes a worker's batches from its samples: reads one window at a time, masks again if requested, and lays out the arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nspdata.arrays.ragged import offsets, ragged_indices
from nspdata.arrays.random import stream
from nspdata.errors import ConfigError
from nspdata.instances.assemble import mask_rules
from nspdata.instances.masking import mask, row_keys
from nspdata.instances.rows import Rows, take
from nspdata.loading.collate import collate, collate_flat, collate_packed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import DTypeLike, NDArray

    from nspdata.dataset.directory import Directory, Split
    from nspdata.instances.mask_rules import MaskRules
    from nspdata.loading.collate import Padding
    from nspdata.loading.options import Names, Options
    from nspdata.loading.order import Places
    from nspdata.loading.reader import Reader
    from nspdata.loading.steps import Part

    Batch = dict[str, NDArray[Any]]


class Draft(NamedTuple):
    """The rows of a batch before they are laid out as arrays.

    Attributes:
        step: its step, from 0 where the iteration began.
        window, position: a window in which, or before which, the next step begins, and the samples before that window.
        total: samples of the epoch, or -1 if not known yet.
        rows: rows, of which the batch uses some.
        indices: shape (n,), int64: the rows of the batch, sample after sample.
        starts: shape (num_samples + 1,), int64: where each sample begins in `indices`.
        places: shape (n,): shard and number of each row.
    """

    step: int
    window: int
    position: int
    total: int
    rows: Rows
    indices: NDArray[np.int64]
    starts: NDArray[np.int64]
    places: Places


def drafts(taken: Iterator[Part], reader: Reader) -> Iterator[Draft]:
    """The batches of a worker; an incomplete step at the end of a window is kept and completed from the next window."""
    held: Draft | None = None
    for part in taken:
        if not len(part.samples):
            continue
        made = list(_cut(part, reader))
        if held is not None:
            made[0] = _joined(held, made[0]) if made[0].step == held.step else made[0]
        held = None if part.whole else made.pop()
        yield from made


def _cut(part: Part, reader: Reader) -> Iterator[Draft]:
    """Yields the steps of a window."""
    now = part.stretch
    counts = np.diff(now.starts)[part.samples]
    places = now.places.take(ragged_indices(now.starts[part.samples], counts))
    window = reader.read(places)
    starts = offsets(counts)
    firsts = np.flatnonzero(np.diff(part.steps, prepend=-1))
    for first, end in zip(firsts, [*firsts[1:], len(part.steps)], strict=True):
        some = slice(int(starts[first]), int(starts[end]))
        yield Draft(
            step=int(part.steps[first]),
            window=now.window,
            position=now.position,
            total=part.total,
            rows=window.rows,
            indices=window.order[some],
            starts=starts[first : end + 1] - starts[first],
            places=places.take(some),
        )


def _joined(first: Draft, second: Draft) -> Draft:
    rows = Rows.concatenate([take(first.rows, first.indices), take(second.rows, second.indices)])
    starts = np.concatenate([first.starts, second.starts[1:] + first.starts[-1]])
    columns = (np.concatenate(pair) for pair in zip(first.places, second.places, strict=True))
    places = type(first.places)(*columns)
    return second._replace(rows=rows, indices=np.arange(len(rows)), starts=starts, places=places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Settings that turn a draft into a batch.

    Attributes:
        layout: `padded` or `flat`.
        packing: whether a sample is several rows.
        padding: of a padded batch.
        names: of its arrays.
        dtype: of its arrays.
        pad_id: id of [PAD].
        max_predictions: width of the arrays of predictions, if `names` has them.
        unmask: whether the masks in the shards are undone.
        rules: how rows are masked again; None for no new masks.
        seed, split, num_shards: what the masks are derived from.
        trace: whether `shard` and `row` are added.
    """

    layout: str
    packing: bool
    padding: Padding
    names: Names
    dtype: DTypeLike
    pad_id: int
    max_predictions: int
    unmask: bool
    rules: MaskRules | None
    seed: int
    split: str
    num_shards: int
    trace: bool

    def __call__(self, draft: Draft) -> Batch:
        """The batch."""
        rows, indices = draft.rows, draft.indices
        if self.unmask:
            rows, indices = take(rows, indices), np.arange(len(indices))
            rows = remasked(rows, self._keys(draft.places) if self.rules else None, self.rules)
        if self.layout == "flat":
            batch = collate_flat(rows, indices, dtype=self.dtype)
        elif self.packing:
            length = self.padding.max_seq_length
            batch = collate_packed(
                rows, draft.starts, indices, pad_id=self.pad_id, max_seq_length=length, dtype=self.dtype
            )
        else:
            batch = collate(
                rows,
                indices,
                pad_id=self.pad_id,
                padding=self.padding,
                dtype=self.dtype,
                names=self.names,
                max_predictions=self.max_predictions,
            )
        return batch | {"shard": draft.places.shards, "row": draft.places.rows} if self.trace else batch

    def _keys(self, places: Places) -> NDArray[np.uint64]:
        """The randomness of each row's mask: a function of seed, split, pass, shard and row."""
        bases = np.zeros(len(places.rows), np.uint64)
        for number in np.unique(places.passes).tolist():
            some = places.passes == number
            bases[some] = mask_bases(self.seed, self.split, number, self.num_shards)[places.shards[some]]
        return row_keys(bases, places.rows)


def remasked(rows: Rows, keys: NDArray[np.uint64] | None, rules: MaskRules | None) -> Rows:
    """Returns the rows without the masks of their shard, with new masks if there are rules.

    Args:
        rows: rows with masks.
        keys: shape (n,), uint64: the randomness of each row; None without rules.
        rules: how to mask; None for no masks.
    """
    ids = rows.unmasked_ids()
    if rules is None or keys is None:
        none = np.zeros(0, np.int64)
        return replace(
            rows,
            input_ids=ids,
            masked_lm_positions=none.astype(np.uint16),
            masked_lm_labels=none.astype(ids.dtype),
            masked_offsets=np.zeros(len(rows) + 1, np.int64),
        )
    masked = mask(ids, rows.offsets, keys, rules, rows.word_starts)
    return replace(
        rows,
        input_ids=masked.ids,
        masked_lm_positions=masked.positions,
        masked_lm_labels=masked.labels,
        masked_offsets=masked.offsets,
    )


@lru_cache(maxsize=8)
def mask_bases(seed: int, split: str, number: int, num_shards: int) -> NDArray[np.uint64]:
    """A random word for each shard in one pass, shape (num_shards,), uint64."""
    bits = stream(seed, "loading.masking", split=split, duplicate=number)
    return np.atleast_1d(np.asarray(bits.random_raw(num_shards), np.uint64))


def needs_word_starts(options: Options, datasets: Sequence[Split | Directory], rules: MaskRules | None) -> bool:
    """Whether new masks need the column `word_starts`.

    Args:
        options: of the loader.
        datasets: whose rows are loaded; several in a mixture.
        rules: how rows are masked again; None for no new masks.

    Raises:
        ConfigError: the datasets were built with different word segmenters, or with another one than `masking_config` names.
    """
    if rules is None or rules.strategy not in {"whole_word", "span"}:
        return False
    found = sorted({dataset.metadata.word_segmenter for dataset in datasets})
    wanted = options.masking_config.word_segmenter if options.masking_config else ""
    if len(found) > 1 or (wanted and found != [wanted]):
        raise ConfigError(
            f"new masks of strategy {rules.strategy} need rows that were all built with "
            f"masking.word_segmenter={wanted or found[-1]!r}, but the datasets have {', '.join(map(repr, found))}; build them "
            "with the same segmenter, or use masking='static' or the strategy token"
        )
    return found != [""]


def mask_rules_of(options: Options, dataset: Split | Directory, max_seq_length: int) -> MaskRules | None:
    """How rows are masked again; None for no new masks. A dataset without masks gets masks of single tokens."""
    if options.masking != "dynamic":
        return None
    config = options.masking_config or dataset.masking
    if config.strategy == "none" and options.masking_config is None:
        config = replace(config, strategy="token")
    return mask_rules(config, dataset.vocabulary, max_seq_length)
