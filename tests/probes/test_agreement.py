"""Clusters against classes."""

import itertools
import json

import numpy as np
import pytest
import torch

from layercut.probes.agreement import agreement


def labellings(table):
    """Return cluster and class of each image of a table of counts, a row a cluster."""
    rows = [(cluster, label) for cluster, row in enumerate(table) for label, n in enumerate(row) for _ in range(n)]
    return torch.tensor(rows).T


def test_a_worked_case():
    # clusters of 3, 2 and 1; classes of 3 and 3
    clusters, classes = labellings([[2, 1], [0, 2], [1, 0]])
    found = agreement(clusters, classes)
    assert found["accuracy"] == pytest.approx((2 + 2) / 6)
    # together: 1 + 1 pairs; in one cluster: 3 + 1; of one class: 3 + 3; in all 15
    assert found["precision"] == pytest.approx(2 / 4)
    assert found["recall"] == pytest.approx(2 / 6)
    assert found["ari"] == pytest.approx((2 - 4 * 6 / 15) / ((4 + 6) / 2 - 4 * 6 / 15))


def test_the_same_partition_under_other_names_agrees_wholly():
    classes = torch.tensor([0, 0, 1, 1, 2, 2])
    assert agreement((classes + 1) % 3, classes) == dict.fromkeys(
        ("ari", "nmi", "accuracy", "precision", "recall"), 1.0
    )


def test_clusters_of_single_images_have_no_wrong_pair():
    found = agreement(torch.arange(4), torch.tensor([0, 0, 1, 1]))
    assert found["precision"] == 1.0
    assert found["recall"] == 0.0


@pytest.fixture(scope="module")
def published(samples):
    """Rows of a published file for 15 images, five of each of three classes."""
    file = samples / "mp-tl-study" / "FashionMNIST" / "results" / "regular_classes_cluster.json"
    rows = [record for record in json.loads(file.read_text()) if record["Percentage"] == 0.001]
    assert len(rows) == 150
    return rows


def possible_tables():
    """Yield every way to put three times five images into three clusters, a row a class, but for cluster names."""
    ways = [row for row in itertools.product(range(6), repeat=3) if sum(row) == 5]
    for rows in itertools.product(ways, repeat=3):
        columns = list(zip(*rows, strict=True))
        if columns == sorted(columns):
            yield np.array(rows)


def reversed_accuracies(table):
    """Return what comes of reading the best matches the wrong way round, cluster for class."""
    matches = {match: sum(table[i, j] for i, j in enumerate(match)) for match in itertools.permutations(range(3))}
    best = [match for match, right in matches.items() if right == max(matches.values())]
    return {matches[tuple(np.argsort(match))] / 15 for match in best}


def test_with_self_pairs_every_published_row_is_that_of_some_clustering(published):
    """Rounding aside, precision, recall and ARI of all rows, and accuracy of most; see docs/decisions/0022."""
    rows = {}
    for table in possible_tables():
        found = agreement(*labellings(table.T), self_pairs=True)
        key = tuple(round(found[score], 9) for score in ("precision", "recall", "ari"))
        rows.setdefault(key, []).append((found["accuracy"], table))
    num_as_matched = 0
    for record in published:
        cases = rows[tuple(round(record[column], 9) for column in ("Precision", "Recall", "ARI"))]
        matched = any(accuracy == pytest.approx(record["Accuracy"]) for accuracy, _ in cases)
        names = list(itertools.permutations(range(3)))
        reversed_match = {
            value for _, table in cases for name in names for value in reversed_accuracies(table[:, name])
        }
        assert matched or any(value == pytest.approx(record["Accuracy"]) for value in reversed_match)
        num_as_matched += matched
    assert num_as_matched == 111
