"""Every classifier of torchvision and a sample of timm's families: what layercut builds is what its library made.

A few small ones run with all tests, the others where tests may take minutes.
"""

from __future__ import annotations

import dataclasses

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision.models as zoo
from safetensors.torch import save_file

from layercut.errors import SpecError
from layercut.models import MODELS
from layercut.models.base import CuttableModel, seeded_build, seeded_head
from layercut.models.examine import examine_fully
from layercut.models.layout import in_memory
from layercut.plan.source_models import read_weights
from layercut.strategies.primitives import truncate
from support.tiny import tiny_plan

SIDES = {"alexnet": 64, "googlenet": 64, "inception_v3": 96, "maxvit_t": 224, "vit_h_14": 28}
"""Smallest images of torchvision's classifiers that take none of 32 pixels."""

SMALL = ["torchvision/mobilenet_v3_small", "torchvision/shufflenet_v2_x0_5", "torchvision/googlenet"]
SMALL += ["timm/mobilenetv3_small_050", "timm/convnext_atto", "timm/vit_tiny_patch16_224"]

FAMILIES = {
    "beit_base_patch16_224": 32,
    "cait_xxs24_224": 32,
    "coat_lite_tiny": 64,
    "coatnet_nano_rw_224": 64,
    "convit_tiny": 32,
    "convmixer_768_32": 32,
    "convnext_atto": 32,
    "cs3darknet_s": 64,
    "deit3_small_patch16_224": 32,
    "densenet121": 32,
    "edgenext_xx_small": 64,
    "efficientnet_b0": 32,
    "efficientvit_b0": 64,
    "eva02_tiny_patch14_224": 28,
    "fastvit_t8": 64,
    "fbnetc_100": 32,
    "focalnet_tiny_srf": 64,
    "gernet_s": 64,
    "ghostnet_050": 32,
    "gmlp_ti16_224": 224,
    "hardcorenas_a": 32,
    "hrnet_w18_small": 64,
    "inception_next_atto": 64,
    "lcnet_050": 32,
    "maxvit_rmlp_pico_rw_256": 256,
    "mixer_s32_224": 64,
    "mobilenetv3_small_050": 32,
    "mobilevit_xxs": 64,
    "nfnet_l0": 32,
    "pit_ti_224": 64,
    "poolformer_s12": 64,
    "pvt_v2_b0": 64,
    "regnetx_002": 32,
    "repvgg_a0": 32,
    "res2net50_26w_4s": 32,
    "resnet10t": 32,
    "resmlp_12_224": 64,
    "swin_tiny_patch4_window7_224": 224,
    "tinynet_e": 32,
    "vit_tiny_patch16_224": 32,
    "vovnet39a": 32,
    "xcit_nano_12_p16_224": 64,
}
"""One small model of a family and the side of its images."""

REFUSED = {
    "torchvision/squeezenet1_0": "ends in",
    "torchvision/squeezenet1_1": "ends in",
    "timm/crossvit_tiny_240": "ends in",
    "timm/dla34": "ends in",
    "timm/dpn48b": "ends in",
    "timm/efficientformerv2_s0": "ends in",
    "timm/levit_128s": "ends in",
    "timm/resnetv2_50": "ends in",
    "timm/volo_d1_224": "ends in",
}
"""Classifiers that are no dense layer at the end, and what is said of them."""


def _cases():
    names = [f"torchvision/{name}" for name in zoo.list_models(module=zoo)] + [f"timm/{name}" for name in FAMILIES]
    for name in names:
        if name not in REFUSED:
            yield pytest.param(name, marks=[] if name in SMALL else [pytest.mark.exhaustive])


CASES = list(_cases())


def side_of(name):
    library, _, model = name.partition("/")
    return FAMILIES[model] if library == "timm" else SIDES.get(model, 32)


def librarys_own(name, side):
    """The model by the library's own call, all its switches as they are there."""
    library, _, model = name.partition("/")
    torch.manual_seed(3)
    if library == "timm":
        size = {"img_size": side} if timm.get_pretrained_cfg(model).fixed_input_size else {}
        return timm.create_model(model, num_classes=5, **size).eval()
    size = {"image_size": side} if model.startswith("vit_") else {}
    return zoo.get_model(model, weights=None, num_classes=5, **size).eval()


def livened(model, images):
    """Give norms the statistics of some images: without, the signal of some new models dies on its way."""
    norms = [layer for layer in model.modules() if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = None
        norm.train()
    model(images)
    return model.eval()


def ours_with(path, name, side, options):
    """The model that layercut reads from a file."""
    (job,) = tiny_plan("source={random: true}").plan.sources
    ref = dataclasses.replace(job.model, name=name, options=options, image_shape=(3, side, side))
    values = read_weights(ref, path)
    family = MODELS[name]
    model = seeded_build(family, family.options(**options), (3, side, side), 5, seed=0)
    model.load_state_dict(values)
    return model.eval()


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize("name", CASES)
def test_logits_of_a_users_file_are_bit_for_bit_those_of_the_librarys_own_model(name, tmp_path):
    side = side_of(name)
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        own = livened(librarys_own(name, side), images)
    switches = {"transform_input": False} if "googlenet" in name or "inception_v3" in name else {}
    torch.save(own.state_dict(), tmp_path / "weights.pth")
    with torch.no_grad():
        expected = own(images)
        assert expected.std() > 0 or not expected.any()
        del own
        assert torch.equal(ours_with(tmp_path / "weights.pth", name, side, switches)(images), expected)


@pytest.mark.parametrize("name", CASES)
def test_a_librarys_model_passes_the_whole_examination(name):
    family, side = MODELS[name], side_of(name)
    assert examine_fully(family, family.options(), (3, side, side), 5) in ((), tuple(notes_of(name)))


@pytest.mark.parametrize("name", CASES)
def test_it_can_be_cut_truncated_and_trained_a_step_with_both_certificates(name):
    family, side = MODELS[name], side_of(name)
    options, shape = family.options(), (3, side, side)
    images, labels = torch.randn(4, *shape).contiguous(memory_format=torch.channels_last), torch.arange(4)
    model = in_memory(seeded_build(family, options, shape, 5, seed=0))
    cut = len(model.blocks) // 2
    trunk = model.trunk(cut).eval().requires_grad_(False)
    with torch.no_grad():
        features = trunk(images)
    shortened = truncate(model, cut, seeded_head(family, options, tuple(features.shape[1:]), 5, seed=1))
    assert shortened.train()(images).shape == (4, 5)
    body = CuttableModel(dict(list(model.blocks.named_children())[cut:]), model.head).train()
    trunk.eval()
    frozen = {key: value.clone() for key, value in trunk.state_dict().items()}
    trained = {key: value.clone() for key, value in body.named_parameters()}
    optimizer = torch.optim.SGD(body.parameters(), lr=0.1)
    F.cross_entropy(body(trunk(images)), labels).backward()
    optimizer.step()
    assert all(torch.equal(value, frozen[key]) for key, value in trunk.state_dict().items())
    for key, value in body.named_parameters():
        moved = not torch.equal(value, trained[key])
        assert value.grad is not None
        assert moved or (0.1 * value.grad.abs() <= 2.0**-22 * value.abs()).all(), key


def notes_of(name):
    """What is said of parameters that a library's forward pass does not use."""
    family, side = MODELS[name], side_of(name)
    return seeded_build(family, family.options(), (3, side, side), 5, seed=0).notes


@pytest.mark.parametrize("name", REFUSED)
def test_a_classifier_that_does_not_end_in_a_dense_layer_is_refused(name):
    family, side = MODELS[name], MODELS[name].default_shape[1]
    with pytest.raises(SpecError, match=REFUSED[name]):
        seeded_build(family, family.options(), (3, side, side), 5, seed=0)


@pytest.mark.parametrize("transform_input", [True, False])
def test_the_switch_of_googlenet_is_that_of_the_library(transform_input, tmp_path):
    torch.manual_seed(3)
    own = zoo.googlenet(weights=None, num_classes=5, transform_input=transform_input, init_weights=True).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        livened(own, images)
    save_file(own.state_dict(), tmp_path / "weights.safetensors")
    ours = ours_with(
        tmp_path / "weights.safetensors", "torchvision/googlenet", 64, {"transform_input": transform_input}
    )
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(images), own(images))


def test_without_a_word_the_switch_is_that_of_the_published_weights():
    family = MODELS["torchvision/googlenet"]
    images = torch.randn(2, 3, 64, 64)
    answers = []
    for said in ({}, {"transform_input": True}, {"transform_input": False}):
        model = seeded_build(family, family.options(**said), (3, 64, 64), 5, seed=0)
        torch.manual_seed(0)
        answers.append(model(images))
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])
