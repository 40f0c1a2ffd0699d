"""Lines of progress from a running job."""

from __future__ import annotations

import threading
import time

import apache_beam as beam
import pytest
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

from nspdata.pipelines.watching import counters_of, progress_lines


class _Count(beam.DoFn):
    """Counts its elements, and something that is not ours."""

    def process(self, element: int):
        Metrics.counter("nspdata", "documents").inc(element)
        Metrics.counter("nspdata", "text_bytes").inc(10)
        Metrics.counter("other", "documents").inc(1000)
        yield element


@pytest.fixture(scope="module")
def result() -> object:
    """The result of a pipeline whose two steps count."""
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    _ = pipeline | beam.Create([1, 2, 3]) | "a" >> beam.ParDo(_Count()) | "b" >> beam.ParDo(_Count())
    return pipeline.run()


def test_counters_are_summed_over_steps(result: object) -> None:
    """The counters of nspdata, as a runner reports them; those of others are left out."""
    assert counters_of(result) == {"documents": 12, "text_bytes": 60}


def test_lines_while_waiting(result: object, capfd: pytest.CaptureFixture[str]) -> None:
    """A line at each interval, and none after the end."""
    with progress_lines(result, seconds=0.01):
        deadline = time.monotonic() + 20
        printed = ""
        while printed.count("\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
            printed += capfd.readouterr().err
    assert printed.splitlines()[:2] == ["job running for 0 min: 12 documents, 60 text bytes"] * 2
    for thread in threading.enumerate():
        if thread.name == "nspdata progress":
            thread.join(20)
    capfd.readouterr()
    time.sleep(0.05)
    assert capfd.readouterr().err == ""


def test_a_runner_without_metrics(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """A runner that cannot report prints nothing; the reason is logged."""
    caplog.set_level("INFO", "nspdata")
    with progress_lines(object(), seconds=0.01):
        deadline = time.monotonic() + 20
        while not caplog.messages and time.monotonic() < deadline:
            time.sleep(0.01)
    assert caplog.messages == ["no progress from the runner: 'object' object has no attribute 'metrics'"]
    assert capfd.readouterr().err == ""
