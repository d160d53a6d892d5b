"""A whole cut model of a library goes back into the library's own model."""

from __future__ import annotations

import pytest
import torch

from layercut.models import MODELS
from layercut.models.base import seeded_build, seeded_head


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("timm/test_resnet", (3, 32, 32), {}),
        ("timm/test_resnet", (1, 40, 32), {"granularity": "stage"}),
        ("timm/test_vit", (3, 160, 160), {"cuts": [2]}),
        ("timm/test_efficientnet", (3, 32, 32), {}),
        ("timm/test_convnext", (3, 32, 32), {}),
        ("timm/test_nfnet", (3, 32, 32), {}),
        ("torchvision/resnet18", (3, 32, 32), {}),
    ],
)
def test_it_gives_the_same_logits_under_the_names_of_the_library(name, shape, options):
    family = MODELS[name]
    checked = family.options.model_validate(options)
    model = seeded_build(family, checked, shape, 4, seed=1).eval()
    images = torch.rand(2, *shape)
    with torch.inference_mode():
        features = model.blocks(images)
        model.head = seeded_head(family, checked, tuple(features.shape[1:]), 4, seed=2).eval()
        assert (family.uncut(checked, shape, model)(images) - model(images)).abs().max() < 1e-5
