"""Cross-validated accuracy of a linear probe: multinomial logistic regression with an L2 penalty, fitted to the end.

The features are centred, turned onto their principal axes (which changes neither the penalty nor the fit, and leaves
at most n - 1 columns) and scaled by one number so that an image's mean squared distance from the centre is the number
of axes. Folds hold classes in proportion; with fewer images in a class than folds there are that many folds. Groups are
whole in a fold, as in trials (`data.groups`), and no fold holds all groups of a class.

Reference:
    Alain and Bengio, "Understanding intermediate layers using linear classifier probes", ICLR workshop 2017. We differ
    in fitting to convergence, and in judging by cross-validation.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from layercut.data.groups import group_folds
from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.classes import Classes, num_groups, present_classes
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram, coordinates
from layercut.probes.vectors import PooledSpec


class LogisticSpec(PooledSpec):
    """Penalty and folds."""

    inverse_penalty: PositiveFloat = Field(
        default=1.0, description="scikit-learn's C: the larger, the weaker the penalty."
    )
    folds: int = Field(default=5, ge=2, description="Of the stratified cross-validation.")
    max_iterations: PositiveInt = Field(default=10_000, description="Maximum number of steps of the fit.")


def logistic_regression(activations: Activations, options: LogisticSpec) -> dict[str, float]:
    """Return the share of images that the fold without them gets right."""
    classes = present_classes(activations.labels, least_images=2)
    columns = coordinates(centred_gram(activations.features, options.view)).numpy()
    columns *= np.sqrt(len(columns) * columns.shape[1] / np.square(columns).sum())
    labels = classes.labels.numpy()
    folds = _folds(classes, activations, options.folds)
    right = [_num_right(columns, labels, seen, unseen, options) for seen, unseen in folds]
    return {"accuracy": sum(right) / len(labels)}


def _folds(classes: Classes, activations: Activations, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the positions of the images that each fold is trained on and of those that it holds."""
    labels = classes.labels.numpy()
    if activations.groups is None:
        number, seed = min(most, int(classes.sizes.min())), activations.seed % 2**32
        yield from StratifiedKFold(number, shuffle=True, random_state=seed).split(labels, labels)
        return
    if int(num_groups(classes, activations.groups).min()) < 2:
        raise ProbeUndefinedError("needs two groups of each class; one class is of one group")
    generator = np.random.Generator(np.random.PCG64(activations.seed))
    held = group_folds(labels, activations.groups.numpy(), len(classes.sizes), most, generator).fold
    yield from ((np.flatnonzero(held != fold), np.flatnonzero(held == fold)) for fold in range(held.max() + 1))


def _num_right(
    columns: np.ndarray, labels: np.ndarray, seen: np.ndarray, unseen: np.ndarray, options: LogisticSpec
) -> int:
    model = LogisticRegression(C=options.inverse_penalty, max_iter=options.max_iterations)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(columns[seen], labels[seen])
        except ConvergenceWarning as error:
            raise ProbeUndefinedError(f"no convergence within {options.max_iterations} iterations") from error
    return int((model.predict(columns[unseen]) == labels[unseen]).sum())


LOGISTIC_REGRESSION = FunctionProbe("labels", {"accuracy": "higher"}, logistic_regression, LogisticSpec, holds_out=True)
