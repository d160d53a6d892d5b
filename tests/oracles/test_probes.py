"""Our probes against other libraries, or against their formulas written out plainly."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.stats import entropy, multivariate_normal, spearmanr
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.covariance import LedoitWolf
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    adjusted_rand_score,
    mutual_info_score,
    normalized_mutual_info_score,
    pair_confusion_matrix,
    silhouette_score,
)
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import (
    LeaveOneGroupOut,
    LeaveOneOut,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from layercut.probes import PROBES
from layercut.probes.agreement import agreement
from layercut.probes.cka import unbiased_hsic
from layercut.probes.clustering import cosine_distances
from layercut.probes.h_score import ledoit_wolf
from layercut.probes.intrinsic_dimension import maximum_likelihood, two_nn
from layercut.probes.kmeans import kmeans, lloyd, plus_plus
from layercut.probes.mds import mds_coordinates
from layercut.probes.products import centred_gram, coordinates, correlations, squared_distances
from support.fake_activations import made_up

UNCLEAR = made_up(separation=0.7, num_images=80, num_classes=4)
UNEVEN = UNCLEAR._replace(labels=torch.tensor([0] * 37 + [1] * 22 + [2] * 18 + [3] * 3))


def scores(name, activations, **options):
    probe = PROBES[name]
    return probe(activations, probe.options(**options))


def flat(activations):
    return activations.features.flatten(1).double().numpy()


def pooled(activations):
    return activations.features.double().mean((2, 3)).numpy()


def random_labellings(seed):
    draw = np.random.default_rng(seed)
    return torch.from_numpy(draw.integers(0, 4, 50)), torch.from_numpy(draw.integers(0, 6, 50))


@pytest.mark.parametrize("seed", range(5))
def test_agreement_is_that_of_scikit_learn(seed):
    clusters, classes = random_labellings(seed)
    classes[clusters == 1] = 2
    found = agreement(clusters, classes)
    assert found["ari"] == pytest.approx(adjusted_rand_score(classes, clusters))
    assert found["nmi"] == pytest.approx(normalized_mutual_info_score(classes, clusters))
    (_, apart_together), (together_apart, together) = pair_confusion_matrix(classes, clusters)
    assert found["precision"] == pytest.approx(together / (together + apart_together))
    assert found["recall"] == pytest.approx(together / (together + together_apart))


def test_matched_accuracy_is_the_best_of_all_one_to_one_matches():
    clusters, classes = random_labellings(7)
    table = np.zeros((4, 6))
    np.add.at(table, (clusters, classes), 1)
    best = max(sum(table[i, j] for i, j in enumerate(match)) for match in itertools.permutations(range(6), 4))
    assert agreement(clusters, classes)["accuracy"] == best / 50


def test_agglomerative_clusters_are_those_of_scikit_learn():
    model = AgglomerativeClustering(4, metric="cosine", linkage="average").fit(pooled(UNEVEN))
    expected = agreement(torch.from_numpy(model.labels_).long(), UNEVEN.labels)
    assert scores("clustering", UNEVEN) == pytest.approx(expected)
    rows = pooled(UNEVEN)
    assert cosine_distances(torch.from_numpy(rows @ rows.T)).numpy() == pytest.approx(
        cdist(rows, rows, "cosine"), abs=1e-12
    )


def test_kmeans_from_the_same_centres_ends_where_scikit_learns_does():
    points = torch.randn(3, 60, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    centres = plus_plus(points, 4, torch.Generator().manual_seed(1))
    found = lloyd(points, centres)
    for member in range(3):
        model = KMeans(4, init=centres[member].numpy(), n_init=1, algorithm="lloyd", tol=0).fit(points[member].numpy())
        assert found.clusters[member].tolist() == model.labels_.tolist()
        assert float(found.inertia[member]) == pytest.approx(model.inertia_)


def test_kmeans_with_restarts_is_as_good_as_scikit_learns():
    rows = pooled(UNCLEAR) - pooled(UNCLEAR).mean(0)
    found = kmeans(torch.from_numpy(rows)[None], 4, 20, torch.Generator().manual_seed(0))
    assert float(found.inertia[0]) == pytest.approx(KMeans(4, n_init=20, random_state=0).fit(rows).inertia_, rel=1e-3)


def test_channels_are_clustered_each_by_itself():
    activations = made_up(separation=6.0, num_images=30)
    activations.features[:, 4:] = 0.25  # two dead channels
    found = scores("channel_clustering", activations, restarts=10)
    single = []
    for channel in range(4):
        model = KMeans(3, n_init=10, random_state=0).fit(activations.features[:, channel].flatten(1).numpy())
        single.append(adjusted_rand_score(activations.labels, model.labels_))
    expected = {"ari_mean": np.mean(single), "ari_median": np.median(single), "ari_max": np.max(single)}
    assert {key: found[key] for key in expected} == pytest.approx(expected)


def test_silhouette_is_that_of_scikit_learn():
    for activations in (UNCLEAR, UNEVEN, UNEVEN._replace(labels=torch.where(torch.arange(80) == 5, 9, UNEVEN.labels))):
        expected = silhouette_score(flat(activations), activations.labels)
        assert scores("silhouette", activations)["mean"] == pytest.approx(expected)


def test_sums_of_squares_are_those_of_an_analysis_of_variance():
    rows, labels = flat(UNEVEN), UNEVEN.labels.numpy()
    within = sum(((rows[labels == c] - rows[labels == c].mean(0)) ** 2).sum() for c in range(4))
    total = ((rows - rows.mean(0)) ** 2).sum()
    assert scores("sum_of_squares", UNEVEN)["within_to_total"] == pytest.approx(within / total)
    found = scores("fisher", UNEVEN)
    assert found["ratio"] == pytest.approx((total - within) / within)
    ratios = f_classif(rows, labels)[0] * 3 / 76  # of between to within, unit by unit
    assert found["eta_squared"] == pytest.approx((ratios / (1 + ratios)).mean())


@pytest.mark.parametrize("neighbours", [1, 5])
def test_neighbours_are_those_of_scikit_learn(neighbours):
    def weights(distances):
        rank = np.arange(distances.shape[1])
        return np.tile(1 + (neighbours - rank) / (neighbours + 1) ** 2, (len(distances), 1))

    model = KNeighborsClassifier(neighbours, weights=weights)
    predicted = cross_val_predict(model, flat(UNCLEAR), UNCLEAR.labels.numpy(), cv=LeaveOneOut())
    expected = (predicted == UNCLEAR.labels.numpy()).mean()
    assert 0.3 < expected < 1
    assert scores("knn", UNCLEAR, neighbours=neighbours)["accuracy"] == pytest.approx(expected)


def test_centroids_are_those_of_scikit_learn():
    predicted = cross_val_predict(NearestCentroid(), flat(UNEVEN), UNEVEN.labels.numpy(), cv=LeaveOneOut())
    expected = (predicted == UNEVEN.labels.numpy()).mean()
    assert 0.1 < expected < 1
    assert scores("nearest_centroid", UNEVEN)["accuracy"] == pytest.approx(expected)


def test_the_linear_probe_on_principal_axes_is_that_on_the_features_themselves():
    activations = made_up(separation=0.25, num_images=80, num_classes=4)
    rows, labels = flat(activations), activations.labels.numpy()
    rows -= rows.mean(0)
    rows *= math.sqrt(79 * 80 / (rows**2).sum())  # 79 axes
    folds = StratifiedKFold(5, shuffle=True, random_state=activations.seed)
    predicted = cross_val_predict(LogisticRegression(max_iter=10000), rows, labels, cv=folds)
    expected = (predicted == labels).mean()
    assert 0.3 < expected < 1
    assert scores("logistic_regression", activations, view="flattened")["accuracy"] == pytest.approx(
        expected, abs=1 / 80
    )


GROUPED = UNCLEAR._replace(groups=torch.arange(80) % 5)
"""Five groups of 16 images, 4 of each class: five folds of whole groups are these groups, however one divides."""


def test_the_linear_probe_divides_groups_as_scikit_learn_does():
    activations = made_up(separation=0.25, num_images=80, num_classes=4)._replace(groups=GROUPED.groups)
    rows, labels = flat(activations), activations.labels.numpy()
    rows -= rows.mean(0)
    rows *= math.sqrt(79 * 80 / (rows**2).sum())  # 79 axes
    predicted = cross_val_predict(
        LogisticRegression(max_iter=10000), rows, labels, groups=GROUPED.groups.numpy(), cv=StratifiedGroupKFold(5)
    )
    expected = (predicted == labels).mean()
    assert 0.3 < expected < 1
    found = scores("logistic_regression", activations, view="flattened")["accuracy"]
    assert found == pytest.approx(expected, abs=1 / 80)
    assert found != scores("logistic_regression", activations._replace(groups=None), view="flattened")["accuracy"]


@pytest.mark.parametrize(
    ("name", "model"), [("nearest_centroid", NearestCentroid()), ("knn", KNeighborsClassifier(1))], ids=str
)
@pytest.mark.parametrize("groups", [GROUPED.groups, torch.arange(80) // 5, (torch.arange(80) * 7) % 13])
def test_an_image_is_judged_without_its_group_as_scikit_learn_does(name, model, groups):
    activations = UNEVEN._replace(groups=groups)
    predicted = cross_val_predict(
        model, flat(activations), activations.labels.numpy(), groups=groups.numpy(), cv=LeaveOneGroupOut()
    )
    expected = (predicted == activations.labels.numpy()).mean()
    assert 0.1 < expected < 1
    options = {"neighbours": 1} if name == "knn" else {}
    assert scores(name, activations, **options)["accuracy"] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["logistic_regression", "nearest_centroid", "knn"])
def test_groups_of_single_images_are_no_groups(name):
    single = UNCLEAR._replace(groups=torch.arange(80))
    assert scores(name, single)["accuracy"] == pytest.approx(scores(name, UNCLEAR)["accuracy"], abs=0.1)


def rsatoolbox_matrices(*activations):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        from rsatoolbox.data import Dataset
        from rsatoolbox.rdm import calc_rdm
    return [calc_rdm(Dataset(rows), method="correlation") for rows in activations]


def test_rsa_is_that_of_rsatoolbox():
    theirs = UNCLEAR.reference.flatten(1).double().numpy()
    first, second = rsatoolbox_matrices(flat(UNCLEAR), theirs)
    from rsatoolbox.rdm.compare import compare_spearman

    ours = 1 - correlations(UNCLEAR.features, "flattened").numpy()
    assert squareform(ours, checks=False) == pytest.approx(first.dissimilarities[0], abs=1e-9)
    expected = compare_spearman(first, second)[0, 0]
    assert scores("rsa", UNCLEAR)["spearman"] == pytest.approx(expected, abs=1e-9)


def test_delta_and_parc_are_means_and_ranks_of_the_matrix_of_rsatoolbox():
    labels = UNEVEN.labels.numpy()
    different = squareform(labels[:, None] != labels).astype(bool)
    (matrix,) = rsatoolbox_matrices(flat(UNEVEN))
    pairs = matrix.dissimilarities[0]
    expected = pairs[different].mean() - pairs[~different].mean()
    assert scores("rsa_delta", UNEVEN)["delta"] == pytest.approx(expected, abs=1e-9)
    (matrix,) = rsatoolbox_matrices(pooled(UNEVEN))
    of_labels = 1 - np.corrcoef(np.eye(4)[labels])
    expected = spearmanr(matrix.dissimilarities[0], squareform(of_labels.round(9), checks=False)).statistic
    assert scores("parc", UNEVEN)["spearman"] == pytest.approx(expected, abs=1e-9)


def test_linear_cka_is_the_formula_on_features():
    ours, theirs = (x - x.mean(0) for x in (flat(UNCLEAR), UNCLEAR.reference.flatten(1).double().numpy()))
    norm = np.linalg.norm
    expected = norm(theirs.T @ ours) ** 2 / (norm(ours.T @ ours) * norm(theirs.T @ theirs))
    assert scores("cka", UNCLEAR)["linear"] == pytest.approx(expected)


def test_the_unbiased_criterion_is_its_mean_over_all_quadruples():
    draw = np.random.default_rng(0)
    rows, others = draw.normal(size=(7, 3)), draw.normal(size=(7, 2))
    k, l = rows @ rows.T, others @ others.T  # noqa: E741 - the names of the paper
    terms = [
        k[i, j] * (l[i, j] + l[q, r] - 2 * l[i, q]) for i, j, q, r in itertools.permutations(range(7), 4)
    ]  # fmt: skip
    assert unbiased_hsic(torch.from_numpy(k), torch.from_numpy(l)) == pytest.approx(np.mean(terms))


def test_debiased_alignment_of_unrelated_features_is_zero_where_the_plain_one_is_not():
    found = scores("cka", made_up(separation=0.0, num_images=40, shape=(2000,)))
    assert found["linear"] > 0.9
    assert found["debiased"] == pytest.approx(0, abs=0.05)


def plane(num_axes=3, offset=0.0):
    """A curved surface of a few dimensions among many units."""
    draw = torch.Generator().manual_seed(0)
    inner = torch.rand(400, num_axes, generator=draw)
    features = torch.sin(inner @ torch.randn(num_axes, 60, generator=draw)) + offset
    return UNCLEAR._replace(features=features, labels=torch.arange(400) % 4)


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_dimensions_are_those_of_scikit_dimension_off_centre_too(offset):
    import skdim

    activations = plane(offset=offset)
    distances = squared_distances(centred_gram(activations.features, "flattened")).sqrt()
    rows = activations.features.double().numpy()
    nearest = np.sort(cdist(rows, rows), axis=1)[:, 1:]
    # versions of theirs differ in F, (i - 1) / n or the paper's i / n: equal to the order of 1 / n
    theirs = skdim.id.TwoNN(discard_fraction=0.1, dist=True).fit_transform(nearest[:, :2])
    assert two_nn(distances) == pytest.approx(theirs, rel=0.02)
    log_mu = np.sort(np.log(nearest[:, 1] / nearest[:, 0]))[:360]
    survival = -np.log(1 - np.arange(1, 361) / 400)
    slope = np.linalg.lstsq(log_mu[:, None], survival, rcond=None)[0][0]
    assert two_nn(distances) == pytest.approx(slope, rel=1e-6)
    model = skdim.id.MLE(K=12)
    expected = model.fit(rows, n_neighbors=12, comb="mean").dimension_
    assert maximum_likelihood(distances, 12) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("num_axes", [1, 2, 4])
def test_the_dimension_of_a_surface_is_found(num_axes):
    found = scores("intrinsic_dimension", plane(num_axes))
    assert found["two_nn"] == pytest.approx(num_axes, rel=0.15)
    assert found["maximum_likelihood"] == pytest.approx(num_axes, rel=0.25)
    assert 0 < found["two_nn_sd"] < 0.15 * num_axes


def test_effective_rank_is_the_entropy_of_singular_values():
    rows = flat(UNCLEAR)
    values = np.linalg.svd(rows - rows.mean(0), compute_uv=False)
    assert scores("effective_rank", UNCLEAR)["rank"] == pytest.approx(np.exp(entropy(values)), rel=1e-5)
    weight = UNCLEAR.weights["conv.weight"].flatten(1).double().numpy()
    expected = np.exp(entropy(np.linalg.svd(weight, compute_uv=False)))
    assert scores("weight_effective_rank", UNCLEAR) == pytest.approx({"rank": expected, "share": expected / 6})


@pytest.mark.parametrize("view", ["spatial_mean", "flattened"])
@pytest.mark.parametrize("offset", [0.0, 50.0])
def test_logme_is_the_greatest_marginal_likelihood(view, offset):
    activations = made_up(separation=0.5, num_images=24, shape=(3, 3, 3))
    activations = activations._replace(features=activations.features + offset)
    rows = flat(activations) if view == "flattened" else pooled(activations)
    products = rows @ rows.T

    def minus_evidence(logs, target):
        covariance = np.exp(logs[0]) * products + np.exp(logs[1]) * np.eye(24)
        return -multivariate_normal.logpdf(target, np.zeros(24), covariance)

    per_class = []
    for label in range(3):
        target = (activations.labels.numpy() == label).astype(float)
        starts = itertools.product(np.log(1 / products.trace()) + np.array([-2.0, 1.0, 4.0, 7.0]), [-3.0, -1.0])
        fits = [minimize(minus_evidence, start, (target,), method="Nelder-Mead").fun for start in starts]
        per_class.append(-min(fits) / 24)
    assert scores("logme", activations, view=view)["evidence"] == pytest.approx(np.mean(per_class), abs=2e-4)


@pytest.mark.parametrize("view", ["spatial_mean", "flattened"])
def test_h_score_is_that_of_a_ledoit_wolf_covariance(view):
    rows = flat(UNEVEN) if view == "flattened" else pooled(UNEVEN)
    model = LedoitWolf(store_precision=False).fit(rows)
    means = np.stack([rows[UNEVEN.labels == label].mean(0) for label in UNEVEN.labels])
    between = np.cov(means, rowvar=False, bias=True)
    expected = np.trace(np.linalg.solve(model.covariance_, (1 - model.shrinkage_) * between))
    columns = coordinates(centred_gram(UNEVEN.features, view))
    assert ledoit_wolf(columns, rows.shape[1]) == pytest.approx(model.shrinkage_)
    assert scores("h_score", UNEVEN, view=view)["shrunk"] == pytest.approx(expected)


def plain_leep(probabilities, labels):
    n, states = probabilities.shape
    joint = np.zeros((4, states))
    for row, label in zip(probabilities, labels, strict=True):
        joint[label] += row / n
    return np.mean(
        [
            np.log(sum(joint[label, z] / joint[:, z].sum() * row[z] for z in range(states)))
            for row, label in zip(probabilities, labels, strict=True)
        ]
    )


def test_leep_is_its_formula_and_nce_the_conditional_entropy():
    labels, logits = UNEVEN.labels.numpy(), UNEVEN.logits.double().numpy()
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert scores("leep", UNEVEN)["log_likelihood"] == pytest.approx(plain_leep(probabilities, labels))
    expected = mutual_info_score(labels, logits.argmax(1)) - entropy(np.bincount(labels) / 80)
    assert scores("nce", UNEVEN)["negative_entropy"] == pytest.approx(expected)


def test_nleep_is_leep_over_scikit_learns_mixture():
    rows = pooled(UNCLEAR) - pooled(UNCLEAR).mean(0)
    left, sizes, _ = np.linalg.svd(rows, full_matrices=False)
    num_axes = 1 + int(np.argmax(np.cumsum(sizes**2) / (sizes**2).sum() >= 0.8))
    columns = left[:, :num_axes] * sizes[:num_axes]
    columns /= np.sqrt((columns**2).mean())
    mixture = GaussianMixture(20, covariance_type="diag", reg_covar=1e-4, max_iter=200, random_state=UNCLEAR.seed)
    expected = plain_leep(mixture.fit(columns).predict_proba(columns), UNCLEAR.labels.numpy())
    assert scores("nleep", UNCLEAR)["log_likelihood"] == pytest.approx(expected, abs=1e-6)


def test_transrate_is_its_formula_on_features():
    rows, labels = pooled(UNEVEN), UNEVEN.labels.numpy()
    rows -= rows.mean(0)
    rows /= np.sqrt((rows**2).sum(1).mean())

    def rate(some):
        return np.linalg.slogdet(np.eye(6) + some.T @ some / (len(some) * 1e-4))[1] / 2

    expected = rate(rows) - sum((labels == c).mean() * rate(rows[labels == c]) for c in range(4))
    assert scores("transrate", UNEVEN)["rate"] == pytest.approx(expected)


@pytest.mark.parametrize("covariance", ["spherical", "diagonal"])
def test_gbc_is_the_overlap_of_gaussians(covariance):
    rows, labels = pooled(UNEVEN), UNEVEN.labels.numpy()
    left, sizes, _ = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    groups = [(left * sizes)[labels == c] for c in range(4)]
    total = 0.0
    for one, other in itertools.permutations(groups, 2):
        variances = [group.var(0) for group in (one, other)]
        if covariance == "spherical":
            variances = [np.full(6, v.mean()) for v in variances]
        first, second, middle = (np.diag(v) for v in (*variances, (variances[0] + variances[1]) / 2))
        gap = one.mean(0) - other.mean(0)
        distance = gap @ np.linalg.solve(middle, gap) / 8
        distance += np.log(np.linalg.det(middle) / np.sqrt(np.linalg.det(first) * np.linalg.det(second))) / 2
        total -= np.exp(-distance)
    assert scores("gbc", UNEVEN, covariance=covariance)["separability"] == pytest.approx(total)


def test_scaling_gives_points_their_distances_back():
    points = np.random.default_rng(0).normal(size=(12, 2))
    found = mds_coordinates(squareform(pdist(points)))
    assert pdist(found) == pytest.approx(pdist(points))
    assert mds_coordinates(squareform(pdist(points)), num_axes=3)[:, 2] == pytest.approx(0, abs=1e-6)
