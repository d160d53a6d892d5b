"""Kept weights as a model that is ready to use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from layercut.artifacts.reading import read_kept
from layercut.artifacts.writing import FILES, file_hash
from layercut.checkpoints import load_checkpoint, require_shapes
from layercut.data.pictures import PictureRule, rule_of
from layercut.errors import CheckpointError, DataError, UserError, one_line
from layercut.features.given_images import given_pixels
from layercut.inference.chosen import find_model
from layercut.models import MODELS
from layercut.models.base import CuttableModel, ModelFamily, seeded_build, seeded_head
from layercut.models.bounded import within_memory
from layercut.models.families import AdaptingFamily, OwnCodeFamily
from layercut.strategies.primitives import truncate
from layercut.training.batches import Normalization, pixel_scale
from layercut.training.device import place_model


class Classifier(nn.Module):
    """A trained model with the normalisation that it was trained with.

    images: UInt8 "n c h w", or Float "n c h w" in 0..1, a tensor or an array -> logits: Float "n num_classes".
    """

    def __init__(self, model: CuttableModel, normalization: Normalization, card: dict[str, Any]) -> None:
        super().__init__()
        self.model = model
        self.normalization = normalization
        self.card = card
        """Study, design point, metrics, classes."""
        self.class_names: list[str] = card["class_names"]
        self.image_shape: tuple[int, int, int] = tuple(card["build"]["image_shape"])
        self._scale: Tensor
        self._shift: Tensor
        for name, values in zip(("_scale", "_shift"), pixel_scale(normalization, self.image_shape[0]), strict=True):
            self.register_buffer(name, values, persistent=False)

    def pixel_scale(self) -> tuple[Tensor, Tensor]:
        """Return what pixels in 0..255 are multiplied with, and what is added then: Float "1 channels 1 1" each."""
        return self._scale, self._shift

    @property
    def picture_rule(self) -> PictureRule:
        """Return how picture files become images of the model.

        Raises:
            DataError: the card does not say.
        """
        try:
            return rule_of(self.card.get("pictures"))
        except (ValueError, TypeError) as error:
            raise DataError(
                f"the model's card does not say how to prepare pictures: {error}; save or export the model again"
            ) from error

    def forward(self, images: Tensor | NDArray[Any]) -> Tensor:
        pixels = given_pixels(images, self._scale.device)
        if tuple(pixels.shape[1:]) != self.image_shape:
            raise UserError(
                f"expected images n x {self.image_shape} (channels, height, width); got {tuple(pixels.shape)}"
            )
        logits: Tensor = self.model(pixels.contiguous(memory_format=torch.channels_last) * self._scale + self._shift)
        return logits


def load_model(path: str | PathLike[str], trust_code: bool = False) -> Classifier:
    """Return the model of a trial that a study kept with `keep: [weights]`, in eval mode on the CPU.

    Args:
        path: the trial's folder, `RUN/artifacts/KEY`, or `model.safetensors` in it; or the output directory `RUN`, for
            the model of its recommended condition.
        trust_code: run the code that the trial's card names, if user code builds the model.

    Raises:
        DataError: the path is not the folder of a kept trial.
        CheckpointError: no weights were kept, they are damaged, or the model needs code that is not trusted.
        UserError: the argument is not a path.
    """
    if not isinstance(path, str | PathLike):
        raise UserError(f"expected the path of a kept trial, RUN/artifacts/KEY; got a {type(path).__name__}")
    return open_kept(find_model(Path(path).expanduser()).folder, trust_code)


def open_kept(folder: Path, trust_code: bool = False) -> Classifier:
    """Return the model in a folder with card and weights; see `load_model`."""
    card = read_kept(folder).card
    if "build" not in card or "kept" not in card:
        raise DataError(f"the card in {folder} does not say how the model is built; run the study again")
    if "weights" not in card["kept"] and "export" in card:
        raise CheckpointError(
            f"{folder} holds a model for {card['export'].get('runs_with')}, which layercut cannot open; give the run "
            "that it came from, or export it as safetensors"
        )
    if "weights" not in card["kept"]:
        raise CheckpointError(
            f"{folder} holds {', '.join(card['kept'])} of its trial but no weights; write `keep: [weights]` in the "
            "study file and run it again"
        )
    build = card["build"]
    family, num_classes = MODELS[build["name"]], len(card["class_names"])
    if isinstance(family, OwnCodeFamily) and not trust_code:
        raise CheckpointError(
            f"the model in {folder} is built by {family.code_of(build['options'])}, which loading would run; if "
            "you trust that code, call load_model(..., trust_code=True)"
        )
    weights = _as_kept(folder / "model.safetensors", card)
    with _explained(folder):
        if not isinstance(family, AdaptingFamily):  # sizes are known without values
            with torch.device("meta"):
                require_shapes(weights, _built(family, build, num_classes).state_dict())
        with within_memory("the kept model"):
            model = _built(family, build, num_classes)
        model.load_state_dict(load_checkpoint(weights)[0])
    model = place_model(model, torch.device("cpu"))
    return Classifier(model, Normalization(build["mean"], build["std"]), card).eval()


def _as_kept(path: Path, card: dict[str, Any]) -> Path:
    """Return a file of a kept trial, compared with its hash in the card; cards of older versions have none."""
    expected = card.get(FILES, {}).get(path.name)
    if expected is not None and path.is_file() and file_hash(path) != expected:
        raise CheckpointError(
            f"{path} changed after it was written with its card; delete the folder and run the study again"
        )
    return path


def _built(family: ModelFamily, build: dict[str, Any], num_classes: int) -> CuttableModel:
    options = family.options.model_validate(build["options"])
    model = seeded_build(family, options, tuple(build["image_shape"]), num_classes, seed=0)
    if build["num_blocks"] < len(model.block_names):
        head = seeded_head(family, options, tuple(build["feature_shape"]), num_classes, seed=0)
        model = truncate(model, build["num_blocks"], head)
    return model


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn what a card that is not as it was written provokes into one line."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"the card in {folder} does not describe the model whose weights are stored with it: "
            f"{one_line(error, 200)}; delete the folder and run the study again"
        ) from error
