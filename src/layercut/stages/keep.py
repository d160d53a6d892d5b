"""Keep more of a trial than its record: predictions, weights, curves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray
from torch import Tensor

from layercut.artifacts import write_artifact
from layercut.checkpoints import save_checkpoint
from layercut.interop.epoch_csv import curve_table
from layercut.plan.cuts import is_cutless
from layercut.plan.jobs import Condition
from layercut.records import TrialRecord
from layercut.spec import TrainingSpec
from layercut.stages.context import RunContext
from layercut.stages.inputs import pixel_inputs
from layercut.stages.trial import Trial
from layercut.training.evaluate import Evaluation

Writer = Callable[[Path], object]


def keep_trial(trial: Trial, record: TrialRecord, on_test: Evaluation | None, context: RunContext) -> None:
    """Write what the study keeps of this trial, if anything.

    Raises:
        StorageFullError: the disk is full.
        ValueError: predictions of test images are to be kept, and nobody looked at these.
    """
    kept = trial.condition.kept(trial.replicate)
    if not kept:
        return
    files: dict[str, Writer] = {}
    if "predictions" in kept:
        if on_test is None:
            raise ValueError("expected a trial that is tested: predictions are those of test images")
        files |= _predictions(trial, on_test.predictions.cpu().numpy(), context)
    if "weights" in kept:
        weights = trial.model.state_dict()
        files["model.safetensors"] = lambda path: save_checkpoint(path, weights)
    if "curves" in kept:
        files["curve.csv"] = partial(curve_table(record.curve).to_csv, index=False)
    write_artifact(context.output_dir, trial.key, _card(trial, record, kept), files)


def _predictions(trial: Trial, predicted: NDArray[np.int64], context: RunContext) -> dict[str, Writer]:
    import pandas as pd  # noqa: PLC0415 - pandas is for studies that ask for it

    labels = trial.task.test_labels
    table = pd.DataFrame({"image": np.arange(len(labels)), "label": labels, "predicted": predicted})
    _, positions = np.unique(labels, return_index=True)
    images = trial.task.dataset.test.images[trial.task.test_index[positions]]
    examples: dict[str, NDArray[Any]] = {
        "images": np.ascontiguousarray(images),
        "labels": labels[positions],
        "predicted": predicted[positions],
    }
    files: dict[str, Writer] = {
        "predictions.csv": partial(table.to_csv, index=False),
        "examples.safetensors": partial(safetensors.numpy.save_file, examples),
    }
    maps = _first_feature_maps(trial, positions[:1], context)
    if maps is not None:
        arrays: dict[str, NDArray[Any]] = {
            "image": np.ascontiguousarray(images[0]),
            "label": labels[positions[:1]],
            "maps": np.ascontiguousarray(maps[0].cpu().numpy()),
        }
        files["feature_maps.safetensors"] = partial(safetensors.numpy.save_file, arrays)
    return files


@torch.inference_mode()
def _first_feature_maps(trial: Trial, positions: NDArray[np.int64], context: RunContext) -> Tensor | None:
    """Return Float32 "1 channels h w"; None where the first block gives no maps."""
    blocks = list(trial.model.blocks)
    if not blocks:
        return None
    image = pixel_inputs(context, trial.task, trial.condition.training, "test", positions)
    maps: Tensor = blocks[0].eval()(image.gather(torch.zeros(1, dtype=torch.int64, device=context.torch_device)))
    return maps if maps.dim() == 4 else None


def _training(condition: Condition) -> dict[str, Any]:
    """Return the fields of the training; a head that is solved has none."""
    fields = () if condition.head == "solved" else TrainingSpec.model_fields
    return {name: getattr(condition.training, name) for name in fields}


def _card(trial: Trial, record: TrialRecord, kept: tuple[str, ...]) -> dict[str, Any]:
    """Return what a reader must know: where it comes from, how it was trained and is built, how good it is."""
    condition, model = trial.condition, trial.condition.model
    keep = condition.keep
    return {
        "format": 1,
        "kept": list(kept),
        "study": keep.study if keep else "",
        "key": record.key,
        "condition": record.condition,
        "source": keep.source if keep and condition.source else "",
        "target": condition.task.label,
        "model": model.label,
        "strategy": condition.label or condition.strategy,
        "cut": condition.cut,
        "cutless": is_cutless(condition.does, model.num_blocks, condition.keep_hidden),
        "does": {"strategy": condition.strategy, "cut": condition.cut, "options": dict(condition.options)},
        "fraction": condition.fraction,
        "replicate": record.replicate,
        "training": _training(condition),
        "class_names": list(condition.task.class_names),
        "pictures": condition.task.pictures.card() if condition.task.pictures else None,
        "metrics": {
            "train_accuracy": record.train_accuracy,
            "validation_accuracy": record.validation_accuracy,
            "test_accuracy": record.test_accuracy,
            "validation_balanced_accuracy": record.validation_balanced_accuracy,
            "test_balanced_accuracy": record.test_balanced_accuracy,
            "validation_macro_f1": record.validation_macro_f1,
            "test_macro_f1": record.test_macro_f1,
            "test_loss": record.test_loss,
            "best_epoch": record.best_epoch,
            "num_train_images": record.num_train_images,
            "num_test_images": record.num_test_images,
        },
        "build": {
            "name": model.name,
            "options": dict(model.options),
            "image_shape": list(model.image_shape),
            "num_blocks": len(trial.model.block_names),
            "feature_shape": list(model.feature_shapes[len(trial.model.block_names)]),
            "mean": list(condition.training.mean),
            "std": list(condition.training.std),
            "precision": condition.training.precision,
        },
        "checkpoint_hash": record.checkpoint_hash,
        "environment": record.environment,
    }
