"""Metrics outside the run's own record, with the real packages, and torch's profiler."""

from __future__ import annotations

import json

import pytest

from nspdata.errors import ConfigError
from nspdata.training.destinations import RUN_ID
from tests.training.runs import train_small


def test_wandb_has_the_run(dataset, tmp_path, monkeypatch):
    """Offline, a run is written for `wandb sync`, and a resumed run has the same id."""
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = tmp_path / "run"
    train_small(dataset, run, steps=2, log={"to": ["wandb"]})
    name = (run / RUN_ID).read_text().strip()
    train_small(dataset, run, steps=4, log={"to": ["wandb"]}, resume=True)
    assert (run / RUN_ID).read_text().strip() == name
    records = list(run.glob(f"wandb/offline-run-*-{name}/*.wandb"))
    assert records
    assert any(b"train/mlm_loss" in path.read_bytes() for path in records)


def test_mlflow_has_the_metrics(dataset, tmp_path, monkeypatch):
    """Settings are parameters of the run, and every line's numbers are metrics by step."""
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    outcome = train_small(dataset, tmp_path / "run", steps=2, log={"to": ["mlflow"]})
    (losses,) = (tmp_path / "mlruns").glob("*/*/metrics/train/mlm_loss")
    values = [line.split() for line in losses.read_text().splitlines()]
    lines = [line for line in outcome.lines if line["kind"] == "train"]
    assert [(int(step), float(value)) for _, value, step in values] == [
        (line["step"], pytest.approx(line["mlm_loss"])) for line in lines
    ]
    (rate,) = (tmp_path / "mlruns").glob("*/*/params/optimizer.name")
    assert rate.read_text() == "adamw"


def test_a_missing_package_is_named(dataset, tmp_path, monkeypatch):
    """Without the package, the error says what to install, before a step is trained."""
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(ConfigError, match=r"pip install wandb, or leave it out of log\.to"):
        train_small(dataset, tmp_path / "run", log={"to": ["wandb"]})


def test_the_profiler_writes_a_trace(dataset, tmp_path):
    """`log.profile` records steps after the first ten: a trace that viewers open, and a table of kernels."""
    train_small(dataset, tmp_path / "run", steps=12, log={"profile": 2, "to": []})
    trace = json.loads((tmp_path / "run" / "profile" / "trace.json").read_text())
    assert any("mm" in str(event.get("name")) for event in trace["traceEvents"])
    assert "Self CPU" in (tmp_path / "run" / "profile" / "kernels.txt").read_text()
