"""Keeping representations: what is computed of a layer, and what becomes of layers and jobs that fail."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from layercut import run_study
from layercut.artifacts import kept_representations
from layercut.ledger import Ledger
from layercut.probes.dissimilarity import dissimilarity
from layercut.spec import parse_study
from layercut.stages import represent
from support.tiny_study import TINY

LABELS = torch.arange(12) % 3
FEATURES = torch.randn(12, 5, generator=torch.Generator().manual_seed(0)) + 6 * torch.eye(5)[LABELS]


def test_distances_are_one_less_the_rank_correlation_of_dissimilarities():
    generator = torch.Generator().manual_seed(1)
    first, second = (dissimilarity(torch.randn(9, 6, generator=generator), "flattened") for _ in range(2))
    unknown = torch.full((9, 9), torch.nan, dtype=torch.float64)
    found = represent.second_order_distances([first, second, unknown])
    pairs = np.triu_indices(9, 1)
    expected = 1 - spearmanr(first.numpy()[pairs], second.numpy()[pairs]).statistic
    assert found[:2, :2] == pytest.approx(np.array([[0, expected], [expected, 0]]))
    assert np.isnan(found[2]).all()


def test_a_layer_without_a_value_says_why_and_leaves_the_others_as_they_are():
    drawn = represent._Drawn(SimpleNamespace(sample=SimpleNamespace(study_seed=0)), LABELS)
    for name, features in (("good", FEATURES), ("flat", torch.ones(12, 5)), ("nan", FEATURES * torch.nan)):
        drawn.scatter(name, features)
        drawn.compare("source", name, features)
    assert {where: why.partition(" ")[0] for where, why in drawn.without.items()} == {
        "flat: places and clusters": "features",
        "flat: dissimilarities of the source": "needs",
        "nan: places and clusters": "features",
        "nan: dissimilarities of the source": "features",
    }
    arrays = drawn.arrays()
    assert np.isfinite(arrays.places).all(axis=(1, 2)).tolist() == [True, False, False]
    assert len(np.unique(arrays.clusters[0])) == 3
    assert (arrays.clusters[1:] == -1).all()
    assert np.isfinite(arrays.distances).sum() == 1


def test_well_separated_classes_are_their_clusters():
    drawn = represent._Drawn(SimpleNamespace(sample=SimpleNamespace(study_seed=0)), LABELS)
    drawn.scatter("good", FEATURES)
    clusters = drawn._clusters[0]
    assert len({(int(a), int(b)) for a, b in zip(LABELS, clusters, strict=True)}) == 3


def test_a_job_that_fails_is_recorded_and_done_again_by_the_next_run(tmp_path, monkeypatch):
    def broken(points, seed):
        raise RuntimeError("no picture today")

    overrides = ["transfer.strategies=[scratch]", "transfer.replicates=1", "probes=[knn]", "keep=[representations]"]
    spec = parse_study(TINY, overrides=overrides)
    with monkeypatch.context() as patched:
        patched.setattr(represent, "tsne_coordinates", broken)
        failed = run_study(spec, tmp_path, executor="serial")
    assert failed.failed_jobs == {"error": 1}
    assert failed.num_finished == failed.num_trials
    with Ledger(tmp_path, read_only=True) as ledger:
        assert [(failure.job, failure.message) for failure in ledger.failures()] == [("represent", "no picture today")]
    assert kept_representations(tmp_path) == []
    again = run_study(spec, tmp_path, executor="serial")
    assert again.failed_jobs == {}
    assert again.records_hash == failed.records_hash
    assert len(kept_representations(tmp_path)) == 1
