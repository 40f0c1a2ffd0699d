"""Estimates are compared with the build, and samples with their input."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from nspdata.building.estimate import Estimate, estimate
from nspdata.cli import app
from nspdata.cli.layout import duration
from nspdata.config.build import Config
from nspdata.config.input import InputConfig
from nspdata.config.parsing import from_dict
from nspdata.dataset.manifest import Manifest
from nspdata.errors import InputError
from nspdata.files.local import LocalFiles
from nspdata.reading import expand_inputs
from nspdata.reading.survey import Sample, take_sample
from nspdata.reading.units import expected_text_bytes
from tests.building.corpus import INAUGURAL, records, write_jsonl, write_vocabulary
from tests.inspection.builds import build


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a vocabulary."""
    place = tmp_path_factory.mktemp("dry_run")
    write_vocabulary(place / "vocab.txt")
    return place


@pytest.fixture(scope="module")
def estimated(place: Path) -> Estimate:
    """What is expected of the bundled corpus."""
    return estimate([str(INAUGURAL)], str(place / "vocab.txt"), Config(), LocalFiles())


@pytest.fixture(scope="module")
def built(place: Path) -> Manifest:
    """The build of the bundled corpus."""
    return build(INAUGURAL, place / "out", place / "vocab.txt")


def test_an_estimate_of_a_small_input_is_exact_where_it_can_be(estimated: Estimate, built: Manifest) -> None:
    """An input that is read whole gives its very documents, sentences and tokens."""
    assert estimated.whole
    counts = built.counts
    assert estimated.counts["text_bytes"] == counts["read"]["text_bytes"]
    for key in ("documents", "sentences", "tokens", "duplicates_dropped"):
        assert estimated.counts.get(key, 0) == counts["built"][key], key


def test_an_estimate_of_rows_and_disk_is_near_the_build(estimated: Estimate, built: Manifest, place: Path) -> None:
    """Rows and bytes are within a few percent of what the build writes."""
    rows = sum(entry.rows for entries in built.splits.values() for entry in entries)
    size = sum(path.stat().st_size for path in (place / "out").rglob("*") if path.is_file())
    assert estimated.counts["rows"] == pytest.approx(rows, rel=0.02)
    assert estimated.output_bytes == pytest.approx(size, rel=0.05)
    assert estimated.label_1_share == pytest.approx(0.5, abs=0.02)
    assert estimated.num_shards == sum(map(len, built.splits.values()))
    assert estimated.temporary_bytes > 0
    assert estimated.seconds > 0


def dry_run(corpus: Path, output: Path, place: Path, *, code: int = 0) -> str:
    """What `nspdata build --dry-run` prints."""
    arguments = ["build", corpus, "-o", output, "--tokenizer", place / "vocab.txt", "--dry-run"]
    done = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "200"}, catch_exceptions=False)
    assert done.exit_code == code
    return done.output


def test_a_dry_run_writes_nothing(place: Path) -> None:
    """OUT is not created, and the table shows what to expect."""
    printed = dry_run(INAUGURAL, place / "never", place)
    assert not (place / "never").exists()
    for title in ("documents", "sentences", "rows", "[UNK]", "label 1", "row of their own document", "disk", "time"):
        assert title in printed


def test_a_dry_run_says_what_would_stop_the_build(place: Path, tmp_path: Path) -> None:
    """Too many broken records, and a vocabulary that does not fit, are warnings."""
    corpus = write_jsonl(
        tmp_path / "broken.jsonl", [{"id": str(n), "text": f"Юникод и текст {n}. Ещё."} for n in range(9)]
    )
    with corpus.open("a", encoding="utf-8") as lines:
        lines.write("{broken\n")
    printed = dry_run(corpus, tmp_path / "out", place, code=1)
    assert "10.00% of the records" in printed
    assert "The build would stop: rejected is over its limit input.max_rejected." in printed
    assert "The build would stop: unknown_share is over its limit tokenizer.max_unknown." in printed
    assert "padded to pairing.max_seq_length is padding" in printed


def test_an_input_without_a_document_is_refused(place: Path, tmp_path: Path) -> None:
    """An input without documents is an error."""
    corpus = tmp_path / "empty.jsonl"
    corpus.write_text('{"text": " "}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"no document \(1 times the text is empty"):
        estimate([str(corpus)], str(place / "vocab.txt"), Config(), LocalFiles())


def sample_of(paths: list[Path], **budget: int) -> Sample:
    """A sample within a budget."""
    sources = expand_inputs([str(path) for path in paths], LocalFiles())
    return take_sample(sources, LocalFiles(), InputConfig(), expected_bytes=expected_text_bytes(sources), **budget)


def corpus_in(directory: Path, kind: str) -> Path:
    """4 MB of documents as one file of this kind."""
    documents = [
        {"id": f"{turn}-{n}", "text": f"{turn} {record['text']}"}
        for turn in range(5)
        for n, record in enumerate(records())
    ]
    path = directory / f"corpus.{kind}"
    if kind == "parquet":
        table = pa.table({name: [document[name] for document in documents] for name in ("id", "text")})
        pq.write_table(table, path, row_group_size=50)
        return path
    data = "".join(json.dumps(document) + "\n" for document in documents).encode()
    path.write_bytes(gzip.compress(data) if kind.endswith("gz") else data)
    return path


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "parquet"])
def test_a_part_says_how_much_the_whole_is(tmp_path: Path, kind: str) -> None:
    """Reading a third of a file, and keeping a tenth, gives its size in documents and bytes within a few percent."""
    path = corpus_in(tmp_path, kind)
    whole = sample_of([path])
    expected = expected_text_bytes(expand_inputs([str(path)], LocalFiles()))
    part = sample_of([path], read_bytes=expected // 3, kept_bytes=expected // 10)
    assert whole.whole
    assert whole.counts["documents"] == 5 * len(records())
    assert not part.whole
    assert part.kept_bytes < 0.3 * whole.kept_bytes
    assert part.counts["documents"] == pytest.approx(whole.counts["documents"], rel=0.25)
    assert part.counts["text_bytes"] == pytest.approx(whole.counts["text_bytes"], rel=0.15)


def test_a_sample_does_not_depend_on_the_order_of_files(tmp_path: Path) -> None:
    """The same files in another order give the same documents."""
    paths = []
    for number in range(6):
        name = tmp_path / f"part-{number}.jsonl"
        paths.append(write_jsonl(name, [{"id": f"{number}-{n}", "text": "word " * 400} for n in range(50)]))
    one, two = (sample_of(order, read_bytes=200_000, kept_bytes=90_000) for order in (paths, paths[::-1]))
    assert [batch.ids for batch in one.batches] == [batch.ids for batch in two.batches]
    assert one.counts == two.counts


def test_rejected_records_are_scaled(tmp_path: Path) -> None:
    """Half of the records broken: half of the whole is expected to be rejected."""
    path = tmp_path / "half.jsonl"
    path.write_text('{"text": "one two three"}\nbroken, and as long as that\n' * 60_000, encoding="utf-8")
    part = sample_of([path], read_bytes=1_000_000, kept_bytes=100_000)
    assert part.counts["rejected.broken_json"] == pytest.approx(60_000, rel=0.1)
    assert part.counts["records"] == pytest.approx(120_000, rel=0.1)


def test_settings_change_the_estimate(place: Path, estimated: Estimate) -> None:
    """Rows four times as long are fewer; two passes are twice as many."""
    long = from_dict(Config, {"pairing": {"max_seq_length": 512}, "duplicate_factor": 2})
    other = estimate([str(INAUGURAL)], str(place / "vocab.txt"), long, LocalFiles())
    assert 0.4 * estimated.counts["rows"] < other.counts["rows"] < 0.8 * estimated.counts["rows"]


def test_times_are_written_for_people() -> None:
    """Durations are printed in seconds, minutes or hours."""
    assert [duration(seconds) for seconds in (0.4, 59, 60, 3600)] == ["0.4 s", "59 s", "1 min 0 s", "1 h 0 min"]


@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
@pytest.mark.parametrize("sizes", [[6_000_000], [6_000_000, 10], [10, 6_000_000], [5_000_000, 3_000_000]])
def test_a_sample_of_long_lines(tmp_path: Path, name: str, sizes: list[int]) -> None:
    """The ranges of a sample may all be within a line; the sample has text nevertheless, and estimates the size of the input."""
    path = write_jsonl(tmp_path / f"{name}.jsonl", [{"id": str(n), "text": "x" * size} for n, size in enumerate(sizes)])
    sources = expand_inputs([str(path)], LocalFiles())
    sample = take_sample(
        sources, LocalFiles(), InputConfig(), expected_bytes=sum(sizes), read_bytes=2_000_000, kept_bytes=1_000_000
    )
    assert sample.kept_bytes >= 1_000_000
    assert sample.counts["text_bytes"] == pytest.approx(sum(sizes), rel=0.5)
