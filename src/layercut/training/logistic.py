"""Multinomial logistic regression with an L2 penalty, solved: the minimum has no learning rate, epochs or seed.

    minimise  mean_i -log softmax(W x_i + b)[y_i]  +  strength / 2 * |W|^2

on features scaled so that the mean squared distance of the images from their centre is 1: one strength means the same
for few and many features. Where images have weights, of mean 1, each one's log loss counts as often. The bias has no
penalty. L-BFGS in float64, on axes scaled so that the curvature is about 1 along each: a dozen iterations from the
solution at the strength before.

Reference:
    Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", 2nd ed., sections 4.4 and 18.3.5: with
    more features than images everything is solved on the images' own axes. scikit-learn's `LogisticRegression` has
    the same minimum at `C = 1 / (n * strength)` for three classes or more; at twice that for two, where it has
    one vector of weights and we have two.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from layercut.errors import TrialDivergedError
from layercut.training.axes import Turned
from layercut.training.history import DivergedError

TOLERANCE = 1e-7
"""Greatest derivative at which a minimum counts as reached, along axes of curvature 1: its loss is right to about the
square of that."""

ROUGH = 1e-5
"""The same where losses are only compared."""

_MOST_ITERATIONS = 5_000
_REMEMBERED = 30
_CURVATURE = 0.25
"""The greatest one of log loss along one class's logit."""


class UnsolvedError(DivergedError):
    """No minimum was reached, or features are infinite or NaN: a final result."""

    def __init__(self, message: str) -> None:
        TrialDivergedError.__init__(self, message)
        self.curve = ()


class Solution(NamedTuple):
    """Weights on the axes, Float64 "axes classes", and a bias, Float64 "classes"."""

    weights: Tensor
    bias: Tensor

    def logits(self, coordinates: Tensor) -> Tensor:
        """Return Float64 "n classes"."""
        return coordinates @ self.weights + self.bias


class Problem:
    """Some images with their classes; solved at one strength after another, each time from the solution before."""

    def __init__(
        self,
        turned: Turned,
        seen: Tensor,
        labels: Tensor,
        num_classes: int,
        biased: bool = True,
        weights: Tensor | None = None,
    ) -> None:
        """Take the images at `seen` of `turned`; `labels` are theirs, Int64 "seen", and `weights`, Float64 "seen"."""
        self._coordinates = turned.coordinates[seen]
        self._labels = labels
        self._weights = weights
        self._turned = turned
        self._biased = biased
        self._latest = Solution(
            turned.coordinates.new_zeros(len(turned.spread), num_classes), turned.coordinates.new_zeros(num_classes)
        )

    def solve(self, strength: float, tolerance: float = TOLERANCE) -> Solution:
        """Return the minimum at one strength.

        Raises:
            UnsolvedError: there is none that the solver finds.
        """
        scale = (_CURVATURE * self._turned.spread + strength).rsqrt()[:, None]
        bias_scale = _CURVATURE**-0.5 if self._biased else 0.0
        point = torch.cat([self._latest.weights / scale, self._latest.bias[None] * _CURVATURE**0.5])
        one_hot = F.one_hot(self._labels, point.shape[1]).double()
        weights = None if self._weights is None else self._weights[:, None]
        counted = one_hot if weights is None else one_hot * weights

        def loss_and_gradient() -> Tensor:
            solution = Solution(point[:-1] * scale, point[-1] * bias_scale)
            log_chances = solution.logits(self._coordinates).log_softmax(1)
            wrong = (log_chances.exp() - one_hot) / len(one_hot)
            wrong = wrong if weights is None else wrong * weights
            gradient = self._coordinates.T @ wrong + strength * solution.weights
            point.grad = torch.cat([gradient * scale, wrong.sum(0, keepdim=True) * bias_scale])
            loss = -(log_chances * counted).sum() / len(one_hot) + strength / 2 * solution.weights.square().sum()
            return loss

        solver = torch.optim.LBFGS(
            [point],
            max_iter=_MOST_ITERATIONS,
            max_eval=2 * _MOST_ITERATIONS,
            tolerance_grad=tolerance,
            tolerance_change=0.0,
            history_size=_REMEMBERED,
            line_search_fn="strong_wolfe",
        )
        solver.step(torch.no_grad()(loss_and_gradient))  # type: ignore[no-untyped-call]
        loss_and_gradient()
        gradient = point.grad
        if gradient is None or not gradient.abs().max() <= 100 * tolerance:
            raise UnsolvedError(
                f"expected a minimum of the logistic regression within {_MOST_ITERATIONS} iterations; the greatest "
                f"derivative left is {float('nan') if gradient is None else gradient.abs().max().item():.3g}"
            )
        self._latest = Solution(point[:-1] * scale, point[-1] * bias_scale)
        return self._latest
