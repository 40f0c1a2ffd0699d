r"""Writes corpora to measure with, of text that is on this machine; no text is repeated.

    python benchmarks/corpora.py web OUT.jsonl --megabytes 80
    python benchmarks/corpora.py files OUT_DIRECTORY --from CORPUS.jsonl[.gz] --megabytes 100
    python benchmarks/corpora.py sentences OUT.jsonl --from CORPUS.jsonl[.gz] --documents 100000
    python benchmarks/corpora.py long OUT.jsonl --from CORPUS.jsonl[.gz] --megabytes 100
    python benchmarks/corpora.py distinct OUT.jsonl --from CORPUS.jsonl[.gz] --megabytes 1000

`web`: documentation, manual pages, package descriptions and code of what is installed: tables, URLs, logs, lists. `files`: files of 5 kB.
`sentences`: documents of one sentence. `long`: one document. `distinct`: more text than CORPUS, made of its sentences in new orders
with the numbers and some names changed, so that memories of words and chunks see new ones as in new text.
"""

from __future__ import annotations

import argparse
import gzip
import html
import json
import os
import random
import re
import sysconfig
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MOST_FILE_BYTES = 4_000_000

TAGS = re.compile(r"<(script|style).*?</\1>|<[^>]{1,2000}>", re.DOTALL)

BINARY = re.compile(r"\.(png|gif|jpg|pdf|ps|tar\.gz|svg|zip|ico|woff2?|xz|bz2|so|pyc)(\.gz)?$")

SHARES = {"documentation": 0.56, "manual": 0.15, "descriptions": 0.1, "code": 0.19}
"""The parts of the web-like corpus."""


def text_of(path: Path) -> str | None:
    """The text of a file; None if it is short, large or no UTF-8."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_FILE_BYTES:
            return None
        data = gzip.open(path).read(MOST_FILE_BYTES) if path.suffix == ".gz" else path.read_bytes()
        text = data.decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError):
        return None
    if re.search(r"\.html?(\.gz)?$", path.name):
        text = re.sub(r"[ \t]*\n[ \t]*\n\s*", "\n\n", html.unescape(TAGS.sub(" ", text)))
    return text if len(text) >= 200 and "\0" not in text else None


def walk(root: Path, wanted: Callable[[Path], object]) -> Iterator[Path]:
    """The files below a directory, in a fixed order."""
    for parent, directories, names in os.walk(root):
        directories.sort()
        yield from (path for name in sorted(names) if wanted(path := Path(parent) / name))


def web(megabytes: float) -> Iterator[dict[str, str]]:
    """Documents of installed packages, in a random order that is the same each time."""
    packages = Path(sysconfig.get_paths()["purelib"])
    parts: dict[str, Iterable[Path]] = {
        "documentation": walk(Path("/usr/share/doc"), lambda path: not BINARY.search(path.name)),
        "manual": walk(Path("/usr/share/man"), lambda path: path.suffix == ".gz"),
        "descriptions": walk(packages, lambda path: path.name.endswith(("METADATA", ".md", ".rst"))),
        "code": walk(packages, lambda path: path.suffix == ".py"),
    }
    found: list[dict[str, str]] = []
    seen: set[str] = set()
    for name, paths in parts.items():
        size = 0
        for path in paths:
            text = text_of(path)
            if text and text not in seen:
                seen.add(text)
                found.append({"id": f"{name}:{path}", "text": text})
                size += len(text.encode())
            if size > SHARES[name] * megabytes * 1e6:
                break
    random.Random(0).shuffle(found)  # noqa: S311 - not for secrets
    yield from found


def records(corpus: Path) -> Iterator[dict[str, str]]:
    """The records of a corpus."""
    opened = gzip.open(corpus, "rt", encoding="utf-8") if corpus.suffix == ".gz" else corpus.open(encoding="utf-8")
    with opened as lines:
        yield from map(json.loads, lines)


def texts(corpus: Path) -> Iterator[str]:
    """The texts of a corpus."""
    return (record["text"] for record in records(corpus))


def code_of(corpus: Path) -> str:
    """The language of a corpus whose name begins with a code. Japanese words need a package, so its text is in no language."""
    return {"ja": "xx"}.get(corpus.name[:2], corpus.name[:2])


def with_languages(corpora: Iterable[Path], *, documents: int | None = None) -> Iterator[dict[str, str]]:
    """The documents, or the first ones, of each corpus with the field `lang`."""
    for corpus in corpora:
        for number, text in enumerate(islice(texts(corpus), documents)):
            yield {"id": f"{corpus.name}/{number}", "text": text, "lang": code_of(corpus)}


def sentences_of(found: Iterable[str]) -> Iterator[str]:
    """Roughly the sentences."""
    for text in found:
        yield from (part.strip() for part in re.split(r"(?<=[.!?])\s+", text) if len(part.strip()) > 30)


def pieces(found: Iterable[str], characters: int) -> Iterator[str]:
    """Texts of about this length."""
    for text in found:
        yield from (text[start : start + characters] for start in range(0, len(text), characters))


def distinct(corpus: Path) -> Iterator[dict[str, str]]:
    """Endless documents: sentences in new orders, with numbers and one name in ten changed."""
    source = random.Random(0)  # noqa: S311 - not for secrets
    pool = list(sentences_of(texts(corpus)))
    letters = "abcdefghijklmnoprstuvw"

    def changed(match: re.Match[str]) -> str:
        word = match.group()
        if word.isdigit():
            return "".join(source.choice("0123456789") for _ in word)
        return word[0] + "".join(source.choice(letters) for _ in word[1:]) if source.random() < 0.1 else word

    number = 0
    while True:
        chosen = " ".join(source.choice(pool) for _ in range(source.randrange(20, 400)))
        yield {"id": f"distinct/{number}", "text": re.sub(r"\d+|(?<=[a-z] )[A-Z][a-z]{3,}", changed, chosen)}
        number += 1


def write(
    records: Iterable[dict[str, str]], target: Path, *, megabytes: float = 1e9, documents: int = 1 << 60
) -> float:
    """Writes JSON lines; returns MB of text."""
    size = 0
    with target.open("w", encoding="utf-8") as out:
        for number, record in enumerate(records):
            if number == documents or size >= megabytes * 1e6:
                break
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
            size += len(record["text"].encode())
    return size / 1e6


def numbered(found: Iterable[str]) -> Iterator[dict[str, str]]:
    """Records with ids."""
    return ({"id": str(number), "text": text} for number, text in enumerate(found) if text.strip())


def make(kind: str, target: Path, corpus: Path | None, megabytes: float, documents: int) -> float:
    """Writes a corpus of one of the kinds; returns MB of text."""
    if kind == "web":
        return write(web(megabytes), target, megabytes=megabytes)
    assert corpus, "this kind is made of another corpus: give --from"
    if kind == "sentences":
        return write(numbered(sentences_of(texts(corpus))), target, documents=documents)
    if kind == "distinct":
        return write(distinct(corpus), target, megabytes=megabytes)
    if kind == "long":
        text = "\n\n".join(texts(corpus))
        return write(
            [{"id": "long", "text": text[: int(megabytes * 1e6)]}, {"id": "b", "text": "Another. One."}], target
        )
    target.mkdir(parents=True)
    size = 0.0
    for record in numbered(pieces(texts(corpus), 5000)):
        if size >= megabytes:
            break
        size += write([record], target / f"{record['id']}.jsonl")
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["web", "files", "sentences", "long", "distinct"])
    parser.add_argument("target", type=Path)
    parser.add_argument("--from", dest="corpus", type=Path)
    parser.add_argument("--megabytes", type=float, default=100.0)
    parser.add_argument("--documents", type=int, default=100_000)
    arguments = parser.parse_args()
    size = make(arguments.kind, arguments.target, arguments.corpus, arguments.megabytes, arguments.documents)
    print(f"{arguments.target}: {size:.1f} MB of text")


if __name__ == "__main__":
    main()
