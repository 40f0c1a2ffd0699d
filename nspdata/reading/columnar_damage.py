"""Errors of columnar files that reading continues after: corrupt parts, and parts that need too much memory."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import pyarrow as pa

DAMAGE = (pa.ArrowException, OSError, ValueError)
"""What pyarrow raises for corrupt files."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of a file that cannot be read.

    Attributes:
        error: why.
        rows: number of rows it holds; 0 if unknown, which means that the rest of the file is lost.
        bytes: their size in bytes.
    """

    error: Exception
    rows: int = 0
    bytes: int = 0


def of_the_data(error: Exception) -> Exception:
    """Returns the error if the data caused it; raises it if the disk or the network did.

    pyarrow 18 may read at an impossible position that the data names: "invalid argument".
    """
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        raise error
    return error


def too_much(what: str, need: int, bound: int) -> ValueError:
    """An error that names the part, its need and the remedy."""
    return ValueError(
        f"{what} needs {need:,} bytes of memory at once, at most {bound:,} may be needed; "
        "write the file with smaller row groups or record batches, or raise input.max_record_bytes"
    )


def present(names: list[str], wanted: tuple[str, str, str]) -> list[str] | None:
    """The columns that are read; None for all if the text is missing."""
    found = [name if name in names else name.partition(".")[0] for name in wanted]
    found = [name for name in dict.fromkeys(found) if name in names]
    return found if {wanted[0], wanted[0].partition(".")[0]} & set(found) else None


def check(column: pa.Array) -> None:
    """Rejects offsets and indices that point outside the data; invalid UTF-8 is reported later, row by row.

    Arrow checks children first and stops at the first error, so that invalid UTF-8 could hide a corrupt offset.

    Raises:
        pa.ArrowInvalid: the column is corrupt.
        ValueError: the column is corrupt.
    """
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
        column.validate()
        check_inside(column)


def check_inside(column: pa.Array) -> None:
    """Rejects offsets of lists and indices of dictionaries that point outside the data.

    Raises:
        ValueError: one does.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        _check_places(column.indices.drop_null(), len(column.dictionary) - 1, "an index of a dictionary")
        check_inside(column.dictionary)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        _check_places(column.offsets, len(column.values), "an offset of a list")
        offsets = column.offsets.to_numpy(zero_copy_only=False)
        if (offsets[1:] < offsets[:-1]).any():
            raise ValueError("an offset of a list is smaller than the one before")
        check_inside(column.values)
    elif pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        starts, sizes = (part.to_numpy(zero_copy_only=False).astype("int64") for part in (column.offsets, column.sizes))
        if ((starts < 0) | (sizes < 0) | (sizes > len(column.values) - starts)).any():
            raise ValueError("an offset of a list view is outside the data")
        check_inside(column.values)
    elif pa.types.is_run_end_encoded(kind):
        check_inside(column.values)
    elif pa.types.is_struct(kind):
        for index in range(kind.num_fields):
            check_inside(column.field(index))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column.view(pa.binary() if pa.types.is_string(kind) else pa.large_binary()).validate(full=True)


def _check_places(places: pa.Array, most: int, what: str) -> None:
    numbers = places.to_numpy(zero_copy_only=False)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() <= most:
        raise ValueError(f"{what} is outside the data")
