"""A line of progress from a job that runs elsewhere: the counters of nspdata, as the runner reports them."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from apache_beam.metrics import MetricsFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = "nspdata"

SECONDS = 60.0
"""Between two lines."""

LOG = logging.getLogger("nspdata")


def counters_of(result: Any) -> dict[str, int]:
    """The counters of nspdata by name, summed over the steps; those of finished work and of work in progress."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    counts = Counter[str]()
    for counter in found:
        value = counter.attempted if counter.attempted is not None else counter.committed
        counts[counter.key.metric.name] += value or 0
    return dict(counts)


def line(counts: dict[str, int], seconds: float) -> str:
    """One line for the counters.

    >>> line({"documents": 12345, "shards": 2}, 130)
    'job running for 2 min: 12,345 documents, 2 shards'
    """
    told = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in sorted(counts.items()))
    return f"job running for {int(seconds // 60)} min: {told or 'no counters yet'}"


@contextmanager
def progress_lines(result: Any, *, seconds: float = SECONDS) -> Iterator[None]:
    """Prints a line to stderr at intervals, while the caller waits for the job.

    A runner that cannot report metrics of a running job gets no lines; the reason is logged at level INFO.

    Args:
        result: of `Pipeline.run`.
        seconds: between two lines.
    """
    ended, started, stream = threading.Event(), time.monotonic(), sys.stderr

    def watch() -> None:
        while not ended.wait(seconds):
            try:
                counts = counters_of(result)
            except Exception as error:  # noqa: BLE001 - whatever a runner raises, the job goes on
                LOG.info("no progress from the runner: %s", error)
                return
            print(line(counts, time.monotonic() - started), file=stream, flush=True)

    thread = threading.Thread(target=watch, name="nspdata progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
