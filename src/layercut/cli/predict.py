"""`layercut predict`: classify pictures with a study's model."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layercut.cli.options import HomePath, condition_option, data_option, trust_option
from layercut.cli.terminal import say

if TYPE_CHECKING:
    from layercut.inference import Classifier, Prediction
    from layercut.spec.shape import Resize

COLUMNS = ("image", "rank", "class", "probability")


@click.command("predict")
@click.argument("run", type=HomePath())
@click.argument("images", type=HomePath(), nargs=-1, required=True)
@condition_option
@click.option(
    "--top", type=click.IntRange(min=1), default=1, show_default=True, help="Print the N most probable classes.",
    metavar="N",
)  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help=f"Print a table with the columns {', '.join(COLUMNS)}.")
@click.option(
    "--resize",
    type=click.Choice(["crop", "stretch", "pad"]),
    help="How to resize pictures; needed only if all images of the study had one size, so that none was resized.",
)
@trust_option
@data_option
def command(
    run: Path,
    images: tuple[Path, ...],
    condition: dict[str, str],
    top: int,
    as_csv: bool,
    resize: Resize | None,
    trust_code: bool,
    data_dir: Path | None,
) -> None:
    """Print the class of each picture and its probability.

    RUN is the output directory of a study, or a folder with a model. Without --condition, the model that the study
    recommends is used: the best on validation images at the largest fraction of the data; stderr says which one. If
    the study did not keep its weights (`keep: [weights]`), it is trained again first, with the same result.

    IMAGES are files, or folders to search for files. They are preprocessed like the study's images. Probabilities are
    the model's own, not calibrated.

    \b
    Examples:
        layercut predict runs/mine photo.jpg
        layercut predict runs/mine photos/ --csv > predictions.csv
        layercut predict runs/mine photo.jpg --top 3 --condition strategy=finetune
        layercut predict runs/mine/artifacts/KEY photo.jpg
    """
    from layercut.cli.chosen_model import chosen_model
    from layercut.errors import DataError
    from layercut.inference.classifier import open_kept

    files = list(_files(images))
    model = open_kept(chosen_model(run, condition, data_dir).folder, trust_code)
    problems: list[str] = []
    rows = _rows(_predictions(model, files, resize, problems), top)
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((path, rank, name, f"{probability:.6f}") for path, rank, name, probability in rows)
    else:
        for path, _, name, probability in rows:
            say(f"{path}  {name}  {100 * probability:.1f} %")
    for problem in problems:
        say(problem, err=True)
    if problems:
        raise DataError(f"{len(problems):,} of {len(files):,} pictures could not be read; the others are above")


def _predictions(
    model: Classifier, files: Sequence[Path], resize: Resize | None, problems: list[str]
) -> Iterator[Prediction]:
    """Yield a prediction for each file that can be read; what is wrong with the others goes to `problems`."""
    from layercut.errors import DataError
    from layercut.inference import predict

    for path in files:
        try:
            yield from predict(model, [path], resize)
        except DataError as error:
            problems.append(str(error))


def _rows(predictions: Iterable[Prediction], top: int) -> Iterator[tuple[Path, int, str, float]]:
    for prediction in predictions:
        for rank, (name, probability) in enumerate(prediction.ranked()[:top], start=1):
            yield prediction.path, rank, name, probability


def _files(given: Sequence[Path]) -> Iterator[Path]:
    """Yield files as they are given, and of each folder every file below it that is not hidden, by name."""
    from layercut.data.folder_layout import is_hidden
    from layercut.errors import DataError

    for path in given:
        if not path.is_dir():
            yield path
            continue
        found = [file for file in sorted(path.rglob("*")) if file.is_file()]
        shown = [file for file in found if not any(map(is_hidden, file.relative_to(path).parts))]
        if not shown:
            raise DataError(f"{path}: expected pictures in this folder, got none")
        yield from shown
