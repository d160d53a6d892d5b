"""A model with the values of a weight file, without a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from layercut.errors import SpecError
from layercut.models import MODELS
from layercut.models.base import CuttableModel
from layercut.models.examine import examine_model
from layercut.models.families import SwitchedFamily
from layercut.models.measured import plan_model
from layercut.plan.jobs import ModelRef
from layercut.plan.source_models import read_weights, whole_model
from layercut.spec.load import describe_errors


def read_model(
    weights: str | Path, model: str = "plain_cnn", *, image_shape: tuple[int, int, int], **options: Any
) -> CuttableModel:
    """Return a model with the values of a weight file, its own head included where the file has it.

    Args:
        weights: a `.safetensors` file, or a `.pth` file that holds only tensors.
        model: name and `options` as in a study file.
        image_shape: channels, height, width.

    Raises:
        UserError: no such model or option; the file is missing, damaged, or does not fit.
    """
    family = MODELS[model]
    try:
        checked = family.options.model_validate(options)
    except ValidationError as error:
        raise SpecError(describe_errors(error, family.options)) from error
    unsaid = family.unsaid(checked) if isinstance(family, SwitchedFamily) else None
    if unsaid is not None:
        raise SpecError(unsaid)
    planned = plan_model(family, checked, image_shape, num_classes=2)
    examine_model(model, checked, image_shape, num_classes=2)
    ref = ModelRef(
        label=model,
        name=model,
        options=checked.model_dump(mode="json"),
        image_shape=image_shape,
        block_names=tuple(planned.block_names),
        feature_shapes=tuple(planned.feature_shapes),
        block_parameters=tuple(planned.block_parameters),
        random_blocks=tuple(planned.random_blocks),
    )
    values = read_weights(ref, Path(weights).expanduser())
    return whole_model(ref, values).model
