"""How well clusters agree with classes.

Reference:
    Hubert and Arabie, "Comparing partitions", Journal of Classification 2, 1985 (adjusted Rand index).
    "Exploring Layer Freezing in Transfer Learning" (mp-tl-study): accuracy after the best one-to-one match of clusters
    to classes (Hungarian), precision and recall over pairs of images. Its stored files differ from its text, see
    docs/decisions/0022-clustering-scores-as-written.md.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from layercut.probes.base import Direction

AGREEMENT: dict[str, Direction] = dict.fromkeys(("ari", "nmi", "accuracy", "precision", "recall"), "higher")


def agreement(clusters: Tensor, classes: Tensor, self_pairs: bool = False) -> dict[str, float]:
    """Compare two int64 "n" labellings.

    ari: adjusted Rand index. nmi: mutual information over the mean of both entropies. accuracy: share of images in
    the cluster matched to their class. precision: share of the pairs within a cluster that are of one class; 1 where
    no cluster has two images. recall: share of the pairs of one class that lie in one cluster; 1 where there are none.

    self_pairs: count as the files of mp-tl-study do, where each image makes half a pair with itself.
    """
    table = np.zeros((int(clusters.max()) + 1, int(classes.max()) + 1))
    np.add.at(table, (clusters.numpy(), classes.numpy()), 1)
    together, by_cluster, by_class = (_pairs(sizes) for sizes in (table, table.sum(1), table.sum(0)))
    half = int(table.sum()) // 2 if self_pairs else 0
    return {
        "ari": _adjusted_rand(together, by_cluster, by_class, _pairs(table.sum())),
        "nmi": _normalized_information(table / table.sum()),
        "accuracy": float(table[linear_sum_assignment(table, maximize=True)].sum() / table.sum()),
        "precision": (together + half) / (by_cluster + half) if by_cluster + half else 1.0,
        "recall": (together + half) / (by_class + half) if by_class + half else 1.0,
    }


def _pairs(sizes: np.ndarray) -> float:
    return float((sizes * (sizes - 1) / 2).sum())


def _adjusted_rand(together: float, by_cluster: float, by_class: float, pairs: float) -> float:
    expected = by_cluster * by_class / pairs
    best = (by_cluster + by_class) / 2
    return 1.0 if best == expected else (together - expected) / (best - expected)


def _normalized_information(joint: np.ndarray) -> float:
    entropies = [_entropy(joint), _entropy(joint.sum(0)), _entropy(joint.sum(1))]
    mean = (entropies[1] + entropies[2]) / 2
    return 1.0 if mean == 0 else max(0.0, (entropies[1] + entropies[2] - entropies[0]) / mean)


def _entropy(shares: np.ndarray) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())
