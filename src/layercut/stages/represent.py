"""Represent a few images at the layers of one source, for the scatter plots, matrices and maps of a report.

Places and clusters are of the features as `kmeans_clustering` sees them (spatial means), dissimilarities of every unit,
as `rsa` does. Nothing of it is a record; a layer without a value says why on the card.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from layercut.artifacts.representations import KeptArrays, write_representations
from layercut.errors import ProbeUndefinedError
from layercut.features.taps import PIXELS
from layercut.plan.jobs import RepresentationJob
from layercut.probes.dissimilarity import comparable, dissimilarity, spearman, upper_triangle
from layercut.probes.kmeans import kmeans
from layercut.probes.products import centred_gram, coordinates
from layercut.probes.tsne import tsne_coordinates
from layercut.records import FailureRecord
from layercut.seeding import derive_seed
from layercut.stages.context import RunContext
from layercut.stages.guard import attempt
from layercut.stages.probed import Probed
from layercut.training.device import prepare_device

_RESTARTS = 10


def run_represent(job: RepresentationJob, context: RunContext) -> Iterator[FailureRecord]:
    """Write the representations of one source; yields nothing on success."""
    prepare_device(context.torch_device, num_threads=1)
    with threadpool_limits(1):  # sums of several threads differ in their last bits
        failure = attempt(lambda: _represent(job, context), context, job.key, "represent")
    if failure is not None and failure.kind != "undefined":  # what has no images has no scores, which says why
        yield failure


def _represent(job: RepresentationJob, context: RunContext) -> None:
    probed = Probed(job.sample, context)
    probed.prepare()
    names = [name for name in probed.names() if name in job.layers]
    compared = [name for name in names if name != PIXELS] if probed.reference is not None else []
    drawn = _Drawn(job, probed.labels)
    for layer, features in probed.features(probed.source, names):
        drawn.scatter(layer, features)
        drawn.compare("source", layer, features)
    for layer, features in probed.features(probed.reference, compared):
        drawn.compare("reference", layer, features)
    card = _card(job, len(probed.positions), names, compared) | {
        "without": drawn.without,
        "checkpoint_hash": probed.values[1],
    }
    write_representations(context.output_dir, job.name, card, drawn.arrays())


class _Drawn:
    """What the layers give, in their order."""

    def __init__(self, job: RepresentationJob, labels: Tensor) -> None:
        self._seed, self._labels = job.sample.study_seed, labels
        self._places: list[NDArray[np.float32]] = []
        self._clusters: list[NDArray[np.int64]] = []
        self._dissimilarities: list[Tensor] = []
        self.without: dict[str, str] = {}
        """What a layer does not have, and why."""

    def scatter(self, layer: str, features: Tensor) -> None:
        """Take places and clusters of a layer of the source."""
        number = len(self._labels)
        try:
            points = coordinates(centred_gram(features, "auto"))
            seed = derive_seed(self._seed, "representation", layer)
            generator = torch.Generator().manual_seed(seed)
            places = tsne_coordinates(points.numpy(), seed)
            found = kmeans(points[None], len(np.unique(self._labels.numpy())), _RESTARTS, generator).clusters[0]
            clusters: NDArray[np.int64] = found.numpy()
        except ProbeUndefinedError as error:
            self.without[f"{layer}: places and clusters"] = str(error)
            places = np.full((number, 2), np.nan, dtype=np.float32)
            clusters = np.full(number, -1, dtype=np.int64)
        self._places.append(places)
        self._clusters.append(clusters)

    def compare(self, model: str, layer: str, features: Tensor) -> None:
        """Take the dissimilarities between images at a layer of the source or the reference."""
        try:
            found = dissimilarity(features, "flattened")
            comparable(found)
        except ProbeUndefinedError as error:
            self.without[f"{layer}: dissimilarities of the {model}"] = str(error)
            found = torch.full((len(self._labels),) * 2, torch.nan, dtype=torch.float64)
        self._dissimilarities.append(found)

    def arrays(self) -> KeptArrays:
        """Return all that was taken."""
        return KeptArrays(
            labels=self._labels.numpy().astype(np.int64),
            places=np.stack(self._places),
            clusters=np.stack(self._clusters).astype(np.int64),
            dissimilarities=torch.stack(self._dissimilarities).numpy().astype(np.float16),
            distances=second_order_distances(self._dissimilarities),
        )


def second_order_distances(matrices: list[Tensor]) -> NDArray[np.float64]:
    """Return float64 "m m": 1 - Spearman between the upper triangles of "n n" matrices; NaN where it has no value.

    Of two representations those images count that have a dissimilarity in both, as in the probe `rsa`.
    """
    distances = np.full((len(matrices), len(matrices)), np.nan)
    for row, ours in enumerate(matrices):
        for column, theirs in enumerate(matrices[: row + 1]):
            try:
                kept = comparable(ours, theirs)
                found = 1 - spearman(upper_triangle(ours, kept), upper_triangle(theirs, kept))
            except ProbeUndefinedError:
                continue
            distances[row, column] = distances[column, row] = 0.0 if row == column else max(0.0, found)
    return distances


def _card(job: RepresentationJob, num_images: int, layers: list[str], reference_layers: list[str]) -> dict[str, Any]:
    sample = job.sample
    return {
        "format": 1,
        "kept": ["representations"],
        "key": job.key,
        "study": job.study,
        "source": sample.source_label,
        "target": sample.target,
        "model": sample.model.label,
        "images": sample.task.label if sample.task else "",
        "dataset": sample.dataset,
        "split": sample.split,
        "fraction": sample.fraction,
        "replicate": sample.replicate,
        "num_images": num_images,
        "class_names": list(sample.task.class_names) if sample.task else [],
        "layers": layers,
        "reference_layers": reference_layers,
        "probes": list(job.probe_keys),
    }
