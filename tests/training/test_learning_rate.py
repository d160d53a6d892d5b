"""The learning rate over a training, against formulas worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from layercut.records import EpochPoint
from layercut.training.config import TrainingConfig
from layercut.training.learning_rate import LearningRate
from layercut.training.rounds import Rounds

STEPS = 4
BASE = TrainingConfig("sgd", 0.1, 0.0, 6, None, 8)


def rates(validation=(), **changes):
    """Return the rate of every step, epoch by epoch."""
    schedule = replace(BASE, **changes)
    optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=schedule.lr)
    rate = LearningRate(optimizer, schedule, schedule.rounds(STEPS * schedule.batch_size), STEPS)
    epochs = []
    for epoch in range(1, schedule.epochs + 1):
        used = []
        for _ in range(STEPS):
            optimizer.step()
            rate.after_step()
            used.append(rate.last)
        epochs.append(used)
        loss, accuracy = validation[epoch - 1] if validation else (None, None)
        rate.after_round(EpochPoint(epoch, 1.0, 0.5, loss, accuracy))
    return epochs


def test_without_a_schedule_the_rate_stays():
    assert rates() == [[0.1] * STEPS] * 6


def test_cosine_falls_to_nothing_along_half_a_wave_epoch_by_epoch():
    expected = [[0.05 * (1 + math.cos(math.pi * epoch / 6))] * STEPS for epoch in range(6)]
    assert rates(lr_schedule="cosine") == [pytest.approx(row) for row in expected]


def test_step_multiplies_after_every_so_many_epochs():
    got = rates(lr_schedule="step", lr_step_epochs=2, lr_factor=0.5)
    assert got == [pytest.approx([rate] * STEPS) for rate in (0.1, 0.1, 0.05, 0.05, 0.025, 0.025)]


def test_one_cycle_rises_for_three_tenths_of_the_steps_and_then_falls():
    steps = [rate for epoch in rates(lr_schedule="one_cycle") for rate in epoch]
    top = 0.3 * len(steps) - 1
    assert steps[0] == pytest.approx(0.1 / 25)
    assert steps[-1] == pytest.approx(0.1 / 25 / 1e4)
    for number in (1, 4, 6):
        assert steps[number] == pytest.approx(0.004 + (0.1 - 0.004) * (1 - math.cos(math.pi * number / top)) / 2)
    assert steps[6:] == sorted(steps[6:], reverse=True)


@pytest.mark.parametrize("warmup", [{"warmup_steps": 8}, {"warmup_epochs": 2}])
def test_a_warm_up_rises_evenly_at_every_step(warmup):
    steps = [rate for epoch in rates(**warmup) for rate in epoch]
    assert steps == pytest.approx([0.1 * min(number, 9) / 9 for number in range(1, 25)])


def test_a_warm_up_multiplies_what_the_schedule_says():
    got = rates(lr_schedule="cosine", warmup_steps=6)
    for number, rate in enumerate(rate for epoch in got for rate in epoch):
        cosine = 0.05 * (1 + math.cos(math.pi * (number // STEPS) / 6))
        assert rate == pytest.approx(cosine * min(number + 1, 7) / 7)


def test_a_plateau_waits_for_epochs_without_a_lower_loss():
    losses = [(1.0, 0.1), (0.9, 0.2), (0.95, 0.3), (0.92, 0.4), (0.91, 0.5), (0.5, 0.6)]
    got = [epoch[0] for epoch in rates(losses, lr_schedule="plateau", lr_patience=1, lr_factor=0.5)]
    assert got == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.05, 0.05])


def test_a_plateau_may_watch_the_accuracy():
    rising = [(1.0, 0.1 * epoch) for epoch in range(1, 7)]
    assert rates(rising, lr_schedule="plateau", lr_patience=1, lr_watch="accuracy") == [[0.1] * STEPS] * 6
    flat = [(1.0 / epoch, 0.5) for epoch in range(1, 7)]
    got = [epoch[0] for epoch in rates(flat, lr_schedule="plateau", lr_patience=1, lr_watch="accuracy")]
    assert got == pytest.approx([0.1, 0.1, 0.1, 0.01, 0.01, 0.001])


def test_a_plateau_is_never_seen_without_validation():
    assert rates(lr_schedule="plateau", lr_patience=0) == [[0.1] * STEPS] * 6


def test_every_group_of_parameters_follows_in_proportion():
    net = nn.Linear(2, 2)
    groups = [{"params": [net.weight]}, {"params": [net.bias], "lr": 0.01}]
    for name, extra in (("cosine", {}), ("one_cycle", {}), ("none", {"warmup_steps": 5})):
        optimizer = torch.optim.SGD(groups, lr=0.1)
        rate = LearningRate(optimizer, replace(BASE, lr_schedule=name, **extra), Rounds(6), STEPS)
        for epoch in range(1, 4):
            for _ in range(STEPS):
                new, kept = (group["lr"] for group in optimizer.param_groups)
                assert kept == pytest.approx(0.1 * new)
                optimizer.step()
                rate.after_step()
            rate.after_round(EpochPoint(epoch, 1.0, 0.5))
