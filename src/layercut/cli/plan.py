"""`layercut plan`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from layercut.cli.options import data_option, json_option, study_argument
from layercut.cli.terminal import say


@click.command("plan")
@study_argument
@data_option
@click.option(
    "--measure/--no-measure",
    default=False,
    help="Time the models on this machine, a second or two each, and say how many minutes the study takes. The timings "
    "are kept for later plans.",
)
@json_option
def command(study: str, overrides: tuple[str, ...], data_dir: Path | None, measure: bool, as_json: bool) -> None:
    """Show what STUDY would do: its trials and how many of them are the same, the work they take, and comparisons that
    can never become significant. Runs and downloads nothing.

    \b
    Examples:
        layercut plan mnist-halves
        layercut plan mnist-halves --measure
        layercut plan my-study.yaml --set transfer.replicates=20 --json
    """
    from layercut.data.cache import default_cache_dir, default_data_dir
    from layercut.executors.capacity import num_usable_cores
    from layercut.plan.preflight import plan_without_data
    from layercut.plan.seconds import estimated_seconds
    from layercut.plan.summary import describe, in_columns, summarize
    from layercut.spec import load_study

    spec = load_study(study, overrides)
    plan = plan_without_data(spec, data_dir or default_data_dir(), default_cache_dir(), precision="float32")
    summary = summarize(spec, plan)
    seconds = estimated_seconds(plan, default_cache_dir(), num_usable_cores(), measure)
    if seconds is not None:
        summary["estimated_seconds"] = seconds
    if as_json:
        say(json.dumps(summary, indent=2))
        return
    say(in_columns(describe(summary)))
    if seconds is None:
        say("  time        unknown yet: add --measure to time the models on this machine")
