"""Weight files as the documents' own programs save them: under their names, with what they do otherwise."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional

from layercut.models.block_cnn import BLOCK_CNN, BlockCnnOptions
from layercut.plan.source_models import build_for, read_weights, whole_model
from support.tiny import tiny_plan

IMAGES = torch.randn(6, 1, 32, 32, generator=torch.Generator().manual_seed(0))


class ProjectNet(nn.Module):
    """The network of the CIFAR-10 transfer project: numbered layers in numbered blocks, biases in front of norms."""

    def __init__(self, norms, poolings, layers=(1, 2)):
        super().__init__()
        self.blocks, channels = nn.ModuleList(), 1
        for width, norm, pooling, num_layers in zip((4, 6), norms, poolings, layers, strict=True):
            block = []
            for _ in range(num_layers):
                block += [
                    nn.Conv2d(channels, width, 3, padding=1),
                    *([nn.BatchNorm2d(width)] if norm else []),
                    nn.ReLU(),
                ]
                channels = width
            self.blocks.append(nn.Sequential(*block, *([nn.MaxPool2d(2)] if pooling else [])))
        side = 32 // 2 ** sum(poolings)
        self.fc1, self.fc2, self.fc3 = nn.Linear(6 * side**2, 10), nn.Linear(10, 8), nn.Linear(8, 5)

    def forward(self, images):
        for block in self.blocks:
            images = block(images)
        return self.fc3(self.fc2(self.fc1(images.flatten(1)).relu()).relu())


class ThesisNet(nn.Module):
    """The network of the thesis on transferability."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.fc1, self.fc2 = nn.Linear(64 * 6 * 6, 128), nn.Linear(128, 5)

    def forward(self, images):
        for conv in (self.conv1, self.conv2):
            images = functional.relu(functional.max_pool2d(conv(images), 2))
        return self.fc2(functional.relu(self.fc1(images.flatten(1))))


def read(path, model):
    """Return the whole model with the values of a file, as a study's probes see it."""
    overrides = (f"model={model}", f"source={{checkpoint: {path}}}", "transfer.cuts=[0]")
    shape = ("target.image_size=32", "target.dataset=digits")
    (job,) = tiny_plan(*overrides, *shape).plan.sources
    assert build_for(job.model, 5, 0).block_names == list(job.model.block_names)
    return whole_model(job.model, read_weights(job.model, job.weights))


@pytest.mark.parametrize(("norms", "poolings"), [((1, 0), (1, 0)), ((1, 1), (1, 1)), ((0, 0), (0, 1))])
def test_weights_of_the_transfer_project_give_the_same_answers(tmp_path, norms, poolings):
    torch.manual_seed(0)
    net = ProjectNet(norms, poolings)
    net(torch.randn(16, 1, 32, 32))  # norms take means of their own
    torch.save(net.state_dict(), tmp_path / "model.pth")
    options = OrderedDict(
        name="block_cnn",
        hidden_dims=[4, 6, 10, 8],
        layers_per_block=[1, 2],
        apply_bn=[bool(norm) for norm in norms],
        apply_pooling=[bool(pooling) for pooling in poolings],
    )
    whole = read(tmp_path / "model.pth", str(dict(options)).replace("True", "true").replace("False", "false"))
    assert whole.has_head
    torch.testing.assert_close(whole.model(IMAGES), net.eval()(IMAGES))


def test_weights_of_the_thesis_give_the_same_answers(tmp_path):
    torch.manual_seed(0)
    net = ThesisNet().eval()
    torch.save(net.state_dict(), tmp_path / "model.pt")
    whole = read(tmp_path / "model.pt", "{name: small_convnet}")
    assert whole.has_head
    torch.testing.assert_close(whole.model(IMAGES), net(IMAGES))


def test_weights_of_ours_are_taken_as_they_are(tmp_path):
    model = "{name: block_cnn, hidden_dims: [4, 6, 10, 8]}"
    values = BLOCK_CNN.build(BlockCnnOptions(hidden_dims=[4, 6, 10, 8]), (1, 32, 32), 5).state_dict()
    torch.save(values, tmp_path / "ours.pth")
    found = read(tmp_path / "ours.pth", model).model.state_dict()
    assert all(torch.equal(found[name], value) for name, value in values.items())
