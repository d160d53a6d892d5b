"""Rank correlation of probes with transfer over many sources: numbers of scipy, the right truth, honest gaps."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from layercut.stats import rank_by_layer
from support.fake_probes import fake_probes
from support.fake_results import fake_results

SOURCES = tuple(f"mnist @ batch {number}" for number in (1, 3, 10, 30, 100, 300))
RESULTS = fake_results(
    strategies=("scratch", "reinit"), num_replicates=2, num_blocks=2, fractions=(0.1,), sources=SOURCES
)
AREAS = RESULTS["source"].map({source: 0.5 + 0.05 * place for place, source in enumerate(SOURCES)})
WITH_AREAS = RESULTS.assign(log_area=AREAS.where(RESULTS["status"] == "finished"))
WITH_AREAS.attrs = RESULTS.attrs


def probed(score, results=RESULTS):
    """Return a probes table whose scores are a function of place of the source, and cut."""
    probes = fake_probes(results, {"probe": lambda cut, fraction, replicate: 0.0})
    places = probes["source"].map({source: place for place, source in enumerate(results["source"].unique())})
    return probes.assign(score=[score(place, cut) for place, cut in zip(places, probes["cut"], strict=True)])


def with_attributes(table, like):
    """Return a table with the attributes of another."""
    table.attrs = like.attrs
    return table


def test_a_score_that_orders_sources_by_their_area_has_correlation_one():
    table = rank_by_layer(WITH_AREAS, probed(lambda place, cut: float(place)))
    at = table[(table["strategy"] == "reinit") & (table["cut"] == 1)]
    assert list(at["layer"]) == ["conv-1", "conv0", "conv1"]
    assert set(at["truth"]) == {"log_area"}
    assert list(at["spearman"]) == [1, 1, 1]
    assert list(at["p"]) == pytest.approx([2 / math.factorial(6)] * 3)


def test_the_correlation_is_not_turned_by_the_direction():
    probes = fake_probes(RESULTS, {"falls": lambda cut, fraction, replicate: 0.0}, lower=("falls",))
    places = probes["source"].map({source: place for place, source in enumerate(SOURCES)})
    table = rank_by_layer(WITH_AREAS, with_attributes(probes.assign(score=-1.0 * places), probes))
    assert set(table["spearman"]) == {-1.0}
    assert set(table["direction"]) == {"lower"}


def test_numbers_are_those_of_scipy_and_of_fishers_transformation():
    draw = np.random.default_rng(3)
    scores = {(place, cut): float(draw.normal()) for place in range(6) for cut in range(3)}
    table = rank_by_layer(RESULTS, probed(lambda place, cut: scores[place, cut]))
    done = RESULTS[(RESULTS["strategy"] == "reinit") & (RESULTS["cut"] == 2)]
    truth = done.groupby("source", sort=False)["test_accuracy"].mean()
    (row,) = table[(table["cut"] == 2) & (table["layer"] == "conv0")].to_dict("records")
    expected = scipy.stats.spearmanr([scores[place, 1] for place in range(6)], truth).statistic
    assert row["truth"] == "test_accuracy"
    assert row["spearman"] == pytest.approx(expected, abs=1e-12)
    half = 1.959964 / math.sqrt(3)
    assert row["low"] == pytest.approx(math.tanh(math.atanh(expected) - half), abs=1e-6)
    assert row["high"] == pytest.approx(math.tanh(math.atanh(expected) + half), abs=1e-6)


def test_pixels_order_no_sources_and_say_so():
    table = rank_by_layer(WITH_AREAS, probed(lambda place, cut: float(place) if cut else 0.25))
    pixels = table[table["layer"] == "conv-1"]
    assert set(pixels["undefined"]) == {"the same score everywhere"}
    assert pixels["spearman"].isna().all()


def test_scores_on_test_images_and_of_the_sources_own_task_are_left_out():
    probes = probed(lambda place, cut: float(place))
    own = with_attributes(probes.assign(score=-probes["score"], dataset="source", layer="elsewhere"), probes)
    tested = with_attributes(probes.assign(score=-probes["score"], split="test", layer="tested"), probes)
    table = rank_by_layer(WITH_AREAS, with_attributes(pd.concat([probes, own, tested]), probes))
    assert not {"elsewhere", "tested"} & set(table["layer"])


def test_fewer_than_four_sources_have_no_row():
    few = fake_results(strategies=("reinit",), num_replicates=2, num_blocks=2, sources=SOURCES[:3])
    assert rank_by_layer(few, probed(lambda place, cut: float(place), few)).empty
