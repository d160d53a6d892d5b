"""`layercut probe`: which of these models, and which cut, for my images?"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layercut.cli.options import HomePath, data_option, json_option
from layercut.cli.terminal import plain, say

if TYPE_CHECKING:
    import pandas as pd


@click.command("probe")
@click.argument("models", nargs=-1, required=True, metavar="MODEL|WEIGHTS|MODEL=WEIGHTS...")
@click.option(
    "--model",
    default="plain_cnn",
    show_default=True,
    help="What weights without a MODEL are of (`layercut list models`).",
)
@click.option("--data", required=True, metavar="DATASET|FOLDER", help="Your images: a folder, or a dataset's name.")
@click.option("--classes", metavar="A,B,...", help="Classes to keep, by index or name; all by default.")
@click.option(
    "--probes", metavar="A,B,...", help="Names of probes; the quick ones that need no other model by default."
)
@click.option("--sample", type=click.IntRange(min=2), default=500, show_default=True, help="Images at the most.")
@click.option(
    "--set", "overrides", metavar="KEY.PATH=VALUE", multiple=True,
    help="A value as in a study file, such as model.depth=3, target.image_size=32 or normalization.mean=0.5.",
)  # fmt: skip
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to compute; auto: a GPU where there is one.",
)
@click.option(
    "-o", "--output", type=HomePath(dir_okay=False), default=Path("probe.svg"), show_default=True,
    help="Where the picture goes: svg, pdf or png.",
)  # fmt: skip
@data_option
@json_option
def command(
    models: tuple[str, ...],
    model: str,
    data: str,
    classes: str | None,
    probes: str | None,
    sample: int,
    overrides: tuple[str, ...],
    device: str,
    output: Path,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Score the features of models for your images at every cut, without training anything.

    WEIGHTS are a weight file, `random`, or the name of published weights; a MODEL of torchvision or timm alone stands
    for the weights that its library publishes. Your own model is package.module:function=WEIGHTS. Probes look at a
    class-balanced sample of training images, and at averages over neighbouring pixels where a layer has more than
    8,192 numbers an image. Whether a probe's word can be trusted is what `layercut scoreboard` measures.

    \b
    Examples:
        layercut probe torchvision/resnet18 timm/resnet18 torchvision/resnet18=random --data photos
        layercut probe mine.pth --model torchvision/resnet18 --data photos --set target.image_size=64
        layercut probe mine.pth --data mnist --classes 5,6,7,8,9
        layercut probe old.safetensors new.safetensors random --data photos --set target.image_size=32
    """
    _require_output(output)  # before what is slow to import
    from layercut.charts.matplotlib import save
    from layercut.figures.probe_by_layer import by_model
    from layercut.files import explained, written_whole
    from layercut.probing import parse_candidate, probe_models, probe_spec
    from layercut.spec.names import as_class

    names = probes.split(",") if probes else None
    chosen = [as_class(name) for name in classes.split(",")] if classes else None
    candidates = dict.fromkeys(parse_candidate(text, model) for text in models)
    specs = [probe_spec(candidate, data, chosen, names, sample, overrides) for candidate in candidates]
    probed = probe_models(specs, device=device, data_dir=data_dir)
    chart = by_model(probed.table)
    if chart is not None:
        with explained(output), written_whole(output) as unfinished:
            save(chart, unfinished)
    if as_json:
        say(json.dumps({"scores": _records(probed.table), "undefined": _undefined(probed.failures)}, indent=2))
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
        raise UserError(f"--output {output}: expected a name that ends in .{', .'.join(FORMATS)}")
    require_file(output)


def _print(table: pd.DataFrame) -> None:
    from rich.console import Console
    from rich.table import Table

    from layercut.figures.probe_layers import layers_of, shown_scores

    shown = list(shown_scores(table))
    for source in table["source"].unique():
        layers = layers_of(table[(table["source"] == source) & (table["dataset"] != "none")])
        grid = Table(title=plain(f"{source}: scores at each layer, the best marked *"), title_justify="left")
        grid.add_column("probe (+: higher is better)", no_wrap=True)
        for layer in layers:
            grid.add_column(plain(layer), justify="right", no_wrap=True)
        for scores in shown:
            own = scores.rows[scores.rows["source"] == source]
            sign = 1 if scores.direction == "higher" else -1
            values = {
                str(layer): float(v) for layer, v in own.groupby("layer", sort=False)[scores.score].mean().items()
            }
            best = _best(values, scores.direction)
            cells = [f"{_number(values[n])}{'*' if n in best else ' '}" if n in values else "" for n in layers]
            grid.add_row(plain(f"{scores.label} ({'+' if sign > 0 else '−'})"), *cells)
        Console(width=max(100, 40 + sum(3 + max(9, len(layer)) for layer in layers))).print(grid)
    if table["source"].nunique() > 1:
        _print_ranking(table)


def _best(values: dict[str, float], direction: str) -> set[str]:
    """Return the layers with the best score; none where all have the same, or none has one."""
    if not values:
        return set()
    top = (max if direction == "higher" else min)(values.values())
    best = {layer for layer, value in values.items() if _equal(value, top)}
    return best if len(best) < len(values) else set()


def _equal(one: float, other: float) -> bool:
    """Tell a tie, or the rounding noise of sums in another order, from a difference."""
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _print_ranking(table: pd.DataFrame) -> None:
    """Which of the models: each at its best layer, by each probe."""
    from layercut.figures.probe_layers import shown_scores

    say("Best model by each probe, each at its best layer:")
    for scores in shown_scores(table):
        rows = scores.rows[scores.rows["layer"] != "input"]  # the pixels are the same for all
        best = rows.groupby("source")[scores.score].agg("max" if scores.direction == "higher" else "min")
        order = best.sort_values(ascending=scores.direction == "lower")
        say(f"  {scores.label}: {_ranked({str(name): float(value) for name, value in order.items()})}")


def _ranked(order: dict[str, float]) -> str:
    """Return models from the best to the worst, with `=` between those that are equal."""
    text, first = "", math.nan
    for name, value in order.items():
        tied = _equal(value, first)
        text += f"{' = ' if tied else ', '}{name} ({_number(value)})"
        first = first if tied else value
    return text.removeprefix(", ")


def _records(table: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _undefined(failures: Any) -> list[str]:
    return list(dict.fromkeys(failure.message for failure in failures))


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}".replace("-", "−")
