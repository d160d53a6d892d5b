"""The tutorial notebook as a page."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.generators.markdown import code

NOTEBOOK = "tutorial.ipynb"


def page(docs: Path) -> str:
    """Return the page: text as it stands, code and what it gave in blocks; pictures are written beside the page."""
    cells = json.loads((docs / NOTEBOOK).read_text(encoding="utf-8"))["cells"]
    parts: list[str] = []
    for number, cell in enumerate(cells):
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            parts += [code(text, "python"), *_outputs(cell, docs / "reference" / f"tutorial-{number}.png")]
        else:  # the page lies one folder deeper than the notebook
            parts.append(re.sub(r"\]\((?!\w+:)", "](../", text))
    return "\n\n".join(parts) + "\n"


def _outputs(cell: dict[str, Any], picture: Path) -> Iterator[str]:
    for output in cell["outputs"]:
        text = "".join(output["data"]["text/plain"])
        if "image/png" in output["data"]:
            picture.parent.mkdir(exist_ok=True)
            picture.write_bytes(base64.b64decode(output["data"]["image/png"]))
            described = re.sub(r"[^\w ,.:%()-]", "", text)
            yield f"![{described}]({picture.name})"
        else:
            yield _table(output["data"]) or code(text, "text")


def _table(data: dict[str, Any]) -> str:
    """Return a table as it looks in a notebook; empty where the output is none."""
    html = "".join(data.get("text/html", []))
    if "<table" not in html:
        return ""
    plain = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    return f"```{{raw}} html\n{plain.strip()}\n```"
