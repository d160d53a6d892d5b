"""How long a training is: enough steps at every size of the data, evaluations at equal distances."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layercut.training.evaluate import evaluate
from layercut.training.loop import train
from layercut.training.rounds import Batches, Rounds, rounds_of_epochs, rounds_of_steps
from support.training_cases import linear, schedule, separable


@given(epochs=st.integers(1, 60), min_steps=st.integers(1, 3000), steps_an_epoch=st.integers(1, 200))
def test_epochs_go_on_until_there_are_enough_steps_in_no_more_evaluations(epochs, min_steps, steps_an_epoch):
    rounds = rounds_of_epochs(epochs, min_steps, steps_an_epoch)
    num_steps = rounds.num_steps(steps_an_epoch)
    assert rounds.number <= epochs
    assert num_steps >= max(min_steps, epochs * steps_an_epoch)
    assert num_steps - rounds.epochs * steps_an_epoch < max(min_steps, epochs * steps_an_epoch)


def test_a_round_is_an_epoch_where_nothing_else_is_asked_for():
    assert rounds_of_epochs(7, None, 3) == Rounds(7, 1)
    assert rounds_of_epochs(7, 21, 3) == Rounds(7, 1)


@given(steps=st.integers(1, 1000), evaluations=st.integers(1, 60))
def test_steps_are_shared_by_the_rounds_as_equally_as_can_be(steps, evaluations):
    rounds = rounds_of_steps(steps, evaluations)
    assert rounds.num_steps(1) == sum(rounds.steps) == steps
    assert rounds.number == min(steps, evaluations)
    assert max(rounds.steps) - min(rounds.steps) <= 1


def test_batches_go_through_all_examples_before_any_comes_again():
    batches = list(Batches(5, [2, 2, 1], [3], torch.device("cpu")).take(7))
    assert [(batch.epoch, batch.number, batch.last) for batch in batches] == [
        (1, 1, False), (1, 2, False), (1, 3, True), (2, 1, False), (2, 2, False), (2, 3, True), (3, 1, False),
    ]  # fmt: skip
    for epoch in (batches[:3], batches[3:6]):
        assert sorted(torch.cat([batch.positions[0] for batch in epoch]).tolist()) == list(range(5))


def test_a_training_in_steps_takes_so_many_and_evaluates_at_equal_distances():
    examples = separable(40)
    result = train(linear(), examples, separable(), schedule(steps=10, evaluations=4, batch_size=16), order_seed=0)
    assert len(result.curve) == 4
    assert sum(len(batch) for batch in examples.inputs.asked) == 136, "three epochs of 40 and one batch of 16"
    assert result.stop_reason == "limit"


@pytest.mark.parametrize("rule", [{"min_steps": 9, "epochs": 3}, {"steps": 9, "evaluations": 3}])
def test_steps_and_short_epochs_are_the_same_training(rule):
    """Of one batch an epoch, nine steps in three rounds are nine epochs validated three times."""
    model, reference = linear(), linear()
    result = train(model, separable(), separable(), schedule(batch_size=40, **rule), order_seed=0)
    plain = train(reference, separable(), separable(), schedule(batch_size=40, epochs=9), order_seed=0)
    assert [point.validation_loss for point in result.curve] == [plain.curve[i].validation_loss for i in (2, 5, 8)]
    assert result.num_steps == 3 * result.best_epoch


def test_patience_counts_evaluations():
    rule = {"epochs": 10, "min_steps": 40, "patience": 2, "lr": 1e-12, "batch_size": 40}
    result = train(linear(), separable(), separable(), schedule(**rule), order_seed=0)
    assert (result.stop_reason, len(result.curve), result.num_steps) == ("patience", 3, 4)


def test_a_target_that_is_reached_is_why_training_ends():
    result = train(linear(), separable(), separable(), schedule(epochs=40, target_accuracy=0.9), order_seed=0)
    assert result.stop_reason == "target"
    assert result.curve[-1].validation_accuracy >= 0.9 > result.curve[-2].validation_accuracy


def test_a_schedule_of_the_rate_follows_the_rounds():
    rule = {"steps": 8, "evaluations": 4, "batch_size": 40, "lr_schedule": "step", "lr_step_epochs": 2}
    result = train(linear(), separable(), None, schedule(**rule), order_seed=0)
    assert [point.learning_rate for point in result.curve] == pytest.approx([0.05, 0.05, 0.005, 0.005])
    assert evaluate(linear(), separable()).accuracy < 1
