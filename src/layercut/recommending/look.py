"""The one look at the test images, by the recommended model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from layercut.data.subset import Task
from layercut.inference import Classifier, load_model
from layercut.metrics import count_classes
from layercut.recommending.journal import Look

_CHUNK = 64


@torch.inference_mode()
def look_at_test_images(folder: Path, task: Task, device: torch.device) -> Look:
    """Return how a kept model does on the test images of its task; its own code is trusted, it ran when it was made."""
    model = load_model(folder, trust_code=True).to(device)
    labels = torch.as_tensor(task.test_labels, device=device)
    predicted: list[Tensor] = []
    loss = 0.0
    for start in range(0, len(labels), _CHUNK):
        images = task.dataset.test.images[task.test_index[start : start + _CHUNK]]
        logits, wanted = predicted_logits(model, images, device), labels[start : start + _CHUNK]
        predicted.append(logits.argmax(dim=1).cpu())
        loss += F.cross_entropy(logits.double(), wanted, reduction="sum").item()
    counts = count_classes(task.test_labels, torch.cat(predicted).numpy(), task.num_classes)
    scores, number = counts.scores(), len(labels)
    return Look(scores.accuracy, loss / number, number, scores.balanced_accuracy, scores.macro_f1, counts.effective())


@torch.inference_mode()
def predicted_logits(model: Classifier, images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return what a model says of some images: logits, "n classes"."""
    logits: Tensor = model(torch.as_tensor(images, device=device))
    return logits
