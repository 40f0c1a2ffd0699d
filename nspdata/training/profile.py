"""torch's profiler over a few steps of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import profiler

if TYPE_CHECKING:
    from pathlib import Path

DIRECTORY = "profile"
"""Where the profile is written, in the directory of a run."""

WARMUP_STEPS = 10
"""Steps before the first recorded one: compilers and allocators warm up."""


class Profile:
    """Records steps and writes `trace.json` (for chrome://tracing or Perfetto) and `kernels.txt` (a table by time)."""

    def __init__(self, num_steps: int, directory: Path) -> None:
        """Starts to count steps.

        Args:
            num_steps: steps to record.
            directory: output directory; it is created.
        """
        cuda = torch.cuda.is_available()
        activities = [profiler.ProfilerActivity.CPU] + ([profiler.ProfilerActivity.CUDA] if cuda else [])
        self._directory, self._num_steps, self._key = (
            directory,
            num_steps,
            f"self_{'cuda' if cuda else 'cpu'}_time_total",
        )
        self._profiler = profiler.profile(activities=activities)
        self._step = 0

    def step(self) -> None:
        """Called after each update."""
        self._step += 1
        if self._step == WARMUP_STEPS:
            self._profiler.start()
        elif self._step == WARMUP_STEPS + self._num_steps:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self._profiler.stop()
            self._directory.mkdir(parents=True, exist_ok=True)
            self._profiler.export_chrome_trace(str(self._directory / "trace.json"))
            table = self._profiler.key_averages().table(sort_by=self._key, row_limit=60)
            (self._directory / "kernels.txt").write_text(table, encoding="utf-8")


def profiled(num_steps: int, run: Path) -> Profile | None:
    """The profile of a run; None for no steps."""
    return Profile(num_steps, run / DIRECTORY) if num_steps else None
