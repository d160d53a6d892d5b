"""`layercut list cuts NAME`: where a model can be cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layercut.errors import SpecError, UserError

DEFAULT_SHAPE = (1, 28, 28)
"""Images of a model that was made for no particular ones."""


def cut_points(name: str, image: str | None) -> dict[str, Any]:
    """Return the cut points of a model with its default options, from 0 to the number of blocks.

    name: as in a study file, or `module:function` of one's own; image: such as `3x224x224`.

    Raises:
        UserError: there is no such model, or it takes no such images.
    """
    from pydantic import ValidationError

    from layercut.models import MODELS
    from layercut.models.examine import examine_model
    from layercut.models.measured import plan_model
    from layercut.spec.load import describe_errors

    own = ":" in name
    family = MODELS["foreign" if own else name]
    given = {"factory": name, "folder": Path.cwd()} if own else {}
    try:
        options = family.options.model_validate(given)
    except ValidationError as error:
        lines = [line.removeprefix("expected ") for line in describe_errors(error, family.options).splitlines()]
        raise SpecError(f"{name} needs options that only a study file can give: {'; '.join(lines)}") from error
    shape = _shape(image) if image else getattr(family, "default_shape", DEFAULT_SHAPE)
    plan = plan_model(family, options, shape, num_classes=10)
    examine_model("foreign" if own else name, options, shape, num_classes=10)
    total, below = sum(plan.block_parameters), 0
    stages = {cut: stage for stage, cut in plan.stages.items()}
    rows = []
    for index, (block, features) in enumerate(zip(["", *plan.block_names], plan.feature_shapes, strict=True)):
        parameters = plan.block_parameters[index - 1] if index else 0
        below += parameters
        share = below / total if total else 0.0
        row = {"cut": index, "behind": block, "shape": features, "parameters": parameters, "share": share}
        rows.append(row | {"stage": stages.get(index, "")})
    return {"model": name, "image_shape": shape, "cuts": rows}


def describe_cuts(found: dict[str, Any]) -> str:
    """Return the cut points as text."""
    staged = any(row["stage"] for row in found["cuts"])
    rows = [
        (
            str(row["cut"]),
            row["behind"] or "(images)",
            row["stage"],
            " x ".join(map(str, row["shape"])),
            f"{row['parameters']:,}",
            f"{100 * row['share']:.1f} %",
        )
        for row in found["cuts"]
    ]
    table = [("cut", "behind", "end of stage", "shape", "parameters", "share below"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [
        f"{found['model']} on images of {' x '.join(map(str, found['image_shape']))}; shares are of all blocks'",
    ]
    for cut, behind, stage, *numbers in table:
        right = "  ".join(f"{text:>{width}}" for text, width in zip(numbers, widths[3:], strict=True))
        middle = f"{stage:<{widths[2]}}  " if staged else ""
        lines.append(f"{cut:>{widths[0]}}  {behind:<{widths[1]}}  {middle}{right}")
    if staged:
        chosen = sorted({0, len(rows) - 1, *(row["cut"] for row in found["cuts"] if row["stage"])})
        lines.append(f"cuts: stages, which a study uses by default, are {', '.join(map(str, chosen))}")
    return "\n".join(lines)


def _shape(image: str) -> tuple[int, int, int]:
    try:
        channels, height, width = map(int, image.lower().split("x"))
    except ValueError as error:
        raise UserError(f"--image: expected channels x height x width such as 3x224x224; got {image!r}") from error
    if min(channels, height, width) < 1:
        raise UserError(f"--image: expected numbers above 0; got {image!r}")
    return channels, height, width
