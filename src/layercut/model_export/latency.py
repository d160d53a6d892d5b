"""How long a model takes for one image."""

from __future__ import annotations

import statistics
import time
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from layercut.model_export.base import Answer
from layercut.training.device import describe_device, one_thread

_WARM_UP = 3
_RUNS = 21


class Latency(NamedTuple):
    """Time of one image on one thread of this machine's processor; other work on the machine counts in."""

    milliseconds: float
    """Median."""
    slowest_quarter: float
    """Third quartile: far above the median where the machine is busy."""
    runs: int
    processor: str

    def card(self) -> dict[str, Any]:
        """Return it as JSON values."""
        times = {"milliseconds": round(self.milliseconds, 3), "third_quartile": round(self.slowest_quarter, 3)}
        return {**times, "runs": self.runs, "images": 1, "threads": 1, "processor": self.processor}


def measure(answer: Answer, image: NDArray[np.uint8]) -> Latency:
    """Time a model; image: UInt8 "1 c h w"."""
    with one_thread():
        for _ in range(_WARM_UP):
            answer(image)
        times = []
        for _ in range(_RUNS):
            started = time.perf_counter()
            answer(image)
            times.append(1000 * (time.perf_counter() - started))
    quartiles = statistics.quantiles(times, n=4)
    return Latency(statistics.median(times), quartiles[2], _RUNS, describe_device(torch.device("cpu")))
