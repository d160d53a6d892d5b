"""What is found out about a model when a study is planned: a mended model, or a plain refusal."""

from __future__ import annotations

import pytest
import torch

from layercut.errors import SpecError
from layercut.models import MODELS
from layercut.models.base import CuttableModel, seeded_build
from layercut.models.examine import check_names, check_sharing, check_training, examine_model
from layercut.models.foreign import ForeignOptions
from support import odd_models
from support.tiny import tiny_plan

SHAPE = (3, 16, 16)


def examined(function, shape=SHAPE, num_classes=5, **more):
    options = ForeignOptions(factory=f"support.odd_models:{function}", options=more)
    return examine_model("foreign", options, shape, num_classes)


def refusal(function, **more):
    with pytest.raises(SpecError) as error:
        examined(function, **more)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        ("plain", SHAPE),
        ("starts_at_constants", SHAPE),
        ("Rows", (3, 32, 64)),
        ("ChannelsLast", (3, 12, 8)),
        ("Sequence", SHAPE),
        ("tokens", SHAPE),
        ("Tied", SHAPE),
        ("LeNet", SHAPE),
        ("SizesAtTheStart", SHAPE),
        ("lazy", SHAPE),
        ("Windows", SHAPE),
    ],
)
def test_a_model_that_is_what_it_should_be_passes_without_a_word(function, shape):
    assert examined(function, shape) == ()


@pytest.mark.parametrize("name", ["plain_cnn", "mlp", "block_cnn", "small_convnet"])
def test_models_of_layercut_pass_too(name):
    assert examine_model(name, MODELS[name].options(), (1, 28, 28), 5) == ()


def test_parameters_that_the_code_freezes_are_trained_and_the_plan_says_so():
    (note,) = examined("all_but_the_head_frozen")
    assert note.startswith("its code freezes blocks.conv1.conv1.weight, blocks.conv1.conv1.bias")
    family = MODELS["foreign"]
    options = ForeignOptions(factory="support.odd_models:all_but_the_head_frozen")
    assert all(p.requires_grad for p in seeded_build(family, options, SHAPE, 5, seed=0).parameters())
    planned = tiny_plan("model={factory: 'support.odd_models:all_but_the_head_frozen'}").plan
    assert any("its code freezes blocks.conv1.conv1.weight" in warning for warning in planned.warnings)


def test_a_function_that_loads_weights_is_refused(tmp_path):
    file = tmp_path / "weights.pth"
    torch.save(odd_models.plain(SHAPE, 5).state_dict(), file)
    message = refusal("loads_weights", file=str(file))
    assert "the same initial values in blocks.conv1.conv1.weight" in message
    assert "source: {checkpoint: FILE}" in message


def test_a_function_that_sets_a_seed_is_refused():
    assert "loads weights or sets a seed" in refusal("sets_a_seed")


def test_initial_values_of_another_generator_are_refused():
    assert "built twice from one seed, the model differs in blocks.conv1.conv1.weight" in refusal("draws_elsewhere")


def test_a_function_that_draws_in_evaluation_mode_is_refused():
    assert "the block conv2 draws at random in evaluation mode" in refusal("AlwaysDrops")


@pytest.mark.parametrize("function", ["LooksAtTheBatch", "norms_without_statistics"])
def test_features_that_depend_on_the_batch_in_evaluation_mode_are_refused(function):
    assert "depends on the batch in evaluation mode" in refusal(function)


def test_a_squeeze_that_drops_the_dimension_of_a_single_image_is_refused():
    assert "keep the dimension of images" in refusal("Squeezes")


def test_a_width_that_depends_on_the_number_of_classes_is_refused():
    message = refusal("width_of_the_classes")
    assert "blocks.conv1.conv1.weight has the shape (10, 3, 3, 3) for 5 classes and (12, 3, 3, 3) for 6" in message


def test_a_model_that_ignores_the_number_of_classes_is_refused():
    assert "expected a classifier of 5 classes; the model has 10: use `num_classes`" in refusal("ten_classes")


def test_a_block_that_would_hide_the_images_is_refused():
    with pytest.raises(SpecError, match="a block may not be called 'input'"):
        check_names(CuttableModel({"input": torch.nn.Flatten()}, torch.nn.Linear(2, 2)))


def test_a_caller_that_computes_no_gradients_examines_alike():
    with torch.no_grad():
        assert examined("plain", num_classes=3) == ()


def test_a_parameter_of_two_blocks_is_refused():
    shared = torch.nn.Linear(2, 2)
    model = CuttableModel({"a": shared, "b": torch.nn.Sequential(shared)}, torch.nn.Linear(2, 2))
    with pytest.raises(SpecError, match=r"b\.0\.weight is a parameter of a too"):
        check_sharing(model)


def test_a_parameter_that_no_gradient_reaches_is_refused():
    class Detached(torch.nn.Conv2d):
        def forward(self, images):
            return super().forward(images).detach()

    model = CuttableModel(
        {"a": Detached(3, 4, 1)}, torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4 * 256, 5))
    )
    with pytest.raises(SpecError, match=r"blocks\.a\.weight, blocks\.a\.bias would never be trained"):
        check_training(model, SHAPE, 5)
