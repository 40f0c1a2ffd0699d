"""The laws of a dataset directory: its manifest, and every file that is not a shard."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from nspdata.config import Config, from_dict
from nspdata.errors import ConfigError, ShardError
from nspdata.huggingface import dataset_files
from nspdata.schema import VERSION, row_schema
from nspdata.shards import MANIFEST, STATISTICS, Manifest
from nspdata.validation.rules import Rules
from nspdata.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from nspdata.validation.findings import Findings

TOKENIZER_FILES = ("special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")
REQUIRED = ("README.md", "croissant.json", STATISTICS, *(f"tokenizer/{name}" for name in TOKENIZER_FILES))
OPTIONAL = ("report.html",)


def check_manifest(directory: Path, findings: Findings) -> Manifest | None:
    """Reads the manifest; None where nothing can be checked against it.

    Raises:
        ShardError: there is no manifest: the directory is unfinished.
    """
    path = directory / MANIFEST
    if not path.exists():
        raise ShardError(
            f"{directory}: no {MANIFEST}, so this is not a finished dataset; there is nothing to validate it against"
        )
    try:
        values = json.loads(path.read_bytes())
    except ValueError as error:
        findings.add("manifest_schema", f"not JSON ({error})", file=MANIFEST)
        return None
    check_schema(values, "manifest", "manifest_schema", MANIFEST, findings)
    version = values.get("version") if isinstance(values, dict) else None
    if version != VERSION:
        findings.add("manifest_version", f"version {version!r}, not {VERSION}", file=MANIFEST)
        return None
    try:
        manifest = Manifest.from_json(json.dumps(values))
    except ShardError as error:
        law = "manifest_path" if "shard path" in str(error) else "manifest_schema"
        findings.add(law, str(error), file=MANIFEST)
        return None
    paths = Counter(entry.path for entries in manifest.splits.values() for entry in entries)
    for name, count in paths.items():
        if count > 1:
            findings.add("manifest_path", f"{name} is named {count} times", file=MANIFEST, count=count)
    return manifest


def check_schema(values: object, schema: str, law: str, file: str, findings: Findings) -> None:
    """Holds a JSON value to one of our JSON Schemas."""
    from jsonschema import Draft202012Validator

    from nspdata.schemas import SCHEMAS

    for error in Draft202012Validator(SCHEMAS[schema]()).iter_errors(values):
        where = ".".join(str(part) for part in error.absolute_path) or "the whole"
        findings.add(law, f"{where}: {error.message[:200]}", file=file)


def check_config(manifest: Manifest, findings: Findings) -> Config | None:
    """Reads the settings; None where they are none."""
    try:
        config = from_dict(Config, manifest.config)
    except ConfigError as error:
        findings.add("manifest_config", str(error), file=MANIFEST)
        return None
    if config.fingerprint() != manifest.config_fingerprint:
        findings.add("manifest_config", "the fingerprint is not that of the settings", file=MANIFEST)
    return config


def check_tokenizer(directory: Path, manifest: Manifest, config: Config, findings: Findings) -> Rules | None:
    """Holds the tokenizer's files to the manifest and to each other; None where there is no vocabulary to check rows with."""
    place = directory / "tokenizer"
    try:
        vocabulary = Vocabulary.read(place / "vocab.txt")
    except FileNotFoundError:
        return None  # told by `check_files`
    except (ConfigError, UnicodeDecodeError, OSError) as error:
        findings.add("tokenizer", str(error), file="tokenizer/vocab.txt")
        return None
    named = manifest.tokenizer
    for key, found in {"sha256": vocabulary.sha256, "vocab_size": len(vocabulary)}.items():
        if named.get(key) != found:
            findings.add(
                "tokenizer", f"{key} is {found}, the manifest says {named.get(key)}", file="tokenizer/vocab.txt"
            )
    for name in TOKENIZER_FILES[1:3]:
        path = place / name
        if path.exists():
            try:
                _compare_tokenizer(name, json.loads(path.read_bytes()), vocabulary, named, findings)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                findings.add("tokenizer", f"not the file of a tokenizer ({error!r})", file=f"tokenizer/{name}")
    return Rules.of(config, vocabulary)


def _compare_tokenizer(
    name: str, values: dict[str, Any], vocabulary: Vocabulary, named: dict[str, Any], findings: Findings
) -> None:
    file = f"tokenizer/{name}"
    if name == "tokenizer.json":
        ids = {**values["model"]["vocab"], **{added["content"]: added["id"] for added in values["added_tokens"]}}
        if ids != {token: index for index, token in enumerate(vocabulary.tokens)}:
            findings.add("tokenizer", "its vocabulary is not that of vocab.txt", file=file)
        settings = values["normalizer"]
        pairs = {"lowercase": settings.get("lowercase"), "strip_accents": settings.get("strip_accents")}
    else:
        pairs = {"lowercase": values.get("do_lower_case"), "strip_accents": values.get("strip_accents")}
    for key, found in pairs.items():
        if key in named and found is not None and found != named[key]:
            findings.add("tokenizer", f"{key} is {found}, the manifest says {named[key]}", file=file)


def check_files(directory: Path, manifest: Manifest, findings: Findings) -> None:
    """Holds what lies in the directory to what the manifest accounts for; shards are looked at elsewhere."""
    shards = {entry.path for entries in manifest.splits.values() for entry in entries}
    generated = {"dataset_dict.json"} | {
        f"{split}/{name}" for split in manifest.splits for name in ("state.json", "dataset_info.json")
    }
    needed = {*REQUIRED, *generated, MANIFEST}
    found = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()}
    for name in sorted((needed | shards) - found):
        findings.add("missing_file", "the file is not there", file=name)
    rejected = {name for name in found if name.startswith("rejected/") and name.endswith(".jsonl")}
    for name in sorted(found - needed - shards - rejected - set(OPTIONAL)):
        findings.add("stray_file", "no build of this dataset wrote this file", file=name)
    _check_rejected(directory, sorted(rejected), manifest, findings)


def _check_rejected(directory: Path, names: list[str], manifest: Manifest, findings: Findings) -> None:
    found: Counter[str] = Counter()
    for name in names:
        try:
            with (directory / name).open(encoding="utf-8") as lines:
                found.update(json.loads(line)["reason"] for line in lines)
        except (ValueError, KeyError, TypeError) as error:
            findings.add("rejected", f"not records of rejected input ({error!r})", file=name)
    counted = manifest.counts.get("read", {}).get("rejected", {})
    for reason in sorted({*found, *counted}):
        if found[reason] != counted.get(reason, 0):
            findings.add(
                "rejected",
                f"{found[reason]} records of reason {reason!r}, the manifest counts {counted.get(reason, 0)}",
                file="rejected",
            )


def check_datasets_files(directory: Path, manifest: Manifest, rules: Rules, findings: Findings) -> None:
    """Holds `state.json` and the like to what the manifest gives."""
    for name, data in dataset_files(manifest, row_schema(rules.metadata)).items():
        path = directory / name
        if not path.exists():
            continue
        try:
            same = json.loads(path.read_bytes()) == json.loads(data)
        except ValueError:
            same = False
        if not same:
            findings.add("datasets_files", "not what the manifest gives", file=name)
