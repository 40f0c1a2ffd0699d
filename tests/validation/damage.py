"""Damage done to a dataset directory on purpose: to one file only, or so well that everything else agrees with it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from nspdata.dataset.manifest import MANIFEST, STATISTICS, Manifest, read_manifest
from nspdata.dataset.schema import row_schema
from nspdata.dataset.shards import file_sha256
from nspdata.instances.rows import Rows
from nspdata.metadata.describe import describe
from nspdata.metadata.huggingface import dataset_files
from nspdata.statistics import Statistics, from_json, summarize_files, summarize_rows
from nspdata.tokenization.vocabulary import Vocabulary

Row = dict[str, Any]

ROWS_PER_BATCH = 128


def entry_of(directory: Path, split: str = "train", shard: int = 0) -> Path:
    """The path of a shard."""
    return directory / read_manifest(directory).splits[split][shard].path


def edit_json(path: Path, change: Callable[[Any], object]) -> None:
    """Changes the values of a JSON file in place."""
    values = json.loads(path.read_bytes())
    change(values)
    path.write_text(json.dumps(values, indent=1), encoding="utf-8")


def edit_manifest(directory: Path, change: Callable[[Any], object]) -> None:
    """Changes the manifest, and nothing else."""
    edit_json(directory / MANIFEST, change)


def read_table(path: Path) -> pa.Table:
    """A shard, copied into memory."""
    return pa.ipc.open_stream(path.read_bytes()).read_all()


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a shard of several record batches."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=ROWS_PER_BATCH)


def edit_rows(directory: Path, change: Callable[[list[Row]], object], *, split: str = "train", shard: int = 0) -> None:
    """Changes the rows of a shard and makes every other file agree; `change` works in place."""
    path = entry_of(directory, split, shard)
    table = read_table(path)
    rows = table.to_pylist()
    change(rows)
    write_table(path, pa.Table.from_pylist(rows, table.schema))
    settle(directory)


def swap_and_repeat(rows: list[Row]) -> None:
    """Swaps the label of the second row and repeats the fourth: what several checks see."""
    rows[1]["next_sentence_label"] = 1 - rows[1]["next_sentence_label"]
    rows.append(rows[3])


def edit_columns(directory: Path, change: Callable[[dict[str, pa.Array], pa.Schema], pa.Table]) -> None:
    """Makes a new table of the columns of the first shard, and every other file agree."""
    path = entry_of(directory)
    table = read_table(path).combine_chunks()
    columns = {name: table[name].combine_chunks() for name in table.schema.names}
    write_table(path, change(columns, table.schema))
    settle(directory)


def settle(directory: Path) -> None:
    """Writes everything again that follows from the shards: sizes, digests, counts of rows, statistics, card."""
    manifest = read_manifest(directory)
    splits = {
        split: [
            replace(
                entry,
                rows=read_table(directory / entry.path).num_rows,
                tokens=len(read_table(directory / entry.path)["input_ids"].combine_chunks().flatten()),
                bytes=(directory / entry.path).stat().st_size,
                sha256=file_sha256(directory / entry.path),
            )
            for entry in entries
        ]
        for split, entries in manifest.splits.items()
    }
    num_rows = sum(entry.rows for entries in splits.values() for entry in entries)
    counts = {**manifest.counts, "built": {**manifest.counts["built"], "rows": num_rows}}
    settle_manifest(directory, replace(manifest, splits=splits, counts=counts))


def settle_manifest(directory: Path, manifest: Manifest) -> None:
    """Writes a manifest, and everything that is made of it."""
    (directory / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    statistics = Statistics(corpus=from_json((directory / STATISTICS).read_bytes()).corpus)
    vocabulary = Vocabulary.read(directory / "tokenizer" / "vocab.txt")
    entries = [entry for entries in manifest.splits.values() for entry in entries]
    with contextlib.suppress(Exception):  # rows so broken that nothing can be counted
        rows = summarize_files(entries).rows
        for entry in entries:
            for batch in read_table(directory / entry.path).to_batches():
                longest = manifest.config["pairing"]["max_seq_length"]
                rows += summarize_rows(Rows.from_batch(batch), vocabulary, max_seq_length=longest).rows
        statistics = Statistics(corpus=statistics.corpus, rows=rows)
    schema = row_schema_of(directory, manifest)
    for name, data in {**dataset_files(manifest.splits, schema), **describe(manifest, statistics, "")}.items():
        (directory / name).write_bytes(data)


def row_schema_of(directory: Path, manifest: Manifest) -> pa.Schema:
    """The schema that the shards should have."""
    from nspdata.config.build import Config
    from nspdata.config.parsing import from_dict
    from nspdata.validation.spec import RowSpec

    vocabulary = Vocabulary.read(directory / "tokenizer" / "vocab.txt")
    return row_schema(RowSpec.of(from_dict(Config, manifest.config), vocabulary).metadata)


def edit_settled(directory: Path, change: Callable[[Any], object]) -> None:
    """Changes the manifest's values and makes every file agree that is made of them."""
    edit_manifest(directory, change)
    settle_manifest(directory, read_manifest(directory))
