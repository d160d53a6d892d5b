"""One worker process per core, supervised so that a killed worker costs one job.

A job has one thread, or as many as its `num_threads` says; it then takes the place of so many workers.

Workers are forked from a server that has imported torch once, which takes 0.02 s instead of 2 s each.
`concurrent.futures` and joblib give up everything when one worker is killed; here a new one takes its place.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any, NamedTuple, cast

from layercut.errors import UserError
from layercut.executors.base import Done, Event, Lost, Result
from layercut.registry import import_object


class _Worker(NamedTuple):
    process: ForkServerProcess
    pipe: Connection


def start_server(preload: tuple[str, ...]) -> None:
    """Start the server that workers are forked from, unless there is one; it imports `preload` while we go on.

    Raises:
        UserError: the folder for temporary files has too long a name for the server's socket.
    """
    multiprocessing.set_forkserver_preload(list(preload))
    try:
        with _main_module_hidden(), _interrupts_held():
            forkserver.ensure_running()
    except OSError as error:
        if "AF_UNIX path too long" not in str(error):
            raise
        raise UserError(
            f"the path of the temporary folder is too long for a socket: {tempfile.gettempdir()}; set TMPDIR to "
            "a shorter one"
        ) from error


class ProcessExecutor:
    """Does jobs in worker processes; results do not depend on their number."""

    def __init__(self, num_workers: int, preload: tuple[str, ...] = ()) -> None:
        if num_workers < 1:
            raise ValueError(f"expected at least 1 worker; got {num_workers}")
        self._num_workers = num_workers
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        start_server(preload)
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, tuple[_Worker, Any]] = {}
        self._lifeline, self._lifeline_writer = self._context.Pipe(duplex=False)

    def run(self, function: str, jobs: Iterable[Any], context: Any) -> Iterator[Event]:
        """Do all jobs; a worker gets the next one as soon as its threads have room."""
        waiting = iter(jobs)
        job = next(waiting, _NO_JOB)
        try:
            while True:
                while job is not _NO_JOB and self._has_room(job, context):
                    self._send(function, job, context)
                    job = next(waiting, _NO_JOB)
                if not self._busy:
                    return
                for pipe in cast(list[Connection], wait(list(self._busy))):
                    yield from self._receive(pipe)
        finally:
            if self._busy:
                self.close()

    def close(self) -> None:
        """End idle workers and kill the others: what they had not sent is not lost, it is done again."""
        for worker in self._idle:
            worker.pipe.close()  # it ends by itself, and gives back what its libraries hold, such as semaphores
        for worker, _ in self._busy.values():
            worker.process.kill()
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            worker.process.join(_PATIENCE_SECONDS)
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
        self._idle.clear()
        self._busy.clear()

    def _has_room(self, job: Any, context: Any) -> bool:
        """Return whether the threads of a job fit beside those of the jobs that run; alone, each job fits."""
        running = [self._num_slots(other, context) for _, other in self._busy.values()]
        return sum(running) + self._num_slots(job, context) <= self._num_workers

    def _num_slots(self, job: Any, context: Any) -> int:
        if getattr(context, "device", "cpu") == "cuda":  # threads wait for the GPU
            return 1
        return min(getattr(job, "num_threads", 1), self._num_workers)

    def _send(self, function: str, job: Any, context: Any) -> None:
        worker = self._idle.pop() if self._idle else self._start()
        self._busy[worker.pipe] = (worker, job)
        with contextlib.suppress(ConnectionError):  # the worker died while idle: `_receive` sees it
            worker.pipe.send((function, job, context))

    def _receive(self, pipe: Connection) -> Iterator[Event]:
        worker, job = self._busy[pipe]
        try:
            kind, value = pipe.recv()
        except (EOFError, OSError):  # the latter where it died in the middle of a message
            del self._busy[pipe]
            worker.process.join()
            pipe.close()
            yield Lost(job, None, f"the worker process ended: {_describe_exit(worker.process.exitcode)}")
            return
        if kind == "value":
            yield Result(job, value)
            return
        del self._busy[pipe]
        self._idle.append(worker)
        yield Done(job) if kind == "done" else Lost(job, *value)

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._lifeline), daemon=True)
        with _main_module_hidden(), _interrupts_held():
            process.start()
        theirs.close()
        return _Worker(process, ours)


_NO_JOB = object()

_PATIENCE_SECONDS = 5.0
"""How long an idle worker may take to end by itself, which takes milliseconds."""


def _work(pipe: Connection, lifeline: Connection) -> None:
    """Do jobs until the parent is gone."""
    threading.Thread(target=_die_with_parent, args=(lifeline,), daemon=True).start()
    while True:
        try:
            function, job, context = pipe.recv()
        except EOFError:
            return
        try:
            work = cast(Callable[[Any, Any], Iterator[Any]], import_object(function))
            for value in work(job, context):
                pipe.send(("value", value))
        except BrokenPipeError:
            return
        except Exception as error:
            pipe.send(("lost", (type(error).__name__, f"{error}\n{traceback.format_exc()}")))
        else:
            pipe.send(("done", None))


def _die_with_parent(lifeline: Connection) -> None:
    """End this process at once when the parent is gone, however it went: the pipe's other end closes with it."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)


def _describe_exit(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (" (often the system's answer to a lack of memory)" if name == "SIGKILL" else "")
    return f"exit code {code}"


@contextlib.contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep workers from importing the user's script again: they need nothing of it, and it may have no main guard."""
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {}
    for name in ("__file__", "__spec__"):
        if name in main.__dict__:
            hidden[name] = main.__dict__.pop(name)
    main.__spec__ = None
    try:
        yield
    finally:
        main.__dict__.update(hidden)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let the fork server and its workers, which inherit this, never see Ctrl-C, not even while they import."""
    resource_tracker.ensure_running()  # starting it, which the fork server does otherwise, lets SIGINT in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
