"""What nspdata builds is right, of whatever kind, and stays so where damage is undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from nspdata.dataset.directory import open_directory
from nspdata.dataset.schema import row_metadata
from nspdata.validation import validate, validate_source
from tests.validation.conftest import KINDS
from tests.validation.damage import edit_rows, settle


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_built_is_right(kind: str, sound: Callable[[str], Path], corpus: Path) -> None:
    """A dataset of any kind breaks no rule, by itself and against its source, read the plain way and the fast one."""
    directory = sound(kind)
    assert validate(directory) == []
    assert validate_source(directory, [str(corpus)]) == []
    assert validate_source(directory, [str(corpus)], fast=True) == []


@pytest.mark.parametrize("kind", ["nsp", "sop", "none"])
def test_settling_alone_does_no_harm(kind: str, copied: Callable[[str], Path], corpus: Path) -> None:
    """The tools of these tests, with nothing changed, leave a dataset that is right: what is found is the damage."""
    directory = copied(kind)
    settle(directory)
    edit_rows(directory, lambda rows: rows)
    assert validate(directory) == []
    assert validate_source(directory, [str(corpus)]) == []


@pytest.mark.parametrize("kind", ["nsp", "sop", "none", "span", "same_document"])
def test_an_open_dataset_has_the_metadata_of_its_shards(kind: str, sound: Callable[[str], Path]) -> None:
    """Also what the labels mean, which depends on the objective and on where negatives are from."""
    directory = open_directory(sound(kind))
    for shard in directory.shards("train"):
        with pa.ipc.open_stream(pa.memory_map(str(sound(kind) / shard.entry.path))) as reader:
            assert row_metadata(reader.schema, name=kind) == directory.metadata
