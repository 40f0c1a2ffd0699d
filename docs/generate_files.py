"""Writes docs/files.md from the JSON Schemas of a dataset's files and the docstrings of its dataclasses: `python docs/generate_files.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from generate_settings import attributes

from nspdata.dataset.manifest import Manifest, ShardEntry
from nspdata.dataset.schema import RowMetadata
from nspdata.metadata.card import COLUMNS
from nspdata.metadata.json_schemas import SCHEMAS
from nspdata.reading.records import REASONS, Rejected
from nspdata.statistics.values import PartStatistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HEAD = """# Files and schemas

What is in a dataset directory. This page is generated from the code (`python docs/generate_files.py`); the schemas are in
[schemas/](https://github.com/nspdata/nspdata/tree/main/schemas), and `nspdata validate` checks every file against them.

| file | content |
| --- | --- |
| `manifest.json` | settings, tokenizer, inputs, and every shard with its rows, tokens, bytes and sha256; written last: a directory without it is unfinished |
| `train/`, `validation/`, `test/` | shards `data-00000-of-00016.arrow`: Arrow IPC streams of rows, and the files that `datasets.load_from_disk` reads |
| `tokenizer/` | `vocab.txt`, and the files that `transformers.AutoTokenizer` reads |
| `statistics.json` | counts and histograms of the corpus and of the rows |
| `README.md` | the dataset card |
| `croissant.json` | Croissant 1.1 metadata |
| `dataset_dict.json` | the splits, for `datasets` |
| `rejected/*.jsonl` | records that could not be used |

"""

TEXTS = COLUMNS | {
    "word_starts": f"{COLUMNS['word_starts']}; only with a word segmenter",
    "input_ids": f"{COLUMNS['input_ids']}; uint32 from 65,537 tokens on",
    "next_sentence_label": "0: B follows A. 1: B is from another document (with `same_document`: from the same one, not adjacent to A; with `sop`: A and B are swapped)",
}
"""What each column of a row holds."""

OTHER = {
    "version": "version of the format; a reader refuses any other",
    "label_convention": "what the labels mean, in words",
    "tokenizer.sha256": "of the vocabulary, one token per line",
    "tokenizer.vocab_size": "entries of the vocabulary",
    "tokenizer.lowercase": "whether the tokenizer lower-cases",
    "tokenizer.strip_accents": "whether it strips accents",
    "tokenizer.tokenizer_json": "of `tokenizer.json`, if the tokenizer has one",
    "inputs[].name": "path or URL, as it was given",
    "inputs[].bytes": "size of the file",
    "counts.read": "records, documents and bytes that were read",
    "counts.read.*": "one count, by name",
    "counts.read.rejected": "rejected records, by reason",
    "counts.read.rejected_bytes": "their bytes, by reason",
    "counts.built": "rows, tokens, forced negatives, dropped duplicates: one count for each name",
    "corpus": "of the documents",
    "rows": "of the rows of the shards",
    "*.histograms": "distributions, by name",
}
"""What the docstrings do not say; keys as they are in the table."""

WHOLE = {"config", "special_ids", "rows"}
"""Objects whose keys have no line of their own."""


def kind_of(schema: Mapping[str, Any]) -> str:
    """The type of a value, in a word or two."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if schema.get("pattern", "").startswith("^[0-9a-f]{64}"):
        return "sha256"
    if schema.get("type") == "array":
        return f"list of {kind_of(schema['items'])}"
    return str(schema.get("type", ""))


def rows(schema: Mapping[str, Any], texts: Mapping[str, str], prefix: str = "") -> Iterator[str]:
    """A line of the table for each key; of the settings, only the table as a whole."""
    for key, value in schema.get("properties", {}).items():
        name = f"{prefix}{key}"
        text = texts.get(name) or value.get("description", "")
        yield f"| `{name}` | {kind_of(value)} | {text.rstrip('.')} |"
        if name in WHOLE:
            continue
        yield from rows(value, texts, f"{name}.")
        inner = value.get("additionalProperties")
        if isinstance(inner, dict):
            yield from rows(inner.get("items", inner), texts, f"{name}.*{'[]' if 'items' in inner else ''}.")
        yield from rows(value.get("items", {}), texts, f"{name}[].")


def table(schema: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """The keys of a schema, their types and what they mean."""
    return "\n".join(["| key | type | meaning |", "| --- | --- | --- |", *rows(schema, texts)]) + "\n"


def texts_of_manifest() -> dict[str, str]:
    """By key, from the docstrings."""
    found = {**attributes(Manifest), **OTHER}
    found |= {f"splits.*[].{name}": text for name, text in attributes(ShardEntry).items()}
    found["config"] = "every setting, as nested tables: [settings.md](settings.md)"
    found["tokenizer"] = "the tokenizer of the ids"
    found["inputs"] = "the input files, sorted by name"
    found["inputs[].content"] = SCHEMAS["manifest"]()["properties"]["inputs"]["items"]["properties"]["content"][
        "description"
    ]
    return found


def texts_of_statistics() -> dict[str, str]:
    """By key, from the docstrings."""
    part = {f"corpus.{name}": text for name, text in attributes(PartStatistics).items()}
    part["corpus.token_counts"] = "count of each token of the vocabulary, masks undone"
    part["corpus.histograms.*.values"] = "values, or the least of each bin"
    part["corpus.histograms.*.counts"] = "how often each occurs"
    return {**OTHER, **part, "rows": "of the rows of the shards, with the keys of `corpus`"}


def page() -> str:
    """The whole page."""
    row = SCHEMAS["row"]()
    columns = [f"| `{one['name']}` | `{one['type']}` | {TEXTS[one['name']]} |" for one in row["columns"]]
    rejected = [f"| `{name}` | {text.rstrip('.')} |" for name, text in attributes(Rejected).items()]
    reasons = [f"| `{reason}` | {text.replace('<doc>', '`<doc>`')} |" for reason, text in REASONS.items()]
    parts = [
        "## Columns of a row\n\nNo column has nulls. `nspdata show` prints rows as text.\n",
        "\n".join(["| column | Arrow type | content |", "| --- | --- | --- |", *columns, ""]),
        "## Metadata of a shard\n\nThe Arrow schema has the key `nspdata`, a JSON object:\n",
        table(row["metadata"], {**OTHER, **attributes(RowMetadata)}),
        "## manifest.json\n\n`*` stands for any name, `[]` for each element of a list.\n",
        table(SCHEMAS["manifest"](), texts_of_manifest()),
        "## statistics.json\n\n[statistics.md](statistics.md) explains the figures that are derived from it.\n",
        table(SCHEMAS["statistics"](), texts_of_statistics()),
        "## rejected/*.jsonl\n\nOne line for each record that could not be used.\n",
        "\n".join(["| key | meaning |", "| --- | --- |", *rejected, ""]),
        "\n".join(["| reason | meaning |", "| --- | --- |", *reasons, ""]),
    ]
    return HEAD + "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("files.md").write_text(page(), encoding="utf-8")
