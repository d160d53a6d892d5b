"""The environment of a run: versions, device, machine."""

from __future__ import annotations

import dataclasses
import platform
import subprocess
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import torch

from layercut.executors.capacity import num_usable_cores
from layercut.keys import content_key
from layercut.records import Environment
from layercut.training.device import describe_device, processor_name

_LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pandas", "safetensors")


def capture_environment(device: torch.device) -> Environment:
    """Return this process's environment; equal environments have equal keys."""
    environment = Environment(
        key="",
        layercut_version=version("layercut"),
        code_version=_code_version(),
        python_version=platform.python_version(),
        libraries={name: version(name) for name in _LIBRARIES},
        platform=platform.platform(),
        processor=processor_name(),
        num_cores=num_usable_cores(),
        device=describe_device(device),
    )
    return dataclasses.replace(environment, key=content_key("environment", dataclasses.asdict(environment)))


@lru_cache(maxsize=1)
def _code_version() -> str:
    """Return the commit of a source checkout, marked where it has changes; the release's version elsewhere."""
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return version("layercut")
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    return answer.stdout.strip() or version("layercut")
