"""Where a measurement was made, and the file it is written to."""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from layercut.executors.capacity import num_usable_cores
from layercut.training.device import processor_name

RESULTS = Path(__file__).parent / "results"


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, memory, versions and how busy the machine was before."""
    return {
        "processor": processor_name(),
        "cores": num_usable_cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "load_average": os.getloadavg()[0],
    }


def write_result(name: str, result: dict[str, Any], output: Path | None, machine: dict[str, Any]) -> Path:
    """Write a measurement with its date, machine and command to `benchmarks/results/NAME.json`, or to `output`."""
    path = output or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    module = f"benchmarks.{name}" if name != "side_by_side" else "benchmarks"
    whole = {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": " ".join(["python", "-m", module, *_without_paths(sys.argv[1:])]),
        "machine": machine,
        **result,
    }
    path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    return path


def _without_paths(arguments: list[str]) -> list[str]:
    """Leave out where things lie on this machine: a path keeps its last part."""
    return [Path(a).name if Path(a).is_absolute() or ".." in Path(a).parts else a for a in arguments]
