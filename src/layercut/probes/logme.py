"""Maximum evidence of a Bayesian linear model of the class indicators, per image, averaged over classes.

For each class, y in {0, 1}^n ~ N(F w, 1 / beta), w ~ N(0, 1 / alpha). With the singular values s_k of F, the
coordinates z_k of y along its left axes, and t = alpha / beta, the fixed-point rounds are

    gamma = sum s^2 / (s^2 + t)     |m|^2 = sum s^2 z^2 / (s^2 + t)^2     |F m - y|^2 = sum t^2 z^2 / (s^2 + t)^2 + rest
    t <- gamma / |m|^2 * |F m - y|^2 / (n - gamma)

References:
    You, Liu, Wang and Long, "LogME: practical assessment of pre-trained models for transfer learning", ICML 2021;
    the fixed point on singular values is that of You et al., "Ranking and tuning pre-trained models", JMLR 23, 2022.
    We differ in going on until t stays (theirs stops after 11 rounds at a tolerance of 1e-3 and adds 1e-5 to both
    denominators, which makes it depend on the scale of the features), and in leaving out absent classes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram, gram
from layercut.probes.vectors import PooledSpec

MAX_ROUNDS = 500
TOLERANCE = 1e-9
LIMIT = 1e9
"""t stays within s_min^2 / LIMIT .. s_max^2 * LIMIT: beyond, the evidence has reached its limit."""
EXPLAINED = 1e-10
"""Share of a target's squared norm below which nothing is left to explain."""


def logme(activations: Activations, options: PooledSpec) -> dict[str, float]:
    """Return the mean log evidence of an image."""
    classes = several_in_a_class(activations.labels)
    centred_gram(activations.features, options.view)  # refuses equal images
    targets = classes.membership
    n = len(targets)
    squares, axes = torch.linalg.eigh(gram(activations.features, options.view))
    kept = squares > squares[-1] * n * torch.finfo(torch.float64).eps
    squares, along = squares[kept], (axes[:, kept].T @ targets).square()
    rest = targets.square().sum(0) - along.sum(0)  # what no axis explains
    if len(squares) == n:
        rest = torch.zeros_like(rest)
    elif (rest <= EXPLAINED * targets.sum(0)).any():
        raise ProbeUndefinedError("fewer axes than images explain a class exactly, so its evidence has no bound")
    return {"evidence": float(greatest_evidence(squares, along, rest, n).mean() / n)}


class _Fit(NamedTuple):
    """Float64 "k" each."""

    ratio: Tensor
    """Where the next round goes on."""
    evidence: Tensor


def greatest_evidence(squares: Tensor, along: Tensor, rest: Tensor, n: int) -> Tensor:
    """Return the log evidence of each target at the fixed point.

    squares: "r" squared singular values. along: "r k" squared coordinates of k targets. rest: "k" squared norm that
    no axis explains.
    """
    least, most = float(squares[0]) / LIMIT, float(squares[-1]) * LIMIT
    ratio = torch.full_like(rest, float(squares.mean()), dtype=torch.float64)
    for _ in range(MAX_ROUNDS):
        fit = _round(squares[:, None], along, rest, n, ratio)
        following = fit.ratio.clamp(least, most)
        if ((following - ratio).abs() <= TOLERANCE * ratio).all():
            break
        ratio = following
    return fit.evidence


def _round(squares: Tensor, along: Tensor, rest: Tensor, n: int, ratio: Tensor) -> _Fit:
    shares = squares / (squares + ratio)
    gamma = shares.sum(0)
    freedom = n - len(squares) + (1 - shares).sum(0)
    weights = (shares.square() * along / squares).sum(0)
    errors = ((1 - shares).square() * along).sum(0) + rest
    # at a given ratio the evidence is greatest with this noise; at the fixed point it is (n - gamma) / errors too
    noise = n / (errors + ratio * weights)
    evidence = n / 2 * (noise.log() - math.log(2 * math.pi) - 1) - ((squares + ratio) / ratio).log().sum(0) / 2
    return _Fit(gamma * errors / (weights * freedom), evidence)


LOGME = FunctionProbe("labels", {"evidence": "higher"}, logme, PooledSpec)
