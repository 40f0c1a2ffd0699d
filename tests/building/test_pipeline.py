"""The pipeline as other engines see it: translated for Dataflow with no network, its steps named, its coders portable."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.metrics.metric import Lineage
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2

from nspdata.building.prepare import prepare
from nspdata.building.workers import encode_unit
from nspdata.files.local import LocalFiles
from nspdata.pipelines.build import build_pipeline
from nspdata.pipelines.lineage import report_sink, report_sources
from nspdata.pipelines.options import pipeline_options
from nspdata.pipelines.run import run_pipeline
from tests.building.test_plan import plan_of
from tests.validation.builds import settings, write_corpus, write_vocabulary

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


def test_lineage_names_inputs_and_output(tmp_path: Path) -> None:
    """A build reports its files and its directory to Beam."""
    source = write_corpus(tmp_path / "in" / "corpus.jsonl")
    tokenizer = write_vocabulary(tmp_path / "vocab.txt")
    prepared = prepare([str(source)], str(tmp_path / "out"), str(tokenizer), settings(), LocalFiles(), local=False)
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    build_pipeline(pipeline, prepared.plan, [encode_unit(unit) for unit in prepared.units])
    metrics = pipeline.run().metrics()
    assert Lineage.query(metrics, Lineage.SOURCE) == {f"filesystem:localhost.{source}"}
    assert Lineage.query(metrics, Lineage.SINK) == {f"filesystem:localhost.{tmp_path / 'out'}"}


def test_lineage_of_many_files_and_of_unknown_stores() -> None:
    """Several files of a unit give their directories; a store that Beam does not know is left out."""
    units = [[f"/corpus/{number % 3}/{number}" for number in range(101)], ["other://bucket/y"]]
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    step = pipeline | "units" >> beam.Create(units)
    step | "sources" >> beam.Map(report_sources)
    pipeline | "outputs" >> beam.Create(["/out", "other://bucket/out"]) | "sinks" >> beam.Map(report_sink)
    metrics = pipeline.run().metrics()
    assert Lineage.query(metrics, Lineage.SOURCE) == {f"filesystem:localhost./corpus/{number}" for number in range(3)}
    assert Lineage.query(metrics, Lineage.SINK) == {"filesystem:localhost./out"}


@pytest.mark.parametrize("runner", ["DirectRunner", "apache_beam.runners.direct.direct_runner.SwitchingDirectRunner"])
def test_the_direct_runner_downloads_no_other_runner(runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beam's DirectRunner tries Prism first, a program that it downloads, and leaves `beam-temp*` when it cannot."""
    from apache_beam.runners.portability.prism_runner import PrismRunner

    tried: list[PrismRunner] = []
    monkeypatch.setattr(PrismRunner, "run_pipeline", lambda self, *_: tried.append(self))
    with beam.Pipeline(options=pipeline_options([f"--runner={runner}"])) as pipeline:
        _ = pipeline | beam.Create([1]) | beam.Map(str)
    assert not tried
