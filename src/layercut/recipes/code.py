"""The code of a recipe: model, what is frozen, images, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from layercut.data.pictures import rule_of
from layercut.errors import UnknownNameError
from layercut.inference import KeptModel, find_model
from layercut.ledger import LEDGER_NAME, Ledger
from layercut.recipes.endings import ENDINGS, Ending
from layercut.recipes.training import left_out, require_told
from layercut.recipes.treated import Treated, treated
from layercut.spec import CheckpointSource, TrainingSpec, WeightsSource, parse_study

FRAMEWORKS = tuple(ENDINGS)


def recipe(path: str | PathLike[str] | KeptModel, framework: str = "timm") -> str:
    """Return Python code that treats and trains a model as a kept trial did.

    Args:
        path: an output directory, a folder of a kept trial, or what `find_model` returned.
        framework: `timm`, a plain loop; `lightning`, `transformers` or `keras`.

    Raises:
        UserError: the model, strategy or training has no recipe.
        CheckpointError: no weights were kept.
    """
    if framework not in FRAMEWORKS:
        raise UnknownNameError("framework", framework, FRAMEWORKS)
    kept = path if isinstance(path, KeptModel) else find_model(Path(path).expanduser())
    card, does = kept.card, treated(kept.card)
    training, ending = card["training"], ENDINGS[framework]
    require_told(training)
    made_with = _arguments(card, does)
    parts = [
        _head(kept, ending),
        _model(card, does, made_with, _source_of(kept)),
        _treatment(does),
        _images(card),
        _groups(training, does) if ending.has_groups else "",
        ending.train(training, made_with),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(kept: KeptModel, ending: Ending) -> str:
    card = kept.card
    defaults = TrainingSpec().model_dump()
    lines = [
        f"{kept.title}, of the study {card['study']}.",
        "The same layers are frozen, the same ones new, the optimizer is the same.",
        "Order and initial values are others, so numbers differ a little.",
        *(f"Not in this code: {one}." for one in left_out(card["training"], defaults, ending.lacks)),
    ]
    imports = ["import timm", "import torch", "import torch.nn.functional as F", "import torchvision"]
    return "\n".join([*(f"# {_line(line)}" for line in lines), "", *ending.imports, *imports])


def _arguments(card: Mapping[str, Any], does: Treated) -> str:
    """Return what `timm.create_model` is given beside a name."""
    channels, height, width = card["build"]["image_shape"]
    given = f"num_classes={len(card['class_names'])}, in_chans={channels}"
    return f"{given}, img_size=({height}, {width})" if _has_fixed_size(does.model) else given


def _model(card: Mapping[str, Any], does: Treated, given: str, source: WeightsSource | CheckpointSource | None) -> str:
    name, pretrained, loading = does.model, "False", ""
    if isinstance(source, WeightsSource):
        pretrained = "True"
        if source.weights not in ("DEFAULT", "pretrained") and "." not in name:
            name = f"{name}.{source.weights}"
    elif does.transfers:
        path = str(source.checkpoint) if isinstance(source, CheckpointSource) else "source.pth"
        what = (
            "" if source else f"\n# The study's source was {_line(card['source'])}: put its weights where this reads."
        )
        loading = (
            f"{what}\nweights = timm.models.load_state_dict({path!r})  # under timm's names\n"
            "own = model.state_dict()\n"
            "fitting = {n: value for n, value in weights.items() if n in own and value.shape == own[n].shape}\n"
            'print("not in the file:", sorted(set(own) - set(fitting)))\n'
            "model.load_state_dict(fitting, strict=False)"
        )
    made = f"model = timm.create_model(ARCHITECTURE, pretrained={pretrained if does.transfers else 'False'}, {given})"
    fresh = f"\nfresh = timm.create_model({does.model!r}, pretrained=False, {given})" if does.transfers else ""
    return f"CLASSES = {list(card['class_names'])!r}\nARCHITECTURE = {name!r}\n{made}{loading}{fresh}"


def _treatment(does: Treated) -> str:
    parts = []
    if does.new_layers or does.new_values:
        parts.append(
            "# These begin with new values; the classifier is always one of them.\n"
            f"{_tuple('NEW_LAYERS', does.new_layers)}{_tuple('NEW_VALUES', does.new_values)}"
            "for name in NEW_LAYERS:\n"
            "    model.get_submodule(name).load_state_dict(fresh.get_submodule(name).state_dict())\n"
            "for name in NEW_VALUES:\n"
            "    model.get_parameter(name).data.copy_(fresh.get_parameter(name).data)"
        )
    parts.append(
        "# These stay as they are: no gradient, and eval mode, so that the statistics of batch norms stay, too.\n"
        f"{_tuple('FROZEN_LAYERS', does.frozen_layers)}{_tuple('FROZEN_VALUES', does.frozen_values)}"
        f"{_tuple('RESTING_LAYERS', does.resting_layers)}"
        "for name in FROZEN_LAYERS:\n"
        "    model.get_submodule(name).requires_grad_(False)\n"
        "for name in FROZEN_VALUES:\n"
        "    model.get_parameter(name).requires_grad_(False)\n\n\n"
        "def train_mode(model):\n"
        "    model.train()\n"
        "    for name in FROZEN_LAYERS:\n"
        "        model.get_submodule(name).eval()\n"
        "    for name in RESTING_LAYERS:\n"
        "        model.get_submodule(name).training = False\n"
    )
    return "\n\n".join(parts)


def _images(card: Mapping[str, Any]) -> str:
    channels, height, width = card["build"]["image_shape"]
    rule, build = rule_of(card["pictures"]), card["build"]
    way = f"torchvision.transforms.InterpolationMode.{rule.interpolation.upper()}"
    steps = [] if channels == 3 else ["torchvision.transforms.Grayscale()"]
    if rule.resize == "stretch":
        steps.append(f"torchvision.transforms.Resize(({height}, {width}), {way})")
    elif rule.resize is not None:
        steps += [
            f"torchvision.transforms.Resize({min(height, width)}, {way})",
            f"torchvision.transforms.CenterCrop(({height}, {width}))",
        ]
    mean, std = (list(values) * channels if len(values) == 1 else values for values in (build["mean"], build["std"]))
    steps += ["torchvision.transforms.ToTensor()", f"torchvision.transforms.Normalize({mean}, {std})"]
    listed = "".join(f"        {step},\n" for step in steps)
    note = "# The study pads with black to the size; this cuts off around the centre.\n" if rule.resize == "pad" else ""
    batch = card["training"]["batch_size"]
    return (
        f"{note}transform = torchvision.transforms.Compose(\n    [\n{listed}    ]\n)\n"
        'images = torchvision.datasets.ImageFolder("photos/train", transform)  # one folder per class\n'
        "if images.classes != CLASSES:\n"
        '    raise SystemExit(f"expected one folder for each of {CLASSES}; got {images.classes}")\n'
        f"batches = torch.utils.data.DataLoader(images, batch_size={batch}, shuffle=True)"
    )


def _groups(training: Mapping[str, Any], does: Treated) -> str:
    if training["kept_lr_scale"] == 1 or not does.kept:
        return "groups = [parameter for parameter in model.parameters() if parameter.requires_grad]"
    return (
        f"{_tuple('KEPT', does.kept)}trained = {{n: p for n, p in model.named_parameters() if p.requires_grad}}\n"
        "groups = [\n"
        '    {"params": [value for name, value in trained.items() if name not in KEPT]},\n'
        f'    {{"params": [trained[name] for name in KEPT], "lr": {training["lr"] * training["kept_lr_scale"]!r}}},\n'
        "]"
    )


def _source_of(kept: KeptModel) -> WeightsSource | CheckpointSource | None:
    """Return where the study had its weights from; None where it made them, or does not say."""
    run = kept.folder.parent.parent if kept.folder.parent.name == "artifacts" else kept.folder.parent
    if not (run / LEDGER_NAME).is_file():
        return None
    with Ledger(run, read_only=True) as ledger:
        text = ledger.meta("study_text")
    if text is None:
        return None
    sources = [source for source in parse_study(text).source if source.label == kept.card["source"]]
    found = sources[0] if len(sources) == 1 else None
    return found if isinstance(found, WeightsSource | CheckpointSource) else None


def _has_fixed_size(name: str) -> bool:
    import timm  # noqa: PLC0415 - slow to import

    config = timm.get_pretrained_cfg(name)
    return bool(config and config.fixed_input_size)


def _tuple(name: str, values: Sequence[str]) -> str:
    inside = "".join(f"    {value!r},\n" for value in values)
    return f"{name} = (\n{inside})\n" if values else f"{name} = ()\n"


def _line(text: object) -> str:
    """Return a text for a comment: in one line, whatever names hold."""
    return " ".join(str(text).split())
