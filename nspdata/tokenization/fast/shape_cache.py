"""A file with the answers of shapes, so that spaCy is asked once on a machine, not once in each process.

There is one file for each tokenizer, in `shapes` below the user's cache directory. Its name and its head hold the digest of everything
that the answers depend on: the versions of spaCy and Unicode, the tokenizer's patterns and rules, the corrections, and the code of this
package. A file with another digest, a wrong checksum or arrays that do not fit is ignored and overwritten. Without a directory
that can be written, the answers stay in the process. `NSPDATA_SHAPE_CACHE=0` turns the file off.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nspdata.arrays.ragged import offsets
from nspdata.arrays.source_stamp import source_stamp
from nspdata.files.user_cache import user_cache
from nspdata.tokenization.fast.sealed import opened, replace_file, sealed

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nspdata.tokenization.fast.facts import TokenizerFacts
    from nspdata.tokenization.rules import SentenceRules

SWITCH = "NSPDATA_SHAPE_CACHE"

MAGIC = b"nspdata shapes 1"

MOST_SHAPES = 250_000
"""Shapes in a file: about 12 MB. The oldest are dropped first."""

MOST_FILES = 32
"""Files in the directory; the least recently written are deleted."""

LEAST_NEW = 500
"""New shapes for which a file is written; at least as many as it holds, so that a process merges and writes each a few times only."""

COLUMNS = (np.uint64, np.int32, np.uint8, np.int64, np.int64, np.int32, np.int32)
"""Types of the fields of `ShapeAnswers`, in order."""


@dataclass(frozen=True, slots=True)
class ShapeAnswers:
    """Shapes and their answers.

    Attributes:
        keys: shape (n,), uint64: the hashes of the shapes, or of chunks that have other tokens than their shape.
        firsts, leaves: shape (n,): see `Answers`.
        num_inner, num_bounds: shape (n,), int64: how many values of `inner` and `bounds` each answer has.
        inner, bounds: shape (any,), int32: see `Answers`.
    """

    keys: NDArray[np.uint64]
    firsts: NDArray[np.int32]
    leaves: NDArray[np.uint8]
    num_inner: NDArray[np.int64]
    num_bounds: NDArray[np.int64]
    inner: NDArray[np.int32]
    bounds: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.keys)

    def arrays(self) -> list[NDArray[Any]]:
        """The fields, in order."""
        return [getattr(self, name) for name in self.__slots__]

    def take(self, indices: NDArray[np.int64]) -> ShapeAnswers:
        """The answers at these indices."""
        chosen: list[Any] = [column[indices] for column in self.arrays()[:5]]
        for values, counts in ((self.inner, self.num_inner), (self.bounds, self.num_bounds)):
            chosen.append(values[_runs(offsets(counts), indices)])
        return ShapeAnswers(*chosen)

    def plus(self, other: ShapeAnswers) -> ShapeAnswers:
        """These answers and those of the other's shapes that are not here."""
        _, firsts = np.unique(other.keys, return_index=True)
        firsts = np.sort(firsts)
        fresh = other.take(firsts[~np.isin(other.keys[firsts], self.keys)])
        return ShapeAnswers(*(np.concatenate(pair) for pair in zip(self.arrays(), fresh.arrays(), strict=True)))

    def fits(self) -> bool:
        """Whether every array has the size and the range of values that the others imply."""
        if self.num_inner.min(initial=0) < 0 or self.num_bounds.min(initial=2) < 2:
            return False
        if self.num_inner.sum() != len(self.inner) or self.num_bounds.sum() != len(self.bounds):
            return False
        ends = offsets(self.num_bounds)
        lengths = self.bounds[ends[1:] - 1]
        rising = np.diff(self.bounds, prepend=0) > 0
        rising[ends[:-1]] = self.bounds[ends[:-1]] == 0
        inside = (self.inner > 0) & (self.inner < np.repeat(lengths, self.num_inner))
        firsts = (self.firsts >= -1) & (self.firsts < lengths)
        return bool(rising.all() and inside.all() and firsts.all() and (self.leaves < 4).all())


def no_answers() -> ShapeAnswers:
    """No shapes."""
    empty: list[Any] = [np.zeros(0, dtype) for dtype in COLUMNS]
    return ShapeAnswers(*empty)


class ShapeCache:
    """The file of one tokenizer, and the answers of this process that are not in it.

    Args:
        path: the file.
        digest: 32 bytes, of everything that the answers depend on.
    """

    def __init__(self, path: Path, digest: bytes) -> None:
        self.path, self.digest = path, digest
        self._new: list[ShapeAnswers] = []
        self._num_new = self._num_kept = 0

    @staticmethod
    def of(tokenizer: TokenizerFacts, rules: SentenceRules) -> ShapeCache | None:
        """The cache for the answers of a tokenizer; None if caching is turned off."""
        if os.environ.get(SWITCH, "1") == "0":
            return None
        digest = digest_of(tokenizer, rules)
        try:
            return ShapeCache(user_cache() / "shapes" / f"{digest.hex()[:32]}.bin", digest)
        except RuntimeError:  # there is no home directory
            return None

    def load(self) -> ShapeAnswers:
        """The answers of the file, and those of this process; none if the file is missing or corrupt."""
        found = self._read()
        if not self._new:
            return found
        columns = zip(*(new.arrays() for new in self._new), strict=True)
        return found.plus(ShapeAnswers(*map(np.concatenate, columns)))

    def add(self, answers: ShapeAnswers) -> None:
        """Adds new answers, and writes the file if they are many."""
        self._new.append(answers)
        self._num_new += len(answers)
        if self._num_new >= max(LEAST_NEW, self._num_kept):
            self.save()

    def save(self) -> None:
        """Writes the new answers to the file, with those that other processes have written meanwhile."""
        if not self._num_new:
            return
        found = self.load()
        self._new, self._num_new = [], 0
        if len(found) > MOST_SHAPES:
            found = found.take(np.arange(len(found) - MOST_SHAPES, len(found)))
        self._num_kept = len(found)
        with contextlib.suppress(OSError):  # the directory cannot be written, or the disk is full
            replace_file(self.path, packed(found, self.digest), most_files=MOST_FILES)

    def _read(self) -> ShapeAnswers:
        try:
            data = self.path.read_bytes()
        except OSError:
            return no_answers()
        found = unpacked(data, self.digest) or no_answers()
        self._num_kept = len(found)
        return found


def packed(answers: ShapeAnswers, digest: bytes) -> bytes:
    """The bytes of a file: its content are three sizes and the arrays."""
    sizes = np.array([len(answers), len(answers.inner), len(answers.bounds)], "<i8")
    return sealed(b"".join([sizes.tobytes(), *(array.tobytes() for array in answers.arrays())]), MAGIC + digest)


def unpacked(data: bytes, digest: bytes) -> ShapeAnswers | None:
    """The answers of a file; None if it belongs to another tokenizer or is corrupt."""
    rest = opened(data, MAGIC + digest)
    if rest is None or len(rest) < 24:
        return None
    num_shapes, num_inner, num_bounds = np.frombuffer(rest, "<i8", 3).tolist()
    sizes, at, arrays = [num_shapes] * 5 + [num_inner, num_bounds], 24, []
    if min(sizes) < 0 or 24 + sum(n * np.dtype(t).itemsize for n, t in zip(sizes, COLUMNS, strict=True)) != len(rest):
        return None
    for size, dtype in zip(sizes, COLUMNS, strict=True):
        arrays.append(np.frombuffer(rest, dtype, size, at).copy())
        at += arrays[-1].nbytes
    found = ShapeAnswers(*arrays)
    return found if found.fits() else None


def digest_of(tokenizer: TokenizerFacts, rules: SentenceRules) -> bytes:
    """The digest of everything that the answers of a tokenizer depend on, 32 bytes."""
    import nspdata

    described = [
        (nspdata.__version__, sys.version, sys.byteorder, unicodedata.unidata_version),
        tokenizer.digest,
        (rules.move_opening_marks, rules.correct_end_marks, rules.extra_marks, rules.by_character),
        (sorted(rules.punct_chars), sorted(rules.exceptions)),  # type: ignore[call-overload]
    ]
    digest = hashlib.sha256(repr(described).encode("utf-8", "surrogatepass"))
    digest.update(source_stamp("nspdata.tokenization.fast.answers"))
    return digest.digest()


def _runs(ends: NDArray[np.int64], indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices of the values of these runs.

    >>> _runs(np.array([0, 2, 2, 5]), np.array([2, 0])).tolist()
    [2, 3, 4, 0, 1]
    """
    lengths = ends[indices + 1] - ends[indices]
    shift = ends[indices] - offsets(lengths)[:-1]
    return np.arange(lengths.sum()) + np.repeat(shift, lengths)
