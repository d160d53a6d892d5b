"""What this machine can do and what it lacks, for `layercut doctor`."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

_LIBRARIES = ("torch", "torchvision", "timm")
_EXTRA = re.compile(r"([\w.-]+).*;\s*extra\s*==\s*[\"']([\w-]+)[\"']")
"""Of a requirement, as a package's metadata says it: its name and which extra it belongs to."""
_LITTLE_BYTES = 2 * 2**30
"""Less free space than this does not hold the features of a small study."""


def check_up(data_dir: Path | None = None) -> dict[str, Any]:
    """Return versions, processor, memory, device, folders and extras; nothing is changed."""
    import torch

    from layercut.data.cache import default_cache_dir, default_data_dir
    from layercut.stages.environment import capture_environment
    from layercut.training.device import gpu_memory, resolve_device

    device = resolve_device("auto")
    made = capture_environment(device)
    return {
        "layercut": made.layercut_version,
        "code": made.code_version,
        "python": made.python_version,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "platform": made.platform,
        "processor": made.processor,
        "cores": made.num_cores,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "device": device.type,
        "gpus": [
            {"name": torch.cuda.get_device_name(index), "memory_bytes": gpu_memory(torch.device("cuda", index))}
            for index in range(torch.cuda.device_count())
        ],
        "folders": {
            "data": _folder(data_dir or default_data_dir()),
            "cache": _folder(default_cache_dir()),
            "runs": _folder(Path("runs")),
        },
        "extras": _extras(requires("layercut") or []),
    }


def describe_checkup(found: Mapping[str, Any]) -> str:
    """Return what was found as text, what is wrong or missing last."""
    libraries = ", ".join(f"{name} {number}" for name, number in found["libraries"].items())
    rows = [
        (
            "layercut",
            found["layercut"] if found["code"] == found["layercut"] else f"{found['layercut']} ({found['code']})",
        ),
        ("python", found["python"]),
        ("libraries", libraries),
        ("system", found["platform"]),
        ("processor", f"{found['processor']}, {found['cores']} usable cores: as many worker processes"),
        ("memory", f"{_size(found['memory_bytes'])}: half of it for stored features (--memory)"),
        *(("gpu", f"{gpu['name']}, {_size(gpu['memory_bytes'])}") for gpu in found["gpus"]),
        ("trains on", "the GPU" if found["device"] == "cuda" else "the CPU: no usable GPU found"),
    ]
    for name, folder in found["folders"].items():
        rows.append((name, f"{folder['path']}, {_size(folder['free_bytes'])} free"))
    rows += [(name, f"{extra['installed']} installed") for name, extra in found["extras"].items() if extra["installed"]]
    width = max(len(name) for name, _ in rows)
    return "\n".join([*(f"{name:<{width}}  {text}" for name, text in rows), *_advice(found)])


def _advice(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong or missing, and what to do."""
    for name, folder in found["folders"].items():
        if not folder["writable"]:
            yield f"problem: the {name} folder {folder['path']} cannot be written{_elsewhere(name)}"
        elif folder["free_bytes"] < _LITTLE_BYTES:
            yield f"problem: the disk of {folder['path']} is nearly full{_elsewhere(name)}"
    for name, extra in found["extras"].items():
        if not extra["installed"]:
            yield f"missing: {', '.join(extra['packages'])}, for {_USES.get(name, name)}: {extra['install']}"


def _elsewhere(folder: str) -> str:
    variable = {"data": "LAYERCUT_DATA", "cache": "LAYERCUT_CACHE"}.get(folder)
    return f"; set {variable} to another folder" if variable else "; give another one with --output-dir"


_USES = {
    "parquet": "`layercut export --format parquet`",
    "ray": "`layercut run --executor ray`, on many machines",
    "tensorboard": "`tensorboard: true` in a study file",
    "huggingface": "`dataset: huggingface` in a study file",
    "mlflow": "`mlflow: true` in a study file",
    "wandb": "`wandb: true` in a study file",
    "onnx": "`layercut export-model --format onnx`",
    "bench": "comparing layercut's speed with PyTorch Lightning's",
}


def _extras(requirements: list[str]) -> dict[str, dict[str, Any]]:
    """Return each extra with its packages, the installed version of the first, and how it is installed."""
    packages: dict[str, list[str]] = {}
    for package, extra in (match.groups() for match in map(_EXTRA.match, requirements) if match):
        packages.setdefault(extra, []).append(package)
    return {
        extra: {"packages": names, "installed": _installed(names), "install": f"pip install 'layercut[{extra}]'"}
        for extra, names in packages.items()
    }


def _installed(packages: list[str]) -> str | None:
    """Return the packages with their versions; None where one of them is missing."""
    try:
        return ", ".join(f"{name} {version(name)}" for name in packages)
    except PackageNotFoundError:
        return None


def _folder(path: Path) -> dict[str, Any]:
    """Return a folder's free space and whether it can be written, or could be made."""
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    writable = there.is_dir() and os.access(there, os.W_OK)
    return {"path": str(path), "free_bytes": shutil.disk_usage(there).free, "writable": writable}


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 2**30:,.1f} GiB"
