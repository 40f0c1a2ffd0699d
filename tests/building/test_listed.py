"""A job with many input files is small: their names are in files of OUT/.build."""

from __future__ import annotations

import dataclasses
import pickle
from hashlib import md5
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs import build_shards
from nspdata.building import listed as module
from nspdata.building.listed import INPUTS, UNITS, listed, unit_at, with_inputs
from nspdata.building.plan import BuildPlan
from nspdata.building.workers import encode_unit, paths_of
from nspdata.errors import InputError
from nspdata.files.local import LocalFiles
from nspdata.pipelines.build import build_pipeline
from nspdata.reading import Source
from nspdata.reading.units import make_units
from tests.building.corpus import digests, records, write_jsonl, write_vocabulary
from tests.building.plainly import build_plainly, settings
from tests.building.test_plan import plan_of

MANY = 20_000


def large_plan(output: Path) -> tuple[BuildPlan, list[bytes]]:
    """A plan of 20,000 files of 5 kB, and its units."""
    names = [f"part-{number // 1000:05d}/{md5(b'%d' % number).hexdigest()}.jsonl" for number in range(MANY)]
    sources = [
        Source(path=f"s3://bucket/{name}", name=name, format="jsonl", size_bytes=5000, version="v1") for name in names
    ]
    inputs = tuple((name, 5000) for name in names)
    plan = dataclasses.replace(plan_of(), output=str(output), inputs=inputs, versions=("v1",) * MANY)
    return plan, [encode_unit(unit) for unit in make_units(sources)]


def job_bytes(plan: BuildPlan, units: list[bytes]) -> int:
    """Size of the pipeline as a runner receives it."""
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    build_pipeline(pipeline, plan, units)
    return pipeline.to_runner_api().ByteSize()


def test_the_size_of_a_job_does_not_grow_with_the_number_of_files(tmp_path: Path) -> None:
    """20,000 names would make a job of more than 1 MB; in files they add 40 bytes per unit to the job of one file."""
    plan, units = large_plan(tmp_path)
    small, places = listed(plan, units, LocalFiles())
    assert len(places) == len(units) == 24
    assert job_bytes(plan, units) > 1_000_000
    assert job_bytes(small, list(places)) < job_bytes(plan_of(), [b"[]"]) + 5_000


def test_workers_read_the_units_and_the_last_step_the_names(tmp_path: Path) -> None:
    """A pickled plan has the fingerprint of the whole one, and gets its names and versions back."""
    plan, units = large_plan(tmp_path)
    small, places = listed(plan, units, LocalFiles())
    worker: BuildPlan = pickle.loads(pickle.dumps(small))
    assert (worker.inputs, worker.versions, worker.fingerprint) == ((), (), plan.fingerprint)
    assert [unit_at(worker, place, LocalFiles()) for place in places] == units
    assert paths_of(unit_at(worker, places[-1], LocalFiles()))[-1] == f"s3://bucket/{plan.inputs[-1][0]}"
    whole = with_inputs(worker, LocalFiles())
    assert (whole.inputs, whole.versions, whole.fingerprint) == (plan.inputs, plan.versions, plan.fingerprint)


@pytest.mark.parametrize("damage", ["missing", "shortened"])
def test_a_damaged_list_is_reported(damage: str, tmp_path: Path) -> None:
    """In one line that says what to do."""
    plan, units = large_plan(tmp_path)
    small, places = listed(plan, units, LocalFiles())
    worker: BuildPlan = pickle.loads(pickle.dumps(small))
    for name in (UNITS, INPUTS):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:-1]) if damage == "shortened" else path.unlink()
    with pytest.raises(InputError, match=r"/\.build/units: missing or damaged; run the same command again"):
        unit_at(worker, places[-1], LocalFiles())
    with pytest.raises(InputError, match=r"/\.build/inputs\.json: missing or damaged"):
        with_inputs(worker, LocalFiles())


def test_a_retried_last_step_has_the_names_of_the_dataset(tmp_path: Path) -> None:
    """The first try has removed the list of the inputs; the names are then those of the manifest that it has written."""
    corpus = write_jsonl(tmp_path / "in.jsonl", records()[:40])
    manifest = build_plainly(
        [corpus], tmp_path / "out", write_vocabulary(tmp_path / "vocab.txt"), settings(), LocalFiles()
    )
    assert not (tmp_path / "out" / INPUTS).exists()
    worker = dataclasses.replace(plan_of(), output=str(tmp_path / "out"), inputs=(), listed=True)
    assert with_inputs(worker, LocalFiles()).inputs == (("in.jsonl", corpus.stat().st_size),)
    assert [entry["name"] for entry in manifest.inputs] == ["in.jsonl"]


def test_few_files_stay_in_the_job(tmp_path: Path) -> None:
    """Nothing is written for them."""
    plan, _ = large_plan(tmp_path)
    assert listed(plan, [b"[]"], LocalFiles()) == (plan, [b"[]"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_job_with_lists_writes_what_a_job_without_them_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes; the lists are removed at the end."""
    for number, document in enumerate(records()[:12]):
        write_jsonl(tmp_path / "in" / f"{number}.jsonl", [document])
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    written = []
    monkeypatch.setattr("nspdata.pipelines.run.listed", lambda *given: written.append(listed(*given)) or written[-1])
    for name, most in (("listed", 0), ("direct", 1 << 20)):
        monkeypatch.setattr(module, "MOST_BYTES", most)
        arguments = ["--input", tmp_path / "in", "--output", tmp_path / name, "--tokenizer", vocabulary]
        runner = "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
        build_shards.main([*map(str, arguments), "--set", "output.num_shards=2", runner])
    assert [plan.listed for plan, _ in written] == [True, False]
    assert digests(tmp_path / "listed") == digests(tmp_path / "direct")
    assert not (tmp_path / "listed" / ".build" / "units").exists()
