"""The tutorial notebook, executed cell by cell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from docs.generators.kept_outputs import SOURCES, code_hash

from layercut.report.packed import packed_plotly

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


def test_every_cell_keeps_what_it_gave_and_none_is_large():
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert all(len(cell.outputs) == 1 for cell in cells)
    assert sum("image/png" in cell.outputs[0].data for cell in cells) == 2
    assert NOTEBOOK.stat().st_size < 500_000


def test_what_is_kept_was_made_by_the_code_that_stands_there():
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["metadata"][SOURCES] == code_hash(notebook), "run `python -m docs.generators.kept_outputs`"


def test_it_is_a_notebook_of_the_format():
    nbformat.validate(nbformat.read(NOTEBOOK, as_version=4))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the libraries that run notebooks
def test_every_cell_runs_and_the_answer_and_the_figures_show_themselves(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = {
        cell.source: output["data"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    }
    assert len(shown) == sum(cell.cell_type == "code" for cell in notebook.cells)
    (answer,) = [data["text/html"] for source, data in shown.items() if source.endswith("answers(results)")]
    assert "At 5 % of the data: " in answer
    plots = [data["text/html"] for source, data in shown.items() if "plot(results" in source]
    assert len(plots) == 2
    assert all("layercut-panel" in html for html in plots)
    assert all(packed_plotly() in html for html in plots)  # each output stands alone
    (comparison,) = [data["text/html"] for source, data in shown.items() if "compare(" in source]
    assert "5 conditions in both, 5 of them paired by replicate" in comparison
