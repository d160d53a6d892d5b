"""Tiny studies on scikit-learn's digits, for tests that train."""

from __future__ import annotations

from pathlib import Path

from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.plan.jobs import Condition
from layercut.plan.preflight import CheckedPlan, plan_with_data
from layercut.spec import StudySpec, parse_study
from layercut.stages.context import RunContext
from layercut.stages.source import run_source
from layercut.strategies import STRATEGIES
from layercut.strategies.base import OptionedStrategy

STUDY = """
name: tiny
seed: 3
source: {dataset: digits, classes: [0, 1, 2, 3, 4]}
target: {dataset: digits, classes: [5, 6, 7, 8, 9]}
model: {name: plain_cnn, depth: 3, channels: 8, pool_every: 2}
pretraining: {lr: 1e-2, epochs: 2, threads: 1}
transfer:
  cuts: all
  fractions: [0.2]
  replicates: 1
  training: {lr: 1e-2, epochs: 3, patience: 2, batch_size: 16}
"""


EVERY_NAME = [name for name in STRATEGIES if not isinstance(STRATEGIES[name], OptionedStrategy)]
"""Strategies that a name alone asks for."""


def tiny_study(*overrides: str) -> StudySpec:
    """Return the tiny study, changed by overrides."""
    return parse_study(STUDY, overrides=overrides)


def tiny_plan(*overrides: str, stacked: bool = False) -> CheckedPlan:
    """Return its plan."""
    return plan_with_data(tiny_study(*overrides), default_data_dir(), default_cache_dir(), "float32", stacked)


def context_with_sources(checked: CheckedPlan, output_dir: Path) -> RunContext:
    """Train the plan's sources and return a context in which its trials can run."""
    context = RunContext(output_dir, "cpu", checked.datasets, "environment", reraise=True)
    for job in checked.plan.sources:
        list(run_source(job, context))
    return context


def one_condition(checked: CheckedPlan, strategy: str, cut: int) -> Condition:
    """Return the condition that measures a design point."""
    wanted = next(name for name in checked.plan.names if (name.strategy, name.cut) == (strategy, cut))
    return next(condition for condition in checked.plan.conditions if condition.key == wanted.condition)
