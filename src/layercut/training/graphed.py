"""A training step on a GPU, recorded once as a CUDA graph and launched whole from then on.

A step of a small model is hundreds of kernels of a few microseconds, and launching them one after another takes
longer than computing them. A graph launches all of them at once: the same kernels on the same values, so no record
changes. The first steps of a shape run one by one, on a stream of their own as recording wants it; they train like
all others. Recorded are places, not values: inputs are copied to where the graph reads them, and what it returns
is good until the next step. The learning rate is recorded as a number: where it changes, steps are recorded again.

Reference:
    PyTorch, "CUDA semantics", whole-network capture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

Outputs = tuple[Tensor, Tensor]
Step = Callable[[Tensor, Tensor], Outputs]
"""Inputs and labels of a batch -> what the loop adds up; trains on the way."""

WARM_UP_STEPS = 3
"""Steps of each shape before it is recorded: libraries choose their kernels and optimizers make their state in them."""


class Recording(Protocol):
    """Work that was recorded, not run; `replay` runs it."""

    @property
    def outputs(self) -> Outputs:
        """Return the tensors that hold the results."""
        ...

    def replay(self) -> None:
        """Run the recorded work on the current contents of its inputs."""
        ...


class Device(Protocol):
    """Where steps run; `Cuda`, and what tests put in its place."""

    def run_aside(self, work: Callable[[], Outputs]) -> Outputs:
        """Run work in a way that leaves the device ready to record it."""
        ...

    def record(self, work: Callable[[], Outputs]) -> Recording:
        """Record work without running it."""
        ...


class Cuda:
    """The present GPU."""

    def __init__(self) -> None:
        self._beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def run_aside(self, work: Callable[[], Outputs]) -> Outputs:
        """Do work on a stream of its own; the present one waits for it."""
        self._beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._beside):
            outputs = work()
        torch.cuda.current_stream().wait_stream(self._beside)
        return outputs

    def record(self, work: Callable[[], Outputs]) -> Recording:
        """Record a CUDA graph."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = work()
        return _CudaRecording(graph, outputs)


class _CudaRecording(NamedTuple):
    graph: torch.cuda.CUDAGraph
    outputs: Outputs

    def replay(self) -> None:
        self.graph.replay()


class _Recorded(NamedTuple):
    inputs: Tensor
    labels: Tensor
    recording: Recording


class GraphedStep:
    """A step that is recorded for each shape of batch; called like the step itself."""

    def __init__(self, step: Step, constants: Callable[[], Hashable], device: Device) -> None:
        """`constants` are the numbers that a recording would keep, such as the learning rate."""
        self._step = step
        self._constants = constants
        self._device = device
        self._recorded_with: Hashable = None
        self._num_seen: Counter[torch.Size] = Counter()
        self._recorded: dict[torch.Size, _Recorded] = {}

    def __call__(self, inputs: Tensor, labels: Tensor) -> Outputs:
        """Train on a batch; what is returned is overwritten by the next step."""
        constants = self._constants()
        if constants != self._recorded_with:
            self._recorded_with = constants
            self._num_seen.clear()
            self._recorded.clear()
        shape = inputs.shape
        if shape not in self._recorded:
            if self._num_seen[shape] < WARM_UP_STEPS:
                self._num_seen[shape] += 1
                return self._device.run_aside(lambda: self._step(inputs, labels))
            own = inputs.clone(), labels.clone()
            self._recorded[shape] = _Recorded(*own, self._device.record(lambda: self._step(*own)))
        recorded = self._recorded[shape]
        recorded.inputs.copy_(inputs)
        recorded.labels.copy_(labels)
        recorded.recording.replay()
        return recorded.recording.outputs
