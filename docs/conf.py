"""Settings of the documentation site; `make docs` builds it into `build/docs`.

The pages in `reference/` are written anew by each build, from the program itself.
"""

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from docs.generators import write_pages  # noqa: E402 - found by the line above

project = "layercut"
author = "The layercut developers"
copyright = author
release = metadata.version("layercut")

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["generators", "*.ipynb"]

html_theme = "furo"
html_title = "layercut"
html_copy_source = False
html_show_sphinx = False

write_pages(HERE)
