"""`layercut run`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

import click

from layercut.cli.main import EXIT_TRIALS_FAILED
from layercut.cli.options import HomePath, Size, data_option, device_option, json_option, study_argument
from layercut.cli.terminal import say
from layercut.executors import EXECUTORS


@click.command("run")
@study_argument
@click.option(
    "-o",
    "--output-dir",
    type=HomePath(),
    help="Output directory; runs/NAME by default.",
)
@device_option
@click.option(
    "--precision",
    type=click.Choice(["float32", "bf16", "bf16_eval"]),
    default="float32",
    show_default=True,
    help="Precision of the blocks; bf16_eval: bfloat16 in evaluation only. Changes the results.",
)
@click.option(
    "--stack/--no-stack",
    default=None,
    help="Train the replicates of a condition as one model; the default on a GPU. Changes the last bits of the "
    "results.",
)
@click.option(
    "--nondeterministic",
    is_flag=True,
    help="On a GPU, also train models without a deterministic backward pass; records then differ in their last bits.",
)
@click.option(
    "--executor",
    type=click.Choice(EXECUTORS.names()),
    default="processes",
    show_default=True,
    help="What runs the jobs; results do not depend on it.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Number of worker processes; by default one per core, or as many as fit on a GPU.",
)
@click.option("--address", help="Ray cluster: auto or HOST:PORT; by default a new one on this machine (local).")
@click.option("--memory", type=Size(), help="Memory for stored features, such as 4G; by default half of the memory.")
@click.option("--debug", is_flag=True, help="Stop at the first exception of a trial and show it.")
@click.option("--report/--no-report", default=True, show_default=True, help="Write report.html at the end.")
@data_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    study: str,
    overrides: tuple[str, ...],
    output_dir: Path | None,
    device: str,
    precision: Literal["float32", "bf16", "bf16_eval"],
    stack: bool | None,
    nondeterministic: bool,
    executor: str,
    workers: int | None,
    address: str | None,
    memory: int | None,
    debug: bool,
    report: bool,
    data_dir: Path | None,
    as_json: bool,
) -> int:
    """Run STUDY, or finish it if it was interrupted.

    STUDY is a study file or the name of a shipped study (`layercut list studies`). The default is the study on
    scikit-learn's digits, which needs no download. Ctrl-C loses nothing: run the same command again to resume, or
    `layercut run RUN` with the output directory of a run, which uses the run's own study file and precision.

    \b
    Examples:
        layercut run
        layercut run mnist-halves --set transfer.fractions=[0.01]
        layercut run my-study.yaml -o runs/second-try --workers 8
        layercut run runs/second-try
        layercut run runs/second-try --set transfer.replicates=20
        layercut run my-study.yaml --executor ray --address auto
    """
    from layercut.cli.resume import resumed
    from layercut.ledger import run_of
    from layercut.spec import load_study

    spec = load_study(study, overrides)
    began = resumed(context, None if output_dir else run_of(spec.file), sys.argv[1:])
    if executor == "processes":
        from layercut.executors.processes import start_server
        from layercut.stages import PRELOADED

        start_server(PRELOADED)  # workers import torch while this process does

    from layercut.cli.show import run_progress
    from layercut.runner import default_output_dir, run_study

    if report:
        _require_report(output_dir or default_output_dir(spec))
    with run_progress(spec.name) as progress:
        summary = run_study(
            spec,
            output_dir,
            device=device,
            executor=executor,
            workers=workers,
            address=address,
            memory_bytes=memory,
            data_dir=data_dir,
            debug=debug,
            command=began.command,
            progress=progress,
            **{"precision": precision, "stack": stack, "nondeterministic": nondeterministic, **began.options},
        )
    page = None
    if report:
        from layercut.report import write_report

        page = write_report(summary.output_dir)
        if spec.tensorboard:
            show_in_tensorboard(summary.output_dir)
    if as_json:
        say(json.dumps(summary.as_json() | {"report": str(page) if page else None}, indent=2))
    else:
        say(f"{summary.describe()}", err=True)
        if page:
            from layercut.notebook.answers import answers

            say(f"{answers(summary)}", err=True)
        say(page or summary.output_dir)
    return EXIT_TRIALS_FAILED if summary.num_failed else 0


def _require_report(output_dir: Path) -> None:
    """Refuse before the study runs what would stop its report after it."""
    from layercut.files import require_file
    from layercut.report import REPORT_NAME

    require_file(output_dir / REPORT_NAME)


def show_in_tensorboard(output_dir: Path) -> None:
    """Put the study's figures beside its scalars."""
    import tempfile

    from layercut.interop.tensorboard import add_pictures
    from layercut.report import write_figures

    with tempfile.TemporaryDirectory() as folder:
        add_pictures(output_dir, write_figures(output_dir, folder, "png"))
