"""Loads the same rows with other loaders; each function yields endless batches of torch tensors.

A peer's own way to pad and mask is used if it has one; LDDL's loader masks and pads.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.utils.data import DataLoader

from nspdata.dataset.manifest import read_manifest
from nspdata.tokenization.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pathlib import Path


def tokenizer_of(directory: Path):
    from transformers import BertTokenizerFast

    return BertTokenizerFast(str(directory / "tokenizer" / "vocab.txt"))


def some_rows(directory: Path, limit: int):
    """The first rows of the train split as Python values."""
    count = 0
    for entry in read_manifest(directory).splits["train"]:
        table = pa.ipc.open_stream(str(directory / entry.path)).read_all()
        for row in table.to_pylist():
            yield row
            count += 1
            if count == limit:
                return


def unmasked(row):
    ids = np.asarray(row["input_ids"]).copy()
    ids[np.asarray(row["masked_lm_positions"], np.int64)] = row["masked_lm_labels"]
    return ids


class StaticCollator:
    """Pads with the tokenizer's `pad`, and scatters the labels of the row."""

    def __init__(self, tokenizer) -> None:
        self.tokenizer = tokenizer

    def __call__(self, rows):
        """A padded batch."""
        plain = [
            {"input_ids": row["input_ids"].tolist(), "token_type_ids": row["token_type_ids"].tolist()} for row in rows
        ]
        batch = self.tokenizer.pad(plain, return_tensors="pt")
        labels = torch.full_like(batch["input_ids"], -100)
        for line, row in enumerate(rows):
            labels[line, torch.from_numpy(np.asarray(row["masked_lm_positions"], np.int64))] = torch.from_numpy(
                np.asarray(row["masked_lm_labels"], np.int64)
            )
        batch["labels"] = labels
        batch["next_sentence_label"] = torch.tensor([int(row["next_sentence_label"]) for row in rows])
        return batch


class DynamicCollator:
    """`DataCollatorForLanguageModeling`, with the columns that it accepts."""

    def __init__(self, tokenizer) -> None:
        from transformers import DataCollatorForLanguageModeling

        self.collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)

    def __call__(self, rows):
        """A padded batch with fresh masks."""
        names = ("input_ids", "token_type_ids", "next_sentence_label")
        return self.collator([{name: row[name] for name in names} for row in rows])


def collator_of(directory: Path, masking: str):
    tokenizer = tokenizer_of(directory)
    return StaticCollator(tokenizer) if masking == "static" else DynamicCollator(tokenizer)


def hugging_face(directory: Path, masking: str, batch_size: int, _: Path):
    """`datasets.load_from_disk(...).with_format("torch")`, shuffled by the DataLoader."""
    import datasets

    rows = datasets.load_from_disk(str(directory))["train"]
    columns = ["input_ids", "token_type_ids", "next_sentence_label", "masked_lm_positions", "masked_lm_labels"]
    rows = rows.with_format("torch", columns=columns if masking == "static" else columns[:3])
    loader = DataLoader(rows, batch_size=batch_size, shuffle=True, collate_fn=collator_of(directory, masking))
    while True:
        yield from loader


def mosaic(directory: Path, masking: str, batch_size: int, work: Path):
    """The same rows as MDS, through `StreamingDataset` with its own shuffle."""
    import streaming

    out = work / f"mds-{directory.name}-{masking}"
    if not out.exists():
        columns = {"input_ids": "ndarray:uint16", "token_type_ids": "ndarray:uint8", "next_sentence_label": "uint8"}
        static = {"masked_lm_positions": "ndarray:uint16", "masked_lm_labels": "ndarray:uint16"}
        with streaming.MDSWriter(out=str(out), columns=columns | (static if masking == "static" else {})) as writer:
            for row in some_rows(directory, 60_000):
                ids = row["input_ids"] if masking == "static" else unmasked(row)
                sample = {
                    "input_ids": np.asarray(ids, np.uint16),
                    "token_type_ids": np.asarray(row["token_type_ids"], np.uint8),
                }
                sample["next_sentence_label"] = np.uint8(row["next_sentence_label"])
                if masking == "static":
                    sample |= {name: np.asarray(row[name], np.uint16) for name in static}
                writer.write(sample)
    streaming.base.util.clean_stale_shared_memory()

    class Rows(streaming.StreamingDataset):
        def __getitem__(self, index):
            row = super().__getitem__(index)
            return (
                row
                if masking == "static"
                else {name: torch.from_numpy(np.atleast_1d(row[name]).astype(np.int64)) for name in row}
            )

    loader = DataLoader(
        Rows(local=str(out), shuffle=True, batch_size=batch_size),
        batch_size=batch_size,
        collate_fn=collator_of(directory, masking),
    )
    while True:
        yield from loader


def lddl(directory: Path, masking: str, batch_size: int, work: Path):
    """LDDL's Parquet files of tokens as text, through its own loader (one worker: it allows no fewer)."""
    from lddl.torch import get_bert_pretrain_data_loader
    from lddl.utils import serialize_np_array

    out = work / f"lddl-{directory.name}-{masking}"
    if not out.exists():
        out.mkdir(parents=True)
        tokens, columns = np.array(Vocabulary.read(directory / "tokenizer" / "vocab.txt").tokens), []
        for row in some_rows(directory, 20_001):  # two files, one of them a row longer, as LDDL's balancer leaves them
            ids, cut = unmasked(row), len(row["token_type_ids"]) - sum(row["token_type_ids"])
            masked = np.asarray(row["input_ids"])
            shown = masked if masking == "static" else ids
            told = {"A": " ".join(tokens[shown[1 : cut - 1]]), "B": " ".join(tokens[shown[cut:-1]])}
            told["is_random_next"] = bool(row["next_sentence_label"])
            if masking == "static":
                told["masked_lm_positions"] = serialize_np_array(np.asarray(row["masked_lm_positions"], np.uint16))
                told["masked_lm_labels"] = " ".join(tokens[np.asarray(row["masked_lm_labels"])])
            columns.append(told)
        for number, part in enumerate((columns[:10_000], columns[10_000:])):
            pq.write_table(pa.Table.from_pylist(part), out / f"{number}.parquet")
    loader = get_bert_pretrain_data_loader(
        str(out),
        vocab_file=str(directory / "tokenizer" / "vocab.txt"),
        data_loader_kwargs={"batch_size": batch_size, "num_workers": 1},
        log_level=logging.ERROR,
    )
    while True:
        yield from loader


PEERS = {"datasets": hugging_face, "mosaicml-streaming": mosaic, "lddl": lddl}
