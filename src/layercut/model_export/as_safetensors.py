"""layercut's own files: weights and card, for `layercut.load_model` and `layercut predict`."""

from __future__ import annotations

import copy
from pathlib import Path

from layercut.checkpoints import load_checkpoint, save_checkpoint
from layercut.inference import Classifier
from layercut.model_export.base import Answer, answer_of

NAME = "model.safetensors"


class Safetensors:
    """Weights in safetensors under layercut's names."""

    library = "layercut"
    loadable = True

    def require(self, model: Classifier) -> None:
        """Every model can be written so."""

    def write(self, model: Classifier, folder: Path) -> None:
        """Write the weights."""
        save_checkpoint(folder / NAME, model.model.state_dict())

    def opened(self, folder: Path, model: Classifier) -> Answer:
        """Return the answers of a model with the written weights."""
        own = copy.deepcopy(model)
        own.model.load_state_dict(load_checkpoint(folder / NAME)[0])
        return answer_of(own)

    def usage(self, model: Classifier) -> str:
        """Return Python code that predicts a picture."""
        return (
            "from layercut import predict\n\n"
            'for one in predict(".", ["photo.jpg"]):\n'
            "    print(one.class_name, one.probability)"
        )
