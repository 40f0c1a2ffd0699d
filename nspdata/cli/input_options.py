"""The options that say how input files are read, the same for every command that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="GLOB", help="Files of INPUT to skip; may be repeated.")
]

TextField = Annotated[
    list[str] | None,
    typer.Option(
        "--text-field",
        metavar="[GLOB=]FIELD",
        help="Field of the text (default: text); repeat it with GLOB= for other files.",
    ),
]

IdField = Annotated[
    list[str] | None,
    typer.Option("--id-field", metavar="[GLOB=]FIELD", help="Field of the document's id (default: id)."),
]

InputFormat = Annotated[
    str | None,
    typer.Option(
        "--input-format",
        help="jsonl, json, parquet, arrow, csv, tsv, text_document, text_line, text_sentence, wikiextractor or dataset (default: by suffix).",
    ),
]


def input_flags(
    *, exclude: Exclude, text_field: TextField, id_field: IdField, input_format: InputFormat
) -> dict[str, str | None]:
    """The settings of these options; None where an option is not given."""
    return {
        "input.exclude": _joined(exclude),
        "input.text_field": _joined(text_field),
        "input.id_field": _joined(id_field),
        "input.format": input_format,
    }


def _joined(values: Sequence[str] | None) -> str | None:
    return ",".join(values) if values else None
