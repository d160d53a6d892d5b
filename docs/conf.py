"""Settings of the documentation site; `make docs` builds it into `build/docs`.

The pages in `reference/` are written anew by each build, from the program itself.
"""

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from docs.generators import write_pages  # noqa: E402 - found by the line above
from docs.generators.outside import without_links_outside  # noqa: E402

project = "layercut"
author = "The layercut developers"
copyright = author
release = metadata.version("layercut")

extensions = ["myst_parser"]
myst_heading_anchors = 3
html_extra_path = ["example-report.html"]
exclude_patterns = ["generators", "*.ipynb"]

html_theme = "furo"
html_title = "layercut"
html_copy_source = False
html_show_sphinx = False

write_pages(HERE)


def setup(app):
    """Take out, while a page is read, the links that only the repository can follow."""

    def read(app, name, content):
        content[0] = without_links_outside(content[0], Path(app.env.doc2path(name)), HERE)

    app.connect("source-read", read)
