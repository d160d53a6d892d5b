"""Probes by name. Listing them imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercut.registry import Entry, Registry

if TYPE_CHECKING:
    from layercut.probes.base import Probe

PROBES: Registry[Probe] = Registry(
    "probe",
    {
        "clustering": Entry("layercut.probes.clustering:CLUSTERING", "agglomerative clusters against classes"),
        "kmeans_clustering": Entry(
            "layercut.probes.kmeans_clustering:KMEANS_CLUSTERING", "K-means clusters against classes"
        ),
        "channel_clustering": Entry(
            "layercut.probes.channel_clustering:CHANNEL_CLUSTERING",
            "K-means clusters of each single channel against classes",
        ),
        "sum_of_squares": Entry(
            "layercut.probes.sum_of_squares:SUM_OF_SQUARES", "scatter within classes over all scatter"
        ),
        "fisher": Entry("layercut.probes.fisher:FISHER", "scatter between classes over scatter within"),
        "silhouette": Entry(
            "layercut.probes.silhouette:SILHOUETTE", "how much nearer an image's own class is than the next"
        ),
        "knn": Entry("layercut.probes.knn:KNN", "accuracy of the nearest neighbours, one left out: the null"),
        "nearest_centroid": Entry(
            "layercut.probes.nearest_centroid:NEAREST_CENTROID", "accuracy of the nearest class mean, one left out"
        ),
        "logistic_regression": Entry(
            "layercut.probes.logistic_regression:LOGISTIC_REGRESSION", "cross-validated accuracy of a linear probe"
        ),
    },
)

__all__ = ["PROBES"]
