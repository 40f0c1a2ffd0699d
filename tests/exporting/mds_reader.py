"""Reads an MDS directory with mosaicml-streaming and prints its rows as JSON; a program of its own: the library starts processes.

The library imports torchvision for its image datasets, which are not used here; without torchvision two empty modules stand in.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
import types
from pathlib import Path


def without_torchvision() -> None:
    for name in ("torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional"):
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        sys.modules[name] = module
    sys.modules["torchvision.datasets"].VisionDataset = object  # type: ignore[attr-defined]
    sys.modules["torchvision.transforms.functional"].to_tensor = None  # type: ignore[attr-defined]


def plain(value: object) -> object:
    return value.tolist() if hasattr(value, "tolist") else value


def main(*places: str) -> None:
    """Directory and split, directory and split, ...: one JSON value per pair."""
    if importlib.util.find_spec("torchvision") is None:
        without_torchvision()
    json.dump([read(*pair) for pair in zip(places[::2], places[1::2], strict=True)], sys.stdout)


def read(directory: str, split: str) -> dict[str, object]:
    import numpy as np
    from streaming import StreamingDataset
    from streaming.base.format import reader_from_json

    dataset = StreamingDataset(local=directory, split=split, shuffle=False, batch_size=1, validate_hash="sha256")
    rows = [{name: plain(value) for name, value in dataset[number].items()} for number in range(len(dataset))]
    # the way of ModernBERT's trainer: the readers of the shards, and every array of a sample
    index = json.loads((Path(directory) / split / "index.json").read_text(encoding="utf-8"))
    arrays = []
    for info in index["shards"]:
        shard = reader_from_json(directory, split, info)
        shard.validate(allow_unsafe_types=True)
        for number in range(shard.samples):
            sample = shard[number]
            kept = {name: value for name, value in sample.items() if isinstance(value, np.ndarray)}
            arrays.append({name: [value.dtype.name, value.tolist()] for name, value in kept.items()})
    return {"rows": rows, "arrays": arrays}


if __name__ == "__main__":
    main(*sys.argv[1:])
