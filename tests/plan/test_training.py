"""Training fields in a plan: keys, overrides, sources by checkpoint and seed."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from layercut.errors import SpecError
from layercut.keys import content_key
from layercut.spec import TrainingSpec
from layercut.spec.training import PretrainingSpec
from layercut.training.config import TrainingConfig
from support.tiny import tiny_plan


def keys(plan):
    return {condition.key for condition in plan.conditions}


def test_keys_of_a_frozen_study_are_what_they_were_before_these_fields_existed():
    plan = tiny_plan().plan
    assert [job.key for job in plan.sources] == ["cf5e3c9b3eeee14310e19cdfc3715971"]
    assert list(plan.feature_sets) == ["baf0041b4f5bc75b0866dd33472a7168"]
    together = hashlib.sha256("".join(sorted(keys(plan))).encode()).hexdigest()
    assert together == "25ca702cfa2d94710ecb2624858a2acd883fdcc2a04687936fac272382789329"
    sources = "source=[{random: true}, {dataset: digits, classes: [0, 1]}]"
    two = tiny_plan("pretraining.optimizer=adam", sources).plan
    assert [job.key for job in two.sources] == ["9d188ad65c706c4b41421e8345436c0c", "7977f795caa8bbafdc621694683713e3"]


def test_default_values_that_are_written_out_change_no_key():
    defaults = {name: field.default for name, field in TrainingSpec.model_fields.items()}
    new = {field.name: field.default for field in dataclasses.fields(TrainingConfig)[7:] if field.name in defaults}
    written = [
        f"transfer.training.{name}={'null' if value is None else value}"
        for name, value in new.items()
        if not isinstance(value, tuple)
    ]
    assert len(written) > 10
    assert keys(tiny_plan(*written).plan) == keys(tiny_plan().plan)


FIELDS = {
    "optimizer": "{optimizer: adamw}",
    "momentum": "{optimizer: sgd, momentum: 0.9}",
    "nesterov": "{optimizer: sgd, momentum: 0.9, nesterov: true}",
    "target_accuracy": "{target_accuracy: 0.9}",
    "lr_schedule": "{lr_schedule: cosine}",
    "lr_factor": "{lr_schedule: plateau, lr_factor: 0.5}",
    "lr_patience": "{lr_schedule: plateau, lr_patience: 3}",
    "lr_watch": "{lr_schedule: plateau, lr_watch: accuracy}",
    "lr_step_epochs": "{lr_schedule: step, lr_step_epochs: 3}",
    "warmup_epochs": "{warmup_epochs: 2}",
    "warmup_steps": "{warmup_steps: 2}",
    "clip_norm": "{clip_norm: 1}",
    "label_smoothing": "{label_smoothing: 0.1}",
    "class_weights": "{class_weights: balanced}",
    "kept_lr_scale": "{kept_lr_scale: 0.1}",
    "patience_watch": "{patience_watch: loss}",
    "restore_best_weights": "{restore_best_weights: false}",
    "layer_decay": "{layer_decay: 0.5}",
    "pull": "{pull: 0.1}",
    "unfreeze_every": "{unfreeze_every: 2}",
    "adapt_norms": "{adapt_norms: true}",
    "freeze_norm_statistics": "{freeze_norm_statistics: true}",
    "augmentation": "{augmentation: [flip]}",
    "validate_epochs": "{validate_epochs: as_needed}",
    "log_points": "{log_points: true, patience: null}",
    "steps": "{steps: 100}",
    "min_steps": "{min_steps: 100}",
    "evaluations": "{steps: 100, evaluations: 5}",
}


def test_every_training_field_reaches_the_configuration():
    carried = {field.name for field in dataclasses.fields(TrainingConfig)}
    assert set(TrainingSpec.model_fields) <= carried
    assert set(PretrainingSpec.model_fields) - carried == {"val_split", "threads", "seeds"}
    assert set(FIELDS) == set(TrainingSpec.model_fields) - {
        "lr", "weight_decay", "epochs", "patience", "batch_size", "classification_report"
    }  # fmt: skip


NORMS = "model={name: block_cnn, hidden_dims: [4, 6, 8, 5]}"
USED_BY = {
    "layer_decay": ["transfer.strategies=[layer_decay]"],
    "pull": ["transfer.strategies=[l2_sp]"],
    "unfreeze_every": ["transfer.strategies=[gradual_unfreeze]"],
    "adapt_norms": ["transfer.strategies=[bias_only]", NORMS],
    "freeze_norm_statistics": ["transfer.strategies=[finetune]", NORMS],
}
"""What looks at a field, where fine-tuning does not."""


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_changes_numbers_changes_the_keys(name):
    used = USED_BY.get(name, ["transfer.strategies=[finetune]"])
    plan = tiny_plan(f"transfer.training={FIELDS[name]}", *used).plan
    (condition,) = plan.conditions
    default = next(field.default for field in dataclasses.fields(TrainingConfig) if field.name == name)
    assert getattr(condition.training, name) != default
    plain = tiny_plan("transfer.training={patience: null}", *used).plan
    assert not keys(plan) & (keys(plain) | keys(tiny_plan("transfer.training={}", *used).plan))


@pytest.mark.parametrize("field", ["{layer_decay: 0.5}", "{pull: 0.5}", "{unfreeze_every: 2}"])
def test_a_field_of_one_strategy_leaves_the_keys_of_all_others(field):
    changed = tiny_plan(f"transfer.training={field}", "transfer.strategies=[scratch, freeze, finetune, norm_only]")
    plain = tiny_plan("transfer.training={}", "transfer.strategies=[scratch, freeze, finetune, norm_only]")
    assert keys(changed.plan) == keys(plain.plan)


def test_any_field_is_a_level_of_a_factor():
    levels = "{a: {optimizer: adam, lr: 0.001}, b: {optimizer: sgd, lr: 0.1, momentum: 0.9, weight_decay: 0.1}}"
    plan = tiny_plan(
        f"transfer.factors={{optimizer: {levels}, rate: {{flat: {{}}, cosine: {{lr_schedule: cosine}}}}}}",
        "transfer.strategies=[scratch]",
    ).plan
    made = {(c.training.optimizer, c.training.momentum, c.training.lr_schedule) for c in plan.conditions}
    assert made == {(o, m, s) for o, m in (("adam", 0.0), ("sgd", 0.9)) for s in ("none", "cosine")}


@pytest.mark.parametrize(
    ("levels", "place", "message"),
    [
        ("{f: {a: {lr: -1}}, g: {b: {epochs: 3}}}", "transfer.factors.f.a", "`lr`: expected greater than 0"),
        ("{f: {a: {learnrate: 1}}}", "transfer.factors.f.a", "unknown key"),
        ("{f: {a: {momentum: 0.5}}, g: {b: {lr: 0.1}}}", "transfer.factors.f.a", "momentum only with"),
    ],
)
def test_an_impossible_level_is_named_with_its_key_path(levels, place, message):
    with pytest.raises(SpecError) as caught:
        tiny_plan(f"transfer.factors={levels}")
    assert f"`{place}` given with --set" in str(caught.value)
    assert message in str(caught.value)


def test_a_target_overrides_the_training_and_a_level_overrides_the_target():
    second = "{dataset: digits, classes: [7, 8], training: {batch_size: 4, lr: 0.5}}"
    two = f"target=[{{dataset: digits, classes: [5, 6]}}, {second}]"
    plan = tiny_plan(two, "transfer.strategies=[scratch]").plan
    assert [(c.training.batch_size, c.training.lr) for c in plan.conditions] == [(16, 0.01), (4, 0.5)]
    plan = tiny_plan(two, "transfer.strategies=[scratch]", "transfer.factors={rate: {low: {lr: 0.001}}}").plan
    assert [(c.training.batch_size, c.training.lr) for c in plan.conditions] == [(16, 0.001), (4, 0.001)]


def test_an_impossible_override_of_a_target_or_a_source_is_named_with_its_key_path():
    with pytest.raises(SpecError, match=r"`target\[0\]\.training` given with --set: `lr`: expected greater than 0"):
        tiny_plan("target={dataset: digits, classes: [5, 6], training: {lr: 0}}")
    with pytest.raises(SpecError, match=r"`source\[0\]\.training` .*unknown key; did you mean 'epochs'"):
        tiny_plan("source={dataset: digits, classes: [0, 1], training: {epoch: 3}}")


def test_a_source_overrides_the_pretraining():
    plan = tiny_plan(
        "source=[{dataset: digits, classes: [0, 1]}, {dataset: digits, classes: [0, 1], training: {epochs: 5}}]"
    ).plan
    assert [(job.label, job.training.epochs) for job in plan.sources] == [("digits[0,1]", 2), ("digits[0,1] #2", 5)]


def test_what_keeps_nothing_is_one_trial_for_every_scale_of_the_kept():
    plan = tiny_plan("transfer.factors={scale: {full: {}, tenth: {kept_lr_scale: 0.1}}}").plan
    by_level = {}
    for name in plan.names:
        by_level.setdefault(name.factors["scale"], {})[name.strategy, name.cut] = name.condition
    same = {point for point, key in by_level["full"].items() if by_level["tenth"][point] == key}
    assert same == {
        ("scratch", 0), *((name, 0) for name in ("freeze_reinit", "reinit", "freeze_truncate", "truncate")),
        *((name, cut) for name in ("freeze_reinit", "freeze_truncate") for cut in (1, 2, 3)), ("freeze", 3),
    }  # fmt: skip


CHECKPOINTS = "pretraining={epochs: 2, threads: 1, lr: 0.01, patience: null, checkpoints: [0, batch 2, epoch 1, last]}"


def test_each_checkpoint_is_a_source_of_its_own_and_the_training_is_one():
    plan = tiny_plan(CHECKPOINTS, "transfer.strategies=[scratch, finetune]").plan
    (job,) = plan.sources
    label = "digits[0,1,2,3,4]"
    assert [point.label for point in job.points] == [f"{label} @ 0", f"{label} @ batch 2", f"{label} @ epoch 1", label]
    assert job.points[-1].key == job.key
    assert {condition.source for condition in plan.conditions} == {None, *(point.key for point in job.points)}
    assert len(plan.conditions) == 1 + 4


def test_asking_for_checkpoints_keeps_the_key_of_the_last_one():
    plain = tiny_plan("pretraining={epochs: 2, threads: 1, lr: 0.01, patience: null}").plan
    (job,) = tiny_plan(CHECKPOINTS).plan.sources
    assert [source.key for source in plain.sources] == [job.key]
    assert keys(plain) < keys(tiny_plan(CHECKPOINTS).plan)
    assert job.points[0].key == content_key("checkpoint", [job.key, "0"])


def test_a_batch_beyond_the_first_epoch_is_refused_with_their_number():
    with pytest.raises(
        SpecError, match=r"`pretraining\.checkpoints`.*batches of the first epoch, which has \d+ .*batch 99"
    ):
        tiny_plan("pretraining={checkpoints: [batch 99], threads: 1}")


def test_each_seed_is_a_source_of_its_own_and_the_first_has_its_old_key():
    plan = tiny_plan("pretraining.seeds=3").plan
    assert [job.label for job in plan.sources] == [f"digits[0,1,2,3,4] seed {seed}" for seed in range(3)]
    assert plan.sources[0].key == tiny_plan().plan.sources[0].key
    assert len({job.key for job in plan.sources}) == 3
    own = tiny_plan("source=[{dataset: digits, classes: [0, 1], seeds: [5]}, {random: true, seeds: 2}]").plan
    assert [job.label for job in own.sources] == [
        "digits[0,1] seed 5", "random weights seed 0", "random weights seed 1"
    ]  # fmt: skip


def test_two_entries_of_one_training_share_it_with_the_checkpoints_of_both():
    entry = "{dataset: digits, classes: [0, 1], training: {patience: null, checkpoints: [%s]}}"
    plan = tiny_plan(f"source=[{entry % '0'}, {entry % 'batch 1, last'}]").plan
    (job,) = plan.sources
    assert [point.point for point in job.points] == ["0", "batch 1", "last"]
    assert job.training.checkpoints == ("0", "batch 1", "last")


def test_rules_that_need_validation_images_are_a_warning_where_there_are_none():
    training = "transfer.training={lr_schedule: plateau, target_accuracy: 0.9}"
    plan = tiny_plan(training, "transfer.fractions=[0.01, 1.0]").plan
    (warning,) = [text for text in plan.warnings if "cannot take effect" in text]
    assert "at 1 %" in warning
    assert "the plateau of the learning rate and the target accuracy 0.9 cannot take effect" in warning
    assert not [
        text for text in tiny_plan("transfer.fractions=[0.01, 1.0]").plan.warnings if "cannot take effect" in text
    ]


def test_augmentation_is_counted_with_the_trial_whose_trunk_computes_it_anew():
    plain = {(c.strategy, c.cut): c.flops for c in tiny_plan().plan.conditions}
    plan = tiny_plan("transfer.training={lr: 0.01, epochs: 3, batch_size: 16, augmentation: [flip]}").plan
    augmented = {(c.strategy, c.cut): c.flops for c in plan.conditions}
    assert all(augmented[at] > flops for at, flops in plain.items() if at[0].startswith("freeze"))
    assert all(augmented[at] == flops for at, flops in plain.items() if not at[0].startswith("freeze"))
    (feature_set,), (plain_set,) = plan.feature_sets.values(), tiny_plan().plan.feature_sets.values()
    assert all(cost.num_uses < before.num_uses for cost, before in zip(feature_set[1], plain_set[1], strict=True))


def test_pretraining_that_has_no_validation_images_is_a_warning_that_names_its_rules():
    short = "epochs: 2, threads: 1, val_split: 0.001"
    plan = tiny_plan(f"pretraining={{{short}, lr_schedule: plateau}}").plan
    (warning,) = [text for text in plan.warnings if text.startswith("pretraining on digits[0,1,2,3,4]: ")]
    assert "a class cannot spare a validation image at `val_split: 0.001`" in warning
    assert (
        "early stopping (patience 6) and the plateau of the learning rate cannot take effect: all 2 epochs" in warning
    )
    for usable in (f"{{{short}, patience: null}}", "{epochs: 2, threads: 1, lr_schedule: plateau}"):
        warnings = tiny_plan(f"pretraining={usable}").plan.warnings
        assert not [text for text in warnings if text.startswith("pretraining")]


def length_warnings(*overrides: str) -> list[str]:
    return [text for text in tiny_plan(*overrides).plan.warnings if "to tell how well a network can do" in text]


def test_fewer_than_a_hundred_steps_are_a_warning_that_counts_them():
    # three epochs of nine batches of 16, the last one smaller
    (warning,) = length_warnings()
    assert "digits[5,6,7,8,9] at 20 %: trainings end after 27 steps at the latest" in warning
    assert "`transfer.training.min_steps: 300` trains longer" in warning
    assert length_warnings("transfer.training.min_steps=100") == []
    assert length_warnings("transfer.training={epochs: 13, batch_size: 16}") == []


def test_a_study_in_steps_is_told_to_take_more_of_them():
    (warning,) = length_warnings("transfer.training={steps: 60}")
    assert "after 60 steps at the latest" in warning
    assert "more `steps` trains longer" in warning


def test_a_head_that_is_solved_has_no_steps_to_warn_of():
    assert length_warnings("transfer.strategies=[linear_probe]") == []
