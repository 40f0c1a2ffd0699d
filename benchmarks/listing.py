"""What a listing of many files costs before a build begins: CPU-seconds and memory of finding formats, making units and encoding them.

usage: python benchmarks/listing.py [--files 1000000]

The files are entries of a simulated object store; a hundred of them are opened, as in a build. Writes benchmarks/results/listing.json.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import resource
import time
from pathlib import Path
from typing import BinaryIO

from nspdata.building.workers import encode_unit
from nspdata.files.local import FileInfo
from nspdata.reading import expand_inputs
from nspdata.reading.units import make_units

RESULTS = Path(__file__).parent / "results" / "listing.json"


class Store:
    """An object store with this many files of 5 kB."""

    def __init__(self, num_files: int) -> None:
        self.files = [
            FileInfo(f"s3://bucket/corpus/part-{number // 1000:05d}/doc-{number:08d}.jsonl", 5000, "v1")
            for number in range(num_files)
        ]

    def find(self, _pattern: str) -> list[FileInfo]:
        """Lists all files."""
        return self.files

    def open(self, _path: str) -> BinaryIO:
        """Opens any file."""
        return io.BytesIO(b'{"id": "a", "text": "One. Two."}\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    num_files = parser.parse_args().files
    gc.set_threshold(100_000, 20, 100)  # as the command does
    store = Store(num_files)
    start = time.process_time()
    sources = expand_inputs(["s3://bucket/corpus"], store)
    units = [encode_unit(unit) for unit in make_units(sources)]
    result = {
        "files": num_files,
        "units": len(units),
        "bytes_of_units": sum(map(len, units)),
        "cpu_s": round(time.process_time() - start, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
    }
    print(json.dumps(result))
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
