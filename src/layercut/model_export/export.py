"""Export a kept model: write it, open it with the target library, compare, then move it into place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from layercut.artifacts.writing import CARD, FILES, file_hash
from layercut.errors import UnknownNameError, UserError
from layercut.files import folder_written_whole, needing_space, require_folder
from layercut.inference import Classifier, KeptModel, find_model
from layercut.inference.classifier import open_kept
from layercut.model_export.as_onnx import Onnx
from layercut.model_export.as_safetensors import Safetensors
from layercut.model_export.as_timm import TimmFolder
from layercut.model_export.as_torch import TorchProgram
from layercut.model_export.base import Format, answer_of
from layercut.model_export.checking import Comparison, compare, images_to_check
from layercut.model_export.latency import Latency, measure
from layercut.model_export.model_card import model_card

FORMATS: dict[str, Format] = {
    "safetensors": Safetensors(),
    "timm": TimmFolder(),
    "onnx": Onnx(),
    "torch": TorchProgram(),
}

README = "README.md"


class Exported(NamedTuple):
    """What was written, and what was seen of it."""

    folder: Path
    format: str
    model: KeptModel
    comparison: Comparison
    latency: Latency
    """Of the written files, run by the library that opens them."""
    pytorch_latency: Latency
    """Of the model as layercut runs it."""
    num_parameters: int
    num_bytes: int


def export_model(
    path: str | PathLike[str] | KeptModel,
    folder: str | PathLike[str],
    format: str = "safetensors",
    images: Sequence[Path | str] = (),
    trust_code: bool = False,
) -> Exported:
    """Write a model as files that other programs open, with a card and a README.

    The files are opened again by the library that they are for, and their logits compared with the model's.

    Args:
        path: an output directory, a folder of a kept trial, or what `find_model` returned.
        folder: destination; absent, empty, or an earlier export, which is replaced.
        format: `safetensors`, `timm`, `onnx` or `torch`.
        images: pictures to compare on; absent: images that the run kept, else noise.
        trust_code: run the code that the card names, if user code builds the model.

    Raises:
        UserError: the model cannot become this format, the folder holds something else, or a package is missing.
        StorageFullError: the disk is full.
    """
    if format not in FORMATS:
        raise UnknownNameError("format", format, FORMATS)
    kept = path if isinstance(path, KeptModel) else find_model(Path(path).expanduser())
    target, chosen = Path(folder).expanduser(), FORMATS[format]
    _require_free(target)
    model = open_kept(kept.folder, trust_code)
    model.card.update({name: kept.card[name] for name in ("strategy", "cut")})
    _ = model.picture_rule  # refuses cards that do not say
    chosen.require(model)
    checked_on = images_to_check(model, kept.folder, [Path(image).expanduser() for image in images])
    with needing_space(f"cannot write {target}"), folder_written_whole(target) as unfinished:
        chosen.write(model, unfinished)
        num_bytes = sum(file.stat().st_size for file in unfinished.iterdir())
        answer = chosen.opened(unfinished, model)
        comparison = compare(answer, model, checked_on, chosen.library)
        image = checked_on.pixels[:1]
        exported = Exported(
            target,
            format,
            kept,
            comparison,
            measure(answer, image),
            measure(answer_of(model), image),
            sum(value.numel() for value in model.model.parameters()),
            num_bytes,
        )
        card = _card(model, exported, chosen)
        text = model_card(_title(kept), model, card, chosen.library, chosen.usage(model))
        (unfinished / README).write_text(text, encoding="utf-8")
        card[FILES] = {file.name: file_hash(file) for file in sorted(unfinished.iterdir())}
        (unfinished / CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False), encoding="utf-8")
    return exported


def _card(model: Classifier, exported: Exported, chosen: Format) -> dict[str, Any]:
    """Return the card of the trial, with what is true of these files."""
    own = {name: value for name, value in model.card.items() if name not in (FILES, "kept")}
    return {
        **own,
        "kept": ["weights"] if chosen.loadable else [],
        "export": {
            "format": exported.format,
            "input": "images: uint8, n x channels x height x width" if exported.format in ("onnx", "torch") else None,
            "output": "logits: float32, n x classes",
            "runs_with": chosen.library,
            "largest_difference": exported.comparison.largest_difference,
            "checked_on": f"{exported.comparison.num_images} images: {exported.comparison.images}",
            "latency": exported.latency.card(),
            "pytorch_latency": exported.pytorch_latency.card(),
            "num_parameters": exported.num_parameters,
            "num_bytes": exported.num_bytes,
        },
    }


def _title(kept: KeptModel) -> str:
    return f"{kept.card['model']} for {kept.card['target']}"


def _require_free(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier export.

    Raises:
        UserError: it does, or it cannot be a folder.
    """
    require_folder(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        is_export = (
            isinstance(card, dict)
            and "export" in card
            and set(card[FILES]) | {CARD} >= {file.name for file in folder.iterdir()}
        )
    except (OSError, ValueError, KeyError, TypeError):
        is_export = False
    if not is_export:
        raise UserError(f"{folder} holds other files than an exported model; choose an empty or a new folder")
