"""Runs a prepared build: on this machine without Beam, or on the engine that Beam's options name."""

from __future__ import annotations

import logging
import re
import shutil
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nspdata import errors
from nspdata.arrays.compiled import interpreted
from nspdata.building import memory, progress, workers
from nspdata.building.listed import listed
from nspdata.building.local import build_here
from nspdata.building.loops import note_compiled
from nspdata.building.parts import is_divided, num_parts
from nspdata.building.staging import claimed, discard_leftovers
from nspdata.dataset.manifest import read_manifest
from nspdata.files.any import AnyFiles
from nspdata.interrupts import cleanup
from nspdata.pipelines.light import import_beam_silently
from nspdata.pipelines.options import DRY_RUN, check, detached, log_level, named, pipeline_options
from nspdata.reading.units import slow_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import apache_beam as beam

    from nspdata.building.plan import BuildPlan
    from nspdata.building.prepare import Prepared
    from nspdata.dataset.manifest import Manifest
    from nspdata.files.local import Files

LOG = logging.getLogger("nspdata")


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that the launcher does not wait for.

    Attributes:
        location: where the job runs, for display.
    """

    location: str

    @property
    def title(self) -> str:
        """What happened to the job, for display.

        >>> Submitted("the job runs on DataflowRunner").title, Submitted(DRY_RUN).title
        ('submitted: the job runs on DataflowRunner', 'nothing was submitted, the job was only translated (--dry_run)')
        """
        return self.location if self.location == DRY_RUN else f"submitted: {self.location}"


def run_build(prepared: Prepared, beam_options: Sequence[str] = (), *, num_workers: int = 0) -> Manifest | Submitted:
    """Runs a plan: without Beam's options on this machine without Beam, otherwise as a pipeline.

    Args:
        prepared: the result of `prepare`.
        beam_options: options for Beam; without `--runner`, Beam's engine in this process.
        num_workers: processes of a local build; 0 means one per processor.

    Returns:
        The manifest; or the submitted job if the options say not to wait.

    Raises:
        NspdataError: what a worker raised, as it raised it.
    """
    files = AnyFiles()
    if prepared.manifest:
        discard_leftovers(prepared.plan, files)
        return prepared.manifest
    check(beam_options)
    with claimed(prepared.plan, prepared.sources, files, overwrite=prepared.overwrite) as claim:
        done = claim.manifest or _run(prepared, claim.plan, files, beam_options, num_workers)
        if isinstance(done, Submitted) and claim.lease and done.location != DRY_RUN:
            claim.lease.hand_over(done.location, started=not named(beam_options, "template_location"))
        return done


def _run(
    prepared: Prepared, plan: BuildPlan, files: Files, beam_options: Sequence[str], num_workers: int
) -> Manifest | Submitted:
    units: Sequence[bytes] = [workers.encode_unit(unit) for unit in prepared.units]
    runner = named(beam_options, "runner")
    if runner:
        plan, units = listed(plan, units, files)
    if large := slow_file(prepared.units):
        LOG.warning("one worker reads a whole file: %s", large)
    count = workers.how_many(num_workers, max(sum(map(num_parts, prepared.units)), plan.total_shards))
    if plan.spill_directory:
        Path(plan.spill_directory).mkdir(parents=True, exist_ok=True)
    try:
        with (
            cleanup(lambda: shutil.rmtree(plan.spill_directory, ignore_errors=True)),
            interpreted(when=plan.interpreted),
            workers.working(count if plan.spill_directory else 1, plan),
            progress.showing(
                expected_bytes=prepared.expected_bytes, num_shards=plan.total_shards, finished=len(plan.finished)
            ),
            memory.watching(),
        ):
            if not beam_options:
                manifest = build_here(plan, units)
                note_compiled(plan)
                return manifest
            if submitted := _run_on_beam(prepared, plan, units, beam_options):
                return submitted
    finally:
        if plan.spill_directory:
            files.delete(plan.spill_directory)
    return read_manifest(plan.output, files=files)


def _run_on_beam(
    prepared: Prepared, plan: BuildPlan, units: Sequence[bytes], beam_options: Sequence[str]
) -> Submitted | None:
    if pool := workers.current():
        pool.begin(units)  # they work while this process imports Beam
    import_beam_silently()
    from nspdata.pipelines.build import build_pipeline  # imports Beam

    on_runner = bool(named(beam_options, "runner"))
    with_parts = on_runner and any(is_divided(unit, on_runner=True) for unit in prepared.units)
    return run_pipeline(lambda pipeline: build_pipeline(pipeline, plan, units, with_parts=with_parts), beam_options)


def run_pipeline(build: Callable[[beam.Pipeline], object], beam_options: Sequence[str]) -> Submitted | None:
    """Runs the pipeline that `build` adds its steps to.

    Args:
        build: adds the steps.
        beam_options: options for Beam; without `--runner`, the engine in this process.

    Returns:
        The submitted job, if the options say not to wait for it.

    Raises:
        ConfigError: an option is unknown or wrong.
        NspdataError: what a worker raised, as it raised it.
    """
    import apache_beam as beam

    from nspdata.pipelines.watching import progress_lines

    place = detached(beam_options)
    pipeline = beam.Pipeline(options=pipeline_options(beam_options))
    shutil.rmtree(
        pipeline.local_tempdir, ignore_errors=True
    )  # for other languages only; a killed process would leave it
    with without_cell_labels():
        build(pipeline)
    try:
        with beam_logs(beam_options):
            result = pipeline.run()
            if place:
                return Submitted(_job(result, place))
            with progress_lines(result) if named(beam_options, "runner") else nullcontext():
                result.wait_until_finish()
    except Exception as error:
        raise (workers.failure() or _cause(error) or error) from error
    return None


@contextmanager
def without_cell_labels() -> Iterator[None]:
    """Builds a pipeline in IPython as anywhere else.

    There Beam puts the number of the cell into the labels. For that it imports `apache_beam.dataframe`, which fails with pandas 3.
    """
    from apache_beam import pipeline as module

    before = module.alter_label_if_ipython
    module.alter_label_if_ipython = lambda _transform, _pvalueish: None
    try:
        yield
    finally:
        module.alter_label_if_ipython = before


@contextmanager
def beam_logs(beam_options: Sequence[str]) -> Iterator[None]:
    """Hides Beam's logs without `--runner`; prints them to stderr with it, unless the program has handlers of its own."""
    logger = logging.getLogger("apache_beam")
    if not named(beam_options, "runner"):
        logger.setLevel(logging.CRITICAL)  # the command reports the error, only once
        yield
        return
    if any(not isinstance(handler, logging.NullHandler) for handler in logging.getLogger().handlers):
        yield
        return
    before = logger.level
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(log_level(beam_options))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _job(result: Any, place: str) -> str:
    """Describes where a job runs, with its id if it has one."""
    try:
        number = result.job_id() if callable(getattr(result, "job_id", None)) else getattr(result, "_job_id", "")
    except (AttributeError, AssertionError):
        number = ""
    return f"{place} (job {number})" if number else place


def _cause(error: Exception) -> BaseException | None:
    """Extracts a worker's error from the engine's error: the same object with a note, or a text that contains it."""
    text = f"{type(error).__module__}.{type(error).__name__}: {error}"
    if "KeyboardInterrupt" in text:
        return KeyboardInterrupt()
    if "Channel closed prematurely" in text:  # said only by Beam's local runner
        from nspdata.pipelines.local_runner import LOST

        return errors.WorkerError(LOST)
    if found := re.findall(r"nspdata\.errors\.(\w+): (.*?) \[while running", text, flags=re.DOTALL):
        name, message = found[-1]
        return getattr(errors, name)(message)  # type: ignore[no-any-return]
    if system := re.findall(r"Error: \[Errno (\d+)\] ([^:\n]*?)(?:: '([^'\n]*)')? \[while running", text):
        number, reason, path = system[-1]
        return OSError(int(number), reason, path or None)
    return None
