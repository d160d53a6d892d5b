"""The tutorial notebook as a page."""

from __future__ import annotations

import json
import re
from pathlib import Path

from docs.generators.markdown import code

NOTEBOOK = "tutorial.ipynb"


def page(docs: Path) -> str:
    """Return the page: text as it stands, code in blocks; outputs are not kept in the notebook."""
    cells = json.loads((docs / NOTEBOOK).read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        linked = re.sub(r"\]\((?!\w+:)", "](../", text)  # the page lies one folder deeper than the notebook
        parts.append(code(text, "python") if cell["cell_type"] == "code" else linked)
    return "\n\n".join(parts) + "\n"
