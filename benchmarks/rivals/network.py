"""The protocol's CNN as a practitioner writes it, and its transfer: copy the first layers, freeze them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

CHANNELS = 64
POOL_EVERY = 2
SIDE = 28


class Network(nn.Module):
    """Convolutions 3 x 3 with ReLU, an average pooling after every second one, one dense layer."""

    def __init__(self, depth: int, num_classes: int) -> None:
        super().__init__()
        blocks = []
        for index in range(depth):
            layers = [nn.Conv2d(CHANNELS if index else 1, CHANNELS, 3, padding=1), nn.ReLU()]
            if index % POOL_EVERY == POOL_EVERY - 1:
                layers.append(nn.AvgPool2d(2, 2))
            blocks.append(nn.Sequential(*layers))
        self.blocks = nn.Sequential(*blocks)
        side = SIDE // 2 ** (depth // POOL_EVERY)
        self.fc = nn.Linear(CHANNELS * side * side, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.blocks(images).flatten(1))


def build_network(weights: Path, depth: int, cut: int, num_classes: int) -> Network:
    """Return a network whose first `cut` convolutions come from the weight file; the others are new."""
    network = Network(depth, num_classes)
    state = torch.load(weights, map_location="cpu", weights_only=True)
    with torch.no_grad():
        for index in range(cut):
            conv = network.blocks[index][0]
            conv.weight.copy_(state[f"conv{index}.weight"])
            conv.bias.copy_(state[f"conv{index}.bias"])
    return network


def freeze(network: Network, cut: int) -> Network:
    """Stop training the first `cut` blocks: autograd then does no backward pass through them."""
    for parameter in network.blocks[:cut].parameters():
        parameter.requires_grad = False
    return network
