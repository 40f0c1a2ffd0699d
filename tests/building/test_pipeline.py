"""The pipeline as other engines see it: translated for Dataflow with no network, its steps named, its coders portable."""

from __future__ import annotations

from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2

from nspdata.pipelines.build import build_pipeline
from nspdata.pipelines.run import run_pipeline
from tests.building.test_plan import plan_of

STEPS = [
    "Units",
    "SpreadUnits",
    "Tokenize",
    "MergeReading",
    "EveryShard",
    "WithEveryShard",
    "GroupByShard",
    "FinishShards",
    "MergeShards",
    "FinishBuild",
]


def proto() -> beam_runner_api_pb2.Pipeline:
    """The portable pipeline of a small plan, as runners receive it."""
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    build_pipeline(pipeline, plan_of(), [b"[]"])
    return pipeline.to_runner_api()


def test_steps_have_stable_names() -> None:
    """The steps keep their names, so that a running job can be updated."""
    pipeline = proto()
    (root,) = pipeline.root_transform_ids
    named = {
        transform.unique_name.split("/")[0] for key, transform in pipeline.components.transforms.items() if key != root
    }
    assert named - {""} == set(STEPS)


def test_there_is_one_group_by_key() -> None:
    """Data is shuffled once; the only other groupings are Beam's Reshuffle of file ranges and its Combines."""
    transforms = proto().components.transforms.values()
    grouping = [
        transform.unique_name.split("/")[0]
        for transform in transforms
        if transform.spec.urn == "beam:transform:group_by_key:v1"
    ]
    assert [name for name in grouping if name not in {"SpreadUnits", "MergeReading", "MergeShards"}] == ["GroupByShard"]


def test_what_is_grouped_has_portable_coders() -> None:
    """Keys are varints and payloads are bytes: no pickle goes through the shuffle."""
    pipeline = proto()
    (group,) = [
        transform for transform in pipeline.components.transforms.values() if transform.unique_name == "GroupByShard"
    ]
    (collection,) = group.inputs.values()
    coder = pipeline.components.coders[pipeline.components.pcollections[collection].coder_id]
    urns = [pipeline.components.coders[key].spec.urn for key in coder.component_coder_ids]
    assert coder.spec.urn == "beam:coder:kv:v1"
    assert urns == ["beam:coder:varint:v1", "beam:coder:bytes:v1"]


def test_dataflow_translates_it_without_a_network() -> None:
    """DataflowRunner's dry run accepts the pipeline."""
    pytest.importorskip("apache_beam.runners.dataflow.internal.apiclient", reason="needs apache-beam[gcp]")
    options = PipelineOptions(
        [
            "--runner=DataflowRunner",
            "--dry_run=True",
            "--project=none",
            "--region=none",
            "--temp_location=gs://none/tmp",
            "--sdk_location=container",
            "--sdk_container_image=none/none:1",
        ],
        save_main_session=False,
    )
    pipeline = beam.Pipeline(options=options)
    build_pipeline(pipeline, plan_of(), [b"[]"])
    pipeline.run()


def test_a_build_in_a_notebook_is_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """In IPython a pipeline is built too, with the same names of steps: Beam's own labels of cells fail with pandas 3."""
    ipython = pytest.importorskip("IPython")
    monkeypatch.setattr(ipython, "get_ipython", lambda: SimpleNamespace(execution_count=7, config={}))
    labels: list[str] = []

    def add_steps(pipeline: beam.Pipeline) -> None:
        step = pipeline | "Start" >> beam.Impulse()
        labels.append(step.producer.full_label)

    assert run_pipeline(add_steps, []) is None
    assert labels == ["Start"]
