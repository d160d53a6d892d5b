"""Freed memory is used again: a page that goes back to the system is mapped and cleared anew."""

from __future__ import annotations

import resource

import pytest
import torch

from layercut.training.allocation import keep_freed_memory

NUM_BYTES = 24 * 2**20
PAGE = resource.getpagesize()


def step() -> int:
    """Hold a few large tensors, as a training step does; return the pages that had to be mapped for them."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    activations = [torch.ones(NUM_BYTES // 4) for _ in range(4)]
    del activations
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_a_step_takes_the_pages_of_the_step_before_it():
    if not keep_freed_memory():
        pytest.skip("this C library has no mallopt")
    for _ in range(8):
        step()
    assert sum(step() for _ in range(4)) < NUM_BYTES // PAGE  # given back each time, they would be 16 times as many
