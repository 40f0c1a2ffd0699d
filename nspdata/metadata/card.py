"""The dataset card, README.md of a dataset directory: what it is, from what, how it was made, and how to load it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.dataset.schema import label_meanings
from nspdata.statistics.checks import find_warnings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from nspdata.dataset.manifest import Manifest
    from nspdata.statistics import Statistics

LICENSES = frozenset(
    [
        "apache-2.0",
        "mit",
        "cc0-1.0",
        "cc-by-2.0",
        "cc-by-3.0",
        "cc-by-4.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cc-by-nc-4.0",
        "cc-by-nc-sa-4.0",
        "cc-by-nd-4.0",
        "cc-by-nc-nd-4.0",
        "odc-by",
        "odbl",
        "pddl",
        "unlicense",
        "gpl-3.0",
        "lgpl-3.0",
        "mpl-2.0",
        "bsd-3-clause",
        "unknown",
        "other",
    ]
)
"""Identifiers that Hugging Face's card header knows; any other is given as `other`, with its name."""

SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
         (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"))  # fmt: skip


COLUMNS = {
    "input_ids": "`[CLS] A [SEP] B [SEP]`, static masks applied, no padding",
    "token_type_ids": "0 for `[CLS] A [SEP]`, 1 for `B [SEP]`",
    "next_sentence_label": "see above",
    "masked_lm_positions": "strictly increasing positions in `input_ids`",
    "masked_lm_labels": "the original ids at these positions: writing them back undoes the mask",
    "document_a": "xxh3-64 of the id of the document that A came from",
    "document_b": "xxh3-64 of the id of the document that B came from",
    "sentence_a": "index of A's first sentence in its document",
    "sentence_b": "index of B's first sentence in its document",
    "word_starts": "1 where a token begins a word of `masking.word_segmenter`, otherwise 0",
}
"""What each column of a row can mean."""


def columns(config: Mapping[str, Any]) -> dict[str, str]:
    """What each column of a dataset means: `COLUMNS`, `word_starts` only if a word segmenter was used."""
    return {
        name: text for name, text in COLUMNS.items() if name != "word_starts" or config["masking"]["word_segmenter"]
    }


def card(manifest: Manifest, statistics: Statistics, *, command: str = "") -> str:
    """The dataset card, with the YAML header that `datasets.load_dataset` reads.

    Args:
        manifest: of the dataset.
        statistics: of the dataset.
        command: how it was made, as the user typed it.
    """
    sections = [
        _header(manifest),
        "# BERT pretraining data\n",
        _what(manifest),
        _how(manifest, command),
        _numbers(manifest, statistics),
        _warnings(manifest, statistics),
        _use(manifest),
        _license(manifest),
    ]
    return "\n".join(sections)


def _header(manifest: Manifest) -> str:
    rows = sum(entry.rows for entries in manifest.splits.values() for entry in entries)
    size = next((name for limit, name in SIZES if rows < limit), "10B<n<100B")
    lines = ["---", *_license_lines(manifest.config["output"]["license"])]
    lines += [f"language:\n- {language}" for language in _languages(manifest)]
    lines += ["task_categories:", "- fill-mask", "tags:", "- bert", "- masked-language-modeling"]
    lines += ["- next-sentence-prediction"] * (manifest.config["pairing"]["objective"] == "nsp")
    lines += ["size_categories:", f"- {size}", "configs:", "- config_name: default", "  data_files:"]
    for split in manifest.splits:
        lines += [f"  - split: {split}", f"    path: {split}/*.arrow"]
    return "\n".join([*lines, "---", ""])


def _languages(manifest: Manifest) -> list[str]:
    language = manifest.config["sentences"]["language"]
    return [language] if language != "xx" else []


def _license_lines(name: str) -> list[str]:
    if name.lower() in LICENSES:
        return [f"license: {name.lower()}"]
    return ["license: other", f"license_name: {json.dumps(name)}"] if name else ["license: unknown"]


def _what(manifest: Manifest) -> str:
    config = manifest.config
    pairing, masking = config["pairing"], config["masking"]
    named = ", ".join(f"`{_plain(entry['name'])}`" for entry in manifest.inputs[:5])
    more = f" and {len(manifest.inputs) - 5:,} files more" if len(manifest.inputs) > 5 else ""
    segmenter = masking["word_segmenter"]
    segmented = f", words by `{segmenter}`" if segmenter else ""
    masks = (
        "Nothing is masked."
        if masking["strategy"] == "none"
        else (
            f"{masking['masked_lm_prob']:.0%} of the tokens are to be predicted (`{masking['strategy']}` masking{segmented}): "
            f"{masking['mask_share']:.0%} of them are replaced by `[MASK]`, {masking['random_share']:.0%} by a random token."
        )
    )
    return (
        f"Rows for masked language modelling{' and next sentence prediction' if pairing['objective'] == 'nsp' else ''}, made from "
        f"{named}{more}.\nA row holds at most {pairing['max_seq_length']} tokens of a WordPiece vocabulary of "
        f"{manifest.tokenizer['vocab_size']:,} (`tokenizer/`).\n\n- {describe_labels(pairing['objective'], pairing['negatives'])}.\n- {masks}\n\n"
        "| column | meaning |\n| --- | --- |\n"
        + "".join(f"| `{name}` | {text} |\n" for name, text in columns(config).items())
    )


def _how(manifest: Manifest, command: str) -> str:
    made = f"```sh\n{_plain(command)}\n```\n\n" if command else ""
    settings = json.dumps(manifest.config, indent=1, sort_keys=True, ensure_ascii=False).replace("```", "'''")
    return (
        f"## How it was made\n\n{made}Every setting, also in `manifest.json` (fingerprint `{manifest.config_fingerprint[:16]}`):\n\n"
        f"```json\n{settings}\n```\n"
    )


def _numbers(manifest: Manifest, statistics: Statistics) -> str:
    read, built, rows = manifest.counts["read"], manifest.counts["built"], statistics.rows.counts
    sizes = read.get("rejected_bytes", {})
    table = [
        ("documents read", f"{read.get('documents', 0):,} ({read.get('text_bytes', 0) / 1e6:,.1f} MB of text)"),
        ("records rejected", f"{sum(read['rejected'].values()):,} ({sum(sizes.values()):,} bytes)"),
        ("exact duplicates dropped", f"{built.get('duplicates_dropped', 0):,}"),
        ("sentences", f"{built.get('sentences', 0):,}"),
        ("tokens of the documents", f"{built.get('tokens', 0):,}"),
        (
            "of these in a row of their own document",
            f"{built.get('used_tokens', 0) / max(1, built.get('tokens', 0)):.1%}",
        ),
    ]
    for split, entries in manifest.splits.items():
        held = [sum(getattr(entry, name) for entry in entries) for name in ("rows", "tokens", "bytes")]
        table.append((f"rows in `{split}`", "{:,} ({:,} tokens, {:,.1f} MB)".format(*held[:2], held[2] / 1e6)))
    shares = [
        ("rows of label 1", "label_1", "rows"),
        ("tokens masked", "masked", "tokens"),
        ("`[UNK]` among the tokens", "unknown_tokens", "tokens"),
    ]
    for name, part, whole in shares:
        table.append((name, f"{rows.get(part, 0) / max(1, rows.get(whole, 0)):.2%}"))
    padding = 1 - rows.get("tokens", 0) / max(1, rows.get("capacity_tokens", 0))
    table.append(("padding, were every row padded to the full length", f"{padding:.1%}"))
    return "## Numbers\n\n| | |\n| --- | ---: |\n" + "".join(f"| {name} | {value} |\n" for name, value in table)


def _warnings(manifest: Manifest, statistics: Statistics) -> str:
    config = from_dict(Config, manifest.config)
    found = find_warnings(statistics, config, strip_accents=manifest.tokenizer["strip_accents"])
    lines = [f"- `{warning.key}`: {_plain(warning.message)}\n" for warning in found]
    return "## Warnings\n\n" + (
        "".join(lines) or "None of the checks of `nspdata stats` found a figure out of range.\n"
    )


USES = {
    "With `datasets`, memory-mapped; nothing is copied": """import datasets

rows = datasets.load_from_disk(".")["SPLIT"]
print(rows[0])""",
    "With `datasets`, as a stream, also from the Hugging Face Hub": """from pathlib import Path

import datasets

rows = datasets.load_dataset(str(Path.cwd()), split="SPLIT", streaming=True)
print(next(iter(rows)))""",
    'Padded batches, as `transformers.BertForPreTraining` takes them; with `masking="dynamic"` new masks in every epoch': """from nspdata.loading import Loader

for batch in Loader(".", split="SPLIT", batch_size=8):
    print({name: array.shape for name, array in batch.items()})
    break""",
    "The same as torch tensors, in worker processes": """from nspdata.loading import Loader
from nspdata.torch import DataLoader

for batch in DataLoader(Loader(".", split="SPLIT", batch_size=8), num_workers=0):
    print({name: tensor.shape for name, tensor in batch.items()})
    break""",
    "As an Arrow table, for pandas, Polars or DuckDB, without nspdata": """import glob
import pyarrow as pa

for path in sorted(glob.glob("SPLIT/*.arrow")):
    table = pa.ipc.open_stream(path).read_all()
    print(path, table.num_rows, table.slice(0, 1).to_pylist())""",
}
"""Code that loads the rows, by what it is for; SPLIT is replaced."""


def _use(manifest: Manifest) -> str:
    split = next(iter(manifest.splits))
    ways = [f"{title}:\n\n```python\n{code.replace('SPLIT', split)}\n```\n" for title, code in USES.items()]
    beware = (
        "`input_ids` hold masks already: a collator that masks again would train on `[MASK]` as a target. "
        if manifest.config["masking"]["strategy"] != "none"
        else ""
    )
    return (
        "## Use\n\nIn this directory:\n\n"
        + "\n".join(ways)
        + f"\n{beware}`nspdata validate .` checks every file and every row; "
        "`nspdata export . --to ...` writes other formats.\n"
    )


def _license(manifest: Manifest) -> str:
    name = manifest.config["output"]["license"]
    text = (
        f"`{_plain(name)}`"
        if name
        else "Not given (`--set output.license=...`): that of the documents it was made from."
    )
    return f"## Licence\n\n{text}\n"


def describe_labels(objective: str, negatives: str = "other") -> str:
    """What `next_sentence_label` means with this objective and these negatives.

    >>> describe_labels("nsp")
    '`next_sentence_label`: 0 = B follows A, 1 = B is from another document'
    """
    meanings = label_meanings(objective, negatives)
    if not meanings:
        return "`next_sentence_label` is always 0: a row is one segment, not a pair"
    return "`next_sentence_label`: " + ", ".join(f"{label} = {text}" for label, text in meanings.items())


def _plain(text: str) -> str:
    """Text that is safe inside Markdown code: no backtick, no line end, no control character."""
    return "".join(character if character.isprintable() and character != "`" else "?" for character in text)
