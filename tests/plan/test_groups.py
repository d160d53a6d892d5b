"""A study of images in groups: what is planned, what is warned of, and what is trained."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from layercut import load_results, run_study
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.data.splits import Split, sample_split
from layercut.errors import SpecError
from layercut.plan.expand import Plan
from layercut.plan.preflight import plan_with_data, plan_without_data
from layercut.spec import StudySpec
from layercut.stages.context import RunContext, open_task
from layercut.stages.inputs import feature_rows
from support.fake_datasets import write_image
from support.tiny import tiny_study

SMALL = ("source={random: true}", "transfer.fractions=[1.0]", "transfer.cuts=[0, 1]", "transfer.replicates=2")


def _study(tmp_path: Path, *overrides: str, alone: bool = False, given: bool = False) -> StudySpec:
    """Return a study of six patients and a test set; `alone`: all images of class b are of one of them.

    `given`: with images for validation alone.
    """
    root = tmp_path / "photos"
    rows = ["file_name,label,group,split"]
    for name, index in itertools.product("ab", range(30)):
        group = "p0" if alone and name == "b" else f"p{index % 6}"
        write_image(root / f"{name}{index}.png")
        rows.append(f"{name}{index}.png,{name},{group},train")
    for name, split in itertools.product("ab", ("test", "val") if given else ("test",)):
        write_image(root / f"{split}{name}.png")
        rows.append(f"{split}{name}.png,{name},{split},{split}")
    (root / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    target = f"target={{dataset: folder, path: {root}, image_size: 8, channels: 1}}"
    return tiny_study(*SMALL, target, *overrides)


def _plan(study: StudySpec) -> Plan:
    return plan_with_data(study, default_data_dir(), default_cache_dir(), "float32").plan


@pytest.mark.parametrize("validation", ["within", "full", "folds"])
def test_trials_hold_whole_groups_out(tmp_path: Path, validation: str) -> None:
    study = _study(
        tmp_path,
        f"transfer.validation={validation}",
        "transfer.val_split=0.2",
        "transfer.strategies=[freeze, linear_probe]",
    )
    run_study(study, tmp_path / "run", executor="serial")
    results = load_results(tmp_path / "run")
    assert set(results.status) == {"finished"}
    assert set(results.num_validation_images) == {60 if validation == "folds" else 10}
    assert set(results.num_train_images) == {60 if validation == "folds" else 50}


def test_features_are_stored_of_the_images_that_trials_with_groups_use(tmp_path: Path) -> None:
    study = _study(
        tmp_path,
        "transfer.validation=full",
        "transfer.val_split=0.2",
        "transfer.fractions=[0.5]",
        "transfer.strategies=[linear_probe]",
    )
    checked = plan_with_data(study, default_data_dir(), default_cache_dir(), "float32")
    one = next(condition for condition in checked.plan.conditions if condition.feature_set)
    task = open_task(checked.datasets[one.task.fingerprint], one.task.classes)
    assert one.feature_set
    splits = [
        sample_split(task.train_labels, 2, 0.5, replicate, 3, validation="full", val_split=0.2, groups=task.groups)
        for _, replicate in one.feature_set.samples.replicates
    ]
    used = np.unique(np.concatenate([part for split in splits for part in split]))
    context = cast("RunContext", SimpleNamespace(datasets=checked.datasets))
    assert feature_rows(context, one.feature_set, "train").tolist() == used.tolist()


@pytest.mark.parametrize("stage", ["source", "trial", "probed"])
def test_pretraining_trials_and_probes_divide_whole_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    study = _study(tmp_path)
    source = f"source={{dataset: folder, path: {tmp_path}/photos, image_size: 8, channels: 1}}"
    study = _study(tmp_path, source, "transfer.val_split=0.2", "probes=[knn]", "transfer.strategies=[freeze]")
    shared: list[set[int]] = []

    def spied(labels: Any, *others: Any, groups: Any = None, **options: Any) -> Split:
        split = sample_split(labels, *others, groups=groups, **options)
        shared.append(set(groups[split.train]) & set(groups[split.validation]))
        return split

    monkeypatch.setattr(f"layercut.stages.{stage}.sample_split", spied)
    run_study(study, tmp_path / "run", executor="serial")
    assert shared
    assert not any(shared)
    assert set(load_results(tmp_path / "run").status) == {"finished"}


@pytest.mark.parametrize(("validation", "stacked"), [("within", False), ("given", True)])
def test_replicates_with_different_numbers_of_images_are_no_stacked_model(
    tmp_path: Path, validation: str, stacked: bool
) -> None:
    study = _study(tmp_path, f"transfer.validation={validation}", "transfer.strategies=[finetune]", given=stacked)
    plan = plan_with_data(study, default_data_dir(), default_cache_dir(), "float32", stacked=True).plan
    assert [one.group is not None for one in plan.conditions] == [stacked]


def test_trials_with_a_class_within_one_group_are_trained_and_hold_out_the_others(tmp_path: Path) -> None:
    study = _study(tmp_path, "transfer.validation=folds", "transfer.strategies=[freeze, linear_probe]", alone=True)
    run_study(study, tmp_path / "run", executor="serial")
    results = load_results(tmp_path / "run")
    assert set(results.status) == {"finished"}
    assert set(results.num_validation_images) == {30}


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        ("folds", "all training images of b are of one group: they are held out in no fold"),
        ("within", "all training images of b are of one group, which cannot be divided, so there are no validation"),
        ("full", "all training images of b are of one group, which cannot be divided, so there are no validation"),
    ],
)
def test_a_class_within_one_group_is_told(tmp_path: Path, validation: str, said: str) -> None:
    study = _study(tmp_path, f"transfer.validation={validation}", alone=True)
    assert any(said in warning for warning in _plan(study).warnings)
    offline = plan_without_data(study, default_data_dir(), default_cache_dir(), "float32")
    assert any(said in warning for warning in offline.warnings)
    apart = _plan(_study(tmp_path / "apart", f"transfer.validation={validation}"))
    assert not any("of one group" in warning for warning in apart.warnings)


def test_fewer_groups_than_folds_are_told(tmp_path: Path) -> None:
    study = _study(tmp_path, "transfer.validation=folds", "transfer.num_folds=8")
    assert any("6 folds, not 8: there are only 6 groups that can be held out" in said for said in _plan(study).warnings)


def test_checkpoints_after_batches_of_a_source_in_groups_are_refused(tmp_path: Path) -> None:
    study = _study(tmp_path)
    source = f"source={{dataset: folder, path: {tmp_path}/photos, image_size: 8, channels: 1}}"
    study = _study(tmp_path, source, "pretraining.checkpoints=[batch 1]", "pretraining.patience=null")
    with pytest.raises(SpecError, match=r"expected epochs, not batches, for source\[0\] photos"):
        _plan(study)
