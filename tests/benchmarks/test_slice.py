"""Contenders get the same trials and the same images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmarks.slice import TARGET_CLASSES, Slice, all_trials, open_target, rival_job, sampled_trials
from torchvision.datasets import MNIST

from layercut.data.cache import default_cache_dir
from layercut.plan.preflight import plan_with_data

PLACEHOLDER = Path("regular_classes.pth")


def test_every_condition_is_timed_in_every_round_and_whole_trials_are_spread_over_rounds() -> None:
    work = Slice(Path(), PLACEHOLDER, cuts=(0, 4, 6), replicates=2)
    rounds = [sampled_trials(work, index, num_rounds=2, num_whole=3) for index in range(2)]
    for trials in rounds:
        assert [(t.strategy, t.cut) for t in trials if not t.complete] == work.conditions()
    whole = [t for trials in rounds for t in trials if t.complete]
    assert len(whole) == len(set(whole)) == 3
    assert all(t in all_trials(work) for t in whole)


def test_a_rival_that_runs_everything_runs_the_nominal_design() -> None:
    work = Slice(Path(), PLACEHOLDER)
    assert len(set(all_trials(work))) == work.num_trials() == 24


def test_rivals_get_the_images_that_layercut_draws(shared_data: Path, samples: Path) -> None:
    weights = samples / "mp-tl-study" / "MNIST" / "pretrained_models" / "regular_classes.pth"
    work = Slice(shared_data, weights, cuts=(6,), replicates=2)
    job = rival_job(work, all_trials(work))
    assert job.depth == 6
    task = open_target(shared_data)
    labels = MNIST(shared_data, train=True).targets.numpy()
    for images in job.images.values():
        assert not set(images.train) & set(images.validation)
        assert set(images.train) | set(images.validation) <= set(task.train_index)
        assert set(labels[images.train]) == set(TARGET_CLASSES)
    np.testing.assert_array_equal(job.images[0].validation, job.images[1].validation)
    plan = plan_with_data(work.study(), shared_data, default_cache_dir(), "float32").plan
    assert len(plan.conditions) == 2
    assert len(job.images[0].test) == sum(MNIST(shared_data, train=False).targets >= 5)
