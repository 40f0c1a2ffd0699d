"""What there is to read: inputs become files, large files become byte ranges."""

from __future__ import annotations

import dataclasses
import json
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nspdata.errors import InputError
from nspdata.files import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nspdata.files import Files

SUFFIXES = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "text_document",
}
"""Format by suffix; before it may stand one of `COMPRESSIONS`."""

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2"}

LINE_FORMATS = frozenset({"jsonl", "text_line"})
"""Formats of which any range of bytes can be read by itself."""

IGNORED = frozenset({"readme", "license", "licence", "notice", "_success", "dataset_info", "state", "dataset_dict"})
"""Names (without suffix, lower case) that a directory may hold beside its documents; hidden files are ignored as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to read, or a range of one.

    Attributes:
        path: as the file system opens it.
        name: relative to the deepest directory that all inputs share; ids and rejected records bear it.
        format: one of the input formats.
        compression: `gzip`, `zstd`, `bzip2` or "".
        size_bytes: of the file.
        start: first byte of the range; a record belongs to the range that holds its first byte.
        end: end of the range, or None for the end of the file.
    """

    path: str
    name: str
    format: str
    compression: str = ""
    size_bytes: int
    start: int = 0
    end: int | None = None


def expand_inputs(patterns: Sequence[str], files: Files, *, input_format: str = "auto") -> list[Source]:
    """The files that paths, directories and globs name, each once, sorted by name.

    Raises:
        InputError: a pattern matches nothing, or a file has an unknown suffix, or cannot be read.
    """
    found: dict[str, int] = {}
    for pattern in patterns:
        matched = files.match(pattern)
        if not matched:
            raise InputError(f"{pattern!r} matches no file; give existing files, directories, globs or URLs")
        chosen = matched if [path for path, _ in matched] == [pattern] else _documents(pattern, matched, files)
        found.update(chosen)
    paths = sorted(found)
    root = posixpath.commonpath([_directory(path) for path in paths])
    sources = [
        Source(
            path=path,
            name=path[len(root) :].lstrip("/") if root else path,
            size_bytes=found[path],
            format=kind,
            compression=compression,
        )
        for path in paths
        for kind, compression in [_kind(path, input_format)]
    ]
    for source in sources:
        _check_readable(source, files)
    return sorted(sources, key=lambda source: source.name)


def _documents(pattern: str, matched: list[tuple[str, int]], files: Files) -> list[tuple[str, int]]:
    """What is to be read of the files that a directory or a glob names."""
    shown = [(path, size) for path, size in matched if not _hidden(path, pattern)]
    saved = [path for path, _ in matched if posixpath.basename(path) == "state.json"]
    if saved:
        return [(path, size) for path, size in shown if path in _saved_files(saved, files)]
    kept = [(path, size) for path, size in shown if posixpath.basename(path).split(".")[0].lower() not in IGNORED]
    if not kept:
        raise InputError(f"{pattern!r} holds no document file; known suffixes are {_known()}")
    return kept


def _hidden(path: str, pattern: str) -> bool:
    below = path.removeprefix(pattern.rstrip("/")) if "*" not in pattern else posixpath.basename(path)
    return any(part.startswith(".") for part in below.split("/"))


def _saved_files(states: list[str], files: Files) -> set[str]:
    """The Arrow files of a directory that `datasets` saved, as its state files name them."""
    result = set()
    for state in states:
        with files.open(state) as stream:
            named = json.loads(stream.read())["_data_files"]
        result |= {join(posixpath.dirname(state), entry["filename"]) for entry in named}
    return result


def _directory(path: str) -> str:
    return posixpath.dirname(path) if "/" in path else ""


def _known() -> str:
    return f"{', '.join(sorted(SUFFIXES))}, each also with {', '.join(sorted(COMPRESSIONS))}"


def _kind(path: str, input_format: str) -> tuple[str, str]:
    stem, last = posixpath.splitext(path)
    compression = COMPRESSIONS.get(last.lower(), "")
    suffix = posixpath.splitext(stem)[1] if compression else last
    if input_format not in {"auto", "dataset"}:
        return input_format, compression
    if suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path}: unknown suffix {suffix or last!r}; known are {_known()}; "
            "name the format with --input-format, or leave the file out"
        )
    return SUFFIXES[suffix.lower()], compression


def _check_readable(source: Source, files: Files) -> None:
    try:
        with files.open(source.path) as stream:
            stream.read(1)
    except OSError as error:
        raise InputError(f"{source.path}: cannot be read ({error.strerror or error})") from error


def split_sources(sources: Sequence[Source], *, range_bytes: int = 64 << 20) -> list[Source]:
    """Cuts large uncompressed files of lines into ranges of fixed size; the ranges do not depend on who reads them."""
    result = []
    for source in sources:
        if source.compression or source.format not in LINE_FORMATS or source.size_bytes <= range_bytes:
            result.append(source)
            continue
        starts = range(0, source.size_bytes, range_bytes)
        ends = [*starts[1:], None]
        result += [dataclasses.replace(source, start=start, end=end) for start, end in zip(starts, ends, strict=True)]
    return result
