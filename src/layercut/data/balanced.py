"""A class-balanced part of a trial's sample: the images that a probe looks at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layercut.seeding import derive_seed


def balanced_sample(
    labels: NDArray[np.int64], num_classes: int, most: int, replicate: int, study_seed: int
) -> NDArray[np.int64]:
    """Return positions of at most `most` images, Int64, ascending; all where there are no more.

    Every class gives the same number, or all it has where it has fewer; what is left over goes one each to the
    first classes that have more. The sample of `most` images is contained in every larger one of the same images.

    labels: Int64 "n", each in 0..num_classes-1.
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    counts = np.bincount(labels, minlength=num_classes)
    chosen = []
    for label, quota in enumerate(_quotas(counts, most)):
        generator = np.random.Generator(np.random.PCG64(derive_seed(study_seed, "probe sample", replicate, label)))
        members = np.flatnonzero(labels == label)
        chosen.append(generator.permutation(members)[:quota])
    return np.sort(np.concatenate(chosen))


def _quotas(counts: NDArray[np.int64], most: int) -> list[int]:
    level = 0
    while np.minimum(counts, level + 1).sum() <= most:
        level += 1
    quotas = np.minimum(counts, level)
    more = np.flatnonzero(counts > level)[: most - int(quotas.sum())]
    quotas[more] += 1
    return [int(quota) for quota in quotas]
