"""Small corpora made from the one that the package carries, and builds of them as a user runs them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import nspdata

INAUGURAL = Path(nspdata.__file__).parent / "corpus" / "inaugural_addresses.jsonl"


def records() -> list[dict[str, str]]:
    """The documents of the bundled corpus."""
    return [json.loads(line) for line in INAUGURAL.read_text(encoding="utf-8").splitlines()]


def write_jsonl(path: Path, documents: list[dict[str, str]]) -> Path:
    """Writes one document per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
    return path


def write_vocabulary(path: Path) -> Path:
    """A vocabulary of the bundled corpus's commonest words, and of every letter, so that nothing is unknown."""
    words: dict[str, int] = {}
    for record in records():
        for word in record["text"].lower().split():
            key = "".join(letter for letter in word if letter.isalpha())
            words[key] = words.get(key, 0) + 1
    common = sorted(words, key=lambda word: (-words[word], word))[:3000]
    text = "".join(record["text"] for record in records()).lower()
    letters = sorted(set(text) - set(" \n\t"))
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    path.write_text(
        "".join(f"{token}\n" for token in dict.fromkeys([*tokens, *filter(None, common)])), encoding="utf-8"
    )
    return path


def nspdata_command(*arguments: object, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `nspdata` as a user does, and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "nspdata", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=300,
    )
    if check:
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done


def digests(directory: Path) -> dict[str, str]:
    """The sha256 of every file that must be equal in equal builds; the card contains the command and is left out."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "README.md"
    }
