"""Builds from and to object stores (local servers), and builds with other sizes of units, batches and spills."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from beam_jobs import build_shards, train_tokenizer
from nspdata import reading
from nspdata.building import tokenize
from nspdata.errors import ConfigError, InputError
from nspdata.files.any import AnyFiles
from nspdata.files.options import configure
from nspdata.reading import seek_points, units
from tests.building.corpus import INAUGURAL, digests, nspdata_command, records, write_jsonl, write_vocabulary
from tests.reading.frames import bgzf
from tests.servers import Server, free_port, server, variables

__all__ = ["server"]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the corpus in three files, a vocabulary, and the local build `out` of them."""
    directory = tmp_path_factory.mktemp("local")
    vocabulary = write_vocabulary(directory / "vocab.txt")
    for part in range(3):
        write_jsonl(directory / "in" / f"{part}.jsonl", records()[part::3])
    build(directory / "in", directory / "out", vocabulary)
    return directory


def build(source: object, output: object, vocabulary: object, *options: object) -> None:
    """A build in this process."""
    arguments = ["--input", source, "--output", output, "--tokenizer", vocabulary, "--set", "output.num_shards=2"]
    build_shards.main([*map(str, arguments), *map(str, options)])


def run(*arguments: object) -> str:
    """A command in this process; what it printed."""
    from nspdata.cli import app

    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def upload(local: Path, server: Server) -> None:
    """Puts the corpus and the vocabulary into the store."""
    for path in sorted((local / "in").iterdir()):
        server.write(f"in/{path.name}", path.read_bytes())
    server.write("tok/vocab.txt", (local / "vocab.txt").read_bytes())


ONE_STORE = pytest.mark.parametrize(
    "server", ["s3", pytest.param("gs", marks=pytest.mark.slow)], indirect=True
)  # the other one when asked: a build of its own for each moment


def same_files(server: Server, directory: str, local: Path) -> bool:
    """Whether the store has the files of a local dataset, but for the card, which names the command."""
    found = {path: data for path, data in server.files(directory).items() if path != "README.md"}
    return found == {path: (local / path).read_bytes() for path in digests(local)}


def test_a_build_from_and_to_a_store(local: Path, server: Server) -> None:
    """Inputs, tokenizer and output in the store: the bytes of the local build, and nothing left beside them."""
    upload(local, server)
    build(f"{server.url}/in/*.jsonl", f"{server.url}/out", f"{server.url}/tok")
    assert same_files(server, "out", local / "out")
    build(f"{server.url}/in", local / "from", f"{server.url}/tok/vocab.txt")
    assert digests(local / "from") == digests(local / "out")


def test_ranges_of_a_compressed_object(
    local: Path, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bgzf with its index: ranges of one object are read, and the dataset is that of the file without an index on the disk."""
    for module in (units, seek_points):
        monkeypatch.setattr(module, "LEAST_UNIT_BYTES", 1 << 16)
    monkeypatch.setattr(seek_points, "POINT_BYTES", 1 << 10)
    text = b"".join((local / "in" / f"{part}.jsonl").read_bytes() for part in range(3))
    data, index = bgzf([text[place : place + 10_000] for place in range(0, len(text), 10_000)])
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text))
    server.write("bgzf/a.jsonl.gz", data)
    server.write("bgzf/a.jsonl.gz.gzi", index)
    sources = reading.expand_inputs([f"{server.url}/bgzf/a.jsonl.gz"], AnyFiles())
    assert len(units.make_units(sources)) > 3
    build(f"{server.url}/bgzf/a.jsonl.gz", f"{server.url}/ranges", local / "vocab.txt")
    build(tmp_path / "a.jsonl.gz", tmp_path / "whole", local / "vocab.txt")
    found, expected = server.files("ranges"), digests(tmp_path / "whole")
    assert found.keys() >= expected.keys()
    for path in expected:
        if path.endswith((".arrow", "statistics.json")):
            assert found[path] == (tmp_path / "whole" / path).read_bytes()


def test_options_after_the_dashes_reach_the_store(local: Path, server: Server) -> None:
    """Without a variable set, Beam's options name the endpoint and the keys, for the command, its workers and every URL."""
    upload(local, server)
    if "no_auth" in server.options[0]:
        pytest.skip("Google's client reads the emulator's address from the environment only")
    out = (
        f"{server.url}/in",
        "-o",
        f"{server.url}/out",
        "--tokenizer",
        f"{server.url}/tok",
        "--set",
        "output.num_shards=2",
    )
    with variables({}):
        nspdata_command("build", *out, "--workers", 2, "--", *server.options)
    assert same_files(server, "out", local / "out")


def test_every_command_reads_a_url(local: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """stats, show and validate print the same for a dataset in the store and on the disk."""
    upload(local, server)
    for path, data in ((path, (local / "out" / path).read_bytes()) for path in [*digests(local / "out"), "README.md"]):
        server.write(f"data/{path}", data)
    monkeypatch.setenv("NSPDATA_CACHE", str(local / f"cache-{server.url[:2]}"))
    url = f"{server.url}/data"
    for command in (["stats", "--json"], ["show", "--json", "-n", "3"]):
        near, far = (run(command[0], place, *command[1:]) for place in (local / "out", url))
        assert far.replace(url, str(local / "out")) == near
    found = json.loads(run("validate", url, "--source", f"{server.url}/in", "--json"))
    assert found == {"directory": url, "source": [f"{server.url}/in"], "valid": True, "findings": []}


@pytest.mark.parametrize("server", ["s3"], indirect=True)  # gs:// would need gcsfs
def test_training_reads_a_url(local: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer loads shards from the store, and its model has the dataset's tokenizer."""
    for path in digests(local / "out"):
        server.write(f"data/{path}", (local / "out" / path).read_bytes())
    monkeypatch.setenv("NSPDATA_CACHE", str(local / "cache-training"))
    options = ["--steps", 1, "--set", "device.name=cpu", "--set", "batch_sequences=2", "--set", "log.to=[]"]
    run("train", f"{server.url}/data", "-o", local / "run", *options)
    assert (local / "run/model/vocab.txt").read_bytes() == (local / "out/tokenizer/vocab.txt").read_bytes()
    assert (local / "run/model/model.safetensors").stat().st_size > 1_000_000


@ONE_STORE
def test_a_killed_build_resumes(local: Path, server: Server) -> None:
    """The whole process group of the command is killed when the first shard is there: the same command ends in the same bytes."""
    upload(local, server)
    out = (
        f"{server.url}/in",
        "-o",
        f"{server.url}/out",
        "--tokenizer",
        f"{server.url}/tok",
        "--set",
        "output.num_shards=2",
    )
    command = [sys.executable, "-m", "nspdata", "build", *out]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    files, deadline = AnyFiles(), time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if any(path.endswith(".arrow") for path, _ in files.match(f"{server.url}/out")):
            break
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    run("build", *out)
    assert same_files(server, "out", local / "out")


@ONE_STORE
def test_a_killed_overwrite_leaves_the_old_dataset(local: Path, server: Server) -> None:
    """Killed when its first shard is staged: the old dataset is whole and readable; the same command replaces it with the new bytes."""
    upload(local, server)
    for path in [*digests(local / "out"), "README.md"]:
        server.write(f"data/{path}", (local / "out" / path).read_bytes())
    if not (local / "nine").exists():
        build(local / "in", local / "nine", local / "vocab.txt", "--seed", "9")
    places = (f"{server.url}/in", "-o", f"{server.url}/data", "--tokenizer", f"{server.url}/tok")
    command = ["build", *places, "--set", "output.num_shards=2", "--seed", "9", "--overwrite"]
    process = subprocess.Popen(
        [sys.executable, "-m", "nspdata", *command], start_new_session=True, stdout=subprocess.DEVNULL
    )
    files, deadline = AnyFiles(), time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if any(path.endswith(".arrow") for path, _ in files.match(f"{server.url}/data/.build/new")):
            break
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    left = {path for path in server.files("data") if not path.startswith(".build/")}
    assert left == {*digests(local / "out"), "README.md"}
    for path in digests(local / "out"):
        assert server.files("data")[path] == (local / "out" / path).read_bytes()
    run(*command)
    assert same_files(server, "data", local / "nine")


def test_the_files_of_a_store(server: Server) -> None:
    """Files are written, matched, opened at any offset and deleted; directories are prefixes."""
    places, root = AnyFiles(), server.url
    for name in ("a/b.txt", "a/c[1]/d.txt", "ab.txt"):
        places.write(f"{root}/{name}", name.encode())
    assert places.match(f"{root}/a") == [(f"{root}/a/b.txt", 7), (f"{root}/a/c[1]/d.txt", 12)]
    assert places.match(f"{root}/a/*.txt") == [(f"{root}/a/b.txt", 7)]
    assert places.match(f"{root}/**/*.txt") == [
        (f"{root}/{name}", len(name)) for name in ("a/b.txt", "a/c[1]/d.txt", "ab.txt")
    ]
    assert places.match(f"{root}/a/c[1]") == [(f"{root}/a/c[1]/d.txt", 12)]
    assert places.exists(f"{root}/a")
    assert not places.exists(f"{root}/b")
    with places.open(f"{root}/a/b.txt") as stream:
        assert (stream.seek(2), stream.read(3), stream.seek(-1, 2), stream.read()) == (2, b"b.t", 6, b"t")
    places.delete(f"{root}/a")
    assert places.match(root) == [(f"{root}/ab.txt", 6)]
    places.delete(f"{root}/a")


def test_an_object_that_is_replaced_while_it_is_read(server: Server) -> None:
    """A reader never mixes two versions of an object."""
    if server.url.startswith("gs"):
        pytest.skip("the emulator ignores generations")
    url = server.write("file", bytes(20 << 20))
    with AnyFiles().open(url) as stream:
        stream.read(10)
        server.write("file", b"1" * (20 << 20))
        with pytest.raises(OSError, match="replaced while it was read"):
            stream.read()


def test_a_bucket_that_is_missing(local: Path, server: Server) -> None:
    """A missing bucket of the input, output or tokenizer gives one line with its name."""
    missing = server.url.replace("corpus", "nowhere")
    for source, output, tokenizer in (
        (f"{missing}/*.jsonl", local / "no", local / "vocab.txt"),
        (local / "in", f"{missing}/no", local / "vocab.txt"),
        (local / "in", local / "no", f"{missing}/tok"),
    ):
        with pytest.raises(InputError, match=f"there is no bucket {missing}; create it"):
            build(source, output, tokenizer)
    with pytest.raises(InputError, match=r"/none/\*.jsonl'?: matches no file"):
        build(f"{server.url}/none/*.jsonl", local / "no", local / "vocab.txt")


def test_a_store_that_cannot_be_reached(server: Server) -> None:
    """The first request fails at once; the error names the variable of the address."""
    nobody = f"http://127.0.0.1:{free_port()}"
    with variables({key: nobody if value == server.endpoint else value for key, value in server.environment.items()}):
        configure(["--other"])  # as another command: nothing is remembered
        with pytest.raises(InputError, match=r"cannot be reached .* (AWS_ENDPOINT_URL|STORAGE_EMULATOR_HOST)"):
            AnyFiles().match(f"{server.url}/in")
    configure([])


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("foo://bucket/x", r"unknown scheme foo://; known are s3://, gs://"),
        ("hdfs://bucket/x", r"not installed; pip install 'nspdata\[hadoop\].*--hdfs_host, --hdfs_port and --hdfs_user"),
        (
            "azfs://account/container/x",
            r"not installed; pip install 'nspdata\[azure\].*AZURE_STORAGE_CONNECTION_STRING",
        ),
    ],
)
def test_a_scheme_that_is_not_set_up(url: str, remedy: str) -> None:
    """The error names what to install or to set, in one line."""
    with pytest.raises((ConfigError, InputError), match=remedy) as raised:
        AnyFiles().match(url)
    assert "\n" not in str(raised.value)


def test_credentials_that_are_missing(tmp_path: Path) -> None:
    """Missing credentials give one line that names the environment variables."""
    pytest.importorskip("boto3")
    nothing = {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_CONFIG_FILE": str(tmp_path),
    }
    with variables({**nothing, "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}):
        configure(["--none"])
        with pytest.raises(InputError, match="no credentials for s3://; set AWS_ACCESS_KEY_ID"):
            AnyFiles().match("s3://bucket/x")
    configure([])


def test_a_tokenizer_in_a_store(local: Path, server: Server) -> None:
    """The job and the command write there what the command writes to the local disk."""
    upload(local, server)
    source, settings = f"{server.url}/in", ("--set", "tokenizer.vocab_size=500")
    train_tokenizer.main(["--input", source, "--output", f"{server.url}/job", *settings])
    run("train-tokenizer", source, "-o", f"{server.url}/command", *settings)
    run("train-tokenizer", local / "in", "-o", local / f"tokenizer-{server.url[:2]}", *settings)
    written = {path.name: path.read_bytes() for path in (local / f"tokenizer-{server.url[:2]}").iterdir()}
    assert len(written["vocab.txt"].splitlines()) == 500
    assert server.files("job") == server.files("command") == written


def test_the_sizes_of_pieces_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Units of 50 kB, batches of 3 kB and spills of 5,000 tokens give the bytes of one unit, one batch and one spill."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    build(INAUGURAL, tmp_path / "whole", vocabulary)
    monkeypatch.setattr(units, "LEAST_UNIT_BYTES", 50_000)
    monkeypatch.setattr(units, "UNITS", 1000)
    monkeypatch.setattr(tokenize, "SPILL_TOKENS", 5000)
    monkeypatch.setattr(tokenize, "read_source", partial(reading.read_source, batch_bytes=3000))
    build(INAUGURAL, tmp_path / "pieces", vocabulary)
    assert digests(tmp_path / "pieces") == digests(tmp_path / "whole")
