r"""The best parts off the shelf: sentencex splits and tokie encodes, sentence by sentence in a Python loop; no pairs, masks or shards.

    python benchmarks/peer.py tokenizer.json CORPUS.jsonl[.gz]|DIRECTORY [--language en] [--megabytes 20]

prints MB of text and CPU-seconds without the imports, as JSON. A record's field `lang` names its language. Both parts are on PyPI.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from corpora import records

if TYPE_CHECKING:
    from collections.abc import Iterator

HAVE_PEER = bool(importlib.util.find_spec("sentencex") and importlib.util.find_spec("tokie"))

SENTENCEX_LANGUAGES = {"xx": "ja"}
"""Its languages, where they differ from the languages of a build."""


def files_of(corpus: Path) -> Iterator[Path]:
    """The corpus, or the files below it."""
    yield from sorted(corpus.rglob("*.jsonl")) if corpus.is_dir() else [corpus]


def run(tokenizer: Path, corpus: Path, language: str, megabytes: float) -> dict[str, float]:
    """Splits and encodes in this process."""
    import sentencex  # type: ignore[import-not-found, unused-ignore]
    import tokie  # type: ignore[import-not-found, unused-ignore]

    peer, size = tokie.Tokenizer.from_json(str(tokenizer)), 0
    start = time.process_time()
    for path in files_of(corpus):
        for record in records(path):
            if size >= megabytes * 1e6:
                break
            code = record.get("lang", language)
            for sentence in sentencex.segment(SENTENCEX_LANGUAGES.get(code, code), record["text"]):
                peer.encode(sentence, add_special_tokens=False).ids  # noqa: B018 - read as a user reads it
            size += len(record["text"].encode())
    return {"text_mb": size / 1e6, "cpu_s": time.process_time() - start}


def run_apart(tokenizer: Path, corpus: Path, *, language: str = "en", megabytes: float = 1e9) -> dict[str, float]:
    """`run` in a process of its own."""
    command = [sys.executable, __file__, str(tokenizer), str(corpus), "--language", language]
    environment = os.environ | {"TOKENIZERS_PARALLELISM": "false"}
    found = subprocess.run(
        [*command, "--megabytes", str(megabytes)], capture_output=True, text=True, check=True, env=environment
    )
    return json.loads(found.stdout)  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--language", default="en")
    parser.add_argument("--megabytes", type=float, default=1e9)
    arguments = parser.parse_args()
    print(json.dumps(run(arguments.tokenizer, arguments.corpus, arguments.language, arguments.megabytes)))


if __name__ == "__main__":
    main()
