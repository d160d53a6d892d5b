"""Links that lead out of the documentation: right where the repository is browsed, nowhere on the site."""

from __future__ import annotations

import re
from pathlib import Path

_LINK = re.compile(r"\[([^\]]+)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def without_links_outside(text: str, page: Path, docs: Path) -> str:
    """Return a page's text in which links to files and folders that are no pages of the site are plain text."""

    def plain(link: re.Match[str]) -> str:
        there = (page.parent / link[2]).resolve()
        inside = there.is_relative_to(docs.resolve()) and not there.is_dir()
        return link[0] if inside else link[1]

    return _LINK.sub(plain, text)
