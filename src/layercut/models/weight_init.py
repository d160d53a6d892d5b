"""Initial values of convolutions and dense layers by name."""

from __future__ import annotations

from typing import Literal

from torch import nn

WeightInit = Literal["default", "xavier", "kaiming", "normal"]

NORMAL_STD = 0.02


def initialize(model: nn.Module, weight_init: WeightInit) -> None:
    """Redraw the weights of all convolutions and dense layers, biases zero; `default` leaves what torch drew.

    References:
        xavier: Glorot and Bengio 2010, equation 16 (uniform). kaiming: He et al. 2015, equation 10 (normal, over
        inputs). normal: a fixed standard deviation of 0.02.
    """
    if weight_init == "default":
        return
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            if weight_init == "xavier":
                nn.init.xavier_uniform_(layer.weight)
            elif weight_init == "kaiming":
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            else:
                nn.init.normal_(layer.weight, std=NORMAL_STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
