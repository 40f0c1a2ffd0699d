"""A pool of processes that reports which task a dead worker had, sends progress, and ends with its parent.

`concurrent.futures` shares one queue and its lock among the workers: a worker that is killed while it holds the lock
stops all others, and its task is unknown. Here each worker has its own pipe.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Self

from nspdata.errors import ConfigError, WorkerError
from nspdata.interrupts import SIGNALS, die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

START_METHOD = "NSPDATA_START_METHOD"
"""Environment variable: `fork`, `spawn` or `forkserver`; by default `fork` on Linux and `spawn` elsewhere."""

STOP_SECONDS = 5.0
"""Seconds that idle workers have to exit when the pool is closed."""

REPORT, DONE, FAILED = "report", "done", "failed"


@dataclass(frozen=True, slots=True)
class Task:
    """A task for a worker.

    Attributes:
        call: the function and its arguments.
        title: a description for error messages.
        future: its result.
    """

    call: tuple[Any, ...]
    title: str
    future: Future[Any]


@dataclass(slots=True, eq=False)
class Worker:
    """A process and the parent's end of its pipe."""

    process: BaseProcess
    connection: Connection
    task: Task | None = None


def start_method() -> str:
    """Returns the start method of worker processes. Python's default is not used, because it differs by version and system.

    Raises:
        ConfigError: the environment variable names no start method of this system.
    """
    method = os.environ.get(START_METHOD) or ("fork" if sys.platform == "linux" else "spawn")
    if method not in (known := multiprocessing.get_all_start_methods()):
        raise ConfigError(f"{START_METHOD} must be one of {', '.join(known)}, not {method!r}")
    return method


class ProcessPool:
    """Worker processes that run functions. As a context manager, it is closed at the end of the block, and killed if the block raises.

    Args:
        num_workers: processes to start; they are started immediately, in the calling thread.
        initialize: called first in each worker, with `arguments`.
        arguments: pickled, except with the start method `fork`.
        on_report: called in a thread of the parent with each value that a worker passes to `report`.
    """

    def __init__(
        self,
        num_workers: int,
        *,
        initialize: Callable[..., None],
        arguments: tuple[Any, ...] = (),
        on_report: Callable[[Any], None] | None = None,
    ) -> None:
        self._on_report = on_report
        self._tasks: deque[Task] = deque()
        self._lock = threading.Lock()
        self._failure: WorkerError | None = None
        self._closed = False
        self._workers: list[Worker] = []
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)
        try:
            with _signals_blocked():
                for _ in range(num_workers):
                    self._start(initialize, arguments)
        except BaseException:
            self.kill()
            raise
        self._thread = threading.Thread(target=self._dispatch, name="nspdata-pool", daemon=True)
        self._thread.start()

    def submit(self, title: str, function: Callable[..., Any], *arguments: Any, first: bool = False) -> Future[Any]:
        """Calls a module-level function in the next idle worker, before all waiting tasks if `first`; returns the future of its result."""
        task = Task((function, *arguments), title, Future())
        with self._lock:
            if self._failure or self._closed:
                task.future.set_exception(self._failure or WorkerError("the worker processes were stopped"))
                return task.future
            (self._tasks.appendleft if first else self._tasks.append)(task)
        self._wake()
        return task.future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.kill()

    def close(self) -> None:
        """Waits for the workers to exit; tasks that have not started are cancelled."""
        with self._lock:
            self._closed = True
        self._wake()
        self._thread.join()
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.connection.send(None)
        for worker in self._workers:
            worker.process.join(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Kills the workers, even if they are busy."""
        with self._lock:
            self._closed = True
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()
        with contextlib.suppress(OSError):
            self._wake()

    def _start(self, initialize: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        context: Any = multiprocessing.get_context(start_method())
        ours, theirs = multiprocessing.Pipe()
        method = context.get_start_method()
        inherited = [*(worker.connection for worker in self._workers), ours] if method == "fork" else []
        parent = 0 if method == "forkserver" else os.getpid()
        process = context.Process(target=_work, args=(theirs, inherited, parent, initialize, arguments), daemon=True)
        process.start()
        theirs.close()
        self._workers.append(Worker(process, ours))

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_writer.send_bytes(b"")

    def _dispatch(self) -> None:
        """The thread that assigns tasks and receives results; ends when the pool is closed or a worker has died."""
        while True:
            with self._lock:
                closing = self._closed
                for worker in self._workers:
                    if worker.task is None and self._tasks and not closing:
                        worker.task = self._tasks.popleft()
                        with contextlib.suppress(OSError):  # a dead worker; its sentinel is ready
                            worker.connection.send(worker.task.call)
            if closing:
                break
            by_end: dict[Any, Worker] = {worker.connection: worker for worker in self._workers}
            by_end |= {worker.process.sentinel: worker for worker in self._workers}
            for end in wait([self._wake_reader, *by_end]):
                if end is self._wake_reader:
                    self._wake_reader.recv_bytes()
                elif not self._take(by_end[end]):
                    self._fail(by_end[end])
                    return
        for task in self._tasks:
            task.future.cancel()

    def _take(self, worker: Worker) -> bool:
        """Receives a worker's message; returns False if the worker has exited."""
        try:
            while worker.connection.poll():
                kind, value = worker.connection.recv()
                if kind == REPORT:
                    if self._on_report:
                        self._on_report(value)
                    continue
                assert worker.task
                future, worker.task = worker.task.future, None
                if kind == DONE:
                    future.set_result(value)
                else:
                    future.set_exception(value)
        except (EOFError, OSError):
            return False
        return worker.process.is_alive()

    def _fail(self, worker: Worker) -> None:
        """Stops the pool because a worker has died."""
        worker.process.join(STOP_SECONDS)
        error = WorkerError(_obituary(worker))
        with self._lock:
            failed = [*(other.task for other in self._workers if other.task), *self._tasks]
            self._tasks.clear()
            self._failure = None if self._closed else error
        for task in failed:
            task.future.set_exception(error)


def report(value: Any) -> None:
    """Sends a value from a worker to the parent's `on_report`; does nothing in other processes."""
    if _parent:
        _parent[-1].send((REPORT, value))


_parent: list[Connection] = []


def _obituary(worker: Worker) -> str:
    code = worker.process.exitcode
    memory = _peak_memory()
    how = f"was ended by signal {-code} ({_signal_name(-code)})" if code and code < 0 else f"exited with code {code}"
    doing = f" while it was {worker.task.title}" if worker.task else ""
    used = f"; it used up to {memory / 1e6:,.0f} MB" if memory else ""
    cause = "the system may be out of memory: " if code == -signal.SIGKILL else ""
    return f"a worker process {how}{doing}{used}; {cause}run the same command again with fewer --workers to resume"


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return "unknown"


def _peak_memory() -> int:
    """Returns the peak memory of the largest child that has exited, in bytes; 0 if unknown."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Blocks SIGINT and SIGTERM in a process that is started within the block, until `_work` sets their handlers."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(
    connection: Connection,
    inherited: list[Connection],
    parent: int,
    initialize: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    """The main loop of a worker. It ignores Ctrl-C, which the parent handles; it exits on SIGTERM and when the parent exits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    if process := multiprocessing.parent_process():
        threading.Thread(target=_follow, args=(process,), daemon=True).start()
    if parent:
        die_with_parent(parent)
    for other in inherited:
        other.close()
    _parent.append(connection)
    ready = _outcome(initialize, *arguments)
    with contextlib.suppress(EOFError, OSError):  # the parent has ended
        while call := connection.recv():
            connection.send(_outcome(*call) if ready[0] == DONE else ready)


def _follow(parent: Any) -> None:
    """Waits until the parent exits; works on every system and with every start method."""
    parent.join()
    os._exit(1)


def _outcome(function: Callable[..., Any], *arguments: Any) -> tuple[str, Any]:
    try:
        return DONE, function(*arguments)
    except Exception as error:  # noqa: BLE001 - the parent raises it
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        except Exception:  # noqa: BLE001 - not all exceptions can be pickled
            return FAILED, RuntimeError(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
        return FAILED, error
