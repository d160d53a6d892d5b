"""Rules that choose a condition: what each looks at, and nothing else.

A rule gets the trials of some replicates, without their test accuracies, and returns strategy and cut.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from benchmarks.choice.studies import MODES

Name = tuple[str, int]
Means = pd.DataFrame
"""A row a condition, index (strategy, cut): means over the replicates seen."""


class Rule(NamedTuple):
    """One way to choose; `mode` says whose validation it looks at."""

    mode: str
    choose: Callable[[Means, pd.DataFrame], Name]
    by_validation: bool = True
    """Whether it looks at validation at all."""


def means_of(seen: pd.DataFrame) -> Means:
    """Return the means of what may be looked at, over the replicates of each condition."""
    columns = ["validation_accuracy", "validation_loss", "num_trained_parameters", "num_blocks"]
    return seen.groupby(["strategy", "cut"])[columns].mean().astype("float64")


def by_accuracy(means: Means, seen: pd.DataFrame) -> Name:
    """Highest validation accuracy; of equal ones that which trains the fewest parameters, then the deeper cut."""
    best = means[means["validation_accuracy"] >= means["validation_accuracy"].max() - 1e-12]
    order = sorted(best.index, key=lambda name: (best.loc[name, "num_trained_parameters"], -name[1]))
    return order[0]


def by_accuracy_then_loss(means: Means, seen: pd.DataFrame) -> Name:
    """Highest validation accuracy; of equal ones that with the lowest log loss."""
    best = means[means["validation_accuracy"] >= means["validation_accuracy"].max() - 1e-12]
    return best["validation_loss"].idxmin()


def by_loss(means: Means, seen: pd.DataFrame) -> Name:
    """Lowest log loss."""
    return means["validation_loss"].idxmin()


def smoothed(score: str) -> Callable[[Means, pd.DataFrame], Name]:
    """Highest score after smoothing it over the cuts of each strategy."""

    def choose(means: Means, seen: pd.DataFrame) -> Name:
        signed = seen.assign(score=-seen[score] if score.endswith("loss") else seen[score])
        return smooth(signed).idxmax()

    return choose


def smooth(seen: pd.DataFrame) -> pd.Series:
    """Return each condition's score as a Gaussian process over relative depth sees it, one process a strategy.

    Noise is the variance of a mean over the replicates, pooled over the conditions of a strategy.
    """
    found = {}
    for strategy, rows in seen.groupby("strategy"):
        groups = rows.groupby("cut")["score"]
        mean = groups.mean()
        depth = np.array(mean.index, dtype=float) / rows["num_blocks"].iloc[0]
        values = mean.to_numpy()
        if len(values) > 2:
            values = _process(depth, values, _noise(groups))
        found |= {(strategy, cut): value for cut, value in zip(mean.index, values, strict=True)}
    return pd.Series(found)


def _noise(groups: pd.api.typing.SeriesGroupBy) -> float:
    variance = groups.var(ddof=1).mean()
    number = groups.size().mean()
    return float(variance / number) if np.isfinite(variance) else 0.0


def _process(depth: NDArray[np.float64], values: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    spread = float(np.var(values)) or 1e-12
    kernel = ConstantKernel(spread, (spread / 10, spread * 10)) * RBF(0.5, (0.15, 3.0))
    process = GaussianProcessRegressor(kernel, alpha=noise + 1e-3 * spread, n_restarts_optimizer=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a bound of the kernel is an answer too
        process.fit(depth[:, None], values - values.mean())
    return process.predict(depth[:, None]) + values.mean()


def fixed(strategy: str, relative_depth: float) -> Callable[[Means, pd.DataFrame], Name]:
    """Always the same strategy, at the cut nearest to a relative depth; scratch where it is not there."""

    def choose(means: Means, seen: pd.DataFrame) -> Name:
        depths = {name: abs(name[1] / means.loc[name, "num_blocks"] - relative_depth) for name in means.index}
        own = [name for name in means.index if name[0] == strategy]
        return min(own or depths, key=lambda name: depths[name])

    return choose


def of_others(gains: Mapping[tuple[str, float], float]) -> Callable[[Means, pd.DataFrame], Name]:
    """The condition that gained most in the other studies: `gains` by strategy and relative depth, to a quarter."""

    def choose(means: Means, seen: pd.DataFrame) -> Name:
        return max(
            means.index, key=lambda name: (gains.get(place(name, means.loc[name, "num_blocks"]), -np.inf), -name[1])
        )

    return choose


def place(name: Name, num_blocks: float) -> tuple[str, float]:
    """Return strategy and relative depth, to a quarter, that conditions of different models share."""
    return name[0], round(4 * name[1] / num_blocks) / 4


RULES: dict[str, Rule] = {
    **{
        f"{mode}, {name}": Rule(mode, rule)
        for mode in MODES
        for name, rule in (
            ("accuracy", by_accuracy),
            ("accuracy, then log loss", by_accuracy_then_loss),
            ("log loss", by_loss),
            ("smoothed accuracy", smoothed("validation_accuracy")),
            ("smoothed log loss", smoothed("validation_loss")),
        )
    },
    "always finetune": Rule("folds", fixed("finetune", 1.0), by_validation=False),
    "always freeze half": Rule("folds", fixed("freeze", 0.5), by_validation=False),
    "always the last features": Rule("folds", fixed("freeze_reinit", 1.0), by_validation=False),
}
"""Those that need nothing from other studies."""
