"""`layercut recommend`: what to keep of a model for your images, and the model, in minutes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from layercut.cli.options import HomePath, data_option, group_option, json_option, with_group
from layercut.cli.terminal import say
from layercut.metrics import ACCURACY, METRICS, Metric


@click.command("recommend")
@click.argument("models", metavar="MODEL[=WEIGHTS]...|STUDY", nargs=-1, required=True)
@click.option("--data", metavar="DATASET|FOLDER", help="Your images: a folder, its table, or a dataset's name.")
@click.option(
    "--budget",
    metavar="TIME",
    help="How long it may take: 90s, 10m, 1h; ten minutes, or what --share gives, by default.",
)
@click.option(
    "--share",
    type=float,
    metavar="X",
    help="With STUDY in place of models and images: how much of its planned work it may take, such as 0.1.",
)
@click.option(
    "--target-accuracy",
    type=float,
    metavar="X",
    help="Stop as soon as the recommended condition is shown to reach it: 0.95 for 95 %.",
)
@click.option(
    "--certify",
    "certify_points",
    type=float,
    metavar="POINTS",
    help="Use half of the time for fresh replicates, until the recommended condition is shown to be within so many "
    "points of accuracy of every other that was tried.",
)
@click.option(
    "-o", "--output-dir", type=HomePath(), help="Where everything is written; runs/recommend-DATA-MODEL by default."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of every random number.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="What trains; auto: a GPU where there is one.",
)
@click.option(
    "--nondeterministic",
    is_flag=True,
    help="On a GPU, also train what has no deterministic backward pass there: records differ in their last bits.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Trials side by side; a core each by default.")
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    default=ACCURACY,
    show_default=True,
    help="What is chosen by; the other two count each class alike, however many images it has.",
)
@click.option(
    "--set", "overrides", metavar="KEY.PATH=VALUE", multiple=True,
    help="A value of the study that is made, such as target.image_size=64 or transfer.training.epochs=5.",
)  # fmt: skip
@click.option(
    "--learn-from", "learn_from", type=HomePath(), metavar="RUN", multiple=True,
    help="A finished study of yours: what its trainings gained adds to what is expected of trainings here.",
)  # fmt: skip
@group_option
@data_option
@json_option
def command(
    models: tuple[str, ...],
    data: str | None,
    budget: str | None,
    share: float | None,
    target_accuracy: float | None,
    certify_points: float | None,
    output_dir: Path | None,
    seed: int,
    device: str,
    nondeterministic: bool,
    workers: int | None,
    metric: Metric,
    group: str | None,
    overrides: tuple[str, ...],
    learn_from: tuple[Path, ...],
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Say what to keep of MODEL for your images and what to do with the rest, and make that model.

    MODEL is one of torchvision or timm with the weights that its library publishes, MODEL=WEIGHTS with a file's, or
    your own, package.module:function=WEIGHTS; of several, which one to take is part of the question. A head is solved
    at every cut; then trainings are tried, the one with the most expected gain a second first, until the budget is
    spent or nothing pays. The choice is made on labelled images that were held out, each once, never on test images.
    Ctrl-C loses nothing: the same command goes on, and with a larger budget goes further.

    With --share, STUDY is a study file, a shipped study, or the output directory of one: which of its own conditions to
    take at its largest fraction, for a share of its planned work.

    \b
    Examples:
        layercut recommend timm/resnet18 --data photos
        layercut recommend timm/resnet18=weights.safetensors --data photos --budget 5m -o runs/photos
        layercut recommend timm/resnet18 torchvision/resnet18 --data photos
        layercut recommend timm/resnet18 --data crops --group folder --metric balanced_accuracy
        layercut recommend photos.yaml --share 0.1
        layercut recommend my_models:build=weights.pth --data photos --budget 30m --target-accuracy 0.95
    """
    started = time.monotonic()  # importing takes seconds, too
    from layercut.executors.processes import start_server
    from layercut.stages import PRELOADED

    start_server(PRELOADED)  # workers import torch while this process does

    from layercut.recommending.call import recommend

    found = recommend(
        models,
        data,
        budget=budget,
        share=share,
        target_accuracy=target_accuracy,
        certify_points=certify_points,
        output_dir=output_dir,
        seed=seed,
        device=device,
        nondeterministic=nondeterministic,
        workers=workers,
        data_dir=data_dir,
        metric=None if metric == ACCURACY else metric,
        overrides=with_group(overrides, group),
        learn_from=learn_from,
        started=started,
        tell=lambda line: say(line, err=True),
    )
    page = found.report()
    if as_json:
        rows = json.loads(found.table.to_json(orient="records", double_precision=15))
        told = {"answer": found.answer, "output_dir": str(found.output_dir), "report": str(page), "table": rows}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        say(found)
        say(found.output_dir / "model")
        say(page)
