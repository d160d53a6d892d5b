"""Operations are those that PyTorch's own counter finds."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from layercut.models.operations import run_counted


class Attention(nn.Module):
    """As a transformer has it: projections and scaled dot products."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, tokens):
        queries = tokens.view(tokens.shape[0], -1, 4, 4).transpose(1, 2)
        mixed = nn.functional.scaled_dot_product_attention(queries, queries, queries).transpose(1, 2).flatten(2)
        return self.attention(mixed, tokens, tokens, need_weights=False)[0]


MODULES = {
    "convolutions": (
        nn.Sequential(
            nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2),
            nn.BatchNorm2d(8),
            nn.Hardswish(),
            nn.Conv2d(8, 8, 5, dilation=2, bias=False),
            nn.AdaptiveAvgPool2d(2),
            nn.ConvTranspose2d(8, 4, 2),
        ),
        (4, 32, 32),
    ),
    "dense layers": (nn.Sequential(nn.Flatten(), nn.Linear(36, 7), nn.GELU(), nn.Linear(7, 3, bias=False)), (1, 6, 6)),
    "tokens": (nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 16)), (5, 16)),
    "attention": (Attention(), (9, 16)),
    "nothing that counts": (nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), (1, 6, 6)),
}


@pytest.mark.parametrize("name", MODULES)
def test_operations_are_those_of_pytorchs_counter(name):
    module, shape = MODULES[name]
    module.eval()
    images = torch.randn(2, *shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        expected = module(images)
    outputs, num_flops = run_counted(module, images)
    assert num_flops == counter.get_total_flops()
    assert (num_flops > 0) == (name != "nothing that counts")
    torch.testing.assert_close(outputs, expected)


def test_counting_does_not_load_the_compiler():
    program = """
import sys, torch
from layercut.models.operations import run_counted
run_counted(torch.nn.Conv2d(1, 2, 3), torch.zeros(1, 1, 8, 8))
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
