"""Classifiers of torchvision and timm by name: cut anywhere they are what their library makes."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from io import BytesIO

import huggingface_hub.constants as hub
import pytest
import torch
from safetensors.torch import save_file

from layercut.checkpoints import tensors_hash
from layercut.errors import CheckpointError, SpecError, UnknownNameError
from layercut.models import MODELS
from layercut.models.base import seeded_build, seeded_head
from layercut.models.measured import plan_model
from layercut.models.zoo import fetch
from layercut.models.zoo.family import open_library
from layercut.plan.source_models import read_weights
from layercut.training.stack import Stack
from support.tiny import tiny_plan

RGB = (3, 32, 32)

DECLARED = [
    ("torchvision/resnet18", 32, 9),
    ("torchvision/resnet50", 32, 17),
    ("torchvision/resnext50_32x4d", 32, 17),
    ("torchvision/vgg16", 32, 7),
    ("torchvision/alexnet", 64, 7),
    ("torchvision/mobilenet_v2", 32, 19),
    ("torchvision/mobilenet_v3_large", 32, 17),
    ("torchvision/efficientnet_b0", 32, 18),
    ("torchvision/densenet121", 32, 8),
    ("torchvision/convnext_tiny", 32, 19),
    ("torchvision/regnet_y_400mf", 32, 17),
    ("torchvision/swin_t", 32, 13),
    ("torchvision/vit_b_16", 32, 13),
    ("timm/resnet18", 32, 9),
    ("timm/vit_tiny_patch16_224", 32, 13),
    ("timm/deit3_small_patch16_224", 32, 13),
    ("timm/convnext_atto", 32, 13),
]
ON_THE_GRAPH = [
    ("torchvision/mnasnet0_5", 32, None),
    ("torchvision/shufflenet_v2_x0_5", 32, None),
    ("torchvision/googlenet", 64, None),
    ("timm/mobilenetv3_small_050", 32, None),
    ("timm/densenet121", 32, None),
    ("timm/mixer_s32_224", 64, None),
    ("timm/regnetx_002", 32, None),
]


def own(name, shape, num_classes=5, seed=0):
    """The library's own model, as it makes it."""
    library, _, model = name.partition("/")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return open_library(library).create(model, shape, num_classes)


def ours(name, shape, num_classes=5, **options):
    family = MODELS[name]
    return seeded_build(family, family.options(**options), shape, num_classes, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "side", "num_blocks"), DECLARED + ON_THE_GRAPH)
def test_every_cut_gives_what_the_librarys_own_model_gives_to_the_last_bit(name, side, num_blocks):
    shape = (3, side, side)
    whole, model, images = own(name, shape).eval(), ours(name, shape).eval(), torch.randn(2, *shape)
    assert num_blocks is None or len(model.block_names) == num_blocks
    assert len(model.block_names) > 4
    with torch.no_grad():
        expected = whole(images)
        for cut in range(len(model.block_names) + 1):
            assert torch.equal(model.head(model.blocks[cut:](model.trunk(cut)(images))), expected), cut
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in whole.parameters())


@pytest.mark.parametrize(
    "name", ["torchvision/mobilenet_v3_small", "torchvision/shufflenet_v2_x0_5", "timm/mobilenetv3_small_050"]
)
def test_in_training_mode_it_draws_and_normalises_as_the_librarys_own_model(name):
    whole, model, images = own(name, RGB).train(), ours(name, RGB).train(), torch.randn(4, *RGB)
    answers = []
    for either in (whole, model):
        torch.manual_seed(0)
        answers.append(either(images))
    assert torch.equal(*answers)
    moved = {name: value for name, value in whole.named_buffers() if name.endswith("running_mean")}
    assert {value.sum().item() for value in moved.values()} == {
        value.sum().item() for name, value in model.named_buffers() if name.endswith("running_mean")
    }


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("torchvision/mobilenet_v3_small", RGB),
        ("torchvision/efficientnet_b0", RGB),
        ("torchvision/resnet18", RGB),
        ("timm/convnext_atto", RGB),
        ("timm/vit_tiny_patch16_224", RGB),
    ],
)
def test_a_new_head_has_the_spread_that_the_library_draws_with(name, shape):
    family, model = MODELS[name], ours(name, shape, num_classes=400)
    width = model.head.out.in_features
    features = plan_model(family, family.options(), shape, 400).feature_shapes[-1]
    head = seeded_head(family, family.options(), features, 400, seed=1)
    assert head.out.in_features == width
    assert head.out.weight.std().item() == pytest.approx(model.head.out.weight.std().item(), rel=0.02)
    assert head.out.bias.std().item() == pytest.approx(model.head.out.bias.std().item(), abs=2e-3)


def test_a_truncated_head_is_the_models_own_pooling_and_a_classifier_as_wide_as_the_trunk():
    family = MODELS["torchvision/resnet18"]
    head = seeded_head(family, family.options(), (64, 8, 8), 5, seed=0)
    features = torch.randn(2, 64, 8, 8)
    torch.testing.assert_close(head(features), head.out(features.mean((2, 3))))
    vit = MODELS["timm/vit_tiny_patch16_224"]
    head = seeded_head(vit, vit.options(), (5, 192), 5, seed=0)
    tokens = torch.randn(2, 5, 192)
    torch.testing.assert_close(head(tokens), head.out(head.hidden.norm(tokens)[:, 0]))


def test_blocks_are_residual_blocks_or_stages_or_between_chosen_cut_points():
    assert len(ours("torchvision/resnet18", RGB).block_names) == 9
    stages = ["stem", "layer1", "layer2", "layer3", "layer4"]
    assert ours("torchvision/resnet18", RGB, granularity="stage").block_names == stages
    chosen = ours("torchvision/resnet18", RGB, cuts=["layer1_1", 5]).block_names
    assert chosen == ["layer1_1", "layer2_1", "layer4_1"]
    with pytest.raises(SpecError, match=r"no cut point 'layer1_9'; did you mean 'layer1_1'\?"):
        ours("torchvision/resnet18", RGB, cuts=["layer1_9"])


def test_the_dense_layers_of_a_vgg_are_blocks_and_its_poolings_taps():
    with torch.device("meta"):
        model = open_library("torchvision").layout(own("torchvision/vgg11", RGB), "block").model()
    assert model.block_names == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc1", "fc2"]
    assert list(model.taps) == ["pool1", "pool2", "pool3", "pool4", "pool5", "fc1", "fc2", "output"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "torchvision/resnet51",
            r"unknown torchvision model 'resnet51'; did you mean 'resnet\d+'\?.*, \.\.\. \(\d+ in all\)$",
        ),
        ("timm/vit_smal_patch16_224", r"did you mean 'vit_small_patch16_224'\?"),
        ("resnet50", r"unknown model 'resnet50'; did you mean 'torchvision/resnet50'\?.*timm/NAME"),
        ("timm/resnet18.no_such_tag", "unknown timm model"),
        ("plain_cn", r"did you mean 'plain_cnn'\?"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_one(name, message):
    with pytest.raises(UnknownNameError, match=message) as error:
        MODELS[name]
    assert len(str(error.value)) < 1000


def test_what_cannot_be_cut_or_made_says_why():
    with pytest.raises(SpecError, match="expected SqueezeNet to end in a dense layer; it ends in"):
        ours("torchvision/squeezenet1_1", (3, 64, 64))
    with pytest.raises(SpecError, match="square images; got 32 x 48"):
        ours("torchvision/vit_b_16", (3, 32, 48))
    family = MODELS["torchvision/alexnet"]
    with pytest.raises(SpecError, match=r"images of shape .* do not pass through the block 'conv"):
        plan_model(family, family.options(), (3, 16, 16), 5)


def read(tmp_path, name, values, image_shape, suffix="pth"):
    """Read a file of the library's values as a source on images of another shape."""
    path = tmp_path / f"weights.{suffix}"
    save_file(values, path) if suffix == "safetensors" else torch.save(values, path)
    (job,) = tiny_plan("source={random: true}").plan.sources
    ref = dataclasses.replace(job.model, name=name, options={}, image_shape=image_shape)
    return read_weights(ref, path)


@pytest.mark.parametrize(
    ("name", "first"),
    [("torchvision/resnet18", "blocks.stem.conv1.weight"), ("timm/resnet18", "blocks.stem.conv1.weight")],
)
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_file_of_the_library_is_read_and_its_first_convolution_fitted_to_one_channel(tmp_path, name, first, suffix):
    published = own(name, RGB, num_classes=7, seed=4).state_dict()
    values = read(tmp_path, name, published, (1, 32, 32), suffix)
    torch.testing.assert_close(values[first], published["conv1.weight"].sum(1, keepdim=True))
    assert torch.equal(values["blocks.layer3_0.conv2.weight"], published["layer3.0.conv2.weight"])
    assert torch.equal(values["blocks.layer3_0.bn1.running_mean"], published["layer3.0.bn1.running_mean"])
    assert torch.equal(values["head.out.weight"], published["fc.weight"])


@pytest.mark.parametrize(
    ("name", "foreign", "position"),
    [
        ("torchvision/vit_b_32", "encoder.pos_embedding", "blocks.embedding.pos_embedding"),
        ("timm/vit_tiny_patch16_224", "pos_embed", "blocks.embedding.model.pos_embed"),
    ],
)
def test_positions_of_a_transformer_are_interpolated_to_the_size_of_the_images(tmp_path, name, foreign, position):
    published = own(name, (3, 96, 96), seed=4).state_dict()
    values = read(tmp_path, name, published, (3, 64, 64))
    assert values[position].shape[1] == (64 // (32 if "32" in name else 16)) ** 2 + 1
    assert torch.equal(values[position][:, 0], published[foreign][:, 0])


def test_files_that_do_not_fit_are_refused(tmp_path):
    values = own("torchvision/resnet18", RGB).state_dict()
    missing = {name: value for name, value in values.items() if name != "layer2.0.conv1.weight"}
    with pytest.raises(CheckpointError, match=r"expected layer2\.0\.conv1\.weight, got nothing; the file has"):
        read(tmp_path, "torchvision/resnet18", missing, RGB)


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_a_file_of_another_model_is_refused_with_names_shapes_and_counts(tmp_path, library):
    with pytest.raises(CheckpointError) as error:
        read(tmp_path, f"{library}/resnet18", own(f"{library}/resnet34", RGB).state_dict(), RGB)
    message = str(error.value)
    assert f"the weights in {tmp_path / 'weights.pth'} do not fit the model" in message
    assert "the model has no layer1.2.conv1.weight, layer1.2.bn1.weight" in message
    assert message.endswith("bn1.running_mean (64,) and 214 more")
    assert "the file has 218 tensors: conv1.weight (64, 3, 7, 7)" in message


def test_a_transformer_that_is_given_a_convolutional_net_says_so(tmp_path):
    with pytest.raises(CheckpointError, match=r"expected class_token, .*, got nothing; the model has no conv1\.weight"):
        read(tmp_path, "torchvision/vit_b_32", own("torchvision/resnet18", RGB).state_dict(), (3, 32, 32))


@pytest.mark.parametrize("name", ["torchvision/resnet18", "timm/resnet18"])
def test_a_file_of_a_wrapped_model_is_read_like_that_of_the_model(tmp_path, name):
    values = own(name, RGB).state_dict()
    wrapped = {f"module.{key}": value for key, value in values.items()}
    assert tensors_hash(read(tmp_path, name, wrapped, RGB)) == tensors_hash(read(tmp_path, name, values, RGB))


def test_weights_of_our_own_names_pass_unchanged(tmp_path):
    values = ours("torchvision/resnet18", RGB).state_dict()
    assert tensors_hash(read(tmp_path, "torchvision/resnet18", values, RGB)) == tensors_hash(values)


@pytest.mark.parametrize(
    ("model", "weights", "message"),
    [
        ("torchvision/resnet18", "IMAGENET1K_V3", r"did you mean 'IMAGENET1K_V1'\?"),
        ("timm/resnet18", "a9_in1k", r"did you mean 'a\d_in1k'\?"),
        ("plain_cnn", "DEFAULT", "no weights of the model plain_cnn are published"),
    ],
)
def test_unknown_weights_are_refused_by_the_plan(model, weights, message):
    with pytest.raises(SpecError, match=rf"`source.weights`.*{message}|`source\[0\].weights`.*{message}"):
        tiny_plan(f"model={{name: {model}}}", f"source={{weights: {weights}}}", "transfer.cuts=[1]")


@pytest.mark.parametrize(("model", "name"), [("torchvision/resnet18", "IMAGENET1K_V1"), ("timm/resnet18", "a1_in1k")])
def test_a_download_that_cannot_be_had_fails_within_seconds_and_says_what_to_do(model, name, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(CheckpointError, match=r"cannot download the weights .*; check the network, or "):
        MODELS[model].fetch_weights(name)
    assert time.monotonic() - started < fetch.TIMEOUT_SECONDS + 5
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_that_is_here_already_is_used_if_it_is_what_its_name_says(tmp_path):
    content = b"here"
    path = tmp_path / f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    path.write_bytes(content)
    assert fetch.fetch_url(f"http://127.0.0.1:9/{path.name}", tmp_path, "ResNet18") == path


def test_a_damaged_file_of_torch_hub_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    path = tmp_path / "checkpoints" / "resnet18-f37072fd.pth"
    path.parent.mkdir()
    path.write_bytes(b"a download that was cut short")
    with pytest.raises(CheckpointError, match=rf"{path} is corrupt: its SHA-256 begins with .*delete it"):
        MODELS["torchvision/resnet18"].fetch_weights("DEFAULT")


def test_a_stacked_copy_of_a_traced_model_computes_what_each_member_computes():
    models = [ours("torchvision/shufflenet_v2_x0_5", RGB) for _ in range(2)]
    with torch.no_grad():
        for parameter in models[1].parameters():
            parameter.mul_(1.01)
    stack, images = Stack(models), torch.randn(2, *RGB)
    stack.train(False)
    with torch.no_grad():
        for answer, model in zip(stack(images, shared=True), models, strict=True):
            torch.testing.assert_close(answer, model.eval()(images), rtol=1e-3, atol=1e-4)


def test_a_download_that_ends_too_early_is_refused(tmp_path, monkeypatch):
    class Answer(BytesIO):
        length = 4

    answer = Answer(b"half")
    monkeypatch.setattr("layercut.models.zoo.fetch.urllib.request.urlopen", lambda *a, **k: answer)
    with pytest.raises(CheckpointError, match="the connection ended 4 bytes too early"):
        fetch.fetch_url("https://example.org/weights.pth", tmp_path, "weights")
    assert list(tmp_path.iterdir()) == []
