"""The training step, on one screen, and the loop around it."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import signal
import threading
from typing import TYPE_CHECKING

import torch

from nspdata.arrays import random as seeding
from nspdata.training.checkpoint import checkpoints, save_checkpoint
from nspdata.training.data import phase_of
from nspdata.training.evaluation import evaluate
from nspdata.training.model import exported_config
from nspdata.training.optimizer import optimizer_tensors
from nspdata.training.processes import synchronize_gradients, whole
from nspdata.training.schedule import learning_rate
from nspdata.training.sources import train_feeder
from nspdata.training.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from nspdata.training.batches import Fed, Feeder
    from nspdata.training.checkpoint import Progress
    from nspdata.training.data import PlannedPhase
    from nspdata.training.metrics import Line, Metrics
    from nspdata.training.prepare import Training

CHECKPOINTS = "checkpoints"
"""Where the checkpoints are, in the directory of a run."""


def train_step(training: Training, micro_batches: list[Fed], step: int) -> Tensor:
    """One update from this rank's batches; nothing here waits for the device.

    The losses are divided by what *all* ranks predict in the whole update, so that ranks and accumulation change nothing.

    Returns:
        Shape (7,), float32, on the device: this rank's `Sums`, all ranks' masked positions and rows, the gradient's norm.
    """
    processes, optimizer, module = training.processes, training.optimizer, training.module
    torch.manual_seed(_dropout_seed(training.config.seed, step, processes.rank))
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, training.num_steps, training.config.optimizer)
    counts = processes.summed(torch.stack([fed.counts for fed in micro_batches]).sum(0))  # masked positions, rows
    weights = processes.world_size / counts.clamp(min=1)  # the ranks' gradients are averaged
    totals = torch.zeros(4, device=counts.device)
    for fed in micro_batches:
        synchronize_gradients(module, now=fed is micro_batches[-1])
        with training.autocast():
            sums = module(fed.batch)
        (sums.mlm_loss * weights[0] + sums.nsp_loss * weights[1]).backward()
        totals += torch.stack(sums).detach()
    clip = training.config.optimizer.clip or math.inf
    norm = whole(torch.nn.utils.clip_grad_norm_(training.parameters, clip, foreach=True))
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return torch.cat([totals, counts, norm[None]])


def _dropout_seed(seed: int, step: int, rank: int) -> int:
    return int(seeding.stream(seed, "dropout", shard=rank, duplicate=step).random_raw()) >> 1


class Loop:
    """A training under way; only where a line of the metrics is written does the processor wait for the device."""

    def __init__(self, training: Training, run: Path, metrics: Metrics | None, progress: Progress) -> None:
        """Takes up a training.

        Args:
            training: model, optimizer, phases.
            run: the directory of the run.
            metrics: its record, on rank 0.
            progress: what was done before.
        """
        self.training, self.run, self.metrics, self.progress = training, run, metrics, progress
        self.window = Window(training, progress.best)
        self.stopping = self.signalled = False
        self._evaluated = self._saved = -1

    def train(self) -> bool:
        """Trains to the end, or until SIGTERM; returns whether the end was reached."""
        with self._on_sigterm():
            while self.progress.step < self.training.num_steps and not self.stopping:
                self._phase(phase_of(self.training.phases, self.progress.step))
        if not self.stopping and self._evaluated != self.progress.step:
            self._evaluate()
        if self._saved != self.progress.step:
            self._save()
        return not self.stopping

    def _phase(self, planned: PlannedPhase) -> None:
        begun = self.progress.step > planned.first_step  # else the state is that of the phase before
        feeder = train_feeder(self.training, planned, self.progress.loader if begun else None)
        self.window.start()
        try:
            for _ in range(self.progress.step, planned.first_step + planned.steps):
                micro_batches = [next(feeder) for _ in range(planned.accumulation)]
                self._update(micro_batches, feeder)
                if self.stopping:
                    return
        finally:
            feeder.close()
        self._log(feeder)

    def _update(self, micro_batches: list[Fed], feeder: Feeder) -> None:
        told = train_step(self.training, micro_batches, self.progress.step)
        step, config = self.progress.step + 1, self.training.config
        self.window.add(step, micro_batches, told)
        self.progress = dataclasses.replace(self.progress, step=step, loader=micro_batches[-1].state)
        due = {kind: every and step % every == 0 for kind, every in config.intervals().items()}
        alone = self.training.processes.world_size == 1
        if any(due.values()) or (alone and self.signalled):
            self._log(feeder)
        if due["evaluation"]:
            self._evaluate()
        if due["checkpoint"]:
            self._save()

    def _log(self, feeder: Feeder) -> None:
        """Waits for the device, writes a line, and agrees with the other ranks on whether to stop."""
        if not self.window.pending:
            return
        line = self.window.close(feeder, last_good=self._last_good)
        counted = {
            key: getattr(self.progress, key) + line.pop(f"window_{key}") for key in ("tokens", "rows", "seconds")
        }
        self.progress = dataclasses.replace(self.progress, **counted, best=self.window.best)
        self._write({"kind": "train", "step": self.progress.step} | line | counted)
        self.stopping = bool(self.training.processes.highest(int(self.signalled)))

    def _evaluate(self) -> None:
        figures = evaluate(self.training, self.training.phases[-1].dataset)
        self._evaluated = self.progress.step
        if figures:
            self._write({"kind": "evaluation", "step": self.progress.step} | figures)
        self.window.start()

    def _save(self) -> None:
        training = self.training
        tensors = {name: whole(parameter).detach().cpu() for name, parameter in training.model.bert.named_parameters()}
        state = optimizer_tensors(training.model.bert, training.optimizer)
        if training.processes.rank == 0:
            save_checkpoint(
                self.run / CHECKPOINTS,
                self.progress,
                model=(tensors, exported_config(training.model.bert, training.objective)),
                optimizer=state,
                keep=training.config.checkpoint.keep,
            )
        training.processes.wait()
        self._saved = self.progress.step
        self.window.start()

    @property
    def _last_good(self) -> str:
        found = checkpoints(self.run / CHECKPOINTS)
        return f"the last good checkpoint is {found[-1]}" if found else "there is no checkpoint yet"

    def _write(self, line: Line) -> None:
        if self.metrics:
            self.metrics.write(line)

    @contextlib.contextmanager
    def _on_sigterm(self) -> Iterator[None]:
        """SIGTERM ends the training after the update under way, with a checkpoint."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(*_: object) -> None:
            self.signalled = True

        before = signal.signal(signal.SIGTERM, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
