"""The figures of probes: computed from results and probes, drawn by both renderers, absent without their data."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from layercut.charts.matplotlib import draw
from layercut.charts.plotly import panel_figures
from layercut.figures import FIGURES, charts_of
from layercut.figures.probe_by_layer import by_model
from layercut.figures.study_tables import Measured, StudyTables
from support.fake_probes import fake_probes, with_directions
from support.fake_results import fake_results

RESULTS = fake_results(strategies=("scratch", "freeze_reinit", "reinit"), num_replicates=3, num_blocks=3)
SCORES = {"good": lambda cut, fraction, replicate: cut * fraction + 0.1 * replicate, "knn": lambda *point: 0.5}


def charts(results=RESULTS, scores=SCORES, score="score"):
    """Return the charts by name."""
    probes = fake_probes(results, scores).rename(columns={"score": score})
    if score != "score":
        probes = with_directions(probes, {label: {score: "higher"} for label in scores})
    return drawn(results, probes)


def drawn(results, probes):
    """Return the figures of probes that results and probes give, by name."""
    measured = Measured()
    measured.__dict__["probes"] = probes  # what a ledger would give
    tables = StudyTables(results, measured)
    names = [name for name in FIGURES if name.startswith(("probe", "cluster"))]
    return {chart.name: chart for name in names for _, chart in charts_of(name, tables)}


def test_scores_by_layer_have_a_panel_a_probe_and_a_line_a_fraction():
    chart = charts()["probe_by_layer"]
    assert [panel.title for panel in chart.panels] == ["good (+)", "knn (+)"]
    good = chart.panels[0]
    assert [line.name for line in good.lines] == ["1 %", "10 %", "100 %"]
    assert [point.y for point in good.lines[2].points] == pytest.approx([0.1, 1.1, 2.1, 3.1])
    assert good.lines[2].points[1].low < 1.1 < good.lines[2].points[1].high


def test_clusters_are_box_plots_by_layer_with_a_panel_a_fraction():
    chart = charts(score="ari")["cluster_boxes"]
    assert [panel.title for panel in chart.panels] == ["1 % of the data", "10 % of the data", "100 % of the data"]
    box = chart.panels[2].boxes[0].boxes[1]
    assert (box.at, box.values) == (1, pytest.approx((1.0, 1.1, 1.2)))
    assert "cluster_boxes" not in charts()


def test_the_scoreboard_sorts_by_loss_and_brackets_nulls():
    chart = charts()["probe_scoreboard"]
    assert [panel.title for panel in chart.panels] == ["freeze_reinit", "reinit"]
    cells = chart.panels[0].cells
    assert {"[knn]", "[always cut 0]", "[a cut at random]", "good"} <= set(cells.rows)
    means = [sum(row) for row in cells.values]
    assert means == sorted(means, reverse=True)
    place = cells.rows.index("good")
    nulls = [row for name, row in zip(cells.rows, cells.values, strict=True) if name in ("[knn]", "[a cut at random]")]
    for column, value in enumerate(cells.values[place]):
        assert ((place, column) in cells.marked) == (value <= min(row[column] for row in nulls) + 1e-9)


@pytest.mark.parametrize("scores", [SCORES, {"one": lambda cut, *point: 1.0 if cut == 1 else float("nan")}])
@pytest.mark.parametrize("score", ["score", "ari"])
def test_both_renderers_draw_them(scores, score):
    for chart in charts(scores=scores, score=score).values():
        assert not any(panel.empty for panel in chart.panels)
        json.dumps(panel_figures(chart), allow_nan=False)
        draw(chart)
        assert chart.caption.endswith(".")
        assert chart.alt


def scored(source, model, layers, cuts=None):
    """Return a score for each layer of one model; those that end a block have cuts, `output` has none."""
    cuts = cuts or [None if layer == "output" else place for place, layer in enumerate(layers)]
    rows = [
        {"probe": "knn", "source": source, "model": model, "dataset": "target", "split": "train", "layer": layer}
        | {"cut": cut, "accuracy": 0.1 * place}
        for place, (layer, cut) in enumerate(zip(layers, cuts, strict=True))
    ]
    return pd.DataFrame(rows).astype({"cut": "Int64"})


def places(*models):
    """Return the axis of the chart that compares models, and the place of each layer of each line."""
    table = with_directions(pd.concat(models, ignore_index=True), {"knn": {"accuracy": "higher"}})
    (panel,) = by_model(table).panels
    lines = {line.name: [(point.note.partition(":")[0], point.x) for point in line.points] for line in panel.lines}
    return panel.x, lines


def test_a_layer_that_one_model_lacks_moves_none_of_its_others():
    random = scored("random", "cnn", ["input", "conv0", "conv1"])
    mine = scored("mine", "cnn", ["input", "conv1", "output"], [0, 2, None])  # conv0 has no score
    for axis, lines in (places(random, mine), places(mine, random)):
        assert [tick.label for tick in axis.ticks] == ["input", "conv0", "conv1", "output"]
        assert lines["random"] == [("input", 0), ("conv0", 1), ("conv1", 2)]
        assert lines["mine"] == [("input", 0), ("conv1", 2), ("output", 3)]


def test_models_of_other_architectures_lie_by_depth_and_alike_ones_at_one_place():
    random = scored("random", "cnn", ["input", "conv0", "conv1"])
    mine = scored("mine", "cnn", ["input", "conv0", "conv1", "output"])
    deep = scored("deep", "cnn(depth=4)", ["input", "conv0", "conv1", "conv2", "conv3"])
    axis, lines = places(random, mine, deep)
    assert axis.title == "Depth (share of the model's layers)"
    assert dict(lines["random"]) == pytest.approx({"input": 0, "conv0": 1 / 3, "conv1": 2 / 3})
    assert lines["mine"][:3] == lines["random"]
    assert lines["deep"][1] == ("conv0", 0.25)


def test_two_models_of_one_label_and_other_layers_are_two_architectures():
    axis, lines = places(scored("a", "build", ["input", "stem", "body"]), scored("b", "build", ["input", "layer1"]))
    assert axis.title == "Depth (share of the model's layers)"
    assert [x for _, x in lines["b"]] == [0, 1]


def test_without_probes_there_are_none():
    assert drawn(RESULTS, fake_probes(RESULTS, {})) == {}
