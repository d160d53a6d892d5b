"""Recorded steps train as steps one by one do, whatever is recorded when; a processor stands for the GPU."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch

from layercut import load_study, run_study
from layercut.errors import UserError
from layercut.training.device import prepare_device
from layercut.training.graphed import WARM_UP_STEPS, GraphedStep
from layercut.training.stacked import train_stacked
from tiny_stack import (
    NUM_IMAGES,
    NUM_MEMBERS,
    ORDER_SEEDS,
    convolutions,
    draw_images,
    normalized,
    same_bits,
    schedule,
    together,
)


class Tape(NamedTuple):
    """Work that is done when it is replayed, into places that stay."""

    work: object
    places: list

    @property
    def outputs(self):
        return tuple(self.places)

    def replay(self):
        for place, value in zip(self.places, self.work(), strict=True):
            place.copy_(value)


class Processor:
    """Records without doing the work, as a GPU does; `aside` and `recordings` count."""

    def __init__(self, *places):
        self.places = places
        self.aside = 0
        self.recordings = 0

    def run_aside(self, work):
        self.aside += 1
        return work()

    def record(self, work):
        self.recordings += 1
        return Tape(work, [place.clone() for place in self.places])


def members_places():
    return torch.full((NUM_MEMBERS,), torch.nan), torch.full((NUM_MEMBERS,), -1)


def train_members(build, graphs=None, **changes):
    prepare_device(torch.device("cpu"), 1)
    images, labels = draw_images()
    models = [build(seed) for seed in range(NUM_MEMBERS)]
    sets = together(0, images, labels), together(NUM_IMAGES, images, labels)
    return models, train_stacked(models, *sets, schedule(**changes), ORDER_SEEDS, graphs=graphs)


@pytest.mark.parametrize("build", [convolutions, normalized])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "sgd", "momentum": 0.9},
        {"optimizer": "adamw", "weight_decay": 0.01, "clip_norm": 0.5},
        {"lr_schedule": "step", "lr_step_epochs": 2},
        {"lr_schedule": "one_cycle"},
        {"warmup_steps": 5},
    ],
)
def test_recorded_steps_train_bit_for_bit_as_steps_one_by_one(build, changes):
    models, results = train_members(build, **changes, patience=None)
    graphs = Processor(*members_places())
    recorded_models, recorded = train_members(build, graphs, **changes, patience=None)
    assert recorded == results
    assert all(same_bits(ours, theirs) for ours, theirs in zip(recorded_models, models, strict=True))


def test_each_shape_is_recorded_once_where_the_rate_stays():
    graphs = Processor(*members_places())
    train_members(convolutions, graphs, patience=None)  # 24 images in batches of 10, 10, 4
    assert graphs.recordings == 2
    assert graphs.aside == 2 * WARM_UP_STEPS


def test_where_the_rate_changes_steps_are_recorded_anew_and_never_where_it_changes_each_time():
    graphs = Processor(*members_places())
    train_members(convolutions, graphs, patience=None, epochs=8, lr_schedule="step", lr_step_epochs=4)
    assert graphs.recordings == 4
    graphs = Processor(*members_places())
    train_members(convolutions, graphs, patience=None, lr_schedule="one_cycle")
    assert graphs.recordings == 0


def test_a_recorded_step_reads_each_batch_from_the_place_that_was_recorded():
    seen = []

    def step(inputs, labels):
        seen.append((inputs.data_ptr(), inputs.tolist()))
        return inputs.sum(), labels.sum()

    graphed = GraphedStep(step, lambda: None, Processor(torch.zeros(()), torch.zeros((), dtype=torch.int64)))
    sums = [tuple(map(float, graphed(torch.tensor([float(n), 1.0]), torch.tensor([n, n])))) for n in range(6)]
    assert sums == [(n + 1.0, 2.0 * n) for n in range(6)]
    assert [values for _, values in seen] == [[n, 1.0] for n in range(6)]
    assert len({place for place, _ in seen[WARM_UP_STEPS:]}) == 1


@pytest.mark.parametrize(("stack", "found"), [(None, "the device cpu"), (True, "the device cpu")])
def test_graphs_without_a_gpu_are_refused_before_anything_runs(tmp_path, stack, found):
    with pytest.raises(UserError, match=f"got {found}"):
        run_study(load_study("digits"), tmp_path / "run", device="cpu", stack=stack, cuda_graphs=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_records_are_equal_with_graphs_and_without(tmp_path):
    changes = ["transfer.fractions=[0.2]", "transfer.replicates=3", "transfer.cuts=[0, 2]"]
    hashes = {
        run_study(load_study("digits", changes), tmp_path / str(graphs), device="cuda", cuda_graphs=graphs).records_hash
        for graphs in (False, True)
    }
    assert len(hashes) == 1
