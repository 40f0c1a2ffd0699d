"""Settings of how input files are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nspdata.config.parsing import require

InputFormat = Literal[
    "auto",
    "jsonl",
    "json",
    "parquet",
    "arrow",
    "csv",
    "tsv",
    "text_document",
    "text_line",
    "text_sentence",
    "wikiextractor",
    "dataset",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputConfig:
    """How input files are read.

    Attributes:
        format: `auto` goes by suffix and first bytes (a `.txt` is then one document).
        text_field: field or column of the text. A dot goes into an object (`payload.text`), a list of strings is joined as
            paragraphs. It can differ by file: `GLOB=FIELD` rules separated by commas (`web/*.csv=body,text`).
        id_field: field or column of the document id, in the same form; a record without one is named by its file and byte offset.
        exclude: globs of files to skip, separated by commas, matched against the name relative to the common directory.
        max_record_bytes: a longer record is rejected, bytes; in Parquet and Arrow files, a longer row.
        csv_delimiter: one character; "" is a comma in `.csv` and a tab in `.tsv`.
        csv_quoting: `quoted` reads quotes as CSV does, `none` as text; `auto` is `quoted` in `.csv` and `none` in `.tsv`.
        csv_header: whether the first row names the columns; without it they are named `0`, `1`, ...
        csv_escape: one character that makes the next one text; "" for none.
        max_rejected: the largest share of the records, and of the bytes, that may be rejected before the build fails, 0 to 1;
            empty texts do not count.
    """

    format: InputFormat = "auto"
    text_field: str = "text"
    id_field: str = "id"
    exclude: str = ""
    max_rejected: float = 0.01
    max_record_bytes: int = 64_000_000
    csv_delimiter: str = ""
    csv_quoting: Literal["auto", "quoted", "none"] = "auto"
    csv_header: bool = True
    csv_escape: str = ""

    def __post_init__(self) -> None:
        require(
            key="input.max_rejected", value=self.max_rejected, rule="from 0 to 1", holds=0 <= self.max_rejected <= 1
        )
        require(
            key="input.max_record_bytes",
            value=self.max_record_bytes,
            rule="at least 1000",
            holds=self.max_record_bytes >= 1000,
        )
        for key in ("csv_delimiter", "csv_escape"):
            value = getattr(self, key)
            require(key=f"input.{key}", value=value, rule='one character, or ""', holds=len(value) <= 1)
