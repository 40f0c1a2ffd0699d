"""The Beam job gives the statistics that the build and `nspdata stats` give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beam_jobs.compute_statistics import main
from nspdata.dataset.manifest import MANIFEST
from nspdata.errors import ConfigError, ShardError
from nspdata.metadata.json_schemas import statistics_schema
from nspdata.statistics import Statistics, from_json
from nspdata.statistics.recompute import recompute
from tests.building.corpus import INAUGURAL, write_vocabulary
from tests.datasets import write_dataset
from tests.inspection.builds import build


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with a duplicate and a broken record, its vocabulary, and its build in three shards."""
    place = tmp_path_factory.mktemp("job")
    write_vocabulary(place / "vocab.txt")
    lines = INAUGURAL.read_text(encoding="utf-8").splitlines()[:20]
    again = json.dumps({**json.loads(lines[3]), "id": "again"})
    (place / "corpus.jsonl").write_text("\n".join([*lines, again, '{"text": 3}', ""]), encoding="utf-8")
    settings = {"output": {"num_shards": 3, "validation_fraction": 0.3}, "input": {"max_rejected": 0.1}}
    build(place / "corpus.jsonl", place / "out", place / "vocab.txt", settings)
    return place


def job(output: Path, *arguments: object) -> Statistics:
    """Runs the job in this process and reads what it wrote."""
    main([*map(str, arguments), "--output", str(output)])
    return from_json(output.read_bytes())


def built(place: Path) -> Statistics:
    """What the build has written."""
    return from_json((place / "out" / "statistics.json").read_bytes())


def test_rows_of_shards_are_those_of_the_build(place: Path) -> None:
    """Over the shards of a dataset the job computes what the build has written under `rows`, and the local command too."""
    found = job(place / "rows.json", "--input", place / "out")
    assert found.rows.to_dict() == built(place).rows.to_dict()
    assert found == recompute(place / "out")


def test_statistics_hold_to_their_schema(place: Path) -> None:
    """What a build writes is valid, and without a part, or with a count below zero, it is not."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs nspdata[report]")
    validator = jsonschema.Draft202012Validator(statistics_schema())
    written = json.loads((place / "out" / "statistics.json").read_text())
    assert not list(validator.iter_errors(written))
    assert list(validator.iter_errors({"version": 1, "rows": written["rows"]}))
    wrong = {**written, "rows": {**written["rows"], "counts": {"rows": -1}}}
    assert list(validator.iter_errors(wrong))


def test_documents_are_those_of_the_build(place: Path) -> None:
    """Over raw documents the job computes what the build has written under `corpus`, but for what pairing counts."""
    found = job(
        place / "corpus.json", "--input", place / "corpus.jsonl", "--tokenizer", place / "vocab.txt",
        "--set", "output.num_shards=3",
    )  # fmt: skip
    expected = built(place).corpus
    pairing = {"forced_negatives", "sentences_unpaired", "tokens_truncated", "used_tokens"}
    assert dict(found.corpus.counts) == {key: count for key, count in expected.counts.items() if key not in pairing}
    assert found.corpus.counts["duplicates_dropped"] == 1
    assert found.corpus.counts["rejected.text_not_string"] == 1
    for name, histogram in expected.histograms.items():
        assert found.corpus.histograms[name].to_dict() == histogram.to_dict(), name
    assert found.corpus.token_counts.tolist() == expected.token_counts.tolist()
    assert not found.rows.counts


def test_the_job_writes_nothing_but_its_file(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rejected records are counted, not kept."""
    monkeypatch.chdir(tmp_path)
    job(tmp_path / "corpus.json", "--input", place / "corpus.jsonl", "--tokenizer", place / "vocab.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.json"]
    assert not Path("/rejected").exists()


def test_number_of_shards_changes_nothing(place: Path) -> None:
    """Document statistics do not depend on the number of shards."""
    arguments = ("--input", place / "corpus.jsonl", "--tokenizer", place / "vocab.txt", "--set")
    one, many = (job(place / "n.json", *arguments, f"output.num_shards={count}") for count in (1, 7))
    assert one == many


def test_an_unfinished_dataset_is_refused(tmp_path: Path) -> None:
    """A directory without a manifest is refused."""
    directory = write_dataset(tmp_path / "data", rows=20)
    (directory / MANIFEST).unlink()
    with pytest.raises(ShardError, match="not a finished dataset"):
        job(tmp_path / "rows.json", "--input", directory)


def test_a_cut_shard_is_refused_by_its_name(tmp_path: Path) -> None:
    """A truncated shard is an error that names the shard and its rows, though a worker raised it."""
    directory = write_dataset(tmp_path / "data", rows=6000, num_shards=1)
    shard = next((directory / "train").glob("*.arrow"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(ShardError, match="data-00000-of-00001"):
        job(tmp_path / "rows.json", "--input", directory)


def test_a_wrong_setting_is_refused_before_work(place: Path) -> None:
    """An unknown key is refused before the work."""
    with pytest.raises(ConfigError, match="unknown setting"):
        job(place / "x.json", "--input", place / "corpus.jsonl", "--tokenizer", place / "vocab.txt", "--set", "sed=1")
