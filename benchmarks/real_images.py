"""The options of benchmarks on CIFAR-10 and photographs: where their images and weights are."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_real_images(parser: argparse.ArgumentParser, required: bool) -> None:
    """Add `--cifar`, `--photographs` and `--weights`."""
    told = {
        "--cifar": "folder with train/CLASS and test/CLASS of CIFAR-10",
        "--photographs": "folder of ants and bees",
        "--weights": "ImageNet weights of tf_efficientnet_lite0, a safetensors file",
    }
    for name, what in told.items():
        parser.add_argument(name, type=Path, required=required, help=what)
