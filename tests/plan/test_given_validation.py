"""Validation images of a target's own choose, and are neither trained on nor tested on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from layercut import load_results, run_study
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.data.split_sizes import split_sizes
from layercut.data.splits import sample_split
from layercut.errors import SpecError
from layercut.plan.expand import Plan
from layercut.plan.preflight import plan_with_data, plan_without_data
from layercut.spec import StudySpec
from support.fake_datasets import write_folder
from support.tiny import tiny_study

SMALL = ("source={random: true}", "transfer.fractions=[0.5]", "transfer.cuts=[0, 1]", "transfer.replicates=2")


def _study(tmp_path: Path, *overrides: str, prefix: str = "val") -> StudySpec:
    root = tmp_path / "photos"
    for split, count in (("train", 8), (prefix, 3), ("test", 2)):
        write_folder(root / split, {"a": count, "b": count}, prefix=split)
    target = f"target={{dataset: folder, path: {root}, image_size: 8, channels: 1}}"
    return tiny_study(*SMALL, target, *overrides)


def _plan(study: StudySpec) -> Plan:
    return plan_with_data(study, default_data_dir(), default_cache_dir(), "float32").plan


def _validations(plan: Plan) -> set[str]:
    return {condition.validation for condition in plan.conditions}


def test_the_given_images_validate_every_replicate_and_the_sample_is_trained_on_whole() -> None:
    labels = np.array([0] * 8 + [1] * 8 + [0, 1, 1])
    splits = [
        sample_split(labels, 2, 0.5, replicate, 0, validation="given", val_split=0.1, num_given=3)
        for replicate in range(3)
    ]
    assert {tuple(split.validation) for split in splits} == {(16, 17, 18)}
    assert {len(split.train) for split in splits} == {8}
    assert max(split.train.max() for split in splits) < 16
    assert split_sizes([8, 8], 0.5, "given", num_given=3) == (8, 3)


@pytest.mark.parametrize("validation", ["within", "full", "folds"])
def test_they_are_never_trained_on_whatever_validates(validation: str) -> None:
    labels = np.array([0] * 20 + [1] * 20 + [0, 1, 1])
    split = sample_split(labels, 2, 1.0, 0, 0, validation=validation, val_split=0.2, num_given=3)  # type: ignore[arg-type]
    assert max(np.concatenate(split)) < 40


def test_a_target_that_has_some_uses_them_unless_the_study_says_otherwise(tmp_path: Path) -> None:
    assert _validations(_plan(_study(tmp_path))) == {"given"}
    assert _validations(_plan(_study(tmp_path, "transfer.validation=within"))) == {"within"}
    assert _validations(_plan(_study(tmp_path, "transfer.validation=given"))) == {"given"}


def test_with_and_without_data_the_same_is_planned(tmp_path: Path) -> None:
    study = _study(tmp_path)
    offline = plan_without_data(study, default_data_dir(), default_cache_dir(), "float32")
    assert _validations(offline) == {"given"}
    assert [c.flops for c in offline.conditions] == [c.flops for c in _plan(study).conditions]


def test_a_target_without_any_cannot_be_asked_for_them() -> None:
    with pytest.raises(SpecError, match=r"`transfer\.validation`.*expected a target with validation images of its own"):
        _plan(tiny_study("transfer.validation=given"))


def test_trials_say_how_many_images_validated_and_trained(tmp_path: Path) -> None:
    run_study(_study(tmp_path, "probes=[knn]"), tmp_path / "run", executor="serial")
    results = load_results(tmp_path / "run")
    assert set(results.status) == {"finished"}
    assert set(results.num_validation_images) == {6}
    assert set(results.num_train_images) == {8}
    assert set(results.num_test_images) == {4}
    assert results.validation_accuracy.notna().all()


def test_a_source_with_some_is_pretrained_with_them(tmp_path: Path) -> None:
    study = _study(tmp_path)
    source = f"source={{dataset: folder, path: {tmp_path}/photos, image_size: 8, channels: 1}}"
    study = _study(tmp_path, source, "transfer.strategies=[freeze]", "transfer.cuts=[1]", "transfer.replicates=1")
    summary = run_study(study, tmp_path / "run", executor="serial")
    assert summary.num_finished == 1
