"""The jobs under `beam_jobs/`, which take Beam's own options, do what the commands do."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from beam_jobs import build_shards, compute_statistics, train_tokenizer
from beam_jobs.options import command_named, split
from nspdata.dataset.manifest import read_manifest
from nspdata.errors import ConfigError
from nspdata.pipelines.run import beam_logs
from tests.building.corpus import INAUGURAL, digests, nspdata_command, records, write_vocabulary


def test_the_build_job_writes_what_the_command_writes(tmp_path: Path) -> None:
    """The job and the command write the same bytes, on the engine in this process."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    arguments = ["--input", INAUGURAL, "--output", tmp_path / "job", "--tokenizer", vocabulary]
    build_shards.main([*map(str, arguments), "--set", "output.num_shards=2"])
    command = ("build", INAUGURAL, "-o", tmp_path / "command", "--tokenizer", vocabulary)
    nspdata_command(*command, "--set", "output.num_shards=2")
    assert digests(tmp_path / "job") == digests(tmp_path / "command")


def test_the_job_always_runs_on_beam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without an option for Beam; the command alone would build without it."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    monkeypatch.setattr("nspdata.pipelines.run.build_here", None)
    arguments = ["--input", INAUGURAL, "--output", tmp_path / "job", "--tokenizer", vocabulary]
    build_shards.main([*map(str, arguments), "--set", "output.num_shards=2"])
    assert (tmp_path / "job" / "manifest.json").exists()


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
    """The Beam job writes the same tokenizer files as `nspdata train-tokenizer`."""
    train_tokenizer.main(
        ["--input", str(INAUGURAL), "--output", str(tmp_path / "job"), "--set", "tokenizer.vocab_size=1000"]
    )
    nspdata_command("train-tokenizer", INAUGURAL, "-o", tmp_path / "command", "--vocab-size", 1000)
    assert digests(tmp_path / "job") == digests(tmp_path / "command")


def test_the_jobs_take_every_option_of_the_commands() -> None:
    """Options of the command go to the command and all others to Beam, in any order."""
    command = command_named("build")
    for param in command.params:
        if param.param_type_name == "option" and param.name != "help":
            words = [param.opts[-1]] if param.is_flag else [param.opts[-1], "value"]
            assert split(["--runner", "X", *words, "--input", "a", "b"], command) == (
                words,
                ["a", "b"],
                ["--runner", "X"],
            )
    given = [
        "--input",
        "a",
        "--set",
        "seed=1",
        "output.num_shards=2",
        "--temp_location=gs://b/t",
        "--experiments",
        "one",
    ]
    assert split(given, command) == (
        ["--set", "seed=1", "--set", "output.num_shards=2"],
        ["a"],
        ["--temp_location=gs://b/t", "--experiments", "one"],
    )


def test_parameters_of_a_template_are_options() -> None:
    """A launcher passes `--name=value` only: settings with `__` for the dot, and flags with true or false."""
    given = [
        "--input=a",
        "--pairing__max_seq_length=512",
        "--duplicate_factor",
        "2",
        "--strict=true",
        "--overwrite=false",
    ]
    own = ["--set", "pairing.max_seq_length=512", "--set", "duplicate_factor=2", "--strict"]
    assert split([*given, "--project=p"], command_named("build")) == (own, ["a"], ["--project=p"])


def test_every_parameter_of_the_template_is_an_option_of_the_job() -> None:
    """The job accepts every parameter of the Dataflow template, and passes only Beam's own to Beam."""
    root = Path(__file__).parents[2]
    template = json.loads((root / "deploy" / "dataflow" / "metadata.json").read_text(encoding="utf-8"))
    names = [parameter["name"] for parameter in template["parameters"]]
    assert {"pairing__max_seq_length", "input", "output", "tokenizer", "overwrite"} < {*names}
    for name in names:
        _, inputs, beam_options = split([f"--{name}=true"], command_named("build"))
        assert inputs == (["true"] if name == "input" else []), name
        of_beam = name in {"sdk_container_image", "number_of_worker_harness_threads"}
        assert beam_options == ([f"--{name}=true"] if of_beam else []), name


def test_options_of_the_job_reach_the_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--seed`, `--text-field` and `--dry-run` do what they do for the command; the summary is printed."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    lines = "".join(json.dumps({"body": record["text"]}) + "\n" for record in records()[:20])
    (tmp_path / "in.jsonl").write_text(lines, encoding="utf-8")
    arguments = ["--input", tmp_path / "in.jsonl", "--output", tmp_path / "job", "--tokenizer", vocabulary]
    arguments += ["--seed", "99", "--text-field", "body", "--set", "output.num_shards=1"]
    build_shards.main([*map(str, arguments), "--dry-run"])
    assert not (tmp_path / "job").exists()
    build_shards.main([*map(str, arguments)])
    assert read_manifest(tmp_path / "job").config["seed"] == 99
    assert str(tmp_path / "job") in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--runer", "DataflowRunner"], "unknown option --runer: .* did you mean --runner"),
        (
            ["--max_seq_length", "512"],
            "unknown option --max_seq_length: this is a setting; write --set pairing.max_seq_length=VALUE",
        ),
        (["--tokeniser", "x"], "unknown option --tokeniser: .* did you mean --tokenizer"),
        (["--text_field", "x"], "unknown option --text_field: .* did you mean --text-field"),
        (["--runner", "FnApiRunnner"], "Beam refuses .*FnApiRunnner"),
        (["--direct_num_workers=many"], "Beam refuses .*invalid int value: 'many'"),
        (["--no_wait"], "--no_wait needs a runner that outlives this process"),
    ],
)
@pytest.mark.parametrize("job", [build_shards, train_tokenizer, compute_statistics])
def test_an_option_that_nobody_knows(tmp_path: Path, job: ModuleType, options: list[str], message: str) -> None:
    """The error names the option and the nearest known one; nothing is written."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    arguments = ["--input", str(INAUGURAL), "--output", str(tmp_path / "job")]
    if job is not train_tokenizer:
        arguments += ["--tokenizer", str(vocabulary)]
    elif "--tokeniser" in options:
        pytest.skip("train-tokenizer has no such option")
    with pytest.raises(ConfigError, match=message):
        job.main([*arguments, *options])
    assert not (tmp_path / "job").exists()


def test_a_wrong_option_touches_no_dataset(tmp_path: Path) -> None:
    """A wrong option, or a job server that does not answer, changes nothing in a finished dataset, even with `--overwrite`."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    arguments = ["--input", INAUGURAL, "--output", tmp_path / "job", "--tokenizer", vocabulary, "--overwrite"]
    build_shards.main([*map(str, arguments), "--set", "output.num_shards=1"])
    before = digests(tmp_path / "job")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        endpoint = f"localhost:{free.getsockname()[1]}"
    nobody = ["--runner=PortableRunner", f"--job_endpoint={endpoint}", "--job_server_timeout=1"]
    for options, error in (
        (["--runner=FnApiRunnner"], "FnApiRunnner"),
        (nobody, f"no job server answers at {endpoint} within 1 seconds; start it, correct --job_endpoint"),
    ):
        with pytest.raises(ConfigError, match=error):
            build_shards.main([*map(str, arguments), "--set", "output.num_shards=2", *options])
    assert digests(tmp_path / "job") == before


def test_a_job_ends_with_one_line(tmp_path: Path) -> None:
    """A job prints one line for a user's mistake and exits with code 2."""
    arguments = ["--input", INAUGURAL, "--output", tmp_path / "job", "--tokenizer", tmp_path / "none", "--runer=X"]
    command = [sys.executable, "-m", "beam_jobs.build_shards", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "build_shards: unknown option --runer: neither nspdata nor this runner of Beam knows it; did you mean --runner?\n"
    )


def test_workers_log_units_and_shards(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At INFO, as engines show it: each unit and each shard, when it begins and when it ends."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    runner = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    arguments = ["--input", INAUGURAL, "--output", tmp_path / "job", "--tokenizer", vocabulary, runner]
    with caplog.at_level(logging.INFO, logger="nspdata"):
        build_shards.main([*map(str, arguments), "--set", "output.num_shards=2"])
    (entry, _) = read_manifest(tmp_path / "job").splits["train"]
    lines = [record.getMessage() for record in caplog.records if record.name == "nspdata"]
    assert lines[:2] == [
        "reading inaugural_addresses.jsonl from byte 0",
        f"read inaugural_addresses.jsonl from byte 0: {len(records())} documents",
    ]
    assert f"built {entry.path}: {entry.rows} rows, {entry.bytes} bytes" in lines


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--runner=DataflowRunner"], ["INFO apache_beam.job: id 7", "WARNING apache_beam.job: slow"]),
        (["--runner=FnApiRunner"], ["WARNING apache_beam.job: slow"]),
        ([], []),
    ],
)
def test_the_logs_of_beam_are_shown_with_a_runner(
    options: list[str], shown: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The id and the state of a cluster's job are visible, although the programs silence the root logger."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.NullHandler()])
    monkeypatch.setattr(logging.getLogger("apache_beam"), "level", logging.NOTSET)
    logging.getLogger("apache_beam.job").manager._clear_cache()  # type: ignore[attr-defined]
    with beam_logs(options):
        logging.getLogger("apache_beam.job").info("id 7")
        logging.getLogger("apache_beam.job").warning("slow")
    assert capsys.readouterr().err.splitlines() == shown


def test_no_job_touches_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local build makes no name lookup and no connection to another machine."""
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
