"""Inputs of a build: paths and URLs as they are, values in memory as a file.

Values in memory are written to a temporary file of JSON lines, one record at a time, and the file is built like any other.
So memory is bounded, and the bytes of the dataset are those that a file of the same records gives.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nspdata.errors import ConfigError
from nspdata.interrupts import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nspdata.config.input import InputConfig

STAGED = "records.jsonl"
"""Name of the temporary file, which the manifest lists as the input."""

ROWS_AT_ONCE = 1000
"""Rows of a table that are converted to Python objects at a time."""

URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

FILE_NAME = re.compile(r"\.(jsonl|json|ndjson|parquet|arrow|csv|tsv|txt)(\.(gz|zst|bz2))?$", re.IGNORECASE)


class ArrowStream(Protocol):
    """A table that offers the Arrow C stream interface: of pyarrow, pandas, polars, duckdb."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """See the Arrow PyCapsule interface."""
        ...


Inputs = str | PathLike[str] | Iterable[str | PathLike[str] | Mapping[str, Any]] | ArrowStream
"""Documents to read.

- A path, a directory, a glob or a URL, or a list of them: files, as the command line reads them.
- An iterable of texts, or of records (dictionaries with a text and perhaps an id). A list of strings is read as paths if
  one of them looks like a path or names a file; `iter(texts)` is always texts.
- A `datasets.Dataset`, or a `DatasetDict` with the splits train, validation and test, which are kept.
- A pandas or polars DataFrame, a pyarrow Table, or a RecordBatchReader.

>>> import nspdata
>>> records = ({"id": f"doc-{i}", "text": f"Sentence {i}. It is short. It ends here."} for i in range(100))
>>> nspdata.estimate(records, tokenizer="tokenizer").counts["documents"]
100
"""


@contextmanager
def as_paths(inputs: Inputs, settings: InputConfig, *, near: str = "", language_field: str = "") -> Iterator[list[str]]:
    """Paths of files that hold the inputs; a temporary file is removed at the end of the block.

    Args:
        inputs: see `Inputs`.
        settings: names the fields of the text and of the id.
        near: the output directory; the temporary file is written next to it if it is local.
        language_field: field of the language, "" for none.

    Raises:
        ConfigError: the inputs are of an unknown kind, or lack the field of the text.
    """
    if (paths := named_paths(inputs)) is not None:
        yield paths
        return
    if settings.format not in {"auto", "jsonl"}:
        raise ConfigError(f"input.format describes files; leave out {settings.format!r} for values in memory")
    fields = (language_field, settings.id_field, settings.text_field)
    if rules := [field for field in fields if "=" in field]:
        raise ConfigError(f"GLOB=FIELD rules describe files; name one field for values in memory, not {rules[0]!r}")
    wanted = [field.partition(".")[0] for field in fields if field]
    with temporary_directory(".nspdata-", parent=_parent_for(near)) as directory:
        yield [str(_stage(inputs, wanted, Path(directory)))]


class FileName(PathLike[str]):
    """A path or URL as it was typed: always a file, never a text."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __fspath__(self) -> str:
        return self.name


def named_paths(inputs: Inputs) -> list[str] | None:
    """The paths that the inputs are; None for values in memory."""
    if isinstance(inputs, str | PathLike):
        return [os.fspath(inputs)]
    if (
        not isinstance(inputs, list | tuple)
        or not inputs
        or not all(isinstance(item, str | PathLike) for item in inputs)
    ):
        return None
    paths = [os.fspath(item) for item in inputs if isinstance(item, str | PathLike)]
    named = any(isinstance(item, PathLike) or _like_path(item) for item in inputs if isinstance(item, str | PathLike))
    return paths if named else None


def describe(inputs: Inputs) -> str:
    """The inputs for the dataset card: paths as they are, values in memory by their type."""
    paths = named_paths(inputs)
    if paths is None:
        return f"<{type(inputs).__module__.partition('.')[0]}.{type(inputs).__qualname__}>".replace("<builtins.", "<")
    return repr(paths[0] if len(paths) == 1 else paths)


def _like_path(text: str) -> bool:
    """Whether a string is the name of a file rather than a text.

    >>> [_like_path(text) for text in ("corpus/*.jsonl", "gs://bucket/corpus", "corpus", "He left. She stayed.")]
    [True, True, True, False]
    """
    if not text or not any(character.isspace() for character in text):
        return True
    if URL.match(text) or FILE_NAME.search(text):
        return True
    try:
        return len(text) < 4096 and "\n" not in text and Path(text).exists()
    except (OSError, ValueError):
        return False


def _parent_for(near: str) -> Path | None:
    """The directory of the temporary file: next to a local output, otherwise the system's."""
    if not near or URL.match(near):
        return None
    parent = Path(near).absolute().parent
    while not parent.is_dir():
        parent = parent.parent
    return parent if os.access(parent, os.W_OK) else None


def _stage(inputs: Any, wanted: list[str], directory: Path) -> Path:
    """Writes the wanted fields of values in memory to a file; the last field is the text."""
    if _is_of(inputs, "datasets") and isinstance(inputs, dict):
        splits: Any = inputs
        for name, split in splits.items():
            _check_columns(split.column_names, wanted[-1], f"split {name!r}")
        keep = {name: [column for column in wanted if column in split.column_names] for name, split in splits.items()}
        saved = type(splits)({name: split.select_columns(keep[name]) for name, split in splits.items()})
        saved.save_to_disk(directory / "records")
        return directory / "records"
    path = directory / STAGED
    with path.open("wb") as stream:
        for record in _records(inputs, wanted):
            stream.write(_line(record))
    return path


def _records(inputs: Any, wanted: list[str]) -> Iterator[Mapping[str, Any]]:
    if _is_of(inputs, "pandas") and hasattr(inputs, "columns"):
        yield from _of_frame(inputs, wanted)
    elif hasattr(inputs, "__arrow_c_stream__") and not _is_of(inputs, "pandas"):
        yield from _of_arrow(inputs, wanted)
    elif _is_of(inputs, "datasets") and hasattr(inputs, "select_columns"):
        names = inputs.column_names
        if names is not None:
            _check_columns(names, wanted[-1], "the dataset")
            inputs = inputs.select_columns([name for name in wanted if name in names])
        yield from inputs
    elif isinstance(inputs, Iterable) and not isinstance(inputs, bytes | bytearray | Mapping):
        yield from _of_items(inputs, wanted)
    else:
        raise ConfigError(
            f"inputs cannot be a {type(inputs).__name__}; give paths, an iterable of texts or of records, a datasets.Dataset, "
            "a DataFrame or an Arrow table"
        )


def _of_items(items: Iterable[Any], wanted: list[str]) -> Iterator[Mapping[str, Any]]:
    for number, item in enumerate(items):
        if isinstance(item, str) or item is None or item != item:  # noqa: PLR0124 - None and NaN: no text
            yield {wanted[-1]: item if isinstance(item, str) else None}
        elif isinstance(item, Mapping):
            yield {name: item[name] for name in wanted if name in item}
        else:
            raise ConfigError(f"input {number} is a {type(item).__name__}, not a text or a record (a dictionary)")


def _of_frame(frame: Any, wanted: list[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of a pandas DataFrame; missing values are None."""
    names = [str(name) for name in frame.columns]
    _check_columns(names, wanted[-1], "the DataFrame")
    present = [name for name in dict.fromkeys(wanted) if name in names]
    for start in range(0, len(frame), ROWS_AT_ONCE):
        part = frame.iloc[start : start + ROWS_AT_ONCE]
        columns = [part[name].astype(object).where(part[name].notna(), None).tolist() for name in present]
        yield from (dict(zip(present, values, strict=True)) for values in zip(*columns, strict=True))


def _of_arrow(table: Any, wanted: list[str]) -> Iterator[Mapping[str, Any]]:
    import pyarrow as pa

    with pa.RecordBatchReader.from_stream(table) as reader:
        _check_columns(reader.schema.names, wanted[-1], "the table")
        present = [name for name in dict.fromkeys(wanted) if name in reader.schema.names]
        for batch in reader:
            chosen = batch.select(present)
            for start in range(0, len(chosen), ROWS_AT_ONCE):
                yield from chosen.slice(start, ROWS_AT_ONCE).to_pylist()


def _check_columns(names: Iterable[str], text_field: str, what: str) -> None:
    if text_field not in names:
        raise ConfigError(
            f"{what} has no column {text_field!r}, only {', '.join(map(repr, names))}; name the text with text_field=..."
        )


def _line(record: Mapping[str, Any]) -> bytes:
    """The record as a line of JSON."""
    import orjson

    values = {
        name: value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        for name, value in record.items()
    }
    try:
        return orjson.dumps(values, default=_plain, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:  # half of a surrogate pair, or a number over 64 bits: the reader decides
        return json.dumps(values, default=_plain).encode() + b"\n"


def _plain(value: object) -> object:
    """An id of another type, such as a UUID, as its text; a list-like value as a list."""
    tolist = getattr(value, "tolist", None)
    return tolist() if callable(tolist) else str(value)


def _is_of(value: object, package: str) -> bool:
    return any(kind.__module__.partition(".")[0] == package for kind in type(value).__mro__)
