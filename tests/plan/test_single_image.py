"""An image that is left over, in models that normalise over the batch: one image has no statistics."""

from __future__ import annotations

import pytest

from layercut.data.reading import known_info
from layercut.data.split_sizes import split_sizes
from layercut.errors import SpecError
from layercut.plan.canonical import trial_key
from layercut.plan.jobs import TransferJob
from layercut.stages.stacked import run_stacked
from layercut.stages.transfer import run_trial
from support.tiny import context_with_sources, one_condition, tiny_plan

NARROW = "model={name: block_cnn, hidden_dims: [4, 4, 4, 4, 6, 5], apply_bn: [true, true, true, true], dropout: 0}"
"""Its last block normalises maps of 1 x 1 on images of 8 x 8: one value a channel."""

WIDE = "model={name: block_cnn, hidden_dims: [4, 4, 6, 5], apply_bn: [true, false]}"
"""It normalises maps of 8 x 8, in its first block only."""

COUNTS = known_info("digits", {}).train_counts
NUM_TRAINED = split_sizes(COUNTS[5:], 0.2)[0]
NUM_PRETRAINED = split_sizes(COUNTS[:5], 1.0, "full", 0.1)[0]
LEFT_OVER = f"transfer.training.batch_size={NUM_TRAINED - 1}"


def joined(plan):
    return {(c.strategy, c.cut) for c in plan.conditions if c.training.single_joined}


def keys(plan):
    return {(c.strategy, c.cut): c.key for c in plan.conditions}


def test_a_trial_with_one_image_left_over_trains_though_its_maps_are_single_pixels(tmp_path):
    checked = tiny_plan(NARROW, LEFT_OVER, "transfer.strategies=[finetune]", "transfer.training.epochs=1")
    record = run_trial(one_condition(checked, "finetune", 0), 0, "trial", context_with_sources(checked, tmp_path))
    assert record.num_train_images == NUM_TRAINED


def test_replicates_that_are_trained_as_one_model_do_too(tmp_path):
    changes = [NARROW, LEFT_OVER, "transfer.strategies=[finetune]", "transfer.training.epochs=1"]
    checked = tiny_plan(*changes, "transfer.replicates=2", stacked=True)
    condition = one_condition(checked, "finetune", 0)
    assert condition.group == 2
    records = run_stacked(TransferJob("job", condition, (0, 1)), context_with_sources(checked, tmp_path))
    assert [record.key for record in records] == [trial_key(condition.key, replicate) for replicate in (0, 1)]
    assert all(record.test_accuracy is not None for record in records)


def test_only_what_trains_a_norm_with_an_image_left_over_is_another_trial():
    even, odd = (tiny_plan(WIDE, f"transfer.training.batch_size={n}").plan for n in (NUM_TRAINED - 2, NUM_TRAINED - 1))
    assert joined(even) == set()
    assert joined(odd) == {
        (c.strategy, c.cut) for c in odd.conditions if c.feature_set is None and (c.strategy, c.cut) != ("truncate", 0)
    }
    assert ("freeze", 1) in keys(odd)


def test_models_without_norms_never_join_batches_and_keep_their_keys():
    assert joined(tiny_plan(LEFT_OVER).plan) == set()


def test_a_batch_that_holds_all_images_has_nothing_to_join():
    assert joined(tiny_plan(NARROW, f"transfer.training.batch_size={NUM_TRAINED}").plan) == set()


def test_the_source_joins_by_the_number_of_its_own_images():
    (job,) = tiny_plan(NARROW, f"pretraining.batch_size={NUM_PRETRAINED - 1}").plan.sources
    assert job.training.single_joined
    assert job.training.batch_sizes(NUM_PRETRAINED) == [NUM_PRETRAINED]
    (job,) = tiny_plan(NARROW, f"pretraining.batch_size={NUM_PRETRAINED - 2}").plan.sources
    assert not job.training.single_joined


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("transfer.training.batch_size=1", "transfer.training.batch_size"),
        ("target={dataset: digits, classes: [5, 6], training: {batch_size: 1}}", "target[0].training.batch_size"),
        ("transfer.factors={size: {one: {batch_size: 1}}}", "transfer.factors.size.one.batch_size"),
        ("pretraining.batch_size=1", "pretraining.batch_size"),
    ],
)
def test_single_images_of_one_value_a_channel_are_refused_with_the_place_that_asks_for_them(change, place):
    with pytest.raises(SpecError) as caught:
        tiny_plan(NARROW, change)
    assert f"`{place}`" in str(caught.value)
    assert "expected at least 2 for block_cnn" in str(caught.value)


def test_single_images_are_legal_where_maps_have_many_pixels_or_no_norm_is_trained():
    assert tiny_plan(WIDE, "transfer.training.batch_size=1").plan.conditions
    assert tiny_plan(NARROW, "transfer.training.batch_size=1", "transfer.cuts=[4]", "transfer.strategies=[freeze]").plan
