"""How pixels become inputs, by the study's numbers or by the images of a task; what is shared then."""

from __future__ import annotations

import hashlib

import pytest

from layercut.data.cache import default_cache_dir, default_data_dir, load_dataset
from layercut.data.statistics import ChannelStatistics, training_statistics
from layercut.data.subset import select_task
from layercut.errors import SpecError
from layercut.plan.expand import Plan
from layercut.plan.preflight import plan_with_data, plan_without_data
from layercut.plan.summary import describe, summarize
from support.tiny import tiny_plan, tiny_study

TWO_SOURCES = "source=[{dataset: digits, classes: [0, 1, 2]}, {dataset: digits, classes: [2, 3, 4]}]"


def _statistics(*classes: int) -> ChannelStatistics:
    dataset = load_dataset("digits", {}, default_data_dir(), default_cache_dir(), False)
    return training_statistics(select_task(dataset, classes))


def _trial_scalings(plan: Plan) -> set[ChannelStatistics]:
    return {ChannelStatistics(c.training.mean, c.training.std) for c in plan.conditions}


def _offline(*overrides: str) -> Plan:
    return plan_without_data(tiny_study(*overrides), default_data_dir(), default_cache_dir(), "float32")


def test_by_the_source_both_scale_by_the_images_of_the_source():
    plan = tiny_plan("normalization=source").plan
    expected = _statistics(0, 1, 2, 3, 4)
    assert _trial_scalings(plan) == {expected}
    assert (plan.sources[0].training.mean, plan.sources[0].training.std) == expected
    assert all(feature_set.training.mean == expected.mean for feature_set, _ in plan.feature_sets.values())


def test_by_the_target_each_scales_by_its_own_images():
    plan = tiny_plan("normalization=target").plan
    assert _trial_scalings(plan) == {_statistics(5, 6, 7, 8, 9)}
    assert (plan.sources[0].training.mean, plan.sources[0].training.std) == _statistics(0, 1, 2, 3, 4)


def test_what_keeps_nothing_is_shared_by_sources_only_where_pixels_are_scaled_alike():
    one = tiny_plan("normalization=source").plan
    shared, apart = (tiny_plan(TWO_SOURCES, f"normalization={word}").plan for word in ("target", "source"))
    nothing_kept = [condition for condition in one.conditions if condition.source is None]
    assert len(shared.conditions) == 2 * len(one.conditions) - len(nothing_kept)
    assert len(apart.conditions) == 2 * len(one.conditions)


def test_without_data_as_many_conditions_are_planned_as_with_them():
    for change in ("normalization=source", "normalization=target"):
        assert len(_offline(TWO_SOURCES, change).conditions) == len(tiny_plan(TWO_SOURCES, change).plan.conditions)


def test_a_plan_says_what_pixels_are_scaled_by_also_before_a_run_where_the_images_are_here():
    study = tiny_study("normalization=target")
    mean, std = _statistics(5, 6, 7, 8, 9)
    rows = summarize(study, tiny_plan("normalization=target").plan)["normalization"]
    assert {"images": "digits[5,6,7,8,9]", "mean": list(mean), "std": list(std)} in rows
    offline = summarize(study, _offline("normalization=target"))
    told = f"pixels      of digits[5,6,7,8,9] less {mean[0]:.4f}, divided by {std[0]:.4f}"
    assert told in describe(offline)
    assert told in describe(summarize(study, tiny_plan("normalization=target").plan))


def test_a_plan_says_that_what_pixels_are_scaled_by_is_not_known_where_the_images_are_elsewhere(tmp_path):
    tasks = [
        f"{key}={{dataset: mnist, classes: {classes}}}" for key, classes in (("source", [0, 1]), ("target", [2, 3]))
    ]
    study = tiny_study("normalization=target", *tasks)
    offline = summarize(study, plan_without_data(study, tmp_path / "data", tmp_path / "cache", "float32"))
    assert {row["mean"] for row in offline["normalization"]} == {None}
    assert "of the target's images are known once the data are read" in describe(offline)
    assert not list(tmp_path.iterdir())


def test_imagenet_has_a_value_for_each_of_three_channels():
    with pytest.raises(SpecError, match=r"each of the 1 channels of digits.*got 3: set `channels: 3` on the task"):
        tiny_plan("normalization=imagenet")
    plan = tiny_plan("normalization=imagenet", "match={channels: 3}").plan
    assert _trial_scalings(plan) == {ChannelStatistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}


def test_as_many_numbers_as_channels_are_needed():
    with pytest.raises(SpecError, match=r"`normalization\.mean`.*got 2"):
        tiny_plan("normalization={mean: [0.1, 0.2], std: 1.0}")


SOURCES_WITHOUT_IMAGES = {
    "{random: true}": r"got source\[0\], random weights, which have seen no images: write numbers",
    "{checkpoint: nowhere.pth}": r"got source\[0\], nowhere\.pth, without a `dataset`: add the one",
    "[{dataset: digits, classes: [0, 1]}, {weights: DEFAULT}]": r"got source\[1\], weights DEFAULT, .*leave it out",
}


@pytest.mark.parametrize("source", SOURCES_WITHOUT_IMAGES)
def test_a_source_without_images_cannot_give_the_scaling(source, tmp_path):
    study = tiny_study("normalization=source", f"source={source}", "target={dataset: mnist}")
    for plan in (plan_with_data, plan_without_data):
        with pytest.raises(SpecError, match=SOURCES_WITHOUT_IMAGES[source]) as caught:
            plan(study, tmp_path / "data", tmp_path / "cache", "float32")
        assert str(caught.value).startswith("`normalization` given with --set: expected sources whose images are known")
    assert not list(tmp_path.iterdir()), "nothing was read or downloaded"


def test_a_source_without_images_scales_pixels_as_the_target_where_the_study_says_so():
    assert _trial_scalings(tiny_plan("normalization=target", "source={random: true}").plan) == {
        _statistics(5, 6, 7, 8, 9)
    }


def test_a_word_that_is_no_normalization_is_refused():
    with pytest.raises(SpecError, match="`normalization`"):
        tiny_study("normalization=sources")


def test_variants_of_one_dataset_are_tasks_of_their_own_with_and_without_data():
    changes = [
        "target=[{dataset: digits}, {dataset: digits, variant: noise}, {dataset: digits, groups: {a: [0], b: [1]}}]"
    ]
    plan, offline = tiny_plan(*changes).plan, _offline(*changes)
    assert len(plan.conditions) == len(offline.conditions) == 3 * len(tiny_plan().plan.conditions)
    labels = list(dict.fromkeys(name.target for name in plan.names))
    assert labels == ["digits", "digits noise", "digits(a,b)"]


def test_keys_of_a_study_without_any_of_this_are_what_they_always_were():
    plan = tiny_plan().plan
    keys = [*(condition.key for condition in plan.conditions), *(job.key for job in plan.sources), *plan.feature_sets]
    digest = hashlib.sha256("".join(sorted(keys)).encode()).hexdigest()
    assert digest == "94596fec3268cfc8c692d7f7f9925b92c9fab9130c81fc7114a280eada9f9a8a"
