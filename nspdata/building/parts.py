"""Parts of a file of which ranges cannot be read: one worker reads the file, and all workers tokenize it.

In a local build the reader stores the documents of a part in a temporary file, and any worker takes it. While enough parts
wait, the reader tokenizes too: no worker is idle, and the temporary files stay few. On a Beam runner the parts are elements.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from typing import TYPE_CHECKING

from nspdata.errors import naming
from nspdata.reading.units import text_bytes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from nspdata.reading import Source
    from nspdata.reading.documents import DocumentBatch

    Batch = tuple[str, DocumentBatch]

PART_CHARACTERS = 8 << 20
"""Characters of text in a part."""

DIVIDED_BYTES = 16 << 20
"""Text of a file from which on its documents are divided among the processes of a local build; a smaller file is a task of seconds."""

DIVIDED_JOB_BYTES = 1 << 30
"""The same on a Beam runner, whose shuffle then stores the text."""

MOST_WAITING = 32
"""Parts of a file that wait for a worker at the same time."""


def is_divided(sources: Sequence[Source], *, on_runner: bool = False) -> bool:
    """Whether a unit has a large file of several documents that only one worker can read."""
    least_bytes = DIVIDED_JOB_BYTES if on_runner else DIVIDED_BYTES
    return any(
        text_bytes_of(source) >= least_bytes and not source.can_be_split and source.format != "text_document"
        for source in sources
    )


def num_parts(sources: Sequence[Source]) -> int:
    """About how many workers a unit can keep busy."""
    return max(1, sum(map(text_bytes_of, sources)) // PART_CHARACTERS) if is_divided(sources) else 1


def parts_of(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Groups batches of documents to parts."""
    part: list[Batch] = []
    size = 0
    for split, batch in batches:
        part.append((split, batch))
        size += batch.characters
        if size >= PART_CHARACTERS:
            yield part
            part, size = [], 0
    if part:
        yield part


def offered(batches: Iterable[Batch], directory: str, offer: Callable[[str], object]) -> Iterator[Batch]:
    """Stores parts for other workers; yields the batches that this process keeps.

    Args:
        batches: of a file, in order.
        directory: for the parts.
        offer: called with the path of each part.
    """
    waiting: list[str] = []
    for part in parts_of(batches):
        waiting = [path for path in waiting if os.path.exists(path)]  # noqa: PTH110 - strings
        if len(waiting) >= MOST_WAITING:
            yield from part
            continue
        with (
            naming(directory),
            tempfile.NamedTemporaryFile(dir=directory, suffix=".part", delete=False) as file,
        ):
            file.write(pack(part))
        waiting.append(file.name)
        offer(file.name)


def take(path: str) -> list[Batch]:
    """Reads a part and removes its file."""
    with open(path, "rb") as file:  # noqa: PTH123 - a string
        data = file.read()
    os.unlink(path)  # noqa: PTH108 - a string
    return unpack(data)


def pack(part: list[Batch]) -> bytes:
    """A part as bytes, for `unpack` in another process of the same build."""
    return pickle.dumps(part, protocol=pickle.HIGHEST_PROTOCOL)


def unpack(data: bytes) -> list[Batch]:
    """See `pack`."""
    found: list[Batch] = pickle.loads(data)  # noqa: S301 - from this build
    return found
