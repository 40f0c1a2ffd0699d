"""Small builds interpret their loops where nothing was compiled before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from nspdata.arrays.compiled import SWITCH, interpreted, is_compiled
from nspdata.building import loops
from nspdata.building.encoders import encoder_of, slow_note
from nspdata.building.loops import compiled_before, compiling_note, note_compiled, pays_to_interpret
from nspdata.building.prepare import Prepared, prepare
from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.files.any import AnyFiles
from nspdata.pipelines.run import run_build
from nspdata.reading import Source
from nspdata.tokenization.fast.encoder import FastEncoder
from nspdata.tokenization.plain import PlainEncoder
from tests.building.corpus import digests, records, write_jsonl, write_vocabulary

pytestmark = pytest.mark.skipif(not is_compiled(), reason="numba is not installed, or switched off")

CONFIG = from_dict(Config, {"output": {"num_shards": 1}, "limits": {"max_unused_tokens": 1}})


@pytest.fixture(autouse=True)
def _nothing_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has compiled nothing; loops that this process has compiled stay."""
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setattr(
        loops, "_path", lambda: tmp_path / "record"
    )  # not NUMBA_CACHE_DIR: numba would compile all again


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[Path, Path]:
    """Four speeches, and a vocabulary."""
    return write_jsonl(tmp_path / "corpus.jsonl", records()[:4]), write_vocabulary(tmp_path / "vocab.txt")


def files(*sizes: int, **fields: str) -> list[Source]:
    """JSON lines files of these sizes, or other files with `fields`."""
    return [Source(path="a", name="a", **{"format": "jsonl", **fields}, size_bytes=size) for size in sizes]  # type: ignore[arg-type]


def prepared(inputs: tuple[Path, Path], output: Path) -> Prepared:
    corpus, vocabulary = inputs
    return prepare([str(corpus)], str(output), str(vocabulary), CONFIG, AnyFiles())


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_small_build_is_interpreted_with_the_same_bytes(
    num_workers: int, inputs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its documents go to the plain encoder; a build with compiled loops writes the same bytes, in the same process."""
    small = prepared(inputs, tmp_path / "interpreted")
    assert small.plan.interpreted
    assert slow_note(small.plan) == ""
    run_build(small, num_workers=num_workers)
    assert not compiled_before()
    monkeypatch.setattr(loops, "MOST_BYTES", 10_000)
    large = prepared(inputs, tmp_path / "compiled-build")
    assert not large.plan.interpreted
    assert isinstance(encoder_of(large.plan).encoder._encoders.of(""), FastEncoder)
    run_build(large, num_workers=num_workers)
    assert compiled_before()
    assert digests(tmp_path / "interpreted") == digests(tmp_path / "compiled-build")


def test_loops_are_compiled_for_large_builds_and_where_they_were_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The passes over the documents count too."""
    once, often = Config(), Config(duplicate_factor=100)
    assert pays_to_interpret(files(1_000_000, 1_000_000), once)
    assert not pays_to_interpret(files(1_000_000, 1_000_001), once)
    assert pays_to_interpret(files(250_000), often)
    assert not pays_to_interpret(files(260_000), often)
    assert compiling_note().startswith("compiling loops, once")
    monkeypatch.setenv(SWITCH, "1")
    assert not pays_to_interpret(files(1), once)


def test_loops_are_compiled_for_text_of_unknown_size() -> None:
    """A compressed file may hold ten times its size as text, and the size of a stream is not known."""
    assert pays_to_interpret(files(200_000, compression="gzip"), Config())
    assert not pays_to_interpret(files(200_001, compression="gzip"), Config())
    assert not pays_to_interpret(files(200_001, format="parquet"), Config())
    assert not pays_to_interpret(files(0), Config())


def test_a_compiled_build_is_recorded(
    inputs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later builds of any size load the code; a record of other source is ignored, and replaced."""
    small = prepared(inputs, tmp_path / "out").plan
    note_compiled(small)
    assert not compiled_before()
    monkeypatch.setenv(SWITCH, "1")
    note_compiled(prepared(inputs, tmp_path / "out").plan)
    assert compiled_before()
    assert compiling_note() == ""
    monkeypatch.delenv(SWITCH)
    assert not pays_to_interpret(files(1), Config())
    (tmp_path / "record").write_text("other source")
    assert not compiled_before()


def test_the_record_is_where_numba_stores_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `NUMBA_CACHE_DIR` there, otherwise beside the source if that can be written, otherwise in the user's cache."""
    monkeypatch.undo()
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert loops._path().parent == Path(loops.__file__).parents[1] / "arrays/__pycache__"
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setenv("NSPDATA_CACHE", str(tmp_path / "cache"))
    assert loops._path().parent == tmp_path / "cache"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    assert loops._path().parent == tmp_path / "compiled"


def test_the_note_comes_before_the_loops_are_compiled(
    inputs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small build has none."""
    corpus, vocabulary = inputs
    notes: list[str] = []
    arguments = ([str(corpus)], str(tmp_path / "out"), str(vocabulary), CONFIG, AnyFiles())
    prepare(*arguments, on_note=notes.append)
    assert notes == []
    monkeypatch.setattr(loops, "MOST_BYTES", 10_000)
    prepare(*arguments, on_note=notes.append)
    assert notes == ["compiling loops, once on this machine: about 30 s"]


def test_other_threads_compile_during_a_small_build(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    """A loader in another thread, and the encoders of two builds, do not share the choice."""
    plan = prepared(inputs, tmp_path / "out").plan
    found: list[object] = []

    def look() -> None:
        found.extend((is_compiled(), type(encoder_of(plan).encoder._encoders.of(""))))

    with interpreted():
        assert not is_compiled()
        thread = Thread(target=look)
        thread.start()
        thread.join()
        assert isinstance(encoder_of(plan).encoder._encoders.of(""), PlainEncoder)
    assert found == [True, FastEncoder]


def test_a_small_build_does_not_import_numba(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    """The command, in a process of its own."""
    corpus, vocabulary = inputs
    options = ["--tokenizer", str(vocabulary), "--workers", "1", "--set", "limits.max_unused_tokens=1"]
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "nspdata",
        "build",
        str(corpus),
        "-o",
        str(tmp_path / "out"),
        *options,
    ]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "compiled")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time")}
    assert "nspdata.building.loops" in imported
    assert "numba" not in imported
    assert not (tmp_path / "compiled").exists()
