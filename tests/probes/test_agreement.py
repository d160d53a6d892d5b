"""Clusters against classes."""

import json

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


SEED_ROWS = [
    # contingency of 15 images of three classes, and the row of the published file that it explains
    ([[0, 0, 1], [0, 0, 3], [5, 5, 1]], {"Precision": 6 / 13, "Recall": 30 / 37, "Accuracy": 8 / 15, "ARI": 15 / 64}),
    (
        [[0, 0, 1], [0, 0, 4], [5, 5, 0]],
        {"Precision": 33 / 58, "Recall": 33 / 37, "Accuracy": 9 / 15, "ARI": 160 / 363},
    ),
]


@pytest.mark.parametrize(("table", "row"), SEED_ROWS)
def test_with_self_pairs_numbers_are_those_of_the_published_file(samples, table, row):
    file = samples / "mp-tl-study" / "FashionMNIST" / "results" / "regular_classes_cluster.json"
    columns = ("Precision", "Recall", "Accuracy", "ARI")
    published = [tuple(record[column] for column in columns) for record in json.loads(file.read_text())]
    assert any(record == pytest.approx(row, abs=1e-12) for record in published)
    found = agreement(*labellings(table), self_pairs=True)
    assert tuple(found[key] for key in ("precision", "recall", "accuracy", "ari")) == pytest.approx(row)


def test_every_published_precision_and_recall_counts_self_pairs(samples):
    """Pairs of one class are 3 * c * (c - 1) / 2 for c images a class; only with half a pair an image they fit."""
    file = samples / "mp-tl-study" / "FashionMNIST" / "results" / "regular_classes_cluster.json"
    per_class = {0.001: 5, 0.01: 54}
    for record in json.loads(file.read_text()):
        size = per_class.get(record["Percentage"])
        if size is not None:
            pairs = 3 * size * (size - 1) // 2 + 3 * size // 2
            together = record["Recall"] * pairs
            assert together == pytest.approx(round(together), abs=1e-6)
            in_clusters = together / record["Precision"]
            assert in_clusters == pytest.approx(round(in_clusters), abs=1e-6)
