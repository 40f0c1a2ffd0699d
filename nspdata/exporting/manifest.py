"""`manifest.json` of an export, and the index files of its format."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nspdata.dataset.manifest import FILE, MANIFEST, ShardEntry
from nspdata.errors import ShardError
from nspdata.exporting import mds, saved
from nspdata.exporting.options import CONVENTIONS
from nspdata.exporting.plan import VERSION
from nspdata.files.checked_json import COUNT, INTEGER, SHA256, TEXT, check, exactly, list_of, map_of, parse, record
from nspdata.files.local import join
from nspdata.metadata.huggingface import dataset_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nspdata.exporting.options import Context
    from nspdata.exporting.plan import ExportPlan
    from nspdata.files.local import Files

SCHEMA = exactly(
    {
        "version": INTEGER,
        "export": record({"to": TEXT}),
        "labels": map_of(TEXT),
        "source": exactly(
            {"fingerprint": SHA256, "config_fingerprint": SHA256, "tokenizer_sha256": SHA256, "max_seq_length": COUNT}
        ),
        "splits": map_of(list_of(FILE)),
    }
)
"""The content of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A finished export.

    Attributes:
        directory: path or URL.
        options: format, convention, masking and trace.
        source: fingerprints of the dataset.
        splits: the files of each split, in order.
    """

    directory: str
    options: dict[str, Any]
    source: dict[str, Any]
    splits: dict[str, list[ShardEntry]]

    @property
    def rows(self) -> int:
        """Rows of all splits."""
        return sum(entry.rows for entries in self.splits.values() for entry in entries)

    @property
    def bytes(self) -> int:
        """Size of the files with rows."""
        return sum(entry.bytes for entries in self.splits.values() for entry in entries)


def collected(plan: ExportPlan, parts: Mapping[int, list[ShardEntry]]) -> dict[str, list[ShardEntry]]:
    """The files of each split in the order of the shards."""
    splits: dict[str, list[ShardEntry]] = {split: [] for split, _ in plan.parts}
    for number, (split, _) in enumerate(plan.parts):
        splits[split] += parts[number]
    return splits


def manifest_text(plan: ExportPlan, splits: Mapping[str, list[ShardEntry]], context: Context) -> bytes:
    """The text of `manifest.json`, the same for equal exports."""
    labels = {str(value): text for value, text in context.metadata.labels.items()}
    if plan.options.convention == "ibm":
        labels = {str(1 - int(value)): text for value, text in labels.items()}
    value = {
        "version": VERSION,
        "export": {**asdict(plan.options), "label_convention": CONVENTIONS[plan.options.convention]},
        "labels": labels,
        "source": {
            "fingerprint": plan.source_fingerprint,
            "config_fingerprint": plan.config_fingerprint,
            "tokenizer_sha256": plan.tokenizer_sha256,
            "max_seq_length": context.metadata.max_seq_length,
        },
        "splits": {split: [asdict(entry) for entry in entries] for split, entries in splits.items()},
    }
    check(value, SCHEMA, name=MANIFEST)
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def index_files(plan: ExportPlan, splits: Mapping[str, list[ShardEntry]], context: Context) -> dict[str, bytes]:
    """The files by which the readers of a format find the others, by path."""
    if plan.options.to == "mds":
        return {f"{split}/index.json": mds.index(entries, context) for split, entries in splits.items()}
    if plan.options.to == "hf":
        return dataset_files(splits, saved.schema(context))
    return {}


def read_exported(destination: str, files: Files) -> Exported | None:
    """The finished export in a directory; None if there is no manifest.

    Raises:
        ShardError: the manifest is that of a dataset, or damaged.
    """
    path = join(destination, MANIFEST)
    if files.stat(path) is None:
        return None
    with files.open(path) as stream:
        value = parse(stream.read(), name=path)
    if not isinstance(value, dict) or "export" not in value:
        raise ShardError(f"{path}: not the manifest of an export; give the export a directory of its own with -o")
    check(value, SCHEMA, name=path)
    splits = {split: [ShardEntry(**entry) for entry in entries] for split, entries in value["splits"].items()}
    return Exported(directory=destination, options=value["export"], source=value["source"], splits=splits)
