"""`layercut recommend`: what to keep of a model for your images, and the model, in minutes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from layercut.cli.columns import filled
from layercut.cli.options import HomePath, data_option, device_option, group_option, json_option, with_group
from layercut.cli.terminal import say
from layercut.metrics import ACCURACY, METRICS, Metric


@click.command("recommend")
@click.argument("models", metavar="MODEL[=WEIGHTS]...|STUDY", nargs=-1, required=True)
@click.option(
    "--data",
    metavar="DATASET|FOLDER",
    help="Your images: a folder, a table that lists them (metadata.csv), or the name of a dataset.",
)
@click.option(
    "--budget",
    metavar="TIME",
    help="Time to spend, such as 90s, 10m or 1h; by default ten minutes, or what --share allows.",
)
@click.option(
    "--share",
    type=float,
    metavar="X",
    help="With STUDY instead of models and images: the fraction of its planned work to spend, such as 0.1.",
)
@click.option(
    "--target-accuracy",
    type=float,
    metavar="X",
    help="Stop as soon as the recommendation is shown to reach this accuracy, such as 0.95.",
)
@click.option(
    "--certify",
    "certify_points",
    type=float,
    metavar="POINTS",
    help="Spend half of the time on fresh replicates, to show that no other condition tried is better by more than "
    "this many points of accuracy.",
)
@click.option("-o", "--output-dir", type=HomePath(), help="Output directory; runs/recommend-DATA-MODEL by default.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all random numbers.")
@device_option
@click.option(
    "--nondeterministic",
    is_flag=True,
    help="On a GPU, also train models without a deterministic backward pass; records then differ in their last bits.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Number of trainings at a time; by default one per core.")
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    default=ACCURACY,
    show_default=True,
    help="Metric to choose by. The other two weight all classes equally, however many images each has.",
)
@click.option(
    "--set", "overrides", metavar="KEY.PATH=VALUE", multiple=True,
    help="Set a value as in a study file, such as target.image_size=64 or transfer.training.epochs=5; may be "
    "repeated.",
)  # fmt: skip
@click.option(
    "--learn-from", "learn_from", type=HomePath(), metavar="RUN", multiple=True,
    help="A finished study of yours to learn from: which trainings paid there guides what is tried here; may be "
    "repeated.",
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
    """Recommend how much of MODEL to keep for your images and what to do with the rest, and train that model.

    MODEL is a model of torchvision or timm with the weights that its library publishes, MODEL=WEIGHTS with weights of
    yours, or your own package.module:function=WEIGHTS. Given several models, it also says which one to take.

    First, a linear classifier is fitted after every stage of the model. Then trainings are tried, always the one with
    the highest expected gain per second, until the budget is spent, nothing more is expected to pay, or nothing could
    change the choice. The choice rests on cross-validation, never on test images: a single pretrained network of
    torchvision or timm is kept whole and frozen unless your labels show something else to be better. Ctrl-C loses
    nothing: run the same command again to resume, or with a larger budget to go further.

    With --share, STUDY is a study file, a shipped study, or the output directory of a study. The recommendation is
    then one of that study's own conditions at its largest fraction, for a fraction of its planned work.

    \b
    Examples:
        layercut recommend timm/resnet18 --data photos
        layercut recommend timm/resnet18=weights.safetensors --data photos
        layercut recommend timm/resnet18 torchvision/resnet18 --data photos
        layercut recommend my_models:build=weights.pth --data photos --budget 1h
        layercut recommend timm/resnet18 --data crops --group folder
        layercut recommend timm/resnet18 --data photos --target-accuracy 0.95
        layercut recommend photos.yaml --share 0.1
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
        tell=lambda line: say(filled(line, hanging="  "), err=True),
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
        say(f"next: layercut predict {found.output_dir} photo.jpg", err=True)
