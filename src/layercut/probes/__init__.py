"""Probes by name. Listing them imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercut.registry import Entry, Registry

if TYPE_CHECKING:
    from layercut.probes.base import Direction, Kind, Probe


def _entry(path: str, summary: str, kind: Kind, better: Direction = "higher") -> Entry:
    """Return a row that says what `layercut list probes` prints without importing the probe; a test compares both."""
    return Entry(path, summary, {"kind": kind, "better": better})


PROBES: Registry[Probe] = Registry(
    "probe",
    {
        "clustering": _entry(
            "layercut.probes.clustering:CLUSTERING", "agglomerative clusters compared with classes", "labels"
        ),
        "kmeans_clustering": _entry(
            "layercut.probes.kmeans_clustering:KMEANS_CLUSTERING",
            "K-means clusters compared with classes",
            "labels",
        ),
        "channel_clustering": _entry(
            "layercut.probes.channel_clustering:CHANNEL_CLUSTERING",
            "K-means clusters of each single channel, compared with classes",
            "labels",
        ),
        "sum_of_squares": _entry(
            "layercut.probes.sum_of_squares:SUM_OF_SQUARES",
            "scatter within classes over all scatter",
            "labels",
            better="lower",
        ),
        "fisher": _entry("layercut.probes.fisher:FISHER", "scatter between classes over scatter within", "labels"),
        "silhouette": _entry(
            "layercut.probes.silhouette:SILHOUETTE",
            "how much nearer an image is to its own class than to the next (silhouette)",
            "labels",
        ),
        "knn": _entry(
            "layercut.probes.knn:KNN", "accuracy of the nearest neighbours, one left out: the null", "labels"
        ),
        "nearest_centroid": _entry(
            "layercut.probes.nearest_centroid:NEAREST_CENTROID",
            "accuracy of the nearest class mean, one left out",
            "labels",
        ),
        "logistic_regression": _entry(
            "layercut.probes.logistic_regression:LOGISTIC_REGRESSION",
            "cross-validated accuracy of a linear probe",
            "labels",
        ),
        "rsa": _entry(
            "layercut.probes.rsa:RSA",
            "rank correlation of dissimilarities with those of a model trained on the target",
            "pair",
        ),
        "rsa_delta": _entry(
            "layercut.probes.rsa_delta:RSA_DELTA", "dissimilarity between classes minus that within them", "labels"
        ),
        "cka": _entry(
            "layercut.probes.cka:CKA",
            "linear and debiased kernel alignment with a model trained on the target",
            "pair",
        ),
        "intrinsic_dimension": _entry(
            "layercut.probes.intrinsic_dimension:INTRINSIC_DIMENSION",
            "TwoNN and maximum likelihood dimension of the features",
            "features",
            better="lower",
        ),
        "effective_rank": _entry(
            "layercut.probes.effective_rank:EFFECTIVE_RANK",
            "effective number of axes that the features span",
            "features",
        ),
        "weight_effective_rank": _entry(
            "layercut.probes.weight_effective_rank:WEIGHT_EFFECTIVE_RANK",
            "effective number of axes that the weights of a block span",
            "weights",
        ),
        "logme": _entry("layercut.probes.logme:LOGME", "evidence of a Bayesian linear model of the classes", "labels"),
        "h_score": _entry(
            "layercut.probes.h_score:H_SCORE", "scatter of class means against a shrunk covariance", "labels"
        ),
        "leep": _entry(
            "layercut.probes.leep:LEEP", "how well the source's probabilities predict the labels (LEEP)", "output"
        ),
        "nce": _entry(
            "layercut.probes.nce:NCE", "negative entropy of the labels, given the source's predictions", "output"
        ),
        "nleep": _entry("layercut.probes.nleep:NLEEP", "LEEP over a Gaussian mixture of the features", "labels"),
        "transrate": _entry(
            "layercut.probes.transrate:TRANSRATE",
            "coding rate of the features minus that within classes",
            "labels",
        ),
        "gbc": _entry("layercut.probes.gbc:GBC", "overlap of classes as Gaussians", "labels"),
        "parc": _entry("layercut.probes.parc:PARC", "rank correlation of feature and label dissimilarities", "labels"),
    },
)

__all__ = ["PROBES"]
