"""Executors by name: who does the jobs. Listing them imports nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercut.registry import Entry, Registry

if TYPE_CHECKING:
    from layercut.executors.base import ExecutorFactory

EXECUTORS: Registry[ExecutorFactory] = Registry(
    "executor",
    {
        "serial": Entry("layercut.executors.serial:SerialExecutor", "one job after the other in this process"),
        "processes": Entry("layercut.executors.processes:ProcessExecutor", "a worker process a core"),
    },
)

__all__ = ["EXECUTORS"]
