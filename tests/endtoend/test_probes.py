"""A study with every probe: on one process and on two, with an export that a reader of the published file reads."""

from __future__ import annotations

import json

import pytest

from layercut import load_probes, run_study, scoreboard
from layercut.errors import SpecError
from layercut.interop import export_study, import_files
from layercut.interop.mp_tl_study.files import CLUSTER_FIELDS, read_file
from layercut.ledger import Ledger
from layercut.probes import PROBES
from support.tiny import tiny_plan, tiny_study

SMALL = (
    "transfer.strategies=[freeze_reinit]",
    "transfer.fractions=[0.1]",
    "transfer.replicates=2",
    f"probes=[{', '.join(PROBES)}]",
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A finished study in one process, and its summary."""
    folder = tmp_path_factory.mktemp("study")
    return folder, run_study(tiny_study(*SMALL), folder, executor="serial")


@pytest.mark.slow
def test_every_probe_has_a_score_or_says_why_not(study):
    folder, summary = study
    with Ledger(folder, read_only=True) as ledger:
        failures = list(ledger.failures())
        probed = {record.probe for record in ledger.probes()}
    assert probed == set(PROBES)
    assert {failure.kind for failure in failures} <= {"undefined"}
    assert all(failure.message for failure in failures)
    assert summary.num_finished == 8
    board = scoreboard(*_tables(folder))
    judged = set(board.loc[~board["predictor"].str.startswith(("always", "a cut")), "predictor"])
    assert judged == set(PROBES)
    output_only = board[board["predictor"].isin(["leep", "nce"])]
    assert set(output_only["undefined"]) == {"the same score everywhere"}


@pytest.mark.slow
def test_two_workers_give_the_same_bits_as_one_process(study, tmp_path):
    summary = run_study(tiny_study(*SMALL), tmp_path, executor="processes", workers=2)
    assert summary.records_hash == study[1].records_hash
    assert summary.num_probes == study[1].num_probes


def test_clusters_are_exported_as_the_published_study_has_them(study, tmp_path):
    folder, _ = study
    (file,) = [path for path in export_study(folder, tmp_path) if path.name.endswith("_cluster.json")]
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert all(tuple(row) == CLUSTER_FIELDS for row in rows)
    assert {(row["Dataset"], row["Split"], row["Percentage"]) for row in rows} == {("Finetune", "Train", 0.1)}
    assert {row["Layer"] for row in rows} == {"input", "conv0.block", "conv1.block", "conv2.block", "output"}
    assert read_file(file).kind == "cluster"
    imported = import_files([file], tmp_path / "again", "digits")
    assert imported.num_probes == len(rows)
    again = load_probes(tmp_path / "again")
    own = load_probes(folder)
    own = own[own["probe"] == "clustering"]
    assert again["ari"].tolist() == own["ari"].tolist()


def _tables(folder):
    from layercut import load_results

    return load_results(folder), load_probes(folder)


@pytest.mark.slow
def test_one_image_a_class_gives_a_value_or_a_reason_never_an_error(tmp_path):
    one = [*SMALL, "transfer.fractions=[0.007]", "transfer.replicates=1", "source.classes=[0, 1]"]
    summary = run_study(tiny_study(*one), tmp_path, executor="serial")
    assert summary.num_finished == 4
    assert set(summary.failed_probes) == {"undefined"}
    assert summary.num_probes > 0
    assert {int(n) for n in load_probes(tmp_path)["num_images"].dropna()} == {5}


def test_a_probe_before_activations_sees_the_pixels_each_block_before_its_activation_and_the_output(tmp_path):
    asks = "probes=[{name: effective_rank, at: before_activation}, effective_rank]"
    run_study(tiny_study(*SMALL[:-1], "transfer.replicates=1", asks), tmp_path, executor="serial")
    probes = load_probes(tmp_path)
    before = probes[probes["probe"] == "effective_rank(at=before_activation)"]
    behind = probes[probes["probe"] == "effective_rank"]
    assert list(before["layer"]) == ["input", "conv0.pre", "conv1.pre", "conv2.pre", "output"]
    assert list(before["cut"])[:4] == [0, 1, 2, 3]
    assert list(behind["layer"]) == ["input", "conv0", "conv1", "conv2", "output"]
    ranks = [rows.set_index("layer")["rank"] for rows in (before, behind)]
    assert ranks[0]["output"] == ranks[1]["output"]
    assert ranks[0]["conv0.pre"] != ranks[1]["conv0"]


@pytest.mark.parametrize(
    ("probe", "model", "words"),
    [
        ("weight_effective_rank", "plain_cnn", "expected a probe of features"),
        ("knn", "torchvision/resnet18", "it is not known where in a block of torchvision/resnet18 the activation is"),
    ],
)
def test_a_probe_before_activations_that_cannot_be_is_refused_when_it_is_planned(probe, model, words):
    overrides = (*SMALL[:-1], f"probes=[{{name: {probe}, at: before_activation}}]")
    if model != "plain_cnn":
        overrides = (*overrides, f"model={{name: {model}}}", "transfer.cuts=[0]")
    with pytest.raises(SpecError, match=words):
        tiny_plan(*overrides)
