"""What published weights were made for is what a study gives them, unless it says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from layercut.checkpoints import save_checkpoint
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.data.statistics import ChannelStatistics
from layercut.errors import SpecError
from layercut.models import MODELS
from layercut.models.families import MadeForFamily
from layercut.plan.expand import Plan
from layercut.plan.preflight import plan_without_data
from layercut.plan.source_models import build_for
from layercut.plan.summary import describe, summarize
from layercut.spec import StudySpec
from support.tiny import tiny_study

IMAGENET = ChannelStatistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
RESNET = "model={name: torchvision/resnet18, granularity: stage}"
LITE = "model={name: timm/tf_efficientnet_lite0, cuts: [1, 2]}"
WEIGHTS = "source={weights: DEFAULT}"


def _study(*overrides: str) -> StudySpec:
    return tiny_study("transfer.strategies=[scratch, freeze]", "transfer.cuts=[1]", *overrides)


def _plan(*overrides: str) -> Plan:
    return plan_without_data(_study(*overrides), default_data_dir(), default_cache_dir(), "float32")


def _scalings(plan: Plan) -> set[ChannelStatistics]:
    return {ChannelStatistics(condition.training.mean, condition.training.std) for condition in plan.conditions}


def _shapes(plan: Plan) -> set[tuple[int, int, int]]:
    return {condition.task.image_shape for condition in plan.conditions}


def test_weights_of_a_library_get_size_channels_and_scaling_that_they_were_made_for() -> None:
    plan = _plan(RESNET, WEIGHTS)
    assert _shapes(plan) == {(3, 224, 224)}
    assert _scalings(plan) == {IMAGENET}
    assert (plan.sources[0].training.mean, plan.sources[0].training.std) == IMAGENET


def test_each_set_of_weights_of_a_model_has_its_own() -> None:
    family = MODELS["torchvision/vit_b_16"]
    assert isinstance(family, MadeForFamily)
    assert [family.made_for(f"IMAGENET1K_{name}").image_shape[1] for name in ("V1", "SWAG_E2E_V1")] == [224, 384]


@pytest.mark.slow
def test_images_are_resized_as_the_weights_were_made_for() -> None:
    def fingerprints(*overrides: str) -> set[str]:
        return {condition.task.fingerprint for condition in _plan(LITE, WEIGHTS, *overrides).conditions}

    told = "target={dataset: digits, classes: [5, 6, 7, 8, 9], image_size: 224, channels: 3, interpolation: "
    assert fingerprints() != fingerprints(told + "bilinear}")
    assert "bicubic" in str(fingerprints()) and "bicubic" in str(fingerprints(told + "bicubic}"))


def test_what_the_study_says_comes_first() -> None:
    told = "target={dataset: digits, image_size: 40, channels: 3}"
    plan = _plan(RESNET, WEIGHTS, told, "normalization={mean: 0.1, std: 0.2}")
    assert (_shapes(plan), _scalings(plan)) == ({(3, 40, 40)}, {ChannelStatistics((0.1,), (0.2,))})
    assert _shapes(_plan(RESNET, WEIGHTS, "match={image_size: 48, channels: 3}")) == {(3, 48, 48)}


def test_the_default_numbers_count_where_the_study_writes_them_down() -> None:
    assert _scalings(_plan(RESNET, WEIGHTS, "normalization={mean: 0.5, std: 0.5}")) == {
        ChannelStatistics((0.5,), (0.5,))
    }


def test_grey_images_are_scaled_by_the_mean_over_the_colours() -> None:
    ((mean, std),) = _scalings(_plan(RESNET, WEIGHTS, "target.channels=1"))
    assert mean == pytest.approx((sum(IMAGENET.mean) / 3,))
    assert std == pytest.approx((sum(IMAGENET.std) / 3,))


def test_random_weights_beside_them_are_scaled_alike_so_that_scratch_is_one_trial() -> None:
    plan = _plan(RESNET, "source=[{weights: DEFAULT}, {random: true}]")
    assert _scalings(plan) == {IMAGENET}
    assert len([condition for condition in plan.conditions if condition.source is None]) == 1


def test_random_weights_alone_are_what_they_always_were() -> None:
    plan = _plan("model={name: torchvision/resnet18, granularity: stage}", "source={random: true}")
    assert (_shapes(plan), _scalings(plan)) == ({(1, 8, 8)}, {ChannelStatistics((0.5,), (0.5,))})


@pytest.mark.slow
def test_weights_for_different_sizes_need_one_that_the_study_states() -> None:
    models = "model=[{name: torchvision/resnet18, granularity: stage}, {name: torchvision/inception_v3, cuts: [1]}]"
    with pytest.raises(SpecError, match=r"`target\[0\]`.*expected an `image_size`.*\(224 x 224, 299 x 299\)"):
        _plan(models, WEIGHTS)
    assert _shapes(_plan(models, WEIGHTS, "target.image_size=96")) == {(3, 96, 96)}


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_weight_file_for_a_model_of_a_library_is_taken_for_its_default_weights(tmp_path: Path, suffix: str) -> None:
    values = timm.create_model("tf_efficientnet_lite0", num_classes=7).state_dict()
    path = tmp_path / f"weights.{suffix}"
    save_file(values, path) if suffix == "safetensors" else torch.save(values, path)
    plan = _plan(LITE, f"source={{checkpoint: {path}}}")
    assert (_shapes(plan), _scalings(plan)) == ({(3, 224, 224)}, {ChannelStatistics((0.5,), (0.5,))})


def test_a_checkpoint_that_layercut_wrote_says_nothing_of_its_images(tmp_path: Path) -> None:
    plan = _plan(RESNET, "source={random: true}")
    values = build_for(plan.sources[0].model, num_classes=2, seed=0).state_dict()
    save_checkpoint(tmp_path / "own.safetensors", values)
    plan = _plan(RESNET, f"source={{checkpoint: {tmp_path}/own.safetensors}}")
    assert (_shapes(plan), _scalings(plan)) == ({(1, 8, 8)}, {ChannelStatistics((0.5,), (0.5,))})


def test_a_plan_says_what_weights_were_made_for_and_what_they_get() -> None:
    study = _study(RESNET, WEIGHTS, "target.image_size=32")
    plan = plan_without_data(study, default_data_dir(), default_cache_dir(), "float32")
    lines = describe(summarize(study, plan)).splitlines()
    assert (
        "  data        weights DEFAULT of torchvision/resnet18: made for 224 x 224 pixels in 3 channels (bilinear), "
        "normalised by mean 0.485, 0.456, 0.406 and deviation 0.229, 0.224, 0.225; here 32 x 32 pixels in 3 channels "
        "(bilinear), normalised likewise"
    ) in lines
    assert "  pixels      of digits[5,6,7,8,9] less 0.4850, 0.4560, 0.4060, divided by 0.2290, 0.2240, 0.2250" in lines


@pytest.mark.parametrize(
    ("overrides", "gets"),
    [
        ([], "the same here"),
        (["normalization={mean: 0.5, std: 0.5}"], "normalised as `normalization` says"),
        (["target.channels=1"], "here 224 x 224 pixels in 1 channel (bilinear), normalised likewise"),
    ],
)
def test_a_plan_says_whether_weights_get_what_they_were_made_for(overrides: list[str], gets: str) -> None:
    (note,) = _plan(RESNET, WEIGHTS, *overrides).notes
    assert note.endswith(gets)


def test_the_scaling_of_weights_can_be_asked_for_by_name_where_there_are_some() -> None:
    assert _scalings(_plan(RESNET, WEIGHTS, "normalization=weights")) == {IMAGENET}
    with pytest.raises(SpecError, match=r"`normalization`.*expected weights whose scaling is known.*got source\[0\]"):
        _plan("normalization=weights")
