"""Jobs as tasks of a Ray cluster: many machines, or a new one on this machine.

Every node needs the same layercut and the same Python, and processors of one kind where results are to be equal in
every bit. Weights, features and decoded datasets travel by files: the output directory and the dataset cache
(`LAYERCUT_CACHE`) must lie on a directory that every node sees under the same path, which is tried on each node
before the first job. This process must run on a node of the cluster. Ray keeps its logs under `/tmp/ray`.

A job whose worker or node is lost is done again, three times in all. It yields the same values again, so those that
have come already are passed over and none comes twice. Ray's own retries are switched off: they have no bound where
memory runs out or nodes are taken away.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import socket
import sys
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from typing import Any

from layercut.errors import UserError
from layercut.executors.base import Done, Event, Lost, Result
from layercut.executors.capacity import Capacity, Node, capacity_of
from layercut.executors.on_node import Work, do_job, look_around

_NUM_TRIES = 3
_PATIENCE_SECONDS = 60.0
_OBJECT_STORE_BYTES = 128 * 2**20
"""Of a cluster that we start: it holds records and one context."""
_HOST_AND_PORT = re.compile(r"(?P<host>[^\s:/\[\]]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")


@dataclass(eq=False)
class _Attempt:
    """A submitted job, on its first or a later attempt."""

    job: Any
    number: int
    stream: Any
    """Ray's generator of references to what the job yields."""
    num_given: int
    """Values of this job that the caller has."""
    num_read: int = 0
    """Values that this attempt has sent."""


class RayExecutor:
    """Does jobs on a Ray cluster, a core each (or as many as the job's `num_threads` says), and a share of a GPU.

    Args:
        num_workers: jobs at a time; None: as many as the cluster has room for.
        preload: modules that workers of a new cluster import once.
        address: `local`: a new cluster on this machine, stopped at the end; `auto`: the one that `RAY_ADDRESS`
            names, else the one that `ray start` began on this machine last; or a cluster's HOST:PORT.

    Raises:
        UserError: Ray is not installed, or the address is none of these.
    """

    def __init__(self, num_workers: int | None, preload: tuple[str, ...] = (), address: str = "local") -> None:
        if num_workers is not None and num_workers < 1:
            raise ValueError(f"expected at least 1 worker; got {num_workers}")
        if address not in ("local", "auto") and not _HOST_AND_PORT.fullmatch(address):
            raise UserError(f"--address {address}: expected local, auto, or HOST:PORT of a Ray cluster")
        self._ray = _import_ray()
        self._num_workers = num_workers
        self._preload = preload
        self._address = address
        self._connected = False
        self._checked_nodes: set[str] = set()

    def run(self, function: str, jobs: Iterable[Any], context: Any) -> Iterator[Event]:
        """Do all jobs; each value comes as soon as its job yields it.

        Raises:
            UserError: the cluster cannot be reached, has no node that could do the jobs, or has one that cannot run
                layercut or does not see the folders of the context.
        """
        waiting = iter(jobs)
        first = list(islice(waiting, 1))
        if not first:
            return
        self._connect()
        capacity = self._capacity(context)
        self._check_nodes(capacity.nodes, context)
        # Once CUDA runs in a process it stays on its GPU, but Ray assigns one to each task: a new process for each.
        task = self._ray.remote(max_calls=int(capacity.gpus_a_job > 0 and capacity.most_gpus > 1))(do_job)
        work = self._ray.put(Work(function, pickle.dumps(context), tuple(sys.path)))
        waiting = chain(first, waiting)
        running: list[_Attempt] = []

        def start(job: Any, number: int = 1, num_given: int = 0) -> None:
            num_cpus = min(getattr(job, "num_threads", 1), capacity.most_cpus)
            wanted = task.options(
                num_returns="streaming", max_retries=0, num_cpus=num_cpus, num_gpus=capacity.gpus_a_job
            )
            running.append(_Attempt(job, number, wanted.remote(pickle.dumps(job), work), num_given))

        try:
            while True:
                if len(running) < self._most_tasks(capacity):
                    capacity = self._capacity(context)
                    for job in islice(waiting, max(0, self._most_tasks(capacity) - len(running))):
                        start(job)
                if not running:
                    return
                attempt = self._ready(running)
                if attempt is None:
                    self._capacity(context)
                    continue
                event = self._next_event(attempt)
                if isinstance(event, Done | Lost):
                    running.remove(attempt)
                if isinstance(event, Lost) and event.error is None and attempt.number < _NUM_TRIES:
                    start(attempt.job, attempt.number + 1, attempt.num_given)
                elif event is not None:
                    yield event
        finally:
            if running:
                self.close()

    def close(self) -> None:
        """Leave the cluster, which ends this run's tasks and workers; stop it if it is our own."""
        if self._connected:
            self._connected = False
            self._checked_nodes.clear()
            self._ray.shutdown()

    def _connect(self) -> None:
        if self._connected:
            return
        if self._ray.is_initialized():
            raise UserError("this process is already connected to a Ray cluster; call ray.shutdown() first")
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self._address == "local":
            options |= {
                "num_cpus": self._num_workers,
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
                "_system_config": {"preload_python_modules": list(self._preload)},
            }
        try:
            self._ray.init(address=_find_cluster(self._ray, self._address), **options)
        except (OSError, RuntimeError, ValueError, self._ray.exceptions.RayError) as error:
            self._ray.shutdown()
            raise UserError(
                f"--address {self._address}: no Ray cluster can be used there ({_first_line(error)}); start one with "
                "`ray start` on each machine and run layercut on one of them, or leave --address out to start a new "
                "one here"
            ) from error
        self._connected = True

    def _capacity(self, context: Any) -> Capacity:
        """Ask the cluster for its current capacity: nodes come and go."""
        on_gpu = getattr(context, "device", "cpu") == "cuda"
        capacity = capacity_of(self._ray.nodes(), on_gpu, self._num_workers)
        if not capacity.nodes:
            raise UserError(
                f"--address {self._address}: no live node of the Ray cluster has a "
                f"{'GPU and a core' if on_gpu else 'core'} for jobs; nothing finished is lost; run the same command "
                "again to resume"
            )
        return capacity

    def _most_tasks(self, capacity: Capacity) -> int:
        """Return how many jobs to submit at once: no more than can run, so that a million jobs stream."""
        return min(capacity.num_slots, self._num_workers or capacity.num_slots)

    def _ready(self, running: list[_Attempt]) -> _Attempt | None:
        """Return an attempt that has a value or has ended; None where there is none within a minute."""
        by_stream = {attempt.stream: attempt for attempt in running}
        ready, _ = self._ray.wait(list(by_stream), timeout=_PATIENCE_SECONDS, fetch_local=False)
        return by_stream[ready[0]] if ready else None

    def _next_event(self, attempt: _Attempt) -> Event | None:
        """Read one value of an attempt; None where the caller has it already. `Lost.error` is None: worker lost."""
        try:
            kind, value = self._ray.get(next(attempt.stream), timeout=_PATIENCE_SECONDS)
        except StopIteration:
            return Done(attempt.job)
        except self._ray.exceptions.RayTaskError as error:  # what the job yielded cannot travel
            return Lost(attempt.job, type(error.cause).__name__, f"{_first_line(error.cause)}\n{error}")
        except self._ray.exceptions.RayError as error:
            return Lost(attempt.job, None, f"lost its worker {attempt.number} times: {_first_line(error)}\n{error}")
        if kind == "lost":
            return Lost(attempt.job, *value)
        attempt.num_read += 1
        if attempt.num_read <= attempt.num_given:
            return None
        attempt.num_given = attempt.num_read
        return Result(attempt.job, value)

    def _check_nodes(self, nodes: Iterable[Node], context: Any) -> None:
        """Try on each node whether it has this layercut and sees what this process sees."""
        folders: tuple[Path, ...] = getattr(context, "folders", ())
        new = [node for node in nodes if node.key not in self._checked_nodes]
        with _marked(folders[:1]) as marks:  # a folder of the same name is not yet the same folder
            paths = (*marks, *folders)
            for node, answer in [(node, self._ask(node, paths)) for node in new]:
                self._judge(node, answer)
        self._checked_nodes |= {node.key for node in new}

    def _ask(self, node: Node, paths: tuple[Path, ...]) -> Any:
        there = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.key, soft=False)
        look = self._ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)(look_around)
        return look.remote(paths)

    def _judge(self, node: Node, answer: Any) -> None:
        ours = version("layercut")
        try:
            view = self._ray.get(answer, timeout=_PATIENCE_SECONDS)
        except self._ray.exceptions.RayTaskError as error:
            raise UserError(
                f"node {node.host} of the Ray cluster cannot run layercut ({_first_line(error.cause)}); "
                f"install layercut {ours} with the same Python and libraries on every node"
            ) from error
        except self._ray.exceptions.RayError:  # lost meanwhile: the jobs go elsewhere
            return
        if view.layercut_version != ours:
            raise UserError(
                f"node {node.host} of the Ray cluster has layercut {view.layercut_version}; this machine has {ours}"
            )
        if view.unseen:
            raise UserError(
                f"node {node.host} of the Ray cluster cannot see {view.unseen[-1]} of this machine; the output "
                "directory (-o) and the dataset cache (LAYERCUT_CACHE) must lie on a directory that all nodes share "
                "under the same path"
            )


def _import_ray() -> Any:
    """Import Ray, without its statistics and without the cluster's messages on stdout.

    Raises:
        UserError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # read when Ray is imported; skips every line
    try:
        import ray  # noqa: PLC0415 - an extra: without it this file is still imported, by `EXECUTORS["ray"]`
        import ray.util.scheduling_strategies  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UserError("the executor `ray` needs Ray, which is not installed: pip install 'layercut[ray]'") from error
    return ray


def _find_cluster(ray: Any, address: str) -> str:
    """Return where to connect, after a try: Ray itself would try a dead address for five minutes.

    Ray's own `auto` falls back to whatever cluster it finds among all processes, another run's own one too.

    Raises:
        OSError: nothing is there.
    """
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or ray._private.services.find_bootstrap_address(None)
        if not address:
            raise ConnectionError("none was started on this machine with `ray start`, and RAY_ADDRESS is not set")
    if match := _HOST_AND_PORT.fullmatch(address):
        socket.create_connection((match["host"].strip("[]"), int(match["port"])), timeout=10).close()
    return address


@contextlib.contextmanager
def _marked(folders: Iterable[Path]) -> Iterator[tuple[Path, ...]]:
    """Temporarily put a file with a new name into each folder."""
    marks = tuple(folder / f".seen-{uuid.uuid4().hex}" for folder in folders)
    for mark in marks:
        mark.touch()
    try:
        yield marks
    finally:
        for mark in marks:
            mark.unlink()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
