"""`layercut probe`: which of these models, and which cut, for my images?"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layercut.cli.options import HomePath, data_option, device_option, group_option, json_option, with_group
from layercut.cli.terminal import say

if TYPE_CHECKING:
    import pandas as pd


@click.command("probe")
@click.argument("models", nargs=-1, required=True, metavar="MODEL|WEIGHTS|MODEL=WEIGHTS...")
@click.option(
    "--model",
    default="plain_cnn",
    show_default=True,
    help="Model for WEIGHTS given without one (`layercut list models`).",
)
@click.option(
    "--data",
    required=True,
    metavar="DATASET|FOLDER",
    help="Your images: a folder, a table that lists them (metadata.csv), or the name of a dataset.",
)
@click.option("--classes", metavar="A,B,...", help="Classes to keep, by index or name; by default all.")
@click.option(
    "--probes",
    metavar="A,B,...",
    help="Probes to compute (`layercut list probes`), or `all` that need no second model; "
    "by default five that score every cut.",
)
@click.option("--sample", type=click.IntRange(min=2), default=500, show_default=True, help="Maximum number of images.")
@click.option(
    "--set", "overrides", metavar="KEY.PATH=VALUE", multiple=True,
    help="Set a value as in a study file, such as model.depth=3, target.image_size=32 or normalization.mean=0.5.",
)  # fmt: skip
@device_option
@click.option(
    "-o", "--output", type=HomePath(dir_okay=False), default=Path("probe.svg"), show_default=True,
    help="Figure to write: .svg, .pdf or .png.",
)  # fmt: skip
@group_option
@data_option
@json_option
def command(
    models: tuple[str, ...],
    model: str,
    data: str,
    classes: str | None,
    probes: str | None,
    sample: int,
    group: str | None,
    overrides: tuple[str, ...],
    device: str,
    output: Path,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Find the most promising model and cut for your images, without training anything.

    Prints a verdict first (which model, which cut, how certain), then the scores of five probes at every cut.
    WEIGHTS is a weight file, `random`, or the name of published weights; without it, a model of torchvision or timm
    gets the weights that its library publishes. Write your own model as package.module:function=WEIGHTS.

    Probes use a class-balanced sample of the training images. Where a layer has more than 8,192 values per image,
    they use averages over neighbouring pixels. A probe does not replace a study: `layercut run` measures what
    freezing and fine-tuning achieve, and `layercut scoreboard` shows how far probes can be trusted.

    \b
    Examples:
        layercut probe timm/resnet18 --data photos
        layercut probe timm/resnet18 torchvision/resnet18 --data photos
        layercut probe mine.pth --model torchvision/resnet18 --data photos
        layercut probe old.pth new.pth --data mnist --classes 5,6,7,8,9
    """
    _require_output(output)  # before what is slow to import
    from layercut.charts.matplotlib import save
    from layercut.figures.probe_by_layer import by_model
    from layercut.files import explained, written_whole
    from layercut.plan.candidate import parse_candidate
    from layercut.runner.probes import every_probe, probe_models, probe_spec
    from layercut.spec.names import as_class

    names = every_probe() if probes == "all" else probes.split(",") if probes else None
    chosen = [as_class(name) for name in classes.split(",")] if classes else None
    candidates = dict.fromkeys(parse_candidate(text, model) for text in models)
    specs = [
        probe_spec(candidate, data, chosen, names, sample, with_group(overrides, group)) for candidate in candidates
    ]
    probed = probe_models(specs, device=device, data_dir=data_dir)
    chart = by_model(probed.table)
    if chart is not None:
        with explained(output), written_whole(output) as unfinished:
            save(chart, unfinished)
    if as_json:
        scores, undefined = _records(probed.table), _undefined(probed.failures)
        say(json.dumps({"verdict": _verdict(probed.table), "scores": scores, "undefined": undefined}, indent=2))
        return
    _print(probed.table)
    for line in _undefined(probed.failures):
        say(f"no value: {line}", err=True)
    if chart is not None:
        say(output)


def _require_output(output: Path) -> None:
    """Refuse a picture that could not be written."""
    from layercut.charts.chart import FORMATS
    from layercut.errors import UserError
    from layercut.files import require_file

    if output.suffix.removeprefix(".") not in FORMATS:
        raise UserError(f"--output {output}: expected a name ending in .{', .'.join(FORMATS)}")
    require_file(output)


def _print(table: pd.DataFrame) -> None:
    from layercut.cli.columns import filled
    from layercut.cli.probe_tables import layer_tables
    from layercut.cli.probe_verdict import describe_verdict, verdict

    sources = list(table["source"].unique())
    found = verdict(table)
    if found is not None:
        for paragraph in describe_verdict(found, len(sources)):
            say(filled(paragraph))
    for source in sources:
        say("")
        say(filled(f"{source}: scores at each cut (+: higher is better; the best *)"))
        for index, lines in enumerate(layer_tables(table, source)):
            say("\n".join(["", *lines] if index else lines))
    if len(sources) > 1:
        say("")
        _print_ranking(table)


def _print_ranking(table: pd.DataFrame) -> None:
    """Which of the models: each at its best layer, by each probe."""
    from layercut.cli.columns import filled
    from layercut.figures.probe_layers import shown_scores

    say("Best model by each probe, each at its best layer:")
    for scores in shown_scores(table):
        rows = scores.rows[scores.rows["layer"] != "input"]  # the pixels are the same for all
        best = rows.groupby("source")[scores.score].agg("max" if scores.direction == "higher" else "min")
        order = best.sort_values(ascending=scores.direction == "lower")
        ranked = _ranked({str(name): float(value) for name, value in order.items()})
        say(filled(f"{scores.label}: {ranked}", "  ", "    "))


def _ranked(order: dict[str, float]) -> str:
    """Return models from the best to the worst, with `=` between those that are equal."""
    from layercut.cli.probe_tables import equal, number

    text, first = "", math.nan
    for name, value in order.items():
        tied = equal(value, first)
        text += f"{' = ' if tied else ', '}{name} ({number(value)})"
        first = first if tied else value
    return text.removeprefix(", ")


def _verdict(table: pd.DataFrame) -> dict[str, object] | None:
    from layercut.cli.probe_verdict import verdict

    found = verdict(table)
    return None if found is None else found.as_json()


def _records(table: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _undefined(failures: Any) -> list[str]:
    return list(dict.fromkeys(failure.message for failure in failures))
