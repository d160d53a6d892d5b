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
        "rsa": Entry(
            "layercut.probes.rsa:RSA", "rank correlation of dissimilarities with those of a model trained on the target"
        ),
        "rsa_delta": Entry("layercut.probes.rsa_delta:RSA_DELTA", "dissimilarity between classes less that within"),
        "cka": Entry(
            "layercut.probes.cka:CKA", "linear and debiased kernel alignment with a model trained on the target"
        ),
        "intrinsic_dimension": Entry(
            "layercut.probes.intrinsic_dimension:INTRINSIC_DIMENSION",
            "TwoNN and maximum likelihood dimension of the features",
        ),
        "effective_rank": Entry(
            "layercut.probes.effective_rank:EFFECTIVE_RANK", "over how many axes the features spread"
        ),
        "weight_effective_rank": Entry(
            "layercut.probes.weight_effective_rank:WEIGHT_EFFECTIVE_RANK",
            "over how many axes the weights of a block spread",
        ),
        "logme": Entry("layercut.probes.logme:LOGME", "evidence of a Bayesian linear model of the classes"),
        "h_score": Entry("layercut.probes.h_score:H_SCORE", "scatter of class means against a shrunk covariance"),
        "leep": Entry("layercut.probes.leep:LEEP", "how well the source's probabilities foretell the labels"),
        "nce": Entry("layercut.probes.nce:NCE", "negative entropy of the labels, given the source's predictions"),
        "nleep": Entry("layercut.probes.nleep:NLEEP", "LEEP over a Gaussian mixture of the features"),
        "transrate": Entry(
            "layercut.probes.transrate:TRANSRATE", "coding rate of the features less that within classes"
        ),
        "gbc": Entry("layercut.probes.gbc:GBC", "overlap of classes as Gaussians"),
        "parc": Entry("layercut.probes.parc:PARC", "rank correlation of feature and label dissimilarities"),
    },
)

__all__ = ["PROBES"]
