"""A worker process of Beam's local runner: `python -m nspdata.pipelines.worker PARENT`; see `local_runner`."""

from __future__ import annotations

import runpy
import sys

from nspdata.interrupts import die_with_parent


def main() -> None:
    """Runs Beam's worker; it is killed when the process with the id of the first argument ends."""
    die_with_parent(int(sys.argv.pop(1)))
    runpy.run_module("apache_beam.runners.worker.sdk_worker_main", run_name="__main__")


if __name__ == "__main__":
    main()
