"""Executors by name: what runs the jobs. Listing them imports nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercut.registry import Entry, Registry

if TYPE_CHECKING:
    from layercut.executors.base import ClusterExecutorFactory, ExecutorFactory

EXECUTORS: Registry[ExecutorFactory | ClusterExecutorFactory] = Registry(
    "executor",
    {
        "serial": Entry("layercut.executors.serial:SerialExecutor", "one job after the other in this process"),
        "processes": Entry("layercut.executors.processes:ProcessExecutor", "one worker process per core"),
        "ray": Entry("layercut.executors.ray:RayExecutor", "tasks of a Ray cluster, on many machines (layercut[ray])"),
    },
)

__all__ = ["EXECUTORS"]
