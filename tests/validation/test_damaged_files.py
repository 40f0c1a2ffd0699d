"""Damage to files and to the manifest: every kind is caught by the name of the rule that it breaks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.dataset.manifest import MANIFEST, STATISTICS
from nspdata.errors import ShardError
from nspdata.validation import validate, validate_source
from tests.validation.damage import edit_json, edit_manifest, edit_settled, entry_of, read_table, write_table

Damage = Callable[[Path], object]


def rules(directory: Path, *source: Path) -> set[str]:
    """The names of the rules that a dataset breaks."""
    found = validate(directory)
    if source:
        found += validate_source(directory, [str(path) for path in source])
    assert all(finding.count > 0 and finding.message for finding in found)
    return {finding.rule for finding in found}


def flip_bit(path: Path, share: float) -> None:
    """Flips one bit of a file."""
    data = bytearray(path.read_bytes())
    data[int(share * (len(data) - 1))] ^= 4
    path.write_bytes(bytes(data))


def cut(path: Path, share: float) -> None:
    """Cuts a file."""
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def cut_between_batches(directory: Path) -> None:
    """Leaves out the last record batch, so that Arrow reads a whole, shorter stream."""
    table = read_table(entry_of(directory))
    write_table(entry_of(directory), table.slice(0, table.num_rows - 50))


def first_entry(values: Any) -> Any:
    return values["splits"]["train"][0]


def swap_shards(values: Any) -> None:
    values["splits"]["train"].reverse()


def name_twice(values: Any) -> None:
    values["splits"]["train"][1] = dict(first_entry(values))


def other_setting(values: Any) -> None:
    """A setting with the fingerprint that goes with it."""
    values["config"]["masking"]["masked_lm_prob"] = 0.3
    values["config_fingerprint"] = from_dict(Config, values["config"]).fingerprint()


def exchange_tokens(directory: Path) -> None:
    """Replaces the tokenizer by one with two tokens swapped."""
    path = directory / "tokenizer" / "vocab.txt"
    tokens = path.read_text().splitlines()
    tokens[10], tokens[11] = tokens[11], tokens[10]
    path.write_text("".join(f"{token}\n" for token in tokens))


def tokenizer_json(change: Callable[[Any], object]) -> Damage:
    return lambda directory: edit_json(directory / "tokenizer" / "tokenizer.json", change)


def statistics_json(change: Callable[[Any], object]) -> Damage:
    return lambda directory: edit_json(directory / STATISTICS, change)


def manifest_json(change: Callable[[Any], object]) -> Damage:
    return lambda directory: edit_manifest(directory, change)


def with_text(name: str, old: str, new: str) -> Damage:
    def damage(directory: Path) -> None:
        path = directory / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return damage


DAMAGES: dict[str, tuple[str, Damage]] = {
    "a bit of a shard": ("file_sha256", lambda directory: flip_bit(entry_of(directory), 0.7)),
    "a shard cut between batches": ("file_size", cut_between_batches),
    "a shard cut anywhere": ("arrow", lambda directory: cut(entry_of(directory), 0.4)),
    "a shard that is text": ("arrow", lambda directory: entry_of(directory).write_text("no shard")),
    "a shard that is empty": ("arrow", lambda directory: entry_of(directory).write_bytes(b"")),
    "a missing shard": ("missing_file", lambda directory: entry_of(directory).unlink()),
    "a missing card": ("missing_file", lambda directory: (directory / "README.md").unlink()),
    "a missing vocabulary": ("missing_file", lambda directory: (directory / "tokenizer/vocab.txt").unlink()),
    "missing statistics": ("missing_file", lambda directory: (directory / STATISTICS).unlink()),
    "an added shard": ("stray_file", lambda d: shutil.copy(entry_of(d), d / "train/data-00002-of-00003.arrow")),
    "an added file": ("stray_file", lambda directory: (directory / "notes.txt").write_text("mine")),
    "two shards exchanged on disk": ("file_sha256", lambda d: exchange(entry_of(d), entry_of(d, shard=1))),
    "a figure of the card": ("card", with_text("README.md", "| documents read | 248", "| documents read | 249")),
    "the card's header": ("card", with_text("README.md", "path: train/*.arrow", "path: validation/*.arrow")),
    "croissant.json": ("card", with_text("croissant.json", '"sha256": "', '"sha256": "0')),
    "statistics of rows": ("statistics", statistics_json(lambda v: v["rows"]["counts"].update(label_0=7))),
    "a histogram": (
        "statistics",
        statistics_json(lambda v: v["rows"]["histograms"]["a_tokens"]["counts"].__setitem__(0, 1)),
    ),
    "how often a token stands": ("statistics", statistics_json(lambda v: v["rows"]["token_counts"].__setitem__(9, 1))),
    "statistics of documents": ("statistics", statistics_json(lambda v: v["corpus"]["counts"].update(tokens=7))),
    "statistics of no schema": ("statistics", statistics_json(lambda v: v["rows"].pop("counts"))),
    "statistics with a negative count": (
        "statistics",
        statistics_json(lambda v: v["rows"]["token_counts"].__setitem__(3, -1)),
    ),
    "statistics that are not JSON": ("statistics", lambda directory: cut(directory / STATISTICS, 0.5)),
    "state.json": ("datasets_files", lambda d: edit_json(d / "train/state.json", lambda v: v["_data_files"].pop())),
    "state.json that is not JSON": ("datasets_files", lambda directory: cut(directory / "train/state.json", 0.5)),
    "dataset_info.json": (
        "datasets_files",
        with_text("validation/dataset_info.json", '"dtype": "uint16"', '"dtype": "int16"'),
    ),
    "dataset_dict.json": (
        "datasets_files",
        lambda d: edit_json(d / "dataset_dict.json", lambda v: v["splits"].pop()),
    ),
    "a manifest that is not JSON": ("manifest_schema", lambda directory: cut(directory / MANIFEST, 0.5)),
    "a manifest of another kind": ("manifest_schema", manifest_json(lambda values: values.pop("counts"))),
    "a manifest that is a list": ("manifest_version", lambda d: (d / MANIFEST).write_text("[]")),
    "an unknown key of the manifest": ("manifest_schema", manifest_json(lambda values: values.update(more=1))),
    "a digest that is none": ("manifest_schema", manifest_json(lambda v: first_entry(v).update(sha256="0"))),
    "the manifest's version": ("manifest_version", manifest_json(lambda values: values.update(version=2))),
    "a path that leads out": ("manifest_path", manifest_json(lambda v: first_entry(v).update(path="../x.arrow"))),
    "an absolute path": ("manifest_path", manifest_json(lambda v: first_entry(v).update(path="/etc/passwd"))),
    "a shard named twice": ("manifest_path", manifest_json(name_twice)),
    "shards in another order": ("manifest_path", manifest_json(swap_shards)),
    "a split left out": ("manifest_path", manifest_json(lambda values: values["splits"].pop("validation"))),
    "a shard left out": ("manifest_path", manifest_json(lambda values: values["splits"]["train"].pop())),
    "a setting": ("manifest_config", manifest_json(lambda values: values["config"].update(seed=9))),
    "a fingerprint": ("manifest_config", manifest_json(lambda values: values.update(config_fingerprint="0" * 64))),
    "an unknown setting": ("manifest_config", manifest_json(lambda values: values["config"].update(color=1))),
    "a setting out of range": (
        "manifest_config",
        manifest_json(lambda v: v["config"]["pairing"].update(max_seq_length=2)),
    ),
    "a setting of other rows": ("mask_count", lambda directory: edit_settled(directory, other_setting)),
    "rows of a shard": ("shard_rows", manifest_json(lambda values: first_entry(values).update(rows=1))),
    "tokens of a shard": ("shard_tokens", manifest_json(lambda values: first_entry(values).update(tokens=1))),
    "bytes of a shard": ("file_size", manifest_json(lambda values: first_entry(values).update(bytes=1))),
    "a digest": ("file_sha256", manifest_json(lambda values: first_entry(values).update(sha256="0" * 64))),
    "rows in the counts": ("manifest_counts", manifest_json(lambda v: v["counts"]["built"].update(rows=1))),
    "documents in the counts": ("manifest_counts", manifest_json(lambda v: v["counts"]["read"].update(documents=1))),
    "records in the counts": ("manifest_counts", manifest_json(lambda v: v["counts"]["read"].update(records=1))),
    "too few documents built": ("manifest_counts", manifest_json(lambda v: v["counts"]["built"].update(documents=9))),
    "tokens in the counts": ("tokens_lost", manifest_json(lambda v: v["counts"]["built"].update(tokens=99_999))),
    "rejected records in the counts": (
        "rejected",
        manifest_json(lambda values: values["counts"]["read"]["rejected"].update(broken_json=3)),
    ),
    "rejected bytes in the counts": (
        "rejected",
        manifest_json(lambda values: values["counts"]["read"]["rejected_bytes"].update(broken_json=3)),
    ),
    "missing rejected records": ("rejected", lambda d: next(d.glob("rejected/*")).unlink()),
    "rejected records that are not JSON": ("rejected", lambda d: cut(next(d.glob("rejected/*")), 0.8)),
    "another vocabulary": ("tokenizer", exchange_tokens),
    "a vocabulary without [MASK]": ("tokenizer", with_text("tokenizer/vocab.txt", "[MASK]", "[KASM]")),
    "the manifest's tokenizer": ("tokenizer", manifest_json(lambda v: v["tokenizer"].update(sha256="0" * 64))),
    "the tokenizer's case": ("tokenizer", tokenizer_json(lambda v: v["normalizer"].update(lowercase=False))),
    "the tokenizer's words": ("tokenizer", tokenizer_json(lambda v: v["model"]["vocab"].update(more=99))),
    "the tokenizer's longest word": (
        "tokenizer",
        tokenizer_json(lambda v: v["model"].update(max_input_chars_per_word=9)),
    ),
    "the tokenizer's frame": ("tokenizer", tokenizer_json(lambda v: v["post_processor"]["pair"].pop())),
    "a tokenizer that truncates": ("tokenizer", tokenizer_json(lambda v: v.update(truncation={"max_length": 9}))),
    "a tokenizer that is not JSON": ("tokenizer", lambda directory: cut(directory / "tokenizer/tokenizer.json", 0.5)),
    "the tokenizer's settings": (
        "tokenizer",
        lambda d: edit_json(d / "tokenizer/tokenizer_config.json", lambda v: v.update(do_lower_case=False)),
    ),
    "the map of special tokens": (
        "tokenizer",
        lambda d: edit_json(d / "tokenizer/special_tokens_map.json", lambda v: v.update(cls_token="[SEP]")),
    ),
}


def exchange(one: Path, other: Path) -> None:
    """Swaps two files."""
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_caught_by_name(name: str, copied: Callable[[str], Path]) -> None:
    """Each damage is found under the rule that it breaks."""
    rule, damage = DAMAGES[name]
    directory = copied("nsp")
    damage(directory)
    assert rule in rules(directory)


def test_hidden_files_are_ignored(copied: Callable[[str], Path]) -> None:
    """Files that hubs, shells, editors and killed builds leave are not damage: no reader of datasets looks at them."""
    directory = copied("nsp")
    (directory / ".cache" / "huggingface").mkdir(parents=True)
    (directory / ".build").mkdir()
    for name in (".build/one.spill", ".gitattributes", ".cache/huggingface/x.lock", "train/.DS_Store"):
        (directory / name).write_text("")
    assert validate(directory) == []


def test_an_unfinished_directory_is_no_dataset(copied: Callable[[str], Path]) -> None:
    """Without a manifest there is nothing to validate, and the error says so."""
    directory = copied("nsp")
    (directory / MANIFEST).unlink()
    with pytest.raises(ShardError, match="not a finished dataset"):
        validate(directory)


@pytest.mark.parametrize("share", [step / 40 for step in range(41)])
def test_no_flipped_bit_goes_unseen(share: float, copied: Callable[[str], Path]) -> None:
    """A bit flipped anywhere in a shard, a manifest or a vocabulary breaks a rule; what Arrow makes of it does no harm."""
    directory = copied("one shard")
    for name in ("train/data-00000-of-00001.arrow", "tokenizer/vocab.txt"):
        flip_bit(directory / name, share)
        assert rules(directory) & {"file_sha256", "tokenizer"}
        flip_bit(directory / name, share)
    before = json.loads((directory / MANIFEST).read_bytes())
    flip_bit(directory / MANIFEST, share)
    try:
        after = json.loads((directory / MANIFEST).read_bytes())
        changed = after != before
    except ValueError:
        after, changed = {}, True
    if changed and {**after, "inputs": []} == {**before, "inputs": []}:
        return  # the names and sizes of the inputs are checked with --source only
    assert bool(rules(directory)) == changed


def test_arrow_reads_the_cut_shard(copied: Callable[[str], Path]) -> None:
    """The shard that was cut between batches is one that Arrow reads without an error: only the manifest knows."""
    directory = copied("nsp")
    before = read_table(entry_of(directory)).num_rows
    cut_between_batches(directory)
    assert read_table(entry_of(directory)).num_rows == before - 50
