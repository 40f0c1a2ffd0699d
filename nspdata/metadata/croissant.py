"""Croissant metadata (croissant.json) of a dataset directory, for catalogues: https://docs.mlcommons.org/croissant/."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nspdata.metadata.card import columns, describe_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nspdata.dataset.manifest import Manifest, ShardEntry

ARROW = "application/vnd.apache.arrow.stream"

CROISSANT_VERSION = "http://mlcommons.org/croissant/1.1"

_TERMS = (
    "citeAs column conformsTo:dct equivalentProperty extract field fileProperty fileObject fileSet format includes isLiveDataset "
    "jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator source subField transform"
)

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"{space or 'cr'}:{name}" for name, _, space in (term.partition(":") for term in _TERMS.split())},
}
"""The standard `@context` of Croissant 1.1, with PROV-O for the provenance."""


def croissant(manifest: Manifest) -> str:
    """The metadata as JSON-LD: every shard with its size and sha256, every column of every split, and the inputs they come from."""
    entries = [entry for split in manifest.splits.values() for entry in split]
    pairing = manifest.config["pairing"]
    described: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CROISSANT_VERSION,
        "name": f"bert-pretraining-{manifest.config_fingerprint[:16]}",
        "description": f"BERT pretraining rows. {describe_labels(pairing['objective'], pairing['negatives'])}.",
        "license": manifest.config["output"]["license"] or "unknown",
        "url": "README.md",
        "version": f"{manifest.version}.0.0",
        "prov:wasDerivedFrom": [_input(entry) for entry in manifest.inputs],
        "prov:wasGeneratedBy": _activity(manifest),
        "distribution": [*map(_file, entries), *map(_files, manifest.splits)],
        "recordSet": [_records(split, columns(manifest.config)) for split in manifest.splits],
    }
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def _input(entry: dict[str, Any]) -> dict[str, Any]:
    """An input file, by its name; its content is the hash that `manifest.json` explains."""
    return {
        "@type": "prov:Entity",
        "prov:label": entry["name"],
        "contentSize": f"{entry['bytes']} B",
        "identifier": f"xxh3-128-blocks:{entry['content']}" if "content" in entry else entry["name"],
    }


def _activity(manifest: Manifest) -> dict[str, Any]:
    """What made the rows: the settings by their fingerprint, the tokenizer by its sha256."""
    return {
        "@type": "prov:Activity",
        "prov:label": "rows of another program, imported by nspdata" if manifest.imported else "nspdata build",
        "identifier": f"config:{manifest.config_fingerprint}",
        "prov:used": {"@type": "prov:Entity", "prov:label": "tokenizer", "identifier": manifest.tokenizer["sha256"]},
    }


def _file(entry: ShardEntry) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": entry.path,
        "name": entry.path,
        "contentUrl": entry.path,
        "contentSize": f"{entry.bytes} B",
        "encodingFormat": ARROW,
        "sha256": entry.sha256,
    }


def _files(split: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{split}-shards",
        "name": f"{split}-shards",
        "description": f"The shards of the split {split}: Arrow IPC streams.",
        "encodingFormat": ARROW,
        "includes": f"{split}/*.arrow",
    }


def _records(split: str, meanings: Mapping[str, str]) -> dict[str, Any]:
    single = {"next_sentence_label", "document_a", "document_b", "sentence_a", "sentence_b"}
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{split}/{name}",
            "name": name,
            "description": meaning,
            "dataType": "sc:Integer",
            "source": {"fileSet": {"@id": f"{split}-shards"}, "extract": {"column": name}},
            **({} if name in single else {"repeated": True}),
        }
        for name, meaning in meanings.items()
    ]
    return {"@type": "cr:RecordSet", "@id": split, "name": split, "field": fields}
