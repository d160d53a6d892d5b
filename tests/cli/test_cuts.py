"""`layercut list cuts` and what `layercut list models` says of libraries."""

from __future__ import annotations

import json

import pytest

from layercut.cli.cuts import cut_points, describe_cuts
from layercut.errors import UserError


def test_cut_points_have_names_shapes_parameters_and_shares():
    found = cut_points("small_convnet", None)
    assert [row["behind"] for row in found["cuts"]] == ["", "conv1", "conv2", "dense1"]
    assert [row["parameters"] for row in found["cuts"]] == [0, 320, 18_496, 204_928]
    assert [row["share"] for row in found["cuts"]][::3] == [0.0, 1.0]
    lines = describe_cuts(found).splitlines()
    assert lines[0].startswith("small_convnet on images of 1 x 28 x 28")
    assert lines[-1].split() == ["3", "dense1", "128", "204,928", "100.0", "%"]


def test_a_model_of_a_library_is_shown_on_the_images_it_was_made_for_or_on_others():
    assert cut_points("timm/convnext_atto", None)["image_shape"] == (3, 224, 224)
    small = cut_points("torchvision/resnet18", "1x32x32")
    assert small["cuts"][1] == {
        "cut": 1,
        "behind": "stem",
        "shape": (64, 8, 8),
        "parameters": 64 * 49 + 128,
        "share": pytest.approx((64 * 49 + 128) / 11_170_240, rel=1e-3),
        "stage": "stem",
    }
    assert json.loads(json.dumps(small))["cuts"][-1]["share"] == 1.0


def test_stages_of_a_library_are_shown_beside_the_blocks_that_end_them():
    found = cut_points("torchvision/resnet18", "1x32x32")
    assert [row["stage"] for row in found["cuts"]] == [
        "", "stem", "", "layer1", "", "layer2", "", "layer3", "", "layer4",
    ]  # fmt: skip
    lines = describe_cuts(found).splitlines()
    assert lines[1].split() == ["cut", "behind", "end", "of", "stage", "shape", "parameters", "share", "below"]
    assert lines[-1].endswith("are 0, 1, 3, 5, 7, 9")
    assert "stage" not in describe_cuts(cut_points("small_convnet", None))


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        ("torchvision/resnet19", None, "did you mean 'resnet18'"),
        ("mlp", "28x28", "channels x height x width"),
        ("foreign", None, "needs options that only a study file can give: `factory`: is required and missing$"),
        (
            "no_such_module:f",
            None,
            r"can give: factory: no module no_such_module; looked in .* and among installed packages$",
        ),
    ],
)
def test_what_cannot_be_listed_says_why(name, image, message):
    with pytest.raises(UserError, match=message):
        cut_points(name, image)
