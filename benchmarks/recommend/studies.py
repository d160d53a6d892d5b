"""The studies that recommendations are replayed on: few images, so that everything can be tried.

Small models of our own with weights from other classes of the same data, and EfficientNet-Lite0 with its ImageNet
weights, of which a single replicate takes half an hour.
"""

from __future__ import annotations

from typing import NamedTuple

MODELS = {
    "plain": ("plain_cnn", ("model.depth=4", "model.channels=16", "model.pool_every=2")),
    "blocks": ("block_cnn", ("model.hidden_dims=[16, 16, 32, 32, 64, 32]",)),
    "mlp": ("mlp", ("model.depth=3", "model.width=64")),
    "convnet": ("small_convnet", ("model.channels=[16, 32]", "model.hidden=64")),
    "efficientnet": ("timm/tf_efficientnet_lite0", ("target.image_size=96",)),
}
"""Name of the model and what is set of it."""

SOURCES = {"digits": 60, "mnist": 600, "cifar": 600}
"""Data sets, and how many images of each class sources are trained on."""


class ReplayStudy(NamedTuple):
    """One model on a few images of one data set; its source has seen other classes of it, or ImageNet."""

    data: str
    """`digits`, `mnist`, `cifar` or `photographs`."""
    model: str
    per_class: int
    """Labelled images."""
    source: str = "other classes"
    """Or `random`: weights that were never trained; `class noise`: trained on noise alone; `imagenet`."""
    noise: int = 0
    """Standard deviation of what is added to the pixels of the target, of 255."""
    classes: str = ""
    """Of the target (`folders.py`); empty: the half of all that the source has not seen."""
    draw: int = 0
    """Which images are drawn."""
    replicates: int = 3

    @property
    def name(self) -> str:
        """Return what tells it from others, which is that of a folder, too."""
        told = "" if self.source in ("other classes", "imagenet") else f"-{self.source}"
        return f"{self.data}-{self.model}-{self.per_class}{told}{self._images}".replace(" ", "-")

    @property
    def folder(self) -> str:
        """Return the name of the folder of its images, which studies of the same ones share."""
        return f"{self.data}-{self.per_class}{self._images}".replace(" ", "-")

    @property
    def _images(self) -> str:
        classes = f"-{self.classes}" if self.classes else ""
        noise = f"-noisy-{self.noise}" if self.noise else ""
        return f"{classes}{noise}{f'-draw-{self.draw}' if self.draw else ''}"


STUDIES = (
    ReplayStudy("cifar", "convnet", 20),
    ReplayStudy("cifar", "blocks", 10),
    ReplayStudy("mnist", "convnet", 5),
    ReplayStudy("digits", "plain", 5),
    ReplayStudy("digits", "mlp", 10),
    ReplayStudy("mnist", "blocks", 10),
    ReplayStudy("digits", "plain", 20, source="random"),
    ReplayStudy("mnist", "plain", 5),
    ReplayStudy("digits", "plain", 20),
    ReplayStudy("digits", "plain", 20, noise=80),
    ReplayStudy("mnist", "convnet", 30),
    ReplayStudy("digits", "mlp", 40),
    ReplayStudy("mnist", "blocks", 20, source="class noise"),
    ReplayStudy("cifar", "plain", 10),
    ReplayStudy("mnist", "plain", 30),
    ReplayStudy("photographs", "efficientnet", 12, "imagenet", draw=1, replicates=1),
    ReplayStudy("cifar", "efficientnet", 6, "imagenet", classes="vehicles", replicates=1),
    ReplayStudy("photographs", "efficientnet", 12, "imagenet", draw=2, replicates=1),
)
