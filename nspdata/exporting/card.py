"""README.md of an export: what it is, what the labels mean, and how to load it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nspdata.exporting import delimited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nspdata.dataset.manifest import ShardEntry
    from nspdata.exporting.options import Context
    from nspdata.exporting.plan import ExportPlan

LOADING = {
    "mds": """from streaming import StreamingDataset

for row in StreamingDataset(local="DIRECTORY", split="train", shuffle=False, batch_size=1):
    print(row["input_ids"], row["next_sentence_label"])
    break""",
    "parquet": """from pathlib import Path

from datasets import load_dataset

rows = load_dataset(str(Path("DIRECTORY").resolve()), split="train", streaming=True)
print(next(iter(rows)))""",
    "tfrecord": """import glob
from tfrecord.reader import tfrecord_loader

for row in tfrecord_loader(sorted(glob.glob("DIRECTORY/train/*.tfrecord"))[0], None):
    print(row["input_ids"], row["next_sentence_labels"])
    break""",
    "hf": """from datasets import load_from_disk

rows = load_from_disk("DIRECTORY")["train"]  # ready for transformers.Trainer(train_dataset=rows, ...)
print(rows[0])""",
    "csv": """import glob
import pandas as pd

rows = pd.read_csv(sorted(glob.glob("DIRECTORY/train/*.csv"))[0])
print(rows.iloc[0])""",
}
"""Code that reads the first row, by format."""


def card(plan: ExportPlan, splits: Mapping[str, list[ShardEntry]], context: Context) -> str:
    """The text of the page; its header makes `datasets.load_dataset` find the splits of Parquet and CSV files."""
    rows = {split: sum(entry.rows for entry in entries) for split, entries in splits.items()}
    sizes = ", ".join(f"{number:,} rows in {split}" for split, number in rows.items())
    masks = (
        "`input_ids` hold the masks of the dataset."
        if plan.options.masking == "static"
        else "`input_ids` hold the original ids; the training loop must draw masks."
    )
    return (
        f"{_header(plan, splits)}# BERT pretraining rows as {plan.options.to}\n\n"
        f"Exported by nspdata from a dataset of shards: {sizes}. A row is `[CLS] A [SEP] B [SEP]` of at most "
        f"{context.metadata.max_seq_length} tokens. {masks}\n\n{_labels(plan, context)}\n\n"
        f"```python\n{LOADING[plan.options.to].replace('DIRECTORY', '.')}\n```\n\n"
        "`tokenizer/` is the tokenizer of the ids; `manifest.json` has the size and sha256 of every file.\n"
    )


def _header(plan: ExportPlan, splits: Mapping[str, list[ShardEntry]]) -> str:
    if plan.options.to not in {"parquet", "csv"}:
        return ""
    suffix = "parquet" if plan.options.to == "parquet" else delimited.SUFFIX
    files = "".join(f"  - split: {split}\n    path: {split}/*.{suffix}\n" for split in splits)
    return f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n"


def _labels(plan: ExportPlan, context: Context) -> str:
    meanings = context.metadata.labels
    if not meanings:
        return "The rows have no sentence label: its column is 0 everywhere."
    ibm = plan.options.convention == "ibm"
    shown = {1 - value if ibm else value: text for value, text in meanings.items()}
    name = {"tfrecord": "next_sentence_labels", "csv": "Is Next" if ibm else "next_sentence_label"}.get(
        plan.options.to, "next_sentence_label"
    )
    text = "; ".join(f"{value} = {shown[value]}" for value in sorted(shown))
    more = (
        " Segment ids are 1 and 2, and 0 for padding; `BERT Label` is [PAD] where nothing is predicted." if ibm else ""
    )
    return f"`{name}`: {text}.{more}"
