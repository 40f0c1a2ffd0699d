"""Builds on this machine without Beam."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nspdata.building.prepare import prepare
from nspdata.config.build import Config
from nspdata.config.parsing import from_dict
from nspdata.errors import InputError
from nspdata.files.any import AnyFiles
from nspdata.pipelines.options import LOCAL_RUNNER
from nspdata.pipelines.run import run_build
from tests.building.corpus import INAUGURAL, digests, write_jsonl, write_vocabulary

SETTINGS = {"output": {"num_shards": 3, "validation_fraction": 0.3}}


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_local_build_needs_no_beam(num_workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build without Beam's options imports no Beam, and writes the same bytes as Beam's engine."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    config = from_dict(Config, SETTINGS)
    beam_options = [f"--runner={LOCAL_RUNNER}"]
    remote = prepare([str(INAUGURAL)], str(tmp_path / "beam"), str(vocabulary), config, AnyFiles(), local=False)
    expected = run_build(remote, beam_options)
    monkeypatch.setitem(sys.modules, "apache_beam", None)  # an import of it fails
    local = prepare([str(INAUGURAL)], str(tmp_path / "local"), str(vocabulary), config, AnyFiles())
    assert run_build(local, num_workers=num_workers) == expected
    assert digests(tmp_path / "local") == digests(tmp_path / "beam")


@pytest.mark.parametrize("num_workers", [1, 2])
def test_the_error_of_a_worker_stops_a_local_build(num_workers: int, tmp_path: Path) -> None:
    """An input that changes after the plan is refused with the error that the worker raised; nothing is published."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    config = from_dict(Config, {"output": {"num_shards": 2}, "limits": {"max_label_error": 1}})
    texts = [{"id": str(n), "text": f"We the people. {n} states."} for n in range(50)]
    corpus = write_jsonl(tmp_path / "corpus.jsonl", texts)
    prepared = prepare([str(corpus)], str(tmp_path / "out"), str(vocabulary), config, AnyFiles())
    write_jsonl(corpus, texts * 2)
    with pytest.raises(InputError, match="changed while the build was running"):
        run_build(prepared, num_workers=num_workers)
    assert not (tmp_path / "out/manifest.json").exists()
