"""Augmented training images: paired over conditions, and never seen by any evaluation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import layercut.stages.transfer
from layercut.plan.jobs import TransferJob
from layercut.stages.stacked import run_stacked
from layercut.stages.transfer import _test_examples, run_trial, training_examples, validation_examples
from layercut.stages.trial import prepare_trial
from layercut.training.augment import augment, epoch_draws
from support.tiny import context_with_sources, one_condition, tiny_plan

RULES = "transfer.training={lr: 0.01, epochs: 3, patience: 2, batch_size: 16, augmentation: [crop, flip]}"
PLAIN = "transfer.training={lr: 0.01, epochs: 3, patience: 2, batch_size: 16}"
REPLICATES = "transfer.replicates=3"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The plan with and without augmentation, and a context with the source that both have."""
    checked = tiny_plan(RULES, REPLICATES)
    return checked, tiny_plan(PLAIN, REPLICATES), context_with_sources(checked, tmp_path_factory.mktemp("study"))


def examples_of(trial, context):
    training = training_examples(trial, trial.split, context)
    return training, validation_examples(trial, context), _test_examples(trial, context)


def prepared(study, strategy, cut, replicate=0):
    checked, _, context = study
    trial = prepare_trial(one_condition(checked, strategy, cut), replicate, "trial", context)
    return trial, examples_of(trial, context), context


def everything(inputs):
    return inputs.gather(torch.arange(len(inputs)))


def test_training_sees_the_augmented_images_of_its_replicate_and_epoch(study):
    trial, (training, _, _), _ = prepared(study, "scratch", 0)
    names = trial.condition.training.augmentation
    pixels = torch.from_numpy(trial.task.dataset.train.images[trial.task.train_index[trial.split.train]])
    for epoch in (1, 2):
        draws = epoch_draws(names, len(pixels), trial.seeds.augment, epoch)
        expected = augment(pixels, names, draws).float() / 255 / 0.5 - 1
        torch.testing.assert_close(everything(training.training_inputs(epoch)), expected, rtol=0, atol=1e-6)
    assert not torch.equal(everything(training.training_inputs(1)), everything(training.training_inputs(2)))


def test_every_condition_of_a_replicate_sees_the_same_augmented_images(study):
    _, (reference, _, _), _ = prepared(study, "scratch", 0)
    for strategy, cut in (("reinit", 1), ("finetune", 3), ("truncate", 2)):
        _, (training, _, _), _ = prepared(study, strategy, cut)
        assert torch.equal(everything(training.training_inputs(2)), everything(reference.training_inputs(2)))
    _, (other, _, _), _ = prepared(study, "scratch", 0, replicate=1)
    assert not torch.equal(everything(other.training_inputs(2))[:50], everything(reference.training_inputs(2))[:50])


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_frozen_trunk_computes_the_features_of_the_augmented_images(study, cut):
    trial, (training, _, _), _ = prepared(study, "freeze_truncate" if cut < 3 else "freeze_reinit", cut)
    _, (pixels, _, _), _ = prepared(study, "scratch", 0)
    with torch.no_grad():
        expected = trial.parts.trunk.frozen.blocks(everything(pixels.training_inputs(1)))
    torch.testing.assert_close(everything(training.training_inputs(1)), expected)


@pytest.mark.parametrize(("strategy", "cut"), [("scratch", 0), ("freeze", 2)])
def test_validation_and_test_images_and_the_evaluation_of_training_images_are_as_they_are(study, strategy, cut):
    _, plain_plan, context = study
    _, ours, _ = prepared(study, strategy, cut)
    trial = prepare_trial(one_condition(plain_plan, strategy, cut), 0, "trial", context)
    for examples, plain in zip(ours, examples_of(trial, context), strict=True):
        assert torch.equal(everything(examples.inputs), everything(plain.inputs))
        assert torch.equal(examples.labels, plain.labels)
    assert [examples.augmented is not None for examples in ours] == [True, False, False]


def test_the_plan_without_augmentation_trains_on_the_images_as_they_are(study):
    _, plain_plan, context = study
    trial = prepare_trial(one_condition(plain_plan, "scratch", 0), 0, "trial", context)
    training, _, _ = examples_of(trial, context)
    assert training.training_inputs(1) is training.inputs


@pytest.mark.parametrize(("strategy", "cut"), [("scratch", 0), ("freeze_reinit", 1)])
def test_members_of_a_stack_take_the_decisions_of_their_serial_trials(study, strategy, cut):
    serial, _, context = study
    condition = one_condition(tiny_plan(RULES, REPLICATES, stacked=True), strategy, cut)
    assert condition.group == 3
    records = run_stacked(TransferJob("job", condition, (0, 1, 2)), context)
    for replicate, ours in enumerate(records):
        alone = run_trial(one_condition(serial, strategy, cut), replicate, "trial", context)
        assert (ours.test_accuracy, ours.train_accuracy, ours.best_epoch) == (
            alone.test_accuracy, alone.train_accuracy, alone.best_epoch
        )  # fmt: skip
        assert [point.train_loss for point in ours.curve] == pytest.approx(
            [point.train_loss for point in alone.curve], rel=1e-3
        )


def test_other_batches_of_the_same_replicate_hold_the_same_augmented_images(study, monkeypatch):
    """Batch size may be a factor: what happens to an image must not depend on its batch."""
    _, _, context = study
    seen = []

    def watch(body, training, *arguments):
        seen.append(everything(training.training_inputs(1)).numpy())
        return train(body, training, *arguments)

    train = layercut.stages.transfer.train
    monkeypatch.setattr(layercut.stages.transfer, "train", watch)
    condition = one_condition(study[0], "scratch", 0)
    for batch_size in (16, 7):
        config = dataclasses.replace(condition.training, batch_size=batch_size, epochs=1)
        run_trial(dataclasses.replace(condition, training=config), 0, "trial", context)
    assert np.array_equal(*seen)
