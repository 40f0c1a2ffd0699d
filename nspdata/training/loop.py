"""The training step, and the loop that calls it."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import signal
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import torch

from nspdata.arrays import random as seeding
from nspdata.training.checkpoint import Content, Writer, checkpoints, save_checkpoint
from nspdata.training.data import phase_of
from nspdata.training.evaluation import evaluate
from nspdata.training.model import exported_config
from nspdata.training.optimizer import copied, optimizer_tensors
from nspdata.training.processes import synchronize_gradients, whole
from nspdata.training.profile import profiled
from nspdata.training.sources import train_feeder
from nspdata.training.window import MetricsWindow

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
"""Name of the checkpoint directory in a run."""


def train_step(training: Training, micro_batches: list[Fed], step: int) -> Tensor:
    """Makes one update from this rank's batches; does not wait for the device.

    The losses are divided by the predictions of *all* ranks in the whole update, so the result does not depend on ranks and accumulation.

    Returns:
        Shape (7,), float32, on the device: this rank's `Sums`, all ranks' masked positions and rows, the gradient's norm.
    """
    processes, optimizer, module = training.processes, training.optimizer, training.module
    torch.manual_seed(_dropout_seed(training.config.seed, step, processes.rank))
    for group in optimizer.param_groups:
        group["lr"] = training.rate(step)
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
    """A training in progress; the CPU waits for the device only to write a line of the metrics."""

    def __init__(self, training: Training, run: Path, metrics: Metrics | None, progress: Progress) -> None:
        """Stores the parts; starts no training.

        Args:
            training: model, optimizer, phases.
            run: the directory of the run.
            metrics: its record, on rank 0.
            progress: of the checkpoint to resume from.
        """
        self.training, self.run, self.metrics, self.progress = training, run, metrics, progress
        self.window = MetricsWindow(training, progress.best)
        self.stop_signal = self._signalled = 0
        self._evaluated = self._saved = -1
        self._writer = Writer(background=training.config.checkpoint.background)
        self._stalled_s = 0.0
        self._profile = profiled(training.config.log.profile, run) if metrics else None

    def train(self) -> int:
        """Trains to the end, or until SIGTERM or Ctrl-C; returns 0 after the last step, else the signal."""
        try:
            with self._on_signals():
                while self.progress.step < self.training.num_steps and not self.stop_signal:
                    self._phase(phase_of(self.training.phases, self.progress.step))
                if not self.stop_signal and self._evaluated != self.progress.step:
                    self._evaluate()
                if self._saved != self.progress.step:
                    self._save()
        finally:
            self._writer.wait()
        return self.stop_signal

    def _phase(self, planned: PlannedPhase) -> None:
        feeder = train_feeder(self.training, planned, self.progress.loaders)
        self.window.start()
        try:
            for _ in range(self.progress.step, planned.end):
                micro_batches = [next(feeder) for _ in range(planned.accumulation)]
                self._update(micro_batches, feeder, planned)
                if self.stop_signal:
                    return
        finally:
            feeder.close()
        self._log(feeder)

    def _update(self, micro_batches: list[Fed], feeder: Feeder, planned: PlannedPhase) -> None:
        sums = train_step(self.training, micro_batches, self.progress.step)
        step, config = self.progress.step + 1, self.training.config
        self.window.add(step, micro_batches, sums)
        loaders = self.progress.loaders | {planned.stream: micro_batches[-1].state}
        self.progress = dataclasses.replace(self.progress, step=step, loaders=loaders)
        if self._profile:
            self._profile.step()
        due = {kind: every and step % every == 0 for kind, every in config.intervals().items()}
        alone = self.training.processes.world_size == 1
        if any(due.values()) or (alone and self._signalled):
            self._log(feeder)
        if due["evaluation"]:
            self._evaluate()
        if due["checkpoint"]:
            self._save()

    def _log(self, feeder: Feeder) -> None:
        """Waits for the device, writes a line, and agrees with the other ranks on whether to stop."""
        if not self.window.pending:
            return
        line = self.window.close(feeder, last_good=lambda: self._last_good)
        counted = {
            key: getattr(self.progress, key) + line.pop(f"window_{key}") for key in ("tokens", "rows", "seconds")
        }
        if self._stalled_s:
            line["checkpoint_stall_s"], self._stalled_s = self._stalled_s, 0.0
        self.progress = dataclasses.replace(self.progress, **counted, best=self.window.best)
        self._write({"kind": "train", "step": self.progress.step} | line | counted)
        self.stop_signal = self.training.processes.highest(self._signalled)

    def _evaluate(self) -> None:
        planned = phase_of(self.training.phases, self.progress.step - 1)
        metrics = evaluate(self.training, planned.dataset)
        self._evaluated = self.progress.step
        if metrics:
            several = len({phase.dataset.name for phase in self.training.phases}) > 1
            named = {"dataset": planned.dataset.name} if several else {}
            self._write({"kind": "evaluation", "step": self.progress.step} | named | metrics)
        self.window.start()

    def _save(self) -> None:
        """Copies the tensors to the CPU; a thread writes them."""
        training, start = self.training, time.perf_counter()
        bert = training.model.bert
        content = Content(
            model={name: copied(parameter) for name, parameter in bert.named_parameters()},
            config=exported_config(bert, training.objective),
            optimizer=optimizer_tensors(bert, training.optimizer),
            settings=training.config.to_dict(),
        )
        if training.processes.rank == 0:
            keep = training.config.checkpoint.keep
            self._writer.submit(partial(save_checkpoint, self.run / CHECKPOINTS, self.progress, content, keep=keep))
        self._saved = self.progress.step
        self._stalled_s += time.perf_counter() - start
        self.window.start()

    @property
    def _last_good(self) -> str:
        self._writer.wait()
        found = checkpoints(self.run / CHECKPOINTS)
        return f"the last good checkpoint is {found[-1]}" if found else "there is no checkpoint yet"

    def _write(self, line: Line) -> None:
        if self.metrics:
            self.metrics.write(line)

    @contextlib.contextmanager
    def _on_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C stop the training after the current update, with a checkpoint; a second Ctrl-C stops it immediately."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, _: object) -> None:
            if self._signalled == number == signal.SIGINT:
                raise KeyboardInterrupt
            self._signalled = number

        before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
