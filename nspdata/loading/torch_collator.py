"""A collator for rows that `datasets` or a plain torch `Dataset` yields, one dictionary per row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nspdata.arrays.ragged import offsets as offsets_of
from nspdata.dataset.directory import open_directory
from nspdata.dataset.stores import open_store
from nspdata.errors import ConfigError
from nspdata.instances.masking import row_keys
from nspdata.instances.rows import Rows
from nspdata.loading.batches import mask_rules_of, needs_word_starts, remasked
from nspdata.loading.collate import Padding, collate
from nspdata.loading.options import Options
from nspdata.loading.torch import Batch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nspdata.config.build import MaskingConfig
    from nspdata.loading.options import Masking

COLUMNS = ("input_ids", "token_type_ids", "next_sentence_label", "masked_lm_positions", "masked_lm_labels")


class Collator:
    """Collates rows into a padded batch for `BertForPreTraining`, with `labels` and `attention_mask`. See `collator`."""

    def __init__(
        self, directory: str | Path, *, masking: Masking, masking_config: MaskingConfig | None, padding: str
    ) -> None:
        """Reads the manifest and the vocabulary."""
        store = open_store(str(directory))
        dataset = open_directory(store)
        options = Options(batch_size=1, masking=masking, masking_config=masking_config)
        self.metadata, self.masking = dataset.metadata, masking
        self._padding = Padding.parse(padding, dataset.metadata.max_seq_length)
        self._rules = mask_rules_of(options, dataset, dataset.metadata.max_seq_length)
        self._columns = (*COLUMNS, "word_starts") if needs_word_starts(options, [dataset], self._rules) else COLUMNS

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Batch:
        """The batch: `input_ids`, `token_type_ids`, `attention_mask`, `labels`, `next_sentence_label`.

        Raises:
            ConfigError: a column is missing.
        """
        missing = [name for name in self._columns if name not in rows[0]]
        if missing:
            raise ConfigError(
                f"the rows have no {', '.join(missing)}: without them a row's masks have no labels; keep every column, "
                "with the Trainer by TrainingArguments(remove_unused_columns=False)"
            )
        flat = _rows(rows)
        if self.masking != "static":
            base = int(
                torch.randint(0, 2**63 - 1, ())
            )  # torch's generator: seeded in each worker, saved by the Trainer
            keys = row_keys(np.full(len(rows), base, np.uint64), np.arange(len(rows)))
            flat = remasked(flat, keys, self._rules)
        return Batch.of(collate(flat, pad_id=self.metadata.special_ids["[PAD]"], padding=self._padding))


def collator(
    directory: str | Path,
    *,
    masking: Masking = "static",
    masking_config: MaskingConfig | None = None,
    padding: str = "longest",
) -> Collator:
    """A collator for the rows of a dataset directory, for `datasets.load_from_disk` and `transformers.Trainer`.

    The rows of a shard already have masks, so transformers' own `DataCollatorForLanguageModeling` would mask them twice.

    Args:
        directory: dataset directory, a path or a URL, with the vocabulary and the masking settings.
        masking: `static` as the masks are in the shards; `dynamic` masks again for each batch; `none` for no masks.
        masking_config: how dynamic masks are made; None for the settings that the dataset was built with.
        padding: `longest`, `max` or `multiple_of=N`.

    Raises:
        ConfigError: an option is out of range.
        ShardError: the directory is not a finished dataset.

    >>> rows = datasets.load_from_disk("data")["train"]  # doctest: +SKIP
    >>> torch.utils.data.DataLoader(rows, batch_size=32, collate_fn=collator("data", masking="dynamic"))  # doctest: +SKIP
    """
    return Collator(directory, masking=masking, masking_config=masking_config, padding=padding)


def _rows(rows: Sequence[Mapping[str, Any]]) -> Rows:
    """Converts dictionaries of lists, arrays or tensors to flat rows."""
    ids, types, positions, labels = (
        [np.asarray(row[name], np.int64) for row in rows]
        for name in ("input_ids", "token_type_ids", "masked_lm_positions", "masked_lm_labels")
    )
    none: NDArray[Any] = np.zeros(len(rows), np.uint64)
    segmented = "word_starts" in rows[0]
    return Rows(
        input_ids=np.concatenate(ids),
        offsets=offsets_of(np.array([len(row) for row in ids])),
        lengths_a=np.array([len(row) - int(row.sum()) for row in types]),
        next_sentence_label=np.array([int(row["next_sentence_label"]) for row in rows], np.uint8),
        masked_lm_positions=np.concatenate(positions).astype(np.uint16),
        masked_lm_labels=np.concatenate(labels),
        masked_offsets=offsets_of(np.array([len(row) for row in positions])),
        document_a=none,
        document_b=none,
        sentence_a=none.astype(np.uint32),
        sentence_b=none.astype(np.uint32),
        word_starts=np.concatenate([np.asarray(row["word_starts"], np.uint8) for row in rows]) if segmented else None,
    )
