"""Every write, fsync, rename and removal of checkpoints and of the exported model fails, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nspdata.config.train import ModelConfig
from nspdata.dataset.directory import open_directory
from nspdata.errors import ShardError
from nspdata.files.local import LocalFiles
from nspdata.testing import FAULTS, FaultyFiles
from nspdata.training.checkpoint import (
    Content,
    Progress,
    checkpoints,
    load_progress,
    load_tensors,
    replace_directory,
    save_checkpoint,
)
from nspdata.training.model import exported_config, fresh_model
from nspdata.training.run import export
from tests.datasets import small_vocabulary
from tests.faults import digests, memory, points, replaced
from tests.training.runs import small_dataset

__all__ = ["memory"]

STEPS, KEEP = 3, 2


@pytest.fixture(scope="module")
def content() -> Content:
    """One tensor of a model and of an optimizer: the steps of the disk do not depend on their number."""
    bert = fresh_model("tiny", small_vocabulary(50), max_seq_length=16, config=ModelConfig())
    tensor = torch.arange(100.0)
    return Content(
        model={"t": tensor}, config=exported_config(bert, "mlm"), optimizer={"o": tensor + 1}, settings={"seed": 1}
    )


def train(run: Path, content: Content, files: LocalFiles) -> None:
    """Saves the checkpoints of a training of three steps, from the last one that is there."""
    found = checkpoints(run)
    done = load_progress(found[-1]).step if found else 0
    for step in range(done + 1, STEPS + 1):
        save_checkpoint(run, Progress(step=step), content, keep=KEEP, files=files)


@pytest.mark.parametrize("every", [len(FAULTS), pytest.param(1, marks=pytest.mark.slow)])
def test_every_fault_of_a_checkpoint(memory: Path, content: Content, every: int) -> None:
    """Each checkpoint that is there is whole, and the resumed training ends in the same checkpoints."""
    run = memory / "run"
    train(memory / "whole", content, LocalFiles())
    tried = 0
    for number, fault in enumerate(FAULTS):
        for step in points(
            lambda files: train(run, content, files),
            lambda: replaced(run, None),
            fault,
            every=every,
            first=number % every,
        ):
            for checkpoint in checkpoints(run):
                load_progress(checkpoint)
                assert load_tensors(checkpoint, "model").keys() == {"t"}
                assert load_tensors(checkpoint, "optimizer").keys() == {"o"}
            train(run, content, LocalFiles())
            kept = tuple(
                f"{path.name}/" for path in checkpoints(run)[-KEEP:]
            )  # a lost rename may bring back an older one
            left = {name: digest for name, digest in digests(run).items() if name.startswith(kept)}
            assert left == digests(memory / "whole"), (fault, step)
            tried += 1
    assert tried >= 50 * len(FAULTS) // every


@pytest.mark.parametrize("every", [len(FAULTS), pytest.param(1, marks=pytest.mark.slow)])
def test_every_fault_of_the_exported_model(memory: Path, content: Content, every: int) -> None:
    """RUN/model is the old one, the new one, or missing; the same command writes the new one."""
    directory = open_directory(small_dataset(memory / "data", rows=8, validation_rows=0))
    old = save_checkpoint(memory / "checkpoints", Progress(step=1), content, keep=KEEP)
    other = Content(
        model={"t": torch.zeros(5)}, config=content.config, optimizer=content.optimizer, settings=content.settings
    )
    new = save_checkpoint(memory / "checkpoints", Progress(step=2), other, keep=KEEP)
    export(memory / "old", old, directory)
    export(memory / "new", new, directory)
    whole, tried = {name: digests(memory / name) for name in ("old", "new")}, 0
    run = memory / "run"
    for number, fault in enumerate(FAULTS):
        for step in points(
            lambda files: export(run, new, directory, files),
            lambda: replaced(run, memory / "old"),
            fault,
            every=every,
            first=number % every,
        ):
            seen = {name: digest for name, digest in digests(run).items() if name.startswith("model/")}
            assert seen in (whole["old"], whole["new"], {}), (fault, step)
            export(run, new, directory)
            assert digests(run) == whole["new"], (fault, step)
            tried += 1
    assert tried >= 20 * len(FAULTS) // every


def test_a_replaced_checkpoint_is_never_half_deleted(memory: Path, content: Content) -> None:
    """A checkpoint of the same step is renamed before it is deleted, so that no part of it is taken for a checkpoint."""
    train(memory / "run", content, LocalFiles())
    files = FaultyFiles()
    temporary = memory / "run" / ".t"
    replaced(temporary, memory / "run" / "step-00000003")
    replace_directory(temporary, memory / "run" / "step-00000003", files)
    names = [name for name in files.log if not name.startswith("sync ")]
    assert names[:2] == ["replace .step-00000003.old", "replace step-00000003"]


def test_a_cut_tensor_file_is_refused(memory: Path, content: Content) -> None:
    """What the test above relies on: a checkpoint that lacks bytes does not load."""
    saved = save_checkpoint(memory, Progress(step=1), content, keep=KEEP)
    path = saved / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ShardError, match=r"model\.safetensors: cannot be read"):
        load_tensors(saved, "model")
