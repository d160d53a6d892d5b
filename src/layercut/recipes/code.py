"""The code of a recipe: model, what is frozen, images, training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from layercut.data.pictures import rule_of
from layercut.errors import UnknownNameError, UserError, few
from layercut.files import studies_below
from layercut.inference import KeptModel, find_model
from layercut.ledger import LEDGER_NAME, Ledger
from layercut.models.foreign import ForeignOptions
from layercut.recipes.endings import ENDINGS, Ending
from layercut.recipes.libraries import LIBRARIES, OWN, LibraryCode, Made, own_function
from layercut.recipes.training import left_out, require_told
from layercut.recipes.treated import Treated, treated
from layercut.spec import CheckpointSource, TrainingSpec, WeightsSource, parse_study

FRAMEWORKS = tuple(ENDINGS)


def recipe(path: str | PathLike[str] | KeptModel, framework: str = "torch", trust_code: bool = False) -> str:
    """Return Python code that treats and trains a model as a kept trial did.

    Args:
        path: an output directory, a folder of a kept trial, or what `find_model` returned.
        framework: `torch`, a plain loop, or the same as `timm`; `lightning`, `transformers`, `keras` or `ultralytics`.
        trust_code: run the function that makes the model, where it is your own.

    Raises:
        UserError: the model, strategy or training has no recipe.
        CheckpointError: no weights were kept.
    """
    if framework not in FRAMEWORKS:
        raise UnknownNameError("framework", framework, FRAMEWORKS)
    kept = path if isinstance(path, KeptModel) else find_model(Path(path).expanduser())
    card, does = kept.card, treated(kept.card, trust_code)
    training, ending = card["training"], ENDINGS[framework]
    if does.library not in ending.libraries:
        able = [name for name, one in ENDINGS.items() if does.library in one.libraries]
        takes = " and ".join(name for name in ending.libraries if name != OWN)
        raise UserError(
            f"a recipe for {framework} takes models of {takes}; {_called(card, does)} has one for "
            f"{few(able, 9)}: --for {able[0]}"
        )
    options = card["build"]["options"]
    library = own_function(ForeignOptions.model_validate(options)) if does.library == OWN else LIBRARIES[does.library]
    require_told(training)
    source = _source_of(kept)
    weights = source.weights if isinstance(source, WeightsSource) and does.transfers else None
    image_shape = tuple(card["build"]["image_shape"])
    made = library.made(does.model, weights, image_shape, len(card["class_names"]))
    parts = [
        _head(kept, ending, library),
        _model(card, does, library, made, source),
        _treatment(does),
        _images(card),
        _groups(training, does) if ending.has_groups else "",
        ending.train(training, made.given),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(kept: KeptModel, ending: Ending, library: LibraryCode) -> str:
    card = kept.card
    defaults = TrainingSpec().model_dump()
    lines = [
        f"{kept.title}, of the study {card['study']}.",
        "The same layers are frozen, the same ones new, the optimizer is the same.",
        "Order and initial values are others, so numbers differ a little.",
        *(f"Not in this code: {one}." for one in left_out(card["training"], defaults, ending.lacks)),
    ]
    imports = [*library.imports, "import torch", "import torch.nn.functional as F", "import torchvision"]
    return "\n".join([*(f"# {_line(line)}" for line in lines), "", *ending.imports, *imports])


def _model(
    card: Mapping[str, Any],
    does: Treated,
    library: LibraryCode,
    made: Made,
    source: WeightsSource | CheckpointSource | None,
) -> str:
    weights, loading = library.none, ""
    if does.transfers and isinstance(source, WeightsSource) and made.loading is None:
        weights = library.published
    elif does.transfers:
        path = str(source.checkpoint) if isinstance(source, CheckpointSource) else "source.pth"
        what = (
            "" if source else f"\n# The study's source was {_line(card['source'])}: put its weights where this reads."
        )
        published = made.loading if isinstance(source, WeightsSource) else None
        loading = (
            f"{what}\nweights = {published or library.read(path)}\n"
            "own = model.state_dict()\n"
            "fitting = {n: value for n, value in weights.items() if n in own and value.shape == own[n].shape}\n"
            "if not fitting:\n"
            '    raise SystemExit(f"expected values named as {next(iter(own))}; got {next(iter(weights), None)}")\n'
            'print("not in the file:", sorted(set(own) - set(fitting)))\n'
            "model.load_state_dict(fitting, strict=False)"
        )
    making = f"model = {library.make.format(name='ARCHITECTURE', weights=weights, given=made.given)}"
    new = library.make.format(name=repr(does.model), weights=library.none, given=made.given)
    fresh = f"\nfresh = {new}" if does.transfers else ""
    named = "" if does.library == OWN else f"ARCHITECTURE = {made.name!r}\n"
    return f"CLASSES = {list(card['class_names'])!r}\n{named}{making}{loading}{fresh}"


def _called(card: Mapping[str, Any], does: Treated) -> str:
    return does.model if does.library == OWN else str(card["build"]["name"])


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
    studies = [text for one in (studies_below(run) or [run]) if (text := _study_text(one)) is not None]
    specs = [spec for spec in map(parse_study, studies) if kept.card["study"] == spec.name]
    sources = [source for spec in specs for source in spec.source if source.label == kept.card["source"]]
    found = sources[0] if len(sources) == 1 else None
    return found if isinstance(found, WeightsSource | CheckpointSource) else None


def _study_text(run: Path) -> str | None:
    """Return what an output directory says of its study; None where it has no ledger."""
    if not (run / LEDGER_NAME).is_file():
        return None
    with Ledger(run, read_only=True) as ledger:
        text: str | None = ledger.meta("study_text")
    return text


def _tuple(name: str, values: Sequence[str]) -> str:
    inside = "".join(f"    {value!r},\n" for value in values)
    return f"{name} = (\n{inside})\n" if values else f"{name} = ()\n"


def _line(text: object) -> str:
    """Return a text for a comment: in one line, whatever names hold."""
    return " ".join(str(text).split())
