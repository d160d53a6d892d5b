"""The context of a job: where this run keeps its files and what it computes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from layercut.checkpoints import load_checkpoint
from layercut.data.cache_entry import open_cached
from layercut.data.subset import Task, restrict
from layercut.plan.jobs import TaskRef


@dataclass(frozen=True)
class RunContext:
    """The same for every job of a run; travels to the workers once."""

    output_dir: Path
    device: str
    """`cpu` or `cuda`."""
    datasets: Mapping[str, Path]
    """Dataset fingerprint to its folder in the cache."""
    environment: str
    """Key of this run's `Environment`."""
    reraise: bool = False
    """Let a trial's exception through, for a debugger, instead of recording it."""
    deterministic: bool = True
    """Train nothing on a GPU that has no deterministic backward pass."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders that every worker must see; the first is written to."""
        return (self.output_dir, *self.datasets.values())

    def checkpoint(self, key: str) -> Path:
        """Return where a source's weights lie."""
        return self.output_dir / "checkpoints" / f"{key}.safetensors"

    def features(self, feature_set: str) -> Path:
        """Return the folder of a feature set's features."""
        return self.output_dir / "features" / feature_set

    def open_task(self, task: TaskRef) -> Task:
        """Return a task's images, mapped into memory."""
        return open_task(self.datasets[task.fingerprint], task.classes)

    def open_source(self, key: str) -> tuple[dict[str, Tensor], str]:
        """Return a source's values and their hash."""
        return _open_source(self.checkpoint(key))

    @property
    def torch_device(self) -> torch.device:
        """Return the device that jobs compute on."""
        return torch.device(self.device)


@lru_cache(maxsize=8)
def open_task(folder: Path, classes: tuple[int, ...]) -> Task:
    """Open a task from the dataset cache."""
    return restrict(open_cached(folder), classes)


@lru_cache(maxsize=8)
def _open_source(path: Path) -> tuple[dict[str, Tensor], str]:
    return load_checkpoint(path)
