"""Scores of cases small enough for a sheet of paper."""

import math

import numpy as np
import pytest
import torch

from layercut.errors import ProbeUndefinedError
from layercut.probes import PROBES
from layercut.probes.base import Activations
from layercut.probes.intrinsic_dimension import maximum_likelihood, two_nn
from layercut.probes.mds import mds_coordinates


def scored(name, features=None, labels=(0, 0, 1, 1), logits=None, reference=None, weights=None, **options):
    def tensor(values):
        return None if values is None else torch.tensor(values, dtype=torch.float32)

    activations = Activations(
        torch.zeros(len(labels), 1) if features is None else tensor(features),
        torch.tensor(labels),
        max(labels) + 1,
        seed=0,
        logits=tensor(logits),
        reference=tensor(reference),
        weights=weights or {},
    )
    probe = PROBES[name]
    return probe(activations, probe.options(**options))


LINE = [[0.0], [2.0], [4.0], [6.0]]


def test_sum_of_squares():
    # within: 1 + 1 + 1 + 1; about the mean 3: 9 + 1 + 1 + 9
    assert scored("sum_of_squares", LINE)["within_to_total"] == pytest.approx(4 / 20)


def test_fisher():
    # the second unit has no scatter and no part in the mean of eta squared, the third has 0 between classes
    features = [[0.0, 5.0, 0.0], [2.0, 5.0, 2.0], [4.0, 5.0, 0.0], [6.0, 5.0, 2.0]]
    found = scored("fisher", features)
    assert found["ratio"] == pytest.approx(16 / (4 + 4))
    assert found["eta_squared"] == pytest.approx((16 / 20 + 0) / 2)


def test_silhouette():
    # 0: own 2, other (4 + 6) / 2; 2: own 2, other (2 + 4) / 2; the others mirror them
    assert scored("silhouette", LINE)["mean"] == pytest.approx(((5 - 2) / 5 + (3 - 2) / 3) / 2)


def test_neighbours_vote_and_a_tie_goes_to_the_nearer():
    features = [[0.0], [1.0], [3.0], [3.5]]
    # nearest: 0 -> 1 (right), 1 -> 0 (right), 3 -> 3.5 (right), 3.5 -> 3 (right)
    assert scored("knn", features, neighbours=1)["accuracy"] == 1.0
    # two nearest, one of each class: 0 -> 1, 3; 1 -> 0, 3; 3 -> 3.5, 1; 3.5 -> 3, 1: the nearer is of the own class
    assert scored("knn", features, neighbours=2)["accuracy"] == 1.0
    # all three others: one of the own class, two of the other
    assert scored("knn", features, neighbours=3)["accuracy"] == 0.0


def test_an_image_has_no_part_in_its_own_centroid():
    # 1.8 lies nearer to the mean 0.9 of its class with itself than to 3, but without itself that mean is 0
    features = [[0.0], [1.8], [2.5], [3.5]]
    # 0 -> 1.8 or 3: right; 1.8 -> 0 or 3: wrong; 2.5 -> 3.5 or 0.9: right; 3.5: right
    assert scored("nearest_centroid", features)["accuracy"] == 3 / 4


def test_the_only_image_of_a_class_is_wrong_for_want_of_company():
    features = [[0.0], [0.1], [5.0]]
    assert scored("nearest_centroid", features, labels=(0, 0, 1))["accuracy"] == pytest.approx(2 / 3)
    assert scored("knn", features, labels=(0, 0, 1), neighbours=1)["accuracy"] == pytest.approx(2 / 3)


def test_a_separable_line_is_learnt_and_folds_are_as_many_as_the_smallest_class_allows():
    assert scored("logistic_regression", [[0.0], [1.0], [9.0], [10.0]])["accuracy"] == 1.0


def test_a_fit_that_does_not_converge_is_no_score():
    features = torch.randn(40, 30, generator=torch.Generator().manual_seed(0)).tolist()
    with pytest.raises(ProbeUndefinedError, match="no convergence within 1 iterations"):
        scored("logistic_regression", features, labels=tuple([0, 1] * 20), max_iterations=1)


def test_similar_models_find_the_same_pairs_alike():
    features = [[1.0, 2.0, 3.0], [3.0, 1.0, 0.0], [2.0, 2.0, 5.0], [1.0, 0.0, 1.0]]
    doubled = [[2 * value + 1 for value in row] for row in features]  # leaves Pearson's correlation as it is
    assert scored("rsa", features, reference=doubled)["spearman"] == pytest.approx(1.0)
    # 1 - r of three images over three units: (1,0,0), (0,1,0) -> 1.5 each; (1,0,0), (1,0,0) -> 0
    found = scored("rsa_delta", [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], labels=(0, 0, 1))
    assert found["delta"] == pytest.approx(1.5 - 0)


def test_alignment_with_itself_is_one_whatever_turn_and_scale():
    features = [[1.0, 2.0], [3.0, 1.0], [2.0, 2.0], [1.0, 0.0], [4.0, 1.0]]
    turned = [[-3 * b, 3 * a] for a, b in features]
    assert scored("cka", features, labels=(0,) * 5, reference=turned) == pytest.approx({"linear": 1.0, "debiased": 1.0})


def distances(points):
    column = torch.tensor(points, dtype=torch.float64)
    return (column[:, None] - column).abs()


def test_two_nn():
    # r1, r2: 0: 1, 3; 1: 1, 2; 3: 2, 3; 7: 4, 6 -> mu: 3, 2, 1.5, 1.5
    log_mu = [math.log(1.5), math.log(1.5), math.log(2)]  # the last of four has 1 - F = 0
    survival = [-math.log(1 - i / 4) for i in (1, 2, 3)]
    slope = sum(x * y for x, y in zip(log_mu, survival, strict=True)) / sum(x * x for x in log_mu)
    assert two_nn(distances([0, 1, 3, 7])) == pytest.approx(slope)
    # 75 % of four points are three, half of them two
    slope = sum(x * y for x, y in zip(log_mu[:2], survival[:2], strict=True)) / sum(x * x for x in log_mu[:2])
    assert two_nn(distances([0, 1, 3, 7]), fit_fraction=0.5) == pytest.approx(slope)


def test_maximum_likelihood():
    # three nearest: 0: 1, 3, 7; 1: 1, 2, 6; 3: 2, 3, 4; 7: 4, 6, 7
    nearest = [(1, 3, 7), (1, 2, 6), (2, 3, 4), (4, 6, 7)]
    mean_logs = [(math.log(c / a) + math.log(c / b)) / 2 for a, b, c in nearest]
    assert maximum_likelihood(distances([0, 1, 3, 7]), 3) == pytest.approx(np.mean(1 / np.array(mean_logs)))


def test_equal_images_count_once_in_the_dimension():
    rows = torch.randn(40, 5, generator=torch.Generator().manual_seed(0)).tolist()
    once = scored("intrinsic_dimension", rows, labels=(0,) * 40)
    assert scored("intrinsic_dimension", rows * 2, labels=(0,) * 80) == pytest.approx(once)


def test_effective_rank_counts_equally_long_axes():
    # four points on the ends of two equally long axes; the third unit is constant
    cross = [[1.0, 0.0, 7.0], [-1.0, 0.0, 7.0], [0.0, 1.0, 7.0], [0.0, -1.0, 7.0]]
    assert scored("effective_rank", cross)["rank"] == pytest.approx(2.0)
    assert scored("effective_rank", LINE)["rank"] == pytest.approx(1.0)


def test_effective_rank_of_weights_is_the_mean_over_matrices():
    weights = {"a.weight": torch.eye(4), "a.bias": torch.ones(4), "b.weight": torch.ones(4, 2, 1, 1)}
    found = scored("weight_effective_rank", weights=weights)
    assert found["rank"] == pytest.approx((4 + 1) / 2)
    assert found["share"] == pytest.approx((4 / 4 + 1 / 2) / 2)


def test_leep():
    # the source says (3/4, 1/4) of three images and (1/4, 3/4) of one
    likely, unlikely = [math.log(3.0), 0.0], [0.0, math.log(3.0)]
    found = scored("leep", labels=(0, 0, 1, 1), logits=[likely, likely, likely, unlikely])
    # P(y, z) * 4: (1.5, .5) and (1, 1); P(y = 0 | z) = (.6, 1/3)
    right = [0.75 * 0.6 + 0.25 / 3] * 2 + [0.75 * 0.4 + 0.25 * 2 / 3, 0.25 * 0.4 + 0.75 * 2 / 3]
    assert found["log_likelihood"] == pytest.approx(np.mean(np.log(right)))


def test_nce():
    # predicted 0: labels 0, 0, 1; predicted 1: label 1 -> H = 3/4 (entropy of 1/3)
    found = scored("nce", labels=(0, 0, 1, 1), logits=[[2.0, 0.0], [1.0, 0.0], [1.0, 0.5], [0.0, 1.0]])
    expected = 3 / 4 * (2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert found["negative_entropy"] == pytest.approx(expected)


def test_nleep_of_far_apart_classes_is_certain():
    draw = torch.Generator().manual_seed(0)
    features = (torch.randn(40, 3, generator=draw) + 50 * (torch.arange(40) % 2)[:, None]).tolist()
    assert scored("nleep", features, labels=tuple([0, 1] * 20))["log_likelihood"] == pytest.approx(0, abs=1e-6)


def test_transrate():
    # centred: -3, -1, 1, 3, mean square 5; all: sum of squares / 5 = 4, each class: 2
    rate = math.log(1 + 4 / (4 * 0.5)) / 2 - math.log(1 + 2 / (2 * 0.5)) / 2
    assert scored("transrate", LINE, distortion=0.5)["rate"] == pytest.approx(rate)
    uneven = scored("transrate", [[-3.0], [1.0], [1.0], [1.0]], labels=(0, 1, 1, 1), distortion=0.5)["rate"]
    # centred already, mean square 3: 9/3 alone in its class, 1/3 each in the other
    expected = math.log(1 + 4 / 2) / 2 - (math.log(1 + 3 / 0.5) / 4 + 3 / 4 * math.log(1 + 1 / 1.5)) / 2
    assert uneven == pytest.approx(expected)


def test_gbc():
    # means 1 and 5, variances 1: D = 16 / 8; both orders count
    assert scored("gbc", LINE)["separability"] == pytest.approx(-2 * math.exp(-2))


def test_parc():
    # 1 - r: 0 within each class, 1.5 between; so are the labels
    features = [[1.0, 0.0, 0.0]] * 2 + [[0.0, 1.0, 0.0]] * 2
    assert scored("parc", features)["spearman"] == pytest.approx(1.0)


def test_logme_has_no_bound_where_few_axes_explain_a_class():
    with pytest.raises(ProbeUndefinedError, match="explain a class exactly"):
        scored("logme", [[0.0], [0.0], [1.0], [1.0]])


def test_h_score_of_equal_class_means_is_zero():
    assert scored("h_score", [[0.0], [2.0], [0.0], [2.0]])["shrunk"] == pytest.approx(0)


def test_scaling_of_a_line_puts_its_points_back_and_the_largest_upwards():
    line = np.array([0.0, 3.0, 4.0])
    found = mds_coordinates(np.abs(line[:, None] - line))
    assert found[:, 0] == pytest.approx([7 / 3, -2 / 3, -5 / 3])
    assert found[:, 1] == pytest.approx(0)
