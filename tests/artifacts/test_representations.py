"""What a study keeps of the layers of its sources: the same bits on any workers, and no record changed by it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from layercut import load_probes, run_study
from layercut.artifacts import kept_representations
from layercut.charts import Chart
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.errors import DataError, SpecError
from layercut.figures.study_tables import StudyTables
from layercut.ledger import Ledger
from layercut.plan.preflight import plan_with_data
from layercut.report import build_page, read_facts
from layercut.spec import parse_study
from support.tiny_study import TINY

OVERRIDES = ("transfer.strategies=[scratch, reinit]", "probes=[rsa, {name: knn, fractions: 0.1}]")
KEEPING = "keep=[representations]"
FIGURES = {"features_scatter", "dissimilarity_matrices", "rsa_matrices", "mds_map"}


def run(folder, *overrides, **options):
    """Run the small study."""
    spec = parse_study(TINY, overrides=[*OVERRIDES, *overrides])
    return run_study(spec, folder, **{"executor": "serial"} | options)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study that keeps representations."""
    folder = tmp_path_factory.mktemp("run")
    return folder, run(folder, KEEPING)


def files(folder):
    """Return the content of every file of the kept representations."""
    root = folder / "artifacts" / "representations"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_places_clusters_and_distances_of_the_first_replicate_of_the_largest_fraction_are_kept(study):
    (kept,) = kept_representations(study[0])
    assert kept.layers == ("input", "conv0", "conv1", "output")
    assert kept.card["reference_layers"] == ["conv0", "conv1", "output"]
    assert (kept.card["fraction"], kept.card["replicate"], kept.card["split"]) == (0.3, 0, "train")
    assert kept.card["without"] == {}
    labels, places, clusters = (kept.array(name) for name in ("labels", "places", "clusters"))
    number = kept.card["num_images"]
    assert np.bincount(labels).tolist() == [number // 3] * 3 or np.ptp(np.bincount(labels)) <= 3
    assert places.shape == (4, number, 2)
    assert np.isfinite(places).all()
    assert {len(np.unique(row)) for row in clusters} == {3}
    assert kept.array("dissimilarities").shape == (7, number, number)


def test_distances_between_source_and_reference_are_what_the_probe_says(study):
    (kept,) = kept_representations(study[0])
    probes = load_probes(study[0])
    rows = probes[(probes["probe"] == "rsa") & (probes["fraction"] == 0.3) & (probes["replicate"] == 0)]
    assert set(rows["key"]) <= set(kept.card["probes"])
    names = [(one.model, one.layer) for one in kept.representations]
    distances = kept.array("distances")
    for layer, spearman in zip(rows["layer"], rows["spearman"], strict=True):
        found = distances[names.index(("source", layer)), names.index(("reference", layer))]
        assert found == pytest.approx(1 - spearman, abs=1e-12)


def test_the_report_shows_them_and_figures_are_drawn_of_them(study):
    page = build_page(StudyTables.read(study[0]), read_facts(study[0] / "ledger.sqlite"))
    charts = {chart.name: chart for chart in page.parts[0].charts}
    assert charts.keys() >= FIGURES
    assert all(isinstance(chart, Chart) for chart in charts.values())


def test_keeping_them_changes_no_record_and_a_finished_study_gets_them(study, tmp_path):
    bare = run(tmp_path)
    assert kept_representations(tmp_path) == []
    assert bare.records_hash == study[1].records_hash
    with Ledger(tmp_path, read_only=True) as ledger:
        before = [record.wall_seconds for record in ledger.trials()]
    again = run(tmp_path, KEEPING)
    assert again.records_hash == bare.records_hash
    assert files(tmp_path) == files(study[0])
    with Ledger(tmp_path, read_only=True) as ledger:
        assert [record.wall_seconds for record in ledger.trials()] == before


@pytest.mark.slow
def test_workers_make_the_same_bits_and_what_is_lost_is_made_again(study, tmp_path):
    run(tmp_path, KEEPING, executor="processes", workers=2)
    assert files(tmp_path) == files(study[0])
    (kept,) = kept_representations(tmp_path)
    shutil.rmtree(kept.folder)
    (checkpoint, *_) = (tmp_path / "checkpoints").glob("*.safetensors")
    checkpoint.unlink()
    run(tmp_path, KEEPING)
    assert files(tmp_path) == files(study[0])


def test_a_study_that_looks_at_other_images_replaces_them(study, tmp_path):
    shutil.copytree(study[0], tmp_path / "run")
    run(tmp_path / "run", KEEPING, "probes=[{name: knn, sample: 12, split: test}]")
    (kept,) = kept_representations(tmp_path / "run")
    assert (kept.card["num_images"], kept.card["split"], kept.card["reference_layers"]) == (12, "test", [])
    run(tmp_path / "run", "probes=[{name: knn, sample: 15}]")
    charts = (
        build_page(StudyTables.read(tmp_path / "run"), read_facts(tmp_path / "run" / "ledger.sqlite")).parts[0].charts
    )
    assert not FIGURES & {chart.name for chart in charts}


def test_images_of_the_source_are_kept_where_probes_look_at_no_others(tmp_path):
    run(tmp_path, KEEPING, "probes=[{name: knn, images: source, sample: 30}]", "transfer.replicates=1")
    (kept,) = kept_representations(tmp_path)
    assert (kept.card["dataset"], kept.card["target"], kept.card["images"]) == ("source", "", "digits[0,1,2]")
    tables = StudyTables.read(tmp_path)
    page = build_page(tables, read_facts(tmp_path / "ledger.sqlite"))
    assert {chart.name for chart in page.parts[0].charts} >= FIGURES


def test_every_checkpoint_of_every_source_has_its_own_and_no_more_images_than_can_be_seen():
    spec = parse_study(
        TINY,
        overrides=[KEEPING, "probes=[knn]", "pretraining.checkpoints=[0, last]", "pretraining.seeds=2",
                   "transfer.fractions=[0.1, 1.0]"],
    )  # fmt: skip
    plan = plan_with_data(spec, default_data_dir(), default_cache_dir(), "float32").plan
    assert len(plan.representations) == 4 == len({job.name for job in plan.representations})
    assert {(job.sample.fraction, job.sample.replicate, job.sample.most_images) for job in plan.representations} == {
        (1.0, 0, 200)
    }
    assert all(condition.keep is None for condition in plan.conditions)


@pytest.mark.parametrize("probes", ["probes=[]", "probes=[weight_effective_rank]"])
def test_without_probes_that_look_at_images_the_key_is_refused(probes, tmp_path):
    with pytest.raises(SpecError, match=r"`keep.what\[1\]`.*expected `probes`.*none that uses images"):
        run(tmp_path, probes, "keep=[weights, representations]")


def test_reading_them_needs_no_torch(study):
    code = f"""
import sys
from layercut.figures import charts_of
from layercut.figures.study_tables import StudyTables
assert charts_of("features_scatter", StudyTables.read({str(study[0])!r}))
assert charts_of("mds_map", StudyTables.read({str(study[0])!r}))
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_damaged_files_are_an_error_that_says_what_to_do(study, tmp_path):
    shutil.copytree(study[0] / "artifacts", tmp_path / "artifacts")
    (kept,) = kept_representations(tmp_path)
    (kept.folder / "arrays.safetensors").write_bytes(b"half")
    with pytest.raises(DataError, match="delete the folder and run the study again"):
        kept.array("places")
    (kept.folder / "card.json").write_text(json.dumps({"key": 1}))
    with pytest.raises(DataError, match="it lacks class_names, layers"):
        kept_representations(tmp_path)
    (kept.folder / "card.json").write_text("[")
    with pytest.raises(DataError, match=r"cannot read .*card\.json"):
        kept_representations(tmp_path)
