"""ONNX by PyTorch's exporter, labels and preprocessing inside as metadata; run with ONNX Runtime on one thread."""

from __future__ import annotations

import json
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from layercut.errors import UserError, few
from layercut.inference import Classifier
from layercut.model_export.as_torch import program_of
from layercut.model_export.base import Answer

NAME = "model.onnx"
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


class Onnx:
    """One `.onnx` file, with any number of images."""

    library = "onnx"
    loadable = False

    def require(self, model: Classifier) -> None:
        """See that the extra is installed."""
        missing = [name for name in _PACKAGES if find_spec(name) is None]
        if missing:
            raise UserError(f"ONNX needs {few(missing, 3)}, not installed here: pip install 'layercut[onnx]'")

    def write(self, model: Classifier, folder: Path) -> None:
        """Write the model."""
        log = logging.getLogger("torch.onnx")
        level = log.level
        log.setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                program_of(model), dynamo=True, input_names=["images"], output_names=["logits"], verbose=False
            )
        finally:
            log.setLevel(level)
        if program is None:
            raise UserError("PyTorch's ONNX exporter produced no program; export as torch or safetensors")
        program.model.metadata_props.update(
            class_names=json.dumps(model.class_names, ensure_ascii=False),
            pictures=json.dumps(model.card["pictures"]),
            image_shape=json.dumps(model.image_shape),
        )
        program.save(folder / NAME)

    def opened(self, folder: Path, model: Classifier) -> Answer:
        """Return the answers of the written file."""
        session = _session(folder / NAME)

        def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
            logits: NDArray[np.float32] = session.run(None, {"images": images})[0]
            return logits

        return answer

    def usage(self, model: Classifier) -> str:
        """Return Python code that runs the file."""
        shape = " x ".join(map(str, model.image_shape))
        return (
            "import json\n\nimport onnxruntime\n\n"
            f'session = onnxruntime.InferenceSession("{NAME}")\n'
            f'(logits,) = session.run(None, {{"images": images}})  # images: uint8, n x {shape}\n'
            'class_names = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])'
        )


def _session(path: Path) -> Any:
    import onnxruntime  # noqa: PLC0415 - an extra

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
