"""The job as Dataflow gets it, written offline: the emulator of Google Cloud Storage holds inputs, template and staged pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("apache_beam.runners.dataflow.internal.apiclient", reason="needs apache-beam[gcp]")

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from beam_jobs import build_shards, compute_statistics
from nspdata.dataset.manifest import read_manifest
from nspdata.files.any import AnyFiles, remote_files
from nspdata.reading import units
from tests.building.corpus import records, write_vocabulary
from tests.building.test_pipeline import STEPS
from tests.servers import Server, gs_server

pytestmark = pytest.mark.engines

PICKLED = "pickled_python"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A template, and the pipeline that was staged for it."""

    template: dict[str, Any]
    pipeline: beam_runner_api_pb2.Pipeline
    pipeline_bytes: int


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The emulator with the corpus of a few hundred records."""
    remote_files.cache_clear()
    with gs_server() as running:
        lines = "".join(json.dumps(record) + "\n" for record in records())
        running.write("in/a.jsonl", lines.encode())
        yield running
    remote_files.cache_clear()


def submit(server: Server, tmp_path: Path, program: Any, name: str, *options: str) -> Job:
    """Has a job write its template; nothing runs."""
    vocabulary = write_vocabulary(tmp_path / "vocab.txt")
    arguments = [
        "--input",
        f"{server.url}/in/*.jsonl",
        "--output",
        f"{server.url}/{name}",
        "--tokenizer",
        str(vocabulary),
    ]
    arguments += [
        "--runner=DataflowRunner",
        "--project=none",
        "--region=none",
        f"--temp_location={server.url}/{name}-tmp",
    ]
    arguments += [f"--template_location={server.url}/{name}.json", "--sdk_location=container", "--no_auth"]
    program.main([*arguments, "--sdk_container_image=none/none:1", "--resource_hint=min_ram=3GB", *options])
    (staged,) = [data for path, data in server.files(f"{name}-tmp").items() if path.endswith(".pb")]
    return Job(
        template=json.loads(server.read(f"{server.url}/{name}.json")),
        pipeline=beam_runner_api_pb2.Pipeline.FromString(staged),
        pipeline_bytes=len(staged),
    )


def steps(job: Job) -> set[str]:
    """The names of the steps."""
    (root,) = job.pipeline.root_transform_ids
    transforms = job.pipeline.components.transforms
    return {transforms[key].unique_name for key in transforms[root].subtransforms}


def grouped_coders(job: Job) -> dict[str, tuple[str, str]]:
    """For each GroupByKey the coders of the key and of the value."""
    components = job.pipeline.components
    found = {}
    for transform in components.transforms.values():
        if transform.spec.urn == "beam:transform:group_by_key:v1":
            (collection,) = transform.inputs.values()
            parts = components.coders[components.pcollections[collection].coder_id].component_coder_ids
            found[transform.unique_name] = tuple(components.coders[part].spec.urn for part in parts)
    return found


def test_the_template_of_a_build(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The launcher returns at once and says where the template is, which has the image, the hint and every step; OUT has no manifest."""
    job = submit(server, tmp_path, build_shards, "build")
    assert f"Submitted: the template is {server.url}/build.json" in " ".join(capsys.readouterr().out.split())
    assert steps(job) == set(STEPS)
    environments = job.pipeline.components.environments.values()
    assert {value for environment in environments for value in environment.resource_hints.values()} == {b"3000000000"}
    (pool,) = job.template["environment"]["workerPools"]
    assert {image["containerImage"] for image in pool["sdkHarnessContainerImages"]} == {"none/none:1"}
    assert "manifest.json" not in server.files("build")


def test_what_is_grouped(server: Server, tmp_path: Path) -> None:
    """One GroupByKey of payload, whose keys are compared by their bytes; beside it Beam's own, of file ranges and sums."""
    coders = grouped_coders(submit(server, tmp_path, build_shards, "coders"))
    assert coders.pop("GroupByShard") == ("beam:coder:varint:v1", "beam:coder:bytes:v1")
    assert {name.partition("/")[0] for name in coders} == {"SpreadUnits", "MergeReading", "MergeShards"}
    assert coders["SpreadUnits/ReshufflePerKey/GroupByKey"][0] == "beam:coder:varint:v1"
    assert {name for name, (key, _) in coders.items() if PICKLED in key} == {  # the one key of a sum is Beam's None
        "MergeReading/CombinePerKey/GroupByKey",
        "MergeShards/CombinePerKey/GroupByKey",
    }


def test_what_the_statistics_job_groups(server: Server, tmp_path: Path) -> None:
    """The documents of a shard are grouped as those of a build are."""
    coders = grouped_coders(submit(server, tmp_path, compute_statistics, "statistics"))
    assert coders["GroupByShard"] == ("beam:coder:varint:v1", "beam:coder:bytes:v1")


def test_the_size_of_a_large_job(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """16,000 units: the template and the staged pipeline stay under Dataflow's limit of 10 MB for a request."""
    monkeypatch.setattr(units, "MOST_UNIT_BYTES", 51)
    monkeypatch.setattr(units, "LEAST_UNIT_BYTES", 51)
    job = submit(server, tmp_path, build_shards, "large")
    assert len(json.dumps(job.template)) < 100_000
    assert job.pipeline_bytes < 10_000_000


def test_the_staged_pipeline_of_a_template_builds_the_dataset(server: Server, tmp_path: Path) -> None:
    """Run here, with the workers in this process instead of the image: after the launcher has ended, the job still owns OUT."""
    job = submit(server, tmp_path, build_shards, "runs", "--set", "output.num_shards=2")
    for environment in job.pipeline.components.environments.values():
        environment.urn = "beam:env:embedded_python:v1"
    FnApiRunner().run_via_runner_api(job.pipeline, PipelineOptions()).wait_until_finish()
    manifest = read_manifest(f"{server.url}/runs", files=AnyFiles())
    assert [entry.rows > 0 for entry in manifest.splits["train"]] == [True, True]
    assert not any(path.startswith(".build/") for path in server.files("runs"))
