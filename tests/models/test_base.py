"""What every cuttable model does, whatever its blocks are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from layercut.models.base import CuttableModel, DenseHead
from layercut.training.precision import evaluation_precision


@pytest.mark.parametrize("blocks", [{}, {"dense": nn.Linear(8, 8)}], ids=["none", "one"])
def test_the_head_computes_in_float32_also_where_no_block_lies_below_it(blocks: dict[str, nn.Module]) -> None:
    """Above stored features there is no block: the head would take the precision that is around it."""
    model = CuttableModel(blocks, DenseHead(8, 3, None, nn.ReLU)).eval()
    with torch.no_grad(), evaluation_precision("bf16_eval", torch.device("cpu")):
        logits = model(torch.rand(4, 8))
    assert logits.dtype == torch.float32
