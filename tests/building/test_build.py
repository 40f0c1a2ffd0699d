"""The build as a user runs it: the same bytes in every way of running it, no lost document, and errors with a remedy."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nspdata.dataset.manifest import read_manifest
from nspdata.dataset.shards import read_rows
from tests.building.corpus import INAUGURAL, digests, nspdata_command, records, write_jsonl, write_vocabulary

SETTINGS = ("--set", "output.num_shards=3", "--set", "output.validation_fraction=0.2")


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vocabulary that fits the bundled corpus."""
    return write_vocabulary(tmp_path_factory.mktemp("vocabulary") / "vocab.txt")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, vocabulary: Path) -> Path:
    """The bundled corpus, built once."""
    output = tmp_path_factory.mktemp("built") / "data"
    nspdata_command("build", INAUGURAL, "-o", output, "--tokenizer", vocabulary, "--workers", 1, *SETTINGS)
    return output


def test_workers_make_no_difference(built: Path, vocabulary: Path, tmp_path: Path) -> None:
    """A build with four processes writes the same bytes as a build with one."""
    nspdata_command("build", INAUGURAL, "-o", tmp_path / "four", "--tokenizer", vocabulary, "--workers", 4, *SETTINGS)
    assert digests(tmp_path / "four") == digests(built)


@pytest.mark.slow
def test_numba_makes_no_difference(built: Path, vocabulary: Path, tmp_path: Path) -> None:
    """Without compiled loops the bytes are the same."""
    command = ("build", INAUGURAL, "-o", tmp_path / "plain", "--tokenizer", vocabulary, "--workers", 1, *SETTINGS)
    nspdata_command(*command, NSPDATA_NUMBA="0")
    assert digests(tmp_path / "plain") == digests(built)


def test_files_and_their_order_make_no_difference(vocabulary: Path, tmp_path: Path) -> None:
    """The same documents in three files, named in two orders, give the same bytes."""
    documents = records()
    files = [write_jsonl(tmp_path / "in" / f"{part}.jsonl", documents[part::3]) for part in range(3)]
    for name, order in {"forth": files, "back": files[::-1]}.items():
        nspdata_command("build", *order, "-o", tmp_path / name, "--tokenizer", vocabulary, *SETTINGS)
    assert digests(tmp_path / "forth") == digests(tmp_path / "back")


def test_how_documents_lie_in_files_moves_no_row(built: Path, vocabulary: Path, tmp_path: Path) -> None:
    """Documents with ids of their own give the same shards from one file and from many, in any order."""
    documents = records()
    for part in range(5):
        write_jsonl(tmp_path / "in" / f"{part}.jsonl", documents[part::5][::-1])
    nspdata_command("build", tmp_path / "in", "-o", tmp_path / "many", "--tokenizer", vocabulary, *SETTINGS)
    shards = {name: digest for name, digest in digests(built).items() if name.endswith("0000-of-00003.arrow")}
    assert shards
    assert {name: digests(tmp_path / "many")[name] for name in shards} == shards


def test_another_seed_moves_rows(built: Path, vocabulary: Path, tmp_path: Path) -> None:
    """A different seed gives different shards."""
    nspdata_command("build", INAUGURAL, "-o", tmp_path / "other", "--tokenizer", vocabulary, "--seed", 7, *SETTINGS)
    name = "train/data-00000-of-00003.arrow"
    assert digests(tmp_path / "other")[name] != digests(built)[name]


def test_masking_never_moves_a_pair(built: Path, vocabulary: Path, tmp_path: Path) -> None:
    """The masking settings do not change the pairs, labels or unmasked ids."""
    settings = (*SETTINGS, "--set", "masking.strategy=whole_word", "--set", "masking.mask_share=0.5")
    nspdata_command("build", INAUGURAL, "-o", tmp_path / "masks", "--tokenizer", vocabulary, *settings)
    for one, other in zip(
        read_manifest(built).splits["train"], read_manifest(tmp_path / "masks").splits["train"], strict=True
    ):
        for a, b in zip(read_rows(built, one), read_rows(tmp_path / "masks", other), strict=True):
            assert (a.unmasked_ids() == b.unmasked_ids()).all()
            assert (a.next_sentence_label == b.next_sentence_label).all()


def test_the_same_command_again_does_nothing(built: Path, vocabulary: Path) -> None:
    """A finished directory is reported as finished and is not changed."""
    before = {path: path.stat().st_mtime_ns for path in built.rglob("*")}
    done = nspdata_command("build", INAUGURAL, "-o", built, "--tokenizer", vocabulary, *SETTINGS)
    assert "nothing to do" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in built.rglob("*")} == before


def test_other_settings_are_refused(built: Path, vocabulary: Path) -> None:
    """A dataset of other settings is not overwritten without --overwrite; the error names the difference."""
    command = ("build", INAUGURAL, "-o", built, "--tokenizer", vocabulary, "--seed", "9", *SETTINGS)
    done = nspdata_command(*command, check=False)
    assert done.returncode == 2
    assert "seed 12345 there, 9 here" in done.stderr
    assert "--overwrite" in done.stderr


def test_a_foreign_directory_is_never_written(vocabulary: Path, tmp_path: Path) -> None:
    """A directory with unrelated files is refused, with --overwrite too, and is not changed."""
    (tmp_path / "README.md").write_text("mine")
    command = ("build", INAUGURAL, "-o", tmp_path, "--tokenizer", vocabulary, "--overwrite")
    done = nspdata_command(*command, check=False)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_a_killed_build_goes_on_to_the_same_bytes(built: Path, vocabulary: Path, tmp_path: Path) -> None:
    """After a kill at the first shard, the same command finishes the build and does not rebuild that shard."""
    output = tmp_path / "killed"
    arguments = ["build", INAUGURAL, "-o", output, "--tokenizer", vocabulary, "--workers", 1, *SETTINGS]
    process = subprocess.Popen(
        [sys.executable, "-m", "nspdata", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    results = output / ".build" / "shards"
    while process.poll() is None and not list(results.glob("*.json")):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = {path.name: path.stat().st_mtime_ns for path in output.rglob("*.arrow")}
    if process.returncode == -signal.SIGKILL and not (output / "manifest.json").exists():
        with pytest.raises(Exception, match="not a finished dataset"):
            read_manifest(output)
    nspdata_command(*arguments)
    assert digests(output) == digests(built)
    assert any(path.stat().st_mtime_ns == left.get(path.name) for path in output.rglob("*.arrow"))
    assert not (output / ".build").exists()


def test_every_reader_of_arrow_opens_the_shards(built: Path) -> None:
    """`pyarrow.ipc.open_stream` reads each shard, with the columns and types of the contract."""
    for entries in read_manifest(built).splits.values():
        for entry in entries:
            with pa.ipc.open_stream(pa.memory_map(str(built / entry.path))) as reader:
                table = reader.read_all()
            assert table.num_rows == entry.rows
            assert str(table.schema.field("input_ids").type) == "list<item: uint16>"
            assert str(table.schema.field("document_a").type) == "uint64"


def test_no_document_is_in_two_splits(built: Path) -> None:
    """Train and validation share no document, and negatives stay in their split."""
    documents = {}
    for split, entries in read_manifest(built).splits.items():
        rows = [rows for entry in entries for rows in read_rows(built, entry)]
        documents[split] = {int(name) for part in rows for name in np.concatenate([part.document_a, part.document_b])}
    assert documents["train"]
    assert documents["validation"]
    assert not documents["train"] & documents["validation"]


def test_exact_duplicates_are_dropped_and_counted(vocabulary: Path, tmp_path: Path) -> None:
    """Three copies of a text under different ids are one document."""
    documents = records()[:20]
    copies = [
        {"id": f"copy/{index}/{document['id']}", "text": document["text"]} for index in (1, 2) for document in documents
    ]
    corpus = write_jsonl(tmp_path / "in.jsonl", [*documents, *copies])
    nspdata_command("build", corpus, "-o", tmp_path / "out", "--tokenizer", vocabulary)
    counts = read_manifest(tmp_path / "out").counts
    assert counts["read"]["documents"] == 60
    assert counts["built"]["documents"] == 20
    assert counts["built"]["duplicates_dropped"] == 40


def test_bad_records_are_kept_and_counted(vocabulary: Path, tmp_path: Path) -> None:
    """Each bad record is in `rejected/` with its reason, and the rest is built."""
    corpus = write_jsonl(tmp_path / "in.jsonl", records())
    with corpus.open("ab") as file:
        file.write(b'{"id": "broken", "text": "no end\n{"id": "none"}\n{"id": "empty", "text": " "}\n')
        file.write(
            b'{"id": "nul", "text": "a\\u0000b"}\n{"id": "utf8", "text": "\xff\xfe"}\n{"id": "lone", "text": "\\ud800"}\n'
        )
    output = tmp_path / "out"
    nspdata_command("build", corpus, "-o", output, "--tokenizer", vocabulary, "--max-rejected", "20%")
    read = read_manifest(output).counts["read"]
    kept = [json.loads(line) for path in output.glob("rejected/*.jsonl") for line in path.read_text().splitlines()]
    assert sum(read["rejected"].values()) == len(kept) == 6
    assert read["documents"] == 59
    assert {record["source"] for record in kept} == {"in.jsonl"}
    assert all(len(record["excerpt"]) <= 200 and record["position"] > 0 for record in kept)


def test_a_flood_of_bad_records_fails(vocabulary: Path, tmp_path: Path) -> None:
    """Over the limit, the build stops before a shard is written, with the remedy."""
    corpus = write_jsonl(tmp_path / "in.jsonl", records())
    with corpus.open("a") as file:
        file.write("{}\n" * 10)
    done = nspdata_command("build", corpus, "-o", tmp_path / "out", "--tokenizer", vocabulary, check=False)
    assert done.returncode == 1
    assert "14.49% of the records" in done.stderr
    assert "--set input.max_rejected=0.15" in done.stderr
    assert not list((tmp_path / "out").rglob("*.arrow"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing/*.jsonl"], 1, "missing/*.jsonl"),
        ([INAUGURAL, "--set", "pairing.max_seq_len=3"], 2, "did you mean 'pairing.max_seq_length'"),
        ([INAUGURAL, "--config", "missing.toml"], 2, "missing.toml"),
        ([INAUGURAL, "--set", "sentences.language=xq"], 2, "xq"),
        ([INAUGURAL, "--set", "sentences.model=no_such_pipeline"], 2, "no_such_pipeline"),
        ([INAUGURAL, "--text-field", "body"], 1, "body"),
        ([INAUGURAL, "--set", "output.num_shards=400"], 1, "output.num_shards"),
    ],
)
def test_a_mistake_is_reported_before_work(
    arguments: list[object], code: int, message: str, vocabulary: Path, tmp_path: Path
) -> None:
    """The exit code separates failures from wrong usage; the message names the mistake, without a traceback."""
    done = nspdata_command("build", *arguments, "-o", tmp_path / "out", "--tokenizer", vocabulary, check=False)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_vocabulary_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """A vocabulary without a special token, and one that makes the text unknown, stop the build with the remedy."""
    for tokens, message in {
        ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "the"): "[MASK]",
        ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the"): "train-tokenizer",
    }.items():
        vocabulary = tmp_path / "vocab.txt"
        vocabulary.write_text("".join(f"{token}\n" for token in tokens))
        done = nspdata_command("build", INAUGURAL, "-o", tmp_path / "out", "--tokenizer", vocabulary, check=False)
        assert done.returncode == (2 if message == "[MASK]" else 1)
        assert message in done.stderr
    assert not (tmp_path / "out").exists()
