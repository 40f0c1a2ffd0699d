"""A file of which at most the bytes that it has are requested."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO, Self

if TYPE_CHECKING:
    from types import TracebackType


class BoundedReads:
    """Bounds each read by the size of the file.

    pyarrow requests as many bytes as a length in the file says, and Python allocates them before it reads. A corrupt length
    then gives an error of pyarrow instead of a `MemoryError`.

    Args:
        stream: an open file.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._size = stream.seek(0, io.SEEK_END)
        stream.seek(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def read(self, size: int | None = -1) -> bytes:
        """Reads bytes; fewer than requested at the end of the file."""
        left = max(0, self._size - self._stream.tell())
        return self._stream.read(left if size is None or size < 0 else min(size, left))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
