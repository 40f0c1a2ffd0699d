"""The floors of the house: a module imports from its own floor or from below, and heavy packages stay in their rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nspdata"

FLOORS = [
    {"errors", "seeding", "compiled", "documents", "files", "hashing"},
    {"reading", "pairing", "masking", "schema", "vocabulary"},
    {"sentences", "wordpiece", "tokenizer_training", "config", "settings"},
    {"encoding", "fast_encoding", "instances", "rows", "shards", "statistics", "decoding", "huggingface"},
    {"fitness", "loading", "card", "croissant", "shortcuts", "torch", "show", "schemas"},
    {"build", "transforms", "train", "scoring", "report", "validation"},
    {"cli", "__main__", "__init__"},
]

ROOMS = {
    "apache_beam": {"transforms", "build"},
    "torch": {"train", "torch", "scoring"},
    "spacy": {"sentences", "fast_encoding"},
    "datasets": set(),
}


def imports() -> list[tuple[str, str, str]]:
    """Every import in the package: the importing file, its room, and the module that it imports."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        room = relative.parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found += [(str(relative), room, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"nspdata.{alias.name}" for alias in node.names] if node.module == "nspdata" else [node.module]
                found += [(str(relative), room, name) for name in names]
    return found


def floor(room: str) -> int:
    """The floor of a room, from 0."""
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def test_no_import_goes_up() -> None:
    """A module imports nothing from a floor above its own."""
    up = [
        f"{path} imports {name}"
        for path, room, name in imports()
        if name.startswith("nspdata.") and floor(name.split(".")[1]) > floor(room)
    ]
    assert not up


def test_every_room_is_on_a_floor() -> None:
    """A new room is given its floor when it is built."""
    rooms = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir()}
    rooms -= {"__pycache__", "corpus", "py"}
    assert rooms == set().union(*FLOORS)


def test_heavy_packages_stay_in_their_rooms() -> None:
    """Beam, torch, spaCy and datasets are imported only where the house says."""
    out = [
        f"{path} imports {name}"
        for path, room, name in imports()
        if name.split(".")[0] in ROOMS and room not in ROOMS[name.split(".")[0]]
    ]
    assert not out


READING = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"apache_beam", "spacy", "datasets", "torch", "tokenizers", "transformers", "numba",
                                  "xxhash", "orjson", "typer", "rich", "fsspec", "datasketches"}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Absent())
import nspdata, nspdata.shards, nspdata.loading
"""


@pytest.mark.parametrize("numba", ["0", "1"])
def test_shards_are_read_without_the_builder(tmp_path: Path, numba: str) -> None:
    """Importing nspdata and reading shards needs numpy and pyarrow alone."""
    from tests.datasets import write_dataset

    directory = write_dataset(tmp_path / "data")
    code = READING + (
        "from nspdata.loading import Loader\n"
        f"batches = list(Loader({str(directory)!r}, batch_size=4))\n"
        "assert batches and set(batches[0]) >= {'input_ids', 'labels', 'next_sentence_label'}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_loads_nothing_heavy() -> None:
    """`nspdata --help` imports neither Beam nor torch, spaCy, numpy or pyarrow."""
    code = (
        "import sys\nfrom nspdata.__main__ import main\nsys.argv = ['nspdata', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'apache_beam', 'torch', 'spacy', 'numpy', 'pyarrow', 'datasets', 'numba'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
