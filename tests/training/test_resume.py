"""A training that was stopped, however it was stopped, goes on as if it had not been."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from nspdata.config.train import ModelConfig
from nspdata.errors import ConfigError, ShardError
from nspdata.training.checkpoint import Content, Progress, Writer, checkpoints, load_progress, save_checkpoint
from nspdata.training.loop import CHECKPOINTS
from nspdata.training.metrics import read_metrics
from nspdata.training.model import exported_config, fresh_model
from tests.datasets import small_vocabulary
from tests.training.runs import ROOT, environment, figures, small_dataset, train_small

STEPS = 7
SETTINGS = {"steps": STEPS, "evaluation": {"every": 3}, "checkpoint": {"every": 1, "keep": STEPS}}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A dataset of five steps an epoch, so that a training crosses from one epoch into the next."""
    return small_dataset(tmp_path_factory.mktemp("resume") / "data", rows=40, validation_rows=10)


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    """A training that nothing stopped, with a checkpoint after each step."""
    run = tmp_path_factory.mktemp("resume") / "whole"
    train_small(small, run, **SETTINGS)
    return run


def weights(run):
    """The tensors of a finished model."""
    return load_file(run / "model" / "model.safetensors")


def same_training(run, whole):
    """Asserts that two runs told the same and ended in the same weights, bit for bit."""
    for kind in ("train", "evaluation"):
        assert figures(run, kind) == figures(whole, kind)
    one, other = weights(run), weights(whole)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("step", range(1, STEPS))
def test_a_training_goes_on_from_any_step_bit_for_bit(small, whole, tmp_path, step):
    """From the checkpoint of any step, the same losses follow and the same weights come out."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    shutil.rmtree(run / "model")
    for checkpoint in checkpoints(run / CHECKPOINTS)[step:]:
        shutil.rmtree(checkpoint)
    assert train_small(small, run, resume=True, **SETTINGS).finished
    same_training(run, whole)


KILLED = """
import os, signal, sys
import nspdata.training.{module} as module
plain, calls = module.{function}, iter(range(99))
def dying(*arguments, **options):
    if next(calls) == {call}:
        os.kill(os.getpid(), signal.{how})
    return plain(*arguments, **options)
module.{function} = dying
from pathlib import Path
from nspdata.training.run import train
from tests.training.runs import small_config
sys.exit(train({dataset!r}, Path({run!r}), small_config(**{settings!r})).exit_code)
"""
"""A training whose process gets a signal at one moment of it."""


@pytest.mark.parametrize(
    ("module", "function", "how", "step"),
    [
        ("loop", "train_step", "SIGKILL", 4),
        pytest.param("checkpoint", "replace_directory", "SIGKILL", 4, marks=pytest.mark.slow),
        pytest.param("loop", "train_step", "SIGTERM", 5, marks=pytest.mark.slow),
        pytest.param("loop", "train_step", "SIGINT", 5, marks=pytest.mark.slow),
    ],
    ids=["in a step", "in a checkpoint", "asked to stop", "Ctrl-C"],
)
def test_a_killed_process_goes_on_bit_for_bit(small, whole, tmp_path, module, function, how, step):
    """A process killed in the middle leaves a run that resumes; SIGTERM and Ctrl-C end after the current step and save it."""
    run = tmp_path / "run"
    names = {"module": module, "function": function, "how": how, "call": 4, "dataset": str(small), "run": str(run)}
    arguments = [sys.executable, "-c", KILLED.format(settings=SETTINGS, **names)]
    killed = subprocess.run(arguments, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert killed.returncode == {"SIGTERM": 143, "SIGINT": 130, "SIGKILL": -signal.SIGKILL}[how], killed.stderr
    saved = load_progress(checkpoints(run / CHECKPOINTS)[-1]).step
    assert step - (how == "SIGKILL") <= saved <= step  # a checkpoint that was being written is lost with the process
    assert train_small(small, run, resume=True, **SETTINGS).finished
    same_training(run, whole)


def test_a_run_without_a_checkpoint_begins_anew(small, whole, tmp_path, capsys):
    """A run killed before its first checkpoint begins again with `--resume`, and its record with it."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    shutil.rmtree(run / CHECKPOINTS)
    shutil.rmtree(run / "model")
    train_small(small, run, resume=True, **SETTINGS)
    assert f"nothing is saved in {run} yet: starting from step 0" in capsys.readouterr().out
    same_training(run, whole)


@pytest.mark.parametrize("added", [pytest.param({"steps": 9}, marks=pytest.mark.slow), {"phases": True}])
def test_a_run_is_extended(small, tmp_path, capsys, added):
    """A finished run with more steps, or with a phase more, trains on: the same weights as in one go, and the model is replaced."""
    constant = {"optimizer": {"schedule": "constant", "warmup_share": 0.0}, "log": {"every": 1, "to": []}}
    more = (
        {"phases": [{"steps": 6, "batch_sequences": 8}, {"steps": 3, "batch_sequences": 8}]}
        if "phases" in added
        else added
    )
    first = {"phases": more["phases"][:1]} if "phases" in added else {"steps": 6}
    train_small(small, tmp_path / "run", **constant, **first)
    before = weights(tmp_path / "run")
    capsys.readouterr()
    outcome = train_small(small, tmp_path / "run", resume=True, **constant, **more)
    assert "6 steps were planned, now 9" in capsys.readouterr().out
    assert (outcome.finished, outcome.step) == (True, 9)
    train_small(small, tmp_path / "whole", **constant, **more)
    assert figures(tmp_path / "run") == figures(tmp_path / "whole")
    one, other = weights(tmp_path / "run"), weights(tmp_path / "whole")
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert not all(torch.equal(one[key], before[key]) for key in one)


def test_fewer_steps_than_were_made_are_refused(small, whole):
    """A run cannot be resumed with fewer steps than it has made."""
    with pytest.raises(ConfigError, match="has 7 updates already, steps are 5; give more steps"):
        train_small(small, whole, resume=True, **SETTINGS | {"steps": 5})


def test_other_settings_are_refused(small, whole):
    """A run goes on only with the settings that it began with; the ones that differ are named."""
    with pytest.raises(
        ConfigError, match=r"started with other settings \(optimizer.beta1, phases\[0\].batch_sequences\)"
    ):
        train_small(small, whole, resume=True, **SETTINGS | {"batch_sequences": 4, "optimizer": {"beta1": 0.8}})


def test_another_dataset_is_refused(small, whole, tmp_path):
    """A run does not resume with other rows than it started with."""
    other = small_dataset(tmp_path / "data", rows=48, validation_rows=10, seed=5)
    with pytest.raises(ConfigError, match="started with other settings"):
        train_small(other, whole, resume=True, **SETTINGS)


def test_the_last_checkpoints_are_kept(run):
    """Of a training of six steps with a checkpoint every second, the last two stay."""
    assert [path.name for path in checkpoints(run / CHECKPOINTS)] == ["step-00000004", "step-00000006"]


def test_no_file_of_a_run_is_pickled(run):
    """Every file is text, safetensors or TensorBoard's; nothing in it could run code when it is read."""
    kinds = {path.suffix for path in run.rglob("*") if path.is_file() and "tfevents" not in path.name}
    assert kinds == {".json", ".jsonl", ".html", ".safetensors", ".txt"}


def test_a_damaged_checkpoint_is_named(small, whole, tmp_path):
    """A checkpoint cut short stops the resumption with its name and what to do."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    last = checkpoints(run / CHECKPOINTS)[-2]
    shutil.rmtree(checkpoints(run / CHECKPOINTS)[-1])
    for name in ("model.safetensors", "optimizer.safetensors", "progress.json"):
        path = last / name
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(ShardError, match=f"{last.name}.*remove .* to resume from the one before"):
            train_small(small, run, resume=True, **SETTINGS)
        path.write_bytes(content)


def test_a_checkpoint_of_another_version_is_refused(whole, tmp_path):
    """A checkpoint that another nspdata wrote is rejected because of its version."""
    path = tmp_path / "progress.json"
    values = json.loads((checkpoints(whole / CHECKPOINTS)[0] / "progress.json").read_text())
    path.write_text(json.dumps(values | {"version": 99}))
    with pytest.raises(ShardError, match="version 99"):
        load_progress(tmp_path)


def test_an_unfinished_checkpoint_is_not_one(tmp_path):
    """What a kill leaves behind while a checkpoint is written is no checkpoint, and does not stop the next one."""
    bert = fresh_model("tiny", small_vocabulary(50), max_seq_length=16, config=ModelConfig())
    left = tmp_path / ".step-00000003.tmp"
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half")
    assert checkpoints(tmp_path) == []
    content = Content(
        model=dict(bert.named_parameters()), config=exported_config(bert, "mlm"), optimizer={}, settings={"seed": 1}
    )
    saved = save_checkpoint(tmp_path, Progress(step=3), content, keep=1)
    assert json.loads((saved / "settings.json").read_text()) == {"seed": 1}
    assert checkpoints(tmp_path) == [saved]
    assert load_progress(saved) == Progress(step=3)
    assert not left.exists()


def test_an_altered_progress_is_refused(whole, tmp_path):
    """Each value of progress.json that cannot be is refused in one line that names the file."""
    values = json.loads((checkpoints(whole / CHECKPOINTS)[0] / "progress.json").read_text())
    changes = [
        ("step", -1),
        ("step", 1.5),
        ("step", None),
        ("rows", "9"),
        ("tokens", True),
        ("seconds", -1),
        ("seconds", "x"),
    ]
    changes += [("step", 10**17), ("rows", 1 << 60), ("seconds", float("nan")), ("seconds", float("inf"))]
    nested: list = []
    for _ in range(100):
        nested = [nested]
    changes += [("best", {"mlm_loss": nested})]
    changes += [("best", 3), ("best", {"mlm_loss": "x"}), ("loaders", None), ("loaders", {"a": 1}), ("more", 1)]
    for key, value in changes:
        (tmp_path / "progress.json").write_text(json.dumps(values | {key: value}))
        with pytest.raises(ShardError, match=r"progress.json: not the progress of a checkpoint") as error:
            load_progress(tmp_path)
        assert "\n" not in str(error.value)


def test_a_checkpoint_of_another_step_is_refused(whole, tmp_path):
    """A step that is not the one in the directory's name was altered: it would skip or repeat updates."""
    source = checkpoints(whole / CHECKPOINTS)[0]
    copy = tmp_path / source.name
    shutil.copytree(source, copy)
    values = json.loads((copy / "progress.json").read_text())
    (copy / "progress.json").write_text(json.dumps(values | {"step": values["step"] + 1}))
    with pytest.raises(ShardError, match=rf"step is {values['step'] + 1}, the directory is named {source.name}"):
        load_progress(copy)


@pytest.mark.parametrize(
    "damage", ["[]", "{}", '{"decisive": {}, "phases": [{"steps": -1}]}', '{"decisive": NaN}', "[" * 10_000, ""]
)
def test_altered_settings_of_a_run_are_refused(small, whole, tmp_path, damage):
    """A train.json that cannot be read stops the resumption in one line that names the file."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "train.json").write_text(damage)
    with pytest.raises(
        ShardError, match=r"train.json: not the settings of a run \(.*\); start again with another -o"
    ) as error:
        train_small(small, run, resume=True, **SETTINGS)
    assert "\n" not in str(error.value)


def test_a_checkpoint_that_cannot_be_written_stops_the_run():
    """An error in the thread that writes is raised by the next call, once; without a thread, at once."""
    done = []

    def full():
        raise OSError("no space left")

    writer = Writer(background=True)
    writer.submit(full)
    with pytest.raises(OSError, match="no space left"):
        writer.submit(lambda: done.append(1))
    writer.submit(lambda: done.append(2))
    writer.wait()
    assert done == [2]
    with pytest.raises(OSError, match="no space left"):
        Writer(background=False).submit(full)


def test_a_record_cut_short_is_mended(small, whole, tmp_path):
    """Half a line at the end of metrics.jsonl, as a kill may leave it, is dropped."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    shutil.rmtree(run / "model")
    shutil.rmtree(checkpoints(run / CHECKPOINTS)[-1])
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write('{"kind": "train", "st')
    assert read_metrics(run)
    train_small(small, run, resume=True, **SETTINGS)
    same_training(run, whole)
