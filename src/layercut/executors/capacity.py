"""How many jobs this machine, or the nodes of a cluster, can run at once, and what each job needs."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


def num_usable_cores() -> int:
    """Return the processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Node(NamedTuple):
    """A living node that can do jobs."""

    key: str
    host: str
    num_cpus: int
    num_gpus: int


@dataclass(frozen=True)
class Capacity:
    """The living nodes that can do a run's jobs."""

    nodes: tuple[Node, ...]
    gpus_a_job: float
    """Share of a GPU that a job asks for; 0 where jobs run on processors."""

    @property
    def num_slots(self) -> int:
        """Return how many jobs of one core can run at once."""
        return sum(
            min(node.num_cpus, int(node.num_gpus / self.gpus_a_job)) if self.gpus_a_job else node.num_cpus
            for node in self.nodes
        )

    @property
    def most_cpus(self) -> int:
        """Return the cores of the largest node: a job that asked for more would wait forever."""
        return max(node.num_cpus for node in self.nodes)

    @property
    def most_gpus(self) -> int:
        """Return the GPUs of the node with most."""
        return max(node.num_gpus for node in self.nodes)


def capacity_of(nodes: Iterable[Mapping[str, Any]], on_gpu: bool, num_workers: int | None) -> Capacity:
    """Return what nodes, as `ray.nodes()` describes them, can do.

    Jobs share a GPU where more workers are wanted than there are GPUs; without a wish, each has one to itself.
    """
    living = [
        Node(
            node["NodeID"],
            node["NodeManagerHostname"],
            int(node["Resources"].get("CPU", 0)),
            int(node["Resources"].get("GPU", 0)),
        )
        for node in nodes
        if node["Alive"]
    ]
    able = tuple(node for node in living if node.num_cpus >= 1 and (node.num_gpus >= 1 or not on_gpu))
    num_gpus = sum(node.num_gpus for node in able)
    if not on_gpu or not num_gpus:
        return Capacity(able, 0.0)
    jobs_a_gpu = math.ceil((num_workers or 1) / num_gpus)
    return Capacity(able, math.floor(1e4 / jobs_a_gpu) / 1e4)  # Ray counts in steps of 0.0001
