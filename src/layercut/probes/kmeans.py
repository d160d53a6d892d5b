"""K-means of many sets of points at once (Lloyd, k-means++ starts).

Reference:
    Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007. Unlike scikit-learn's, ours
    draws one candidate for each centre, and a cluster that loses all its points keeps its centre.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

MAX_ROUNDS = 300


class Partitions(NamedTuple):
    """One partition a set."""

    clusters: Tensor
    """Int64 "b n"."""
    inertia: Tensor
    """"b": sum of squared distances to the centres."""


def kmeans(points: Tensor, num_clusters: int, restarts: int, generator: torch.Generator) -> Partitions:
    """Cluster each of the b sets in float "b n d", whose values should be centred; the best of `restarts` counts."""
    best: Partitions | None = None
    for _ in range(restarts):
        found = lloyd(points, plus_plus(points, num_clusters, generator))
        if best is None:
            best = found
            continue
        better = found.inertia < best.inertia
        best = Partitions(
            torch.where(better[:, None], found.clusters, best.clusters), torch.minimum(found.inertia, best.inertia)
        )
    if best is None:
        raise ValueError("expected at least one start")
    return best


def plus_plus(points: Tensor, num_clusters: int, generator: torch.Generator) -> Tensor:
    """Draw centres "b k d": each next one with a chance in proportion to the squared distance from those drawn."""
    sets = torch.arange(len(points))
    norms = points.square().sum(2)
    drawn = torch.randint(points.shape[1], (len(points),), generator=generator)
    centres = [points[sets, drawn]]
    nearest = torch.full_like(norms, torch.inf)
    for _ in range(num_clusters - 1):
        last = centres[-1]
        to_last = norms - 2 * torch.bmm(points, last[:, :, None])[:, :, 0] + last.square().sum(1, keepdim=True)
        nearest = torch.minimum(nearest, to_last.clamp(min=0))
        chances = nearest.double()
        chances[chances.sum(1) <= 0] = 1.0  # every point is a centre already
        drawn = torch.multinomial(chances, 1, generator=generator)[:, 0]
        centres.append(points[sets, drawn])
    return torch.stack(centres, 1)


def lloyd(points: Tensor, centres: Tensor) -> Partitions:
    """Move centres to the means of what is nearest to them until no point changes its cluster."""
    num_clusters = centres.shape[1]
    norms = points.square().sum(2)
    clusters = torch.full(norms.shape, -1)
    inertia = torch.zeros(len(points), dtype=points.dtype)
    moving = torch.arange(len(points))
    for _ in range(MAX_ROUNDS):
        to_centres = torch.baddbmm(centres.square().sum(2)[:, None], points, centres.mT, alpha=-2)
        distances, nearest = to_centres.min(2)
        changed = (nearest != clusters[moving]).any(1)
        clusters[moving] = nearest
        inertia[moving] = (norms[moving] + distances).sum(1)
        if not changed.any():
            break
        if int(changed.sum()) <= len(moving) // 2:  # copying points costs as much as a round: not each time
            moving, points, centres, nearest = moving[changed], points[changed], centres[changed], nearest[changed]
        membership = one_hot(nearest, num_clusters).to(points.dtype)
        sizes = membership.sum(1)[:, :, None]
        means = torch.bmm(membership.mT, points) / sizes.clamp(min=1)
        centres = torch.where(sizes > 0, means, centres)
    return Partitions(clusters, inertia.clamp(min=0))
