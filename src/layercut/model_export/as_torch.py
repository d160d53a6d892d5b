"""A program of `torch.export`: opens with PyTorch alone, without the code that the model was built by."""

from __future__ import annotations

from pathlib import Path

import torch

from layercut.errors import UserError, one_line
from layercut.inference import Classifier
from layercut.model_export.base import Answer, Portable, answer_of

NAME = "model.pt2"

_TWO = 2
"""Images of the example batch: with one, the exporter takes the number for a constant."""


class TorchProgram:
    """PyTorch's `.pt2`, with any number of images."""

    library = "pytorch"
    loadable = False

    def require(self, model: Classifier) -> None:
        """Whether it can be exported only the exporter tells."""

    def write(self, model: Classifier, folder: Path) -> None:
        """Write the program."""
        torch.export.save(program_of(model), folder / NAME)

    def opened(self, folder: Path, model: Classifier) -> Answer:
        """Return the answers of the written program."""
        return answer_of(torch.export.load(folder / NAME).module())

    def usage(self, model: Classifier) -> str:
        """Return Python code that runs the program."""
        shape = " x ".join(map(str, model.image_shape))
        return (
            "import torch\n\n"
            f'model = torch.export.load("{NAME}").module()\n'
            f"logits = model(images)  # images: uint8, n x {shape}"
        )


def program_of(model: Classifier) -> torch.export.ExportedProgram:
    """Return a model as a program whose number of images is free.

    Raises:
        UserError: its forward pass cannot be exported.
    """
    images = torch.zeros(_TWO, *model.image_shape, dtype=torch.uint8)
    free = ({0: torch.export.Dim("batch")},)
    try:
        with torch.no_grad():
            return torch.export.export(Portable(model).eval(), (images,), dynamic_shapes=free)
    except Exception as error:  # whatever the exporter, or the model's own code, raises
        raise UserError(
            f"torch.export cannot follow the model's forward pass ({type(error).__name__}: {one_line(error, 300)}); "
            "export it as safetensors"
        ) from error
