"""The jobs under `beam_jobs/`, which take Beam's own options, do what the commands do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from beam_jobs import build_shards, train_tokenizer
from tests.building.corpus import INAUGURAL, digests, nspdata_command, write_vocabulary


def test_the_build_job_writes_what_the_command_writes(tmp_path: Path) -> None:
    """Byte for byte, on the engine in this process."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    arguments = ["--input", INAUGURAL, "--output", tmp_path / "job", "--tokenizer", vocabulary]
    build_shards.main([*map(str, arguments), "--set", "output.num_shards=2"])
    command = ("build", INAUGURAL, "-o", tmp_path / "command", "--tokenizer", vocabulary)
    nspdata_command(*command, "--set", "output.num_shards=2")
    assert digests(tmp_path / "job") == digests(tmp_path / "command")


def test_without_a_place_to_spill_the_engine_shuffles_the_bytes(tmp_path: Path) -> None:
    """As on a cluster: the documents go through the shuffle itself, and the shards are the same."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    for name, runner in {
        "spilled": [],
        "shuffled": ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"],
    }.items():
        arguments = ["--input", INAUGURAL, "--output", tmp_path / name, "--tokenizer", vocabulary]
        build_shards.main([*map(str, arguments), "--set", "output.num_shards=2", *runner])
    assert digests(tmp_path / "spilled") == digests(tmp_path / "shuffled")


def test_the_tokenizer_job_writes_what_the_command_writes(tmp_path: Path) -> None:
    """The same files."""
    train_tokenizer.main(
        ["--input", str(INAUGURAL), "--output", str(tmp_path / "job"), "--set", "tokenizer.vocab_size=1000"]
    )
    nspdata_command("train-tokenizer", INAUGURAL, "-o", tmp_path / "command", "--vocab-size", 1000)
    assert digests(tmp_path / "job") == digests(tmp_path / "command")


def test_no_job_touches_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build on this machine asks no name of anybody and connects to nobody outside it."""
    asked: list[object] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host not in {"localhost", "127.0.0.1", "::1", ""}:
            asked.append(address)
        connect(self, address)  # type: ignore[arg-type]

    def named(*arguments: object, **_: object) -> list[object]:
        asked.append(arguments)
        return []

    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket, "getaddrinfo", named)
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    arguments = ["--input", INAUGURAL, "--output", tmp_path / "job", "--tokenizer", vocabulary]
    build_shards.main([*map(str, arguments)])
    assert not asked
