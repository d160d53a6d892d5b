"""The contract of an export format, and a model as other programs run it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from layercut.inference import Classifier

Answer: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Images, UInt8 "n c h w", to logits, Float32 "n num_classes"."""


class Format(Protocol):
    """One format; a model becomes files in a folder, and these files answer."""

    library: str
    """What opens them, by its name on the Hugging Face hub."""
    loadable: bool
    """Whether `layercut.load_model` opens them."""

    def require(self, model: Classifier) -> None:
        """See that a model can become this format here, before any work.

        Raises:
            UserError: it cannot, or a package is missing.
        """
        ...

    def write(self, model: Classifier, folder: Path) -> None:
        """Write the files into an empty folder."""
        ...

    def opened(self, folder: Path, model: Classifier) -> Answer:
        """Return the answers of the written files, by the library that opens them; `model` says what they need."""
        ...

    def usage(self, model: Classifier) -> str:
        """Return Python code that opens the files from inside their folder."""
        ...


class Portable(nn.Module):
    """A classifier as other programs run it: bytes in, logits out, its scale inside.

    images: UInt8 "n c h w" -> logits: Float32 "n num_classes".
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        own = copy.deepcopy(classifier).to(memory_format=torch.contiguous_format)
        self.model = own.model
        self.scale: Tensor
        self.shift: Tensor
        for name, value in zip(("scale", "shift"), classifier.pixel_scale(), strict=True):
            self.register_buffer(name, value.clone())

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(images.to(torch.float32) * self.scale + self.shift)
        return logits


def answer_of(model: nn.Module) -> Answer:
    """Return the answers of a module that takes bytes."""

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = model(torch.from_numpy(images)).numpy()
        return logits

    return answer
