"""A run from Python: results at hand, the same records whoever builds the model, resumed from its own folder."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

import layercut
from layercut.errors import UserError
from layercut.interactive.progress import NotebookProgress, notebook_progress
from layercut.runner.progress import NoProgress
from support import given_models

LABELS = np.arange(48) % 2
IMAGES = np.random.default_rng(0).integers(0, 120, (48, 3, 10, 10), dtype=np.uint8) + np.uint8(120) * LABELS[
    :, None, None, None
].astype(np.uint8)  # fmt: skip
SMALL = {
    "strategies": ["scratch", "freeze"],
    "replicates": 2,
    "training": {"epochs": 2, "batch_size": 8},
    "name": "small",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder for runs; the cache is one of its own."""
    folder = tmp_path_factory.mktemp("interactive")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERCUT_CACHE", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def model():
    """Return a model with the same weights in every test."""
    import torch

    torch.manual_seed(0)
    return given_models.Net(num_classes=2)


@pytest.fixture(scope="module")
def run(place, model):
    """Return a finished run of a module and arrays."""
    return layercut.run(layercut.study(model=model, target=(IMAGES, LABELS), **SMALL), place / "run", executor="serial")


def local_twin(model):
    """Return the same model under a class that cannot be imported."""

    class Net(given_models.Net):
        pass

    twin = Net(num_classes=2)
    twin.load_state_dict(model.state_dict())
    return twin


def test_a_run_has_results_an_answer_a_report_and_figures(run):
    assert len(run.results) == run.summary.num_finished + run.results.merged.sum()
    assert str(run.answer) == str(layercut.answers(run.output_dir))
    assert run.report().name == "report.html"
    assert isinstance(run.plot("accuracy_bars"), go.Figure)
    assert str(run.answer) in repr(run)
    assert "<p>" in run._repr_html_()


def test_a_run_stands_for_its_results_wherever_they_are_taken(run):
    assert repr(layercut.plot(run)) == repr(layercut.plot(run.results))
    assert layercut.compare(run, run).rows.equals(layercut.compare(run.results, run.results).rows)


def test_a_run_of_an_earlier_session_is_opened_by_its_path(run):
    again = layercut.Run(str(run.output_dir))
    assert again.results.equals(run.results)
    assert again.summary is None


def test_what_is_frozen_of_a_module_is_what_it_had(run, model):
    from layercut.checkpoints import load_checkpoint

    (path,) = (run.output_dir / "checkpoints").glob("*.safetensors")
    assert np.array_equal(load_checkpoint(path)[0]["blocks.conv1.conv1.weight"].numpy(), model.conv1.weight.detach())


@pytest.mark.slow
def test_worker_processes_build_the_same_model(run, place, model):
    spec = layercut.study(model=model, target=(IMAGES, LABELS), **SMALL)
    assert layercut.run(spec, place / "workers", workers=1).summary.records_hash == run.summary.records_hash


def test_a_run_goes_on_from_its_own_folder_without_the_cache_and_where_it_was_moved(run, place, tmp_path, monkeypatch):
    moved = tmp_path / "moved"
    shutil.copytree(run.output_dir, moved)
    monkeypatch.setenv("LAYERCUT_CACHE", str(tmp_path / "another-cache"))
    again = layercut.run(layercut.load_study(moved, ["transfer.replicates=3"]), executor="serial")
    assert again.output_dir == moved
    assert len(again.results) > len(run.results)
    assert str(place) not in (moved / "study.yaml").read_text()


def test_a_model_that_no_other_process_can_build_runs_here_and_a_line_says_so(place, model, capsys):
    spec = layercut.study(model=local_twin(model), target=(IMAGES, LABELS), **SMALL | {"name": "local"})
    run = layercut.run(spec, place / "local")
    assert "One training at a time, in this process: Net: " in capsys.readouterr().out
    assert run.summary.num_finished == run.summary.num_trials


def test_workers_are_refused_for_such_a_model_before_anything_runs(place, model):
    spec = layercut.study(model=local_twin(model), target=(IMAGES, LABELS), **SMALL)
    with pytest.raises(UserError, match=r"worker processes cannot build the model: .*executor='serial'"):
        layercut.run_study(spec, place / "refused")
    assert not (place / "refused").exists()


def test_the_plan_says_that_nothing_says_how_pixels_were_scaled(run):
    (note,) = [note for note in run.results.attrs["plan"]["notes"] if "normalization" in note]
    assert "Net.safetensors: it is not known how its images were scaled in training" in note


def test_a_notebook_shows_one_bar_that_is_drawn_in_its_place():
    shown, clock = [], iter(range(100))
    bar = NotebookProgress("mine <b>", shown.append, clock=lambda: float(next(clock)))
    bar.begin("trials", 2, 20)
    bar.advance(10)
    bar.advance(10)
    bar.end()
    assert "mine &lt;b&gt;" in shown[0]
    assert "0 of 2 jobs" in shown[0]
    assert "1 of 2 jobs, about 0:00:" in next(html for html in shown if 'value="1"' in html)
    assert 'value="2" max="2"' in shown[-1]


def test_there_is_no_bar_outside_of_a_notebook():
    assert isinstance(notebook_progress("mine"), NoProgress)


@pytest.mark.slow
def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "from-python.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    exec(code.replace("layercut.run(study,", 'layercut.run(study, executor="serial", output_dir='), names)  # noqa: S102
    assert isinstance(names["figure"], go.Figure)
    assert (tmp_path / "runs" / "mine" / "report.html").is_file()


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    assert layercut.__version__ == version("layercut")
    assert Path(layercut.__file__).name == "__init__.py"
