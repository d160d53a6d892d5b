"""What a plan says about its models."""

from layercut.plan.summary import summarize
from support.tiny import tiny_plan, tiny_study


def test_operations_for_one_image_are_those_of_the_layers_worked_by_hand():
    (told,) = summarize(tiny_study(), tiny_plan().plan)["operations_per_image"]
    convolutions = [2 * 9 * 1 * 8 * 64, 2 * 9 * 8 * 8 * 64, 2 * 9 * 8 * 8 * 16]  # 3 x 3, 8 channels, pooled after two
    heads = [2 * inputs * 5 for inputs in (64, 8 * 64, 8 * 16, 8 * 16)]
    assert told["truncated"] == [sum(convolutions[:cut]) + heads[cut] for cut in range(4)]
    assert told["whole"] == told["truncated"][-1]
    assert (told["target"], told["model"]) == ("digits[5,6,7,8,9]", "plain_cnn(channels=8, depth=3, pool_every=2)")


def test_each_target_has_its_own():
    two = "target=[{dataset: digits, classes: [5, 6]}, {dataset: digits, classes: [7, 8, 9]}]"
    told = summarize(tiny_study(two), tiny_plan(two).plan)["operations_per_image"]
    assert [one["target"] for one in told] == ["digits[5,6]", "digits[7,8,9]"]
    assert told[0]["whole"] < told[1]["whole"]


def test_names_that_stand_for_the_same_have_the_same_key():
    """A default spelled out, all classes by number, a class by its name."""
    plain = "model={name: plain_cnn, depth: 3, channels: 8}"
    spelled = "model={name: plain_cnn, depth: 3, channels: 8, pool_every: 2, kernel_size: 3}"
    other = "model={name: plain_cnn, depth: 3, channels: 8, pool_every: 3}"
    whole, listed = "target={dataset: digits}", "target={dataset: digits, classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}"
    found = [
        summarize(tiny_study(*overrides), tiny_plan(*overrides).plan)["meant"]
        for overrides in ((plain, whole), (spelled, listed), (other, whole))
    ]
    keys = [{column: set(meant[column].values()) for column in meant} for meant in found]
    names = [{column: set(meant[column]) for column in meant} for meant in found]
    assert (keys[0]["model"], keys[0]["target"]) == (keys[1]["model"], keys[1]["target"])
    assert names[0]["model"] != names[1]["model"]
    assert names[0]["target"] != names[1]["target"]
    assert keys[0]["model"] != keys[2]["model"]
