"""What comes after the last trial, rehearsed on labelled images, so that time for it is left."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from layercut.data.subset import Task
from layercut.files import folder_written_whole, needing_space
from layercut.inference import load_model
from layercut.recommending.look import predicted_logits
from layercut.recommending.model_folder import WEIGHTS
from layercut.recommending.outcome import MODEL_FOLDER, read_recommendation

SLACK = 1.2
"""So many times what the rehearsal took is kept."""

_FEW = 8
_ENOUGH_SECONDS = 1.0


def rehearsed_seconds(
    kept: Path, task: Task, device: torch.device, output_dir: Path, clock: Callable[[], float]
) -> float:
    """Return how long the end may well take with a kept model: to load it, test it, copy it and write the page.

    Labelled images stand for the test images, as many of them as a second allows.

    Raises:
        StorageFullError: the disk is full.
    """
    began = clock()
    model = load_model(kept, trust_code=True).to(device)
    images, index = task.dataset.train.images, task.train_index
    predicted_logits(model, images[index[:_FEW]], device)  # the first pass is slower than the others
    looked, looking, number = clock(), 0.0, 0
    while number < len(index) and looking < _ENOUGH_SECONDS:
        chunk = index[number : number + _FEW]
        predicted_logits(model, images[chunk], device)
        number, looking = number + len(chunk), clock() - looked
    read_recommendation(output_dir)._repr_html_()
    copy = output_dir / f".{MODEL_FOLDER}.rehearsed"
    with needing_space(f"cannot write {copy}"), folder_written_whole(copy) as unfinished:
        shutil.copyfile(kept / WEIGHTS, unfinished / WEIGHTS)
    shutil.rmtree(copy)
    once = clock() - began - looking
    return SLACK * (once + looking / number * len(task.test_labels))
