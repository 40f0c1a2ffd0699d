"""`nspdata show`: readable rows, and the filters."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from nspdata.arrays.hashing import document_hash
from nspdata.config.build import Config
from nspdata.dataset.manifest import MANIFEST, Manifest, shard_name
from nspdata.dataset.schema import RowMetadata, row_schema
from nspdata.dataset.shards import write_shard
from nspdata.files.local import LocalFiles
from nspdata.instances.rows import Rows
from nspdata.tokenization.vocabulary import SPECIAL_TOKENS, Vocabulary

WORDS = (
    *SPECIAL_TOKENS,
    *["the", "old", "cat", "sat", "on", "a", "mat", ".", "it", "slept", "##ing", "under", "moon"],
    "東",
    "京",
    "は",
    "של",
    "##ום",
    "עולם",
    "evil\x1b]0;owned\x07",
    "\u202egnp",
)

ROWS = [
    ("cats", 4, "the old cat sat .", "cats", 5, "it slept ##ing .", 0, {2: "[MASK]", 4: "sat", 7: "moon"}),
    ("cats", 9, "a mat .", "asia", 0, "東 京 は של ##ום עולם", 1, {5: "[MASK]"}),
    ("asia", 2, "של ##ום עולם", "cats", 0, "evil\x1b]0;owned\x07 \u202egnp the cat", 1, {1: "[MASK]", 5: "cat"}),
]
"""Documents, sentences, tokens of A and B, label, and what stands at the masked positions."""


def rows_of(described: list[tuple], vocabulary: Vocabulary) -> Rows:
    """Rows as `ROWS` writes them."""
    ids, lengths, positions, labels, counts = [], [], [], [], []
    for _, _, a, _, _, b, _, masks in described:
        row = [vocabulary.tokens.index(token) for token in f"[CLS] {a} [SEP] {b} [SEP]".split(" ")]
        lengths.append(len(row))
        positions += masks
        labels += [row[position] for position in masks]
        for position, token in masks.items():
            row[position] = vocabulary.tokens.index(token)
        ids += row
        counts.append(len(masks))
    names, numbers = {"document_a": 0, "document_b": 3}, {"sentence_a": 1, "sentence_b": 4}
    return Rows(
        input_ids=np.array(ids, np.uint16),
        offsets=np.cumsum([0, *lengths]),
        lengths_a=np.array([len(row[2].split(" ")) + 2 for row in described]),
        next_sentence_label=np.array([row[6] for row in described], np.uint8),
        masked_lm_positions=np.array(positions, np.uint16),
        masked_lm_labels=np.array(labels, np.uint16),
        masked_offsets=np.cumsum([0, *counts]),
        **{name: np.array([document_hash(row[at]) for row in described], np.uint64) for name, at in names.items()},
        **{name: np.array([row[at] for row in described], np.uint32) for name, at in numbers.items()},
    )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the rows above, in two shards."""
    directory, vocabulary = tmp_path_factory.mktemp("show") / "data", Vocabulary(WORDS)
    metadata = RowMetadata(
        objective="nsp",
        max_seq_length=32,
        max_predictions_per_seq=5,
        vocab_size=len(WORDS),
        special_ids=vocabulary.special_ids,
        tokenizer_sha256=vocabulary.sha256,
    )
    schema, files = row_schema(metadata), LocalFiles()
    parts = [rows_of(ROWS[:2], vocabulary), rows_of(ROWS[2:], vocabulary)]
    entries = [
        write_shard(files, str(directory), shard_name("train", index, 2), [part], schema)
        for index, part in enumerate(parts)
    ]
    tokenizer = {"sha256": vocabulary.sha256, "vocab_size": len(WORDS), "lowercase": True, "strip_accents": True}
    manifest = Manifest(
        config=Config().to_dict(),
        config_fingerprint=Config().fingerprint(),
        tokenizer=tokenizer,
        inputs=[],
        counts={},
        splits={"train": entries},
    )
    files.write(str(directory / MANIFEST), manifest.to_json().encode())
    files.write(str(directory / "tokenizer" / "vocab.txt"), vocabulary.text.encode())
    return directory


def show(directory: Path, *arguments: str, code: int = 0) -> str:
    """What the command prints."""
    command = [sys.executable, "-m", "nspdata", "show", str(directory), *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env={"PYTHONUTF8": "1", "COLUMNS": "100"})
    assert done.returncode == code, done.stderr.decode()
    return (done.stderr if code else done.stdout).decode()


def rows_shown(directory: Path, *arguments: str) -> list[dict]:
    """The rows that the command prints as JSON."""
    return [json.loads(line) for line in show(directory, *arguments, "--json").splitlines()]


def test_a_row_is_readable(dataset: Path) -> None:
    """The golden: place, label in words, segments with what the model sees, and every mask with what stood there."""
    cats = f"{document_hash('cats'):016x}"
    assert [line.rstrip() for line in show(dataset, "--row", "0").replace("\u00a0", " ").splitlines()] == [
        "train row 0  train/data-00000-of-00002.arrow",
        "  label 0: B follows A",
        f"  A  document {cats}, sentence 4",
        "     the [MASK] cat sat.",
        f"  B  document {cats}, sentence 5",
        "     moon slepting.",
        "  masked",
        "     2 old → [MASK]   4 sat kept   7 it → moon",
        "",
    ]


def test_every_script_comes_out(dataset: Path) -> None:
    """Han and kana stand without spaces, Hebrew is joined and isolated by its own direction."""
    printed = show(dataset, "--row", "1", "-n", "2")
    assert "B is from another document" in printed
    assert "[MASK] 京は" in printed
    assert "\u2067[MASK]ום עולם\u2069" in printed


def test_hostile_tokens_are_made_visible(dataset: Path) -> None:
    """A vocabulary with escape sequences and direction overrides sends none of them to the terminal, also as JSON."""
    for arguments in (["--row", "2"], ["--row", "2", "--json"]):
        printed = show(dataset, *arguments)
        controls = {character for character in printed if unicodedata.category(character) in {"Cc", "Cf"}}
        assert controls <= {"\n", "\u2066", "\u2067", "\u2069"}
    assert "evil␛]0;owned␇" in show(dataset, "--row", "2")
    assert rows_shown(dataset, "--row", "2")[0]["b"]["tokens"][1] == "\u202egnp"


def test_rows_are_chosen(dataset: Path) -> None:
    """By label, by document (its id or its hash), by a token that may be masked; otherwise spread over the split."""
    hashed = f"{document_hash('asia'):016x}"
    wanted = {
        (): [0, 1, 2],
        ("-n", "2"): [0, 1],
        ("--label", "1"): [1, 2],
        ("--label", "1", "-n", "1"): [1],
        ("--label", "1", "--row", "2"): [2],
        ("--document", "asia"): [1, 2],
        ("--document", hashed): [1, 2],
        ("--contains", "old"): [0],
        ("--contains", "של"): [1, 2],
        ("--contains", "[PAD]"): [],
    }
    assert {key: [row["row"] for row in rows_shown(dataset, *key)] for key in wanted} == wanted


def test_json_tells_what_was_masked_with_what(dataset: Path) -> None:
    """Each mask has its position, both tokens and its kind."""
    row = rows_shown(dataset, "--row", "0")[0]
    assert row["masks"] == [
        {"position": 2, "original": "old", "replacement": "[MASK]", "kind": "mask"},
        {"position": 4, "original": "sat", "replacement": "sat", "kind": "kept"},
        {"position": 7, "original": "it", "replacement": "moon", "kind": "random"},
    ]
    assert row["a"] == {
        "document": f"{document_hash('cats'):016x}",
        "sentence": 4,
        "text": "the [MASK] cat sat.",
        "tokens": ["the", "[MASK]", "cat", "sat", "."],
    }


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--row", "3"], 2, "from 0 to 2"),
        (["--contains", "slep"], 2, "'slept'"),
        (["--split", "test"], 1, "it has train"),
        (["--label", "2"], 2, "--label"),
    ],
)
def test_a_mistake_is_reported(dataset: Path, arguments: list[str], code: int, message: str) -> None:
    """A row, token or split that is not there is named with what is."""
    assert message in show(dataset, *arguments, code=code)
