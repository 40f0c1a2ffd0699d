"""Checks a dataset directory: its manifest, and every file that is not a shard."""

from __future__ import annotations

import json
from collections import Counter
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.dataset.manifest import MANIFEST, STATISTICS, Manifest
from nspdata.dataset.schema import SCHEMA_VERSION, row_schema
from nspdata.errors import ConfigError, ShardError
from nspdata.files.checked_json import parse
from nspdata.metadata.huggingface import dataset_files
from nspdata.tokenization.vocabulary import TOKENIZER_FILES

if TYPE_CHECKING:
    from pathlib import Path

    from nspdata.validation.findings import Findings
    from nspdata.validation.spec import RowSpec

REQUIRED = ("README.md", "croissant.json", STATISTICS, *(f"tokenizer/{name}" for name in TOKENIZER_FILES))
OPTIONAL = ("report.html",)


def check_manifest(directory: Path, findings: Findings) -> tuple[Manifest, Config] | None:
    """Reads the manifest and its settings; returns None if they are too corrupt to check anything else against them.

    Raises:
        ShardError: there is no manifest: the directory is unfinished.
    """
    path = directory / MANIFEST
    if not path.exists():
        raise ShardError(
            f"{directory}: no {MANIFEST}, so this is not a finished dataset; there is nothing to validate it against"
        )
    try:
        values = parse(path.read_bytes(), name=path.name)
    except ShardError as error:
        findings.add("manifest_schema", str(error), file=MANIFEST)
        return None
    version = values.get("version") if isinstance(values, dict) else None
    if version != SCHEMA_VERSION:
        findings.add("manifest_version", f"version {version!r}, not {SCHEMA_VERSION}", file=MANIFEST)
        return None
    check_schema(values, "manifest", "manifest_schema", MANIFEST, findings)
    config = _check_config(values, findings)
    try:
        manifest = Manifest.from_json(json.dumps(values))
    except ShardError as error:
        rule = "manifest_path" if "shard path" in str(error) else "manifest_schema"
        findings.add(rule, str(error), file=MANIFEST)
        return None
    if config is None or any(finding.rule == "manifest_schema" for finding in findings.to_list()):
        return None
    if config.fingerprint() != manifest.config_fingerprint:
        findings.add("manifest_config", "the fingerprint is not that of the settings", file=MANIFEST)
    return manifest, config


def _check_config(values: dict[str, Any], findings: Findings) -> Config | None:
    try:
        return from_dict(Config, values["config"])
    except (ConfigError, KeyError, AttributeError) as error:
        findings.add("manifest_config", str(error), file=MANIFEST)
        return None


def check_schema(values: object, schema: str, rule: str, file: str, findings: Findings) -> None:
    """Checks a JSON value against one of our JSON Schemas."""
    from jsonschema import Draft202012Validator

    from nspdata.metadata.json_schemas import SCHEMAS

    for error in Draft202012Validator(SCHEMAS[schema]()).iter_errors(_shortened(values)):
        where = ".".join(str(part) for part in error.absolute_path) or "the whole"
        findings.add(rule, f"{where}: {error.message[:200]}", file=file)


def _shortened(values: Any) -> Any:
    """The same values with one number left of each list of counts: a schema's validator takes 10 µs for every number."""
    if isinstance(values, dict):
        return {key: _shortened(value) for key, value in values.items()}
    if isinstance(values, list):
        counts = values and all(type(value) is int for value in values) and min(values) >= 0
        return values[:1] if counts else [_shortened(value) for value in values]
    return values


def check_names(manifest: Manifest, spec: RowSpec, findings: Findings) -> None:
    """Compares the splits and the paths of their shards with what the settings give."""
    paths = spec.partition.paths
    for split in sorted({*paths, *manifest.splits}):
        expected = paths.get(split, [])
        found = [entry.path for entry in manifest.splits.get(split, [])]
        if found != expected:
            named = next((name for name, other in zip_longest(found, expected) if name != other), None)
            message = f"split {split}: {named or 'a shard less'} is not what the settings give ({len(expected)} shards, in order)"
            findings.add("manifest_path", message, file=MANIFEST)


def check_files(directory: Path, manifest: Manifest, findings: Findings) -> None:
    """Compares the files of the directory with those that the manifest explains; shards are checked elsewhere."""
    shards = {entry.path for entries in manifest.splits.values() for entry in entries}
    generated = {"dataset_dict.json"} | {
        f"{split}/{name}" for split in manifest.splits for name in ("state.json", "dataset_info.json")
    }
    needed = {*REQUIRED, *generated, MANIFEST}
    found = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()}
    for name in sorted((needed | shards) - found):
        findings.add("missing_file", "the file is not there", file=name)
    rejected = {name for name in found if name.startswith("rejected/") and name.endswith(".jsonl")}
    hidden = {name for name in found if "/." in f"/{name}"}  # as hubs leave them, and unfinished builds
    for name in sorted(found - needed - shards - rejected - hidden - set(OPTIONAL)):
        findings.add("stray_file", "no build of this dataset wrote this file", file=name)
    _check_rejected(directory, sorted(rejected), manifest, findings)


def _check_rejected(directory: Path, names: list[str], manifest: Manifest, findings: Findings) -> None:
    found: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for name in names:
        try:
            with (directory / name).open(encoding="utf-8") as lines:
                for record in map(json.loads, lines):
                    found[str(record["reason"])] += 1
                    sizes[str(record["reason"])] += int(record["bytes"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            findings.add("rejected", f"not records of rejected input ({error!r})", file=name)
    read = manifest.counts.get("read", {})
    for what, there, counted in (
        ("records", found, read.get("rejected", {})),
        ("bytes", sizes, read.get("rejected_bytes", {})),
    ):
        for reason in sorted({*there, *counted}):
            if there[reason] != counted.get(reason, 0):
                message = f"{there[reason]} {what} of reason {reason!r}, the manifest counts {counted.get(reason, 0)}"
                findings.add("rejected", message, file="rejected")


def check_datasets_files(directory: Path, manifest: Manifest, spec: RowSpec, findings: Findings) -> None:
    """Compares the files that `datasets` reads with the manifest."""
    for name, data in dataset_files(manifest.splits, row_schema(spec.metadata)).items():
        path = directory / name
        if not path.exists():
            continue
        try:
            same = parse(path.read_bytes(), name=path.name) == json.loads(data)
        except ShardError:
            same = False
        if not same:
            findings.add("datasets_files", "not what the manifest gives", file=name)
