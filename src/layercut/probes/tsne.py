"""t-SNE: a picture of which images are near each other, whatever the number of axes.

Reference:
    van der Maaten and Hinton, "Visualizing data using t-SNE", Journal of Machine Learning Research 9, 2008, as
    scikit-learn has it (Barnes-Hut, start on the principal axes). The perplexity is 30, or a third of the images where
    these are fewer than 91. Distances between groups and the size of a group mean nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from layercut.errors import ProbeUndefinedError

LEAST_IMAGES = 5
MOST_AXES = 50
"""Principal axes that are looked at, as in the paper."""
_PERPLEXITY = 30.0


def tsne_coordinates(points: NDArray[np.float64], seed: int) -> NDArray[np.float32]:
    """Return float32 "n 2" within -1..1, centred, for points "n d" on their principal axes, largest first.

    The same points and seed give the same bits on one thread.

    Raises:
        ProbeUndefinedError: fewer than five points, or all are the same.
    """
    if len(points) < LEAST_IMAGES:
        raise ProbeUndefinedError(f"needs {LEAST_IMAGES} images; got {len(points)}")
    kept = np.asarray(points, dtype=np.float64)[:, :MOST_AXES]
    size = np.sqrt(np.square(kept).sum(axis=1).mean()) if kept.size else 0.0
    if not size > 0:
        raise ProbeUndefinedError("features are the same for every image")
    kept = np.pad(kept / size, ((0, 0), (0, max(0, 2 - kept.shape[1]))))
    method = TSNE(
        n_components=2,
        perplexity=min(_PERPLEXITY, (len(kept) - 1) / 3),
        init=np.ascontiguousarray(1e-4 * kept[:, :2] / kept[:, 0].std()),
        random_state=seed % 2**32,
        n_jobs=1,
    )
    found = method.fit_transform(kept).astype(np.float64)
    found = found - (found.max(axis=0) + found.min(axis=0)) / 2
    scaled: NDArray[np.float32] = (found / max(np.abs(found).max(), 1e-12)).astype(np.float32)
    return scaled
