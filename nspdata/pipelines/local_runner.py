"""Beam's local runner with worker processes that end with the command, and whose loss ends the job.

Beam's own way starts a worker through a shell and stops only the shell: when the command is killed, its workers stay for two minutes. When a worker is
killed before it has connected, the job waits for it without end.
"""

from __future__ import annotations

import os
import shlex
import sys
import threading
from typing import TYPE_CHECKING, Any

from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import SubprocessSdkWorkerHandler, WorkerHandler
from apache_beam.runners.portability.local_job_service import SubprocessSdkWorker

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.portability.api import beam_runner_api_pb2

URN = "nspdata:env:process:v1"

LOST = (
    "a worker process of Beam ended before its work; the system may be out of memory: run the same command again with fewer "
    "--direct_num_workers to resume"
)

LOST_RESPONSE = f"nspdata.errors.WorkerError: {LOST} [while running the job]"
"""As an error that a worker has raised."""


class LocalRunner(FnApiRunner):
    """Runs a pipeline on this machine, with `--direct_running_mode=multi_processing`."""

    def run_via_runner_api(self, pipeline_proto: beam_runner_api_pb2.Pipeline, options: PipelineOptions) -> Any:
        """Replaces the command of the worker processes."""
        command = f"exec {shlex.quote(sys.executable)} -m nspdata.pipelines.worker {os.getpid()}"
        for environment in pipeline_proto.components.environments.values():
            if environment.urn == python_urns.SUBPROCESS_SDK and os.name == "posix":
                environment.urn, environment.payload = URN, command.encode()
        try:
            return super().run_via_runner_api(pipeline_proto, options)
        finally:
            while _workers:  # Beam does not stop the workers of every job that failed
                _workers.pop().stopped.set()


_workers: list[LocalWorker] = []


@WorkerHandler.register_environment(URN, bytes)
class LocalWorker(SubprocessSdkWorkerHandler):
    """A worker process; requests to it fail after it was lost."""

    def start_worker(self) -> None:
        """Starts the process and a thread that waits for it."""
        self.stopped = threading.Event()
        _workers.append(self)
        self.worker = SubprocessSdkWorker(
            self._worker_command_line, self.control_address, self.provision_info, self.worker_id
        )
        self.worker_thread = threading.Thread(name="run_worker", target=self._run, daemon=True)
        self.worker_thread.start()

    def stop_worker(self) -> None:
        """Waits for the process to end."""
        self.stopped.set()
        super().stop_worker()

    def _run(self) -> None:
        try:
            self.worker.run()
        except RuntimeError:  # its exit status is not 0
            while not self.stopped.wait(0.2):
                for request, future in list(self.control_conn._futures_by_id.items()):  # noqa: SLF001 - it has no public way
                    future.set(beam_fn_api_pb2.InstructionResponse(instruction_id=request, error=LOST_RESPONSE))
