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
