"""Several processes train as one does, and fall together."""

from __future__ import annotations

import shutil
import signal
import subprocess

import pytest
from safetensors.torch import load_file

from nspdata.errors import ConfigError
from nspdata.training.checkpoint import checkpoints, load_progress
from nspdata.training.data import plan_phases
from nspdata.training.metrics import read_metrics
from tests.training.runs import ROOT, command, environment, figures, run_command, small_config, train_small

STEPS = 4
SETTINGS = {"steps": STEPS, "batch_sequences": 16, "model": {"dropout": 0.0}, "evaluation": {"every": 2}}
OPTIONS = [
    "--steps",
    str(STEPS),
    "--set",
    "batch_sequences=16",
    "--set",
    "model.dropout=0",
    "--set",
    "evaluation.every=2",
]


@pytest.fixture(scope="module")
def alone(dataset, tmp_path_factory):
    """The same training by one process."""
    run = tmp_path_factory.mktemp("ranks") / "alone"
    train_small(dataset, run, **SETTINGS)
    return run


def same_but_for_rounding(run, other):
    """Asserts that two runs tell the same figures and end in the same weights, to rounding."""
    for kind in ("train", "evaluation"):
        one, two = figures(run, kind), figures(other, kind)
        assert one.keys() == two.keys()
        for step, line in one.items():
            assert line == pytest.approx(two[step], rel=2e-4), step
    weights, others = (load_file(path / "model" / "model.safetensors") for path in (run, other))
    assert max(float((weights[key] - others[key]).abs().max()) for key in weights) < 1e-4


@pytest.mark.parametrize(
    ("parallel", "compiled"),
    [
        ("ddp", "no"),
        pytest.param("fsdp", "no", marks=pytest.mark.slow),
        pytest.param("fsdp", "yes", marks=pytest.mark.slow),
    ],
)
def test_two_processes_train_as_one(dataset, alone, tmp_path, parallel, compiled):
    """Two processes of 8 rows each give the losses and weights of one process of 16 rows, copied or sharded, compiled or not."""
    run = tmp_path / "run"
    done = run_command(
        command(
            dataset,
            run,
            *OPTIONS,
            "--set",
            f"device.parallel={parallel}",
            "--set",
            f"device.compile={compiled}",
            processes=2,
        )
    )
    assert done.returncode == 0, done.stderr
    same_but_for_rounding(run, alone)


def test_two_processes_go_on_from_one(dataset, alone, tmp_path):
    """A training begun by one process and ended by two is the same training: the order of rows knows no ranks."""
    run = tmp_path / "run"
    train_small(dataset, run, **SETTINGS | {"checkpoint": {"every": 2}})
    shutil.rmtree(checkpoints(run / "checkpoints")[-1])
    shutil.rmtree(run / "model")
    done = run_command(command(dataset, run, *OPTIONS, "--resume", processes=2))
    assert done.returncode == 0, done.stderr
    assert "from step 2 on 2 x cpu" in done.stdout
    assert done.stdout.count("\nLook at it:  nspdata score ") == 1  # no report was written
    same_but_for_rounding(run, alone)


def test_accumulated_batches_train_as_whole_ones(dataset, alone, tmp_path):
    """Four forward passes of 4 rows make the update of one of 16, also where they hold unlike numbers of masked tokens."""
    train_small(dataset, tmp_path / "run", **SETTINGS | {"micro_batch_sequences": 4})
    same_but_for_rounding(tmp_path / "run", alone)


def test_a_rank_that_dies_ends_the_run(dataset, tmp_path):
    """When one rank fails in a step, the run ends with that rank's error instead of waiting for it."""
    run = tmp_path / "run"
    code = (
        "import nspdata.training.loop as loop\nfrom nspdata.__main__ import main\n"
        "plain = loop.train_step\n"
        "def dying(training, batches, step):\n"
        "    if step == 2 and training.processes.rank == 1:\n"
        "        raise MemoryError('rank 1 is out of memory')\n"
        "    return plain(training, batches, step)\n"
        "loop.train_step = dying\n"
        "main()\n"
    )
    script = tmp_path / "dying.py"
    script.write_text(code)
    whole = command(dataset, run, *OPTIONS, processes=2)
    at = whole.index("nspdata")
    done = run_command([*whole[: at - 1], str(script), *whole[at + 1 :]])
    assert done.returncode != 0
    assert "rank 1 is out of memory" in done.stderr
    assert max(line["step"] for line in read_metrics(run)) == 2


def test_settings_that_ranks_cannot_share_are_refused(dataset):
    """A batch that cannot be divided equally is rejected; the error names the setting to change."""
    with pytest.raises(ConfigError, match="batch_sequences 9 must be a multiple of the 2 ranks"):
        plan_phases(small_config(batch_sequences=9), str(dataset), world_size=2)
    with pytest.raises(ConfigError, match="micro_batch_sequences that divide 8"):
        plan_phases(small_config(batch_sequences=16, micro_batch_sequences=3), str(dataset), world_size=2)


def test_an_error_of_a_user_is_one_line(tmp_path):
    """A missing dataset is reported in one line with exit code 1, a wrong setting with 2."""
    for options, code, expected in ((["--steps", "1"], 1, "no such directory"), (["--set", "stepz=1"], 2, "'steps'?")):
        done = run_command(command(tmp_path / "none", tmp_path / "run", *options))
        assert done.returncode == code
        assert done.stderr.startswith("nspdata: ")
        assert done.stderr.count("\n") == 1
        assert expected in done.stderr


def test_sigterm_reaches_every_rank(dataset, tmp_path):
    """When torchrun is asked to stop, all ranks end after the same step and leave a checkpoint of it."""
    run = tmp_path / "run"
    arguments = command(dataset, run, "--steps", "100000", "--set", "batch_sequences=16", processes=2)
    with subprocess.Popen(
        arguments, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        reported = next(line for line in process.stdout if line.startswith("step 3 "))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    assert reported
    (saved,) = checkpoints(run / "checkpoints")
    assert 3 <= load_progress(saved).step < 100_000
    assert load_progress(saved).step == read_metrics(run)[-1]["step"]
