"""Source and target of other shapes: refused with what to write, or matched as the study says."""

from __future__ import annotations

import pytest

from layercut.errors import SpecError
from support.tiny import tiny_plan, tiny_study

LARGE = "target={dataset: digits, classes: [5, 6, 7], image_size: [10, 12], channels: 3}"


def test_other_shapes_are_refused_with_the_keys_that_match_them():
    with pytest.raises(SpecError) as caught:
        tiny_plan(LARGE)
    message = str(caught.value)
    assert "`source[0]`" in message
    assert "target's shape (3, 10, 12) (channels, height, width); digits[0,1,2,3,4] has (1, 8, 8)" in message
    assert "set `channels: 3` and `image_size: [10, 12]` on the source" in message
    assert "`match: target`" in message


def test_the_keys_that_the_message_names_match_the_images():
    plan = tiny_plan(
        LARGE, "source={dataset: digits, classes: [0, 1, 2, 3, 4], channels: 3, image_size: [10, 12]}"
    ).plan
    assert plan.sources[0].model.image_shape == (3, 10, 12)


@pytest.mark.parametrize(
    ("match", "shape"),
    [
        ("target", (3, 10, 12)),
        ("{to: target, resize: pad}", (3, 10, 12)),
        ("source", None),
        ("{image_size: 9, channels: 1}", None),
    ],
)
def test_a_key_of_the_task_itself_comes_before_match(match: str, shape: tuple[int, ...] | None):
    if shape is None:
        with pytest.raises(SpecError, match="expected images of the target's shape"):
            tiny_plan(LARGE, f"match={match}")
        return
    plan = tiny_plan(LARGE, f"match={match}").plan
    assert {condition.task.image_shape for condition in plan.conditions} == {shape}
    assert plan.sources[0].task is not None
    assert plan.sources[0].task.image_shape == shape


def test_targets_get_the_shape_of_the_source():
    plan = tiny_plan("match=source", "source={dataset: digits, classes: [0, 1, 2], image_size: 12, channels: 3}").plan
    assert {condition.task.image_shape for condition in plan.conditions} == {(3, 12, 12)}


def test_both_get_the_shape_that_match_gives():
    plan = tiny_plan("match={image_size: [6, 7], channels: 3}").plan
    assert {condition.task.image_shape for condition in plan.conditions} == {(3, 6, 7)}
    assert plan.sources[0].model.image_shape == (3, 6, 7)


def test_how_images_are_resized_is_part_of_every_key():
    keys = [
        {condition.key for condition in tiny_plan(f"match={{image_size: [6, 7], resize: {resize}}}").plan.conditions}
        for resize in ("crop", "pad", "stretch")
    ]
    assert len(set.union(*keys)) == 3 * len(keys[0])


def test_sources_of_several_shapes_cannot_give_the_targets_one():
    with pytest.raises(SpecError, match=r"sources of one shape; sources have \(1, 8, 8\), \(1, 9, 9\)"):
        tiny_plan("match=source", "source=[{dataset: digits}, {dataset: digits, image_size: 9}]")
    with pytest.raises(SpecError, match="no source has a `dataset`"):
        tiny_plan("match=source", "source={random: true}")


@pytest.mark.parametrize("match", ["{}", "{to: target, image_size: 9}", "both", "{to: source, resize: squeeze}"])
def test_an_impossible_match_is_refused(match: str):
    with pytest.raises(SpecError, match="`match"):
        tiny_study(f"match={match}")
