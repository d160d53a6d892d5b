"""`layercut init`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layercut.cli.options import HomePath, group_option
from layercut.cli.terminal import say

if TYPE_CHECKING:
    from layercut.cli.first_study import FirstModel

DEFAULT_MODEL = "timm/resnet18"


@click.command("init")
@click.argument("photos", type=HomePath())
@click.option(
    "-o",
    "--output",
    type=HomePath(dir_okay=False),
    help="Study file to write; by default the folder's name with .yaml.",
)
@click.option(
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    metavar="NAME[=WEIGHTS]",
    help="Model to cut: one of torchvision or timm, with the weights that its library publishes, or any model with a "
    "weight file of yours, such as torchvision/resnet18=mine.pth or my_models:small_resnet=mine.pth.",
)
@group_option
def command(photos: Path, output: Path | None, model: str, group: str | None) -> None:
    """Write a study file for the images in PHOTOS. Every line is explained.

    PHOTOS is a folder with one folder per class, a folder with train/ and test/, a folder with a metadata.csv, or that
    table itself.

    The study suits the images: how many are set aside for testing, how often each training is repeated, what choices
    are based on. Read it, change what you like, and see with `layercut plan` what it would do. An existing file is
    never overwritten.

    \b
    Examples:
        layercut init photos
        layercut init photos -o leaves.yaml --model torchvision/mobilenet_v3_small
        layercut init photos --model torchvision/resnet18=mine.pth
        layercut init crops --group folder
    """
    from layercut.cli.columns import filled
    from layercut.cli.first_study import first_study, study_name
    from layercut.data.folder_survey import describe_survey, survey_folder
    from layercut.data.folder_table import is_table
    from layercut.errors import UserError
    from layercut.files import explained
    from layercut.spec import parse_study

    folder = photos.parent if is_table(photos) and photos.is_file() else photos
    name = study_name(folder.absolute())
    file = output or Path(f"{name}.yaml")
    if file.exists():
        raise UserError(f"{file} already exists and will not be overwritten; choose another file with -o")
    survey = survey_folder(photos, group)
    chosen = _first_model(model, list(survey.sizes), file)
    text = first_study(survey, chosen, _relative(photos, file), name, file)
    parse_study(text, file=file)
    with explained(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    for line in describe_survey(survey):
        say(filled(f"{folder.name}: {line}", hanging="  "), err=True)
    say(f"next: layercut plan {file}", err=True)
    say(file)


def _first_model(text: str, sizes: Sequence[tuple[int, int]], file: Path) -> FirstModel:
    """Read `NAME[=WEIGHTS]`; weights are named relative to the study file.

    Raises:
        UserError: there is no such model, or there are no weights of it.
    """
    from layercut.cli.cuts import cut_points
    from layercut.cli.first_study import UNKNOWN_SIZE, FirstModel
    from layercut.errors import CheckpointError
    from layercut.models import MODELS
    from layercut.models.families import PublishedFamily
    from layercut.plan.candidate import parse_candidate
    from layercut.plan.made_for import made_for
    from layercut.spec import CheckpointSource, RandomSource, WeightsSource

    candidate = parse_candidate(text, DEFAULT_MODEL)
    family = MODELS["foreign" if ":" in candidate.model else candidate.model]
    ((kind, weights),) = candidate.source.items()
    source: CheckpointSource | RandomSource | WeightsSource = RandomSource(random=True)
    if kind == "weights":
        if not isinstance(family, PublishedFamily):
            raise CheckpointError(f"{text}: expected a weight file; no weights of {candidate.model} are published")
        family.check_weights(weights)
        source = WeightsSource(weights=weights)
    elif kind == "checkpoint":
        path = Path(weights).expanduser()
        if not path.is_file():
            raise CheckpointError(f"{text}: no weight file {path}")
        source, weights = CheckpointSource(checkpoint=path), _relative(path, file)
    known, usual = made_for(source, candidate.model), getattr(family, "default_shape", None)
    size = None
    if known is None:
        size = usual[1:] if usual else (UNKNOWN_SIZE, UNKNOWN_SIZE) if len(sizes) > 1 else sizes[0]
    height, width = size or known.image_shape[1:]  # type: ignore[union-attr] # one of them is known
    cuts = cut_points(candidate.model, f"3x{height}x{width}")
    num_cuts = len({0, len(cuts["cuts"]) - 1, *(row["cut"] for row in cuts["cuts"] if row["stage"])})
    return FirstModel(candidate.model, {kind: weights}, num_cuts, size, known is not None)


def _relative(path: Path, file: Path) -> str:
    """Return a path as a study file says it: relative to the file, or whole where it lies elsewhere."""
    try:
        return path.absolute().relative_to(file.absolute().parent).as_posix()
    except ValueError:
        return str(path.absolute())
