"""Fixtures of the benchmarks' tests: a small MNIST that torchvision reads, and weights in the published format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.rivals.trials import Images, Job, Trial

from support.fake_datasets import idx_bytes


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory with 60 + 20 random images of the classes 5..9 in MNIST's files."""
    data_dir = tmp_path_factory.mktemp("data")
    raw = data_dir / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, size=(count, 28, 28), dtype=np.uint8)
        labels = (5 + np.arange(count) % 5).astype(np.uint8)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return data_dir


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a weight file of a model with two convolutions, named as the published ones are."""
    generator = torch.Generator().manual_seed(0)

    def values(*shape: int) -> torch.Tensor:
        return 0.1 * torch.randn(shape, generator=generator)

    state = {
        "conv0.weight": values(64, 1, 3, 3),
        "conv0.bias": values(64),
        "conv1.weight": values(64, 64, 3, 3),
        "conv1.bias": values(64),
        "fc.weight": values(5, 64 * 14 * 14),
        "fc.bias": values(5),
    }
    path = tmp_path_factory.mktemp("weights") / "two_layers.pth"
    torch.save(state, path)
    return path


@pytest.fixture
def small_job(small_mnist: Path, small_weights: Path) -> Job:
    """Return a job of one whole trial and one that is only timed."""
    images = Images(np.arange(0, 20), np.arange(20, 32), np.arange(0, 15))
    trials = [Trial("scratch", 0, 0, 1, False), Trial("freeze_reinit", 1, 0, 2, True)]
    return Job(small_mnist, small_weights, [5, 6, 7, 8, 9], 1e-3, 8, 6, trials, {0: images})
