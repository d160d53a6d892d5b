"""The studies that recommendations are replayed on: small models and few images, so that everything can be tried."""

from __future__ import annotations

from typing import NamedTuple

MODELS = {
    "plain": ("plain_cnn", ("model.depth=4", "model.channels=16", "model.pool_every=2")),
    "blocks": ("block_cnn", ("model.hidden_dims=[16, 16, 32, 32, 64, 32]",)),
    "mlp": ("mlp", ("model.depth=3", "model.width=64")),
    "convnet": ("small_convnet", ("model.channels=[16, 32]", "model.hidden=64")),
}
"""Name of the model and what is set of it."""

SOURCES = {"digits": 60, "mnist": 600, "cifar": 600}
"""Data sets, and how many images of each class sources are trained on."""


CHOICE = {
    "digits-5": ("digits", "plain"),
    "digits-20": ("digits", "plain"),
    "digits-random-source-5": ("digits", "plain"),
    "mnist-halves-0.1": ("mnist", "plain"),
    "mnist-halves-1": ("mnist", "plain"),
    "mnist-halves-10": ("mnist", "plain"),
    "mnist-blocks-0.2": ("mnist", "blocks"),
    "cifar-vehicles-animals-1": ("cifar", "plain"),
    "cifar-vehicles-animals-10": ("cifar", "plain"),
    "ants-bees-10": ("ants-bees", "efficientnet"),
    "ants-bees-100": ("ants-bees", "efficientnet"),
}
"""Studies of `benchmarks.choice` that ask alike, with their data set and model; those with folds are replayed."""


class ReplayStudy(NamedTuple):
    """One model on a few images of one data set; its source has seen other classes of it."""

    data: str
    """`digits`, `mnist` or `cifar`."""
    model: str
    per_class: int
    """Labelled images."""
    source: str = "other classes"
    """Or `random`: weights that were never trained; or `class noise`: trained on noise alone."""
    noise: int = 0
    """Standard deviation of what is added to the pixels of the target, of 255."""

    @property
    def name(self) -> str:
        """Return what tells it from others, which is that of a folder, too."""
        source = "" if self.source == "other classes" else f"-{self.source.replace(' ', '-')}"
        noise = f"-noisy-{self.noise}" if self.noise else ""
        return f"{self.data}-{self.model}-{self.per_class}{source}{noise}"


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
)
