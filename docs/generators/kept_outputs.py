"""The outputs that the tutorial notebook keeps: `python -m docs.generators.kept_outputs` runs it and writes them.

The report of its study becomes the example that the site shows.

Figures are kept as pictures: those that draw themselves bring 2 MB of plotly each.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from layercut.notebook import Plot
from layercut.report import write_report

NOTEBOOK = Path(__file__).parents[1] / "tutorial.ipynb"
EXAMPLE = "example-report.html"
SOURCES = "outputs_are_of"
"""Entry of the notebook's metadata: the hash of the code that made the outputs."""


def code_hash(notebook: dict[str, Any]) -> str:
    """Return the hash of all code of a notebook."""
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def keep_outputs(path: Path) -> None:
    """Run a notebook's cells in an empty folder and write what they give into it, and the report beside it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for number, cell in enumerate((one for one in notebook["cells"] if one["cell_type"] == "code"), start=1):
            data = shown(_value("".join(cell["source"]), names))
            result = {"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": data}
            cell |= {"execution_count": number, "outputs": [result]}
        page = write_report("runs/tutorial").read_bytes()
    path.with_name(EXAMPLE).write_bytes(page)
    notebook["metadata"][SOURCES] = code_hash(notebook)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def shown(value: Any) -> dict[str, list[str] | str]:
    """Return a value as a notebook keeps it: text, and a table or a picture where it is one."""
    data: dict[str, list[str] | str] = {"text/plain": repr(value).splitlines(keepends=True)}
    if isinstance(value, Plot):
        with tempfile.TemporaryDirectory() as folder:
            picture = value.save(Path(folder) / "figure.png").read_bytes()
        return data | {"image/png": base64.b64encode(picture).decode()}
    if hasattr(value, "_repr_html_"):
        data["text/html"] = value._repr_html_().splitlines(keepends=True)
    return data


def _value(code: str, names: dict[str, Any]) -> Any:
    """Run a cell; return the value of its last line."""
    tree = ast.parse(code)
    last = tree.body.pop()
    if not isinstance(last, ast.Expr):
        raise ValueError(f"expected a cell that ends in a value; got {ast.unparse(last)}")
    exec(compile(tree, "cell", "exec"), names)  # noqa: S102 - our own notebook
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307 - our own notebook


if __name__ == "__main__":
    keep_outputs(NOTEBOOK)
