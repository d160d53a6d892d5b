"""The page on probes says what the registry says."""

import re
from pathlib import Path

import pytest

from layercut.probes import PROBES

PAGE = (Path(__file__).parents[2] / "docs" / "probes.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", PAGE, re.MULTILINE)}


def test_every_probe_has_a_row_with_its_kind():
    assert {name: kind for name, (kind, _) in ROWS.items()} == {name: PROBES[name].kind for name in PROBES}


@pytest.mark.parametrize("name", [name for name in PROBES if name not in ("kmeans_clustering", "channel_clustering")])
def test_every_score_is_there_with_its_direction(name):
    arrows = {"↑": "higher", "↓": "lower"}
    scores = {score: arrows[arrow] for score, arrow in re.findall(r"`(\w+)` ([↑↓])", ROWS[name][1])}
    assert scores == dict(PROBES[name].directions)


@pytest.mark.parametrize("name", PROBES.names())
def test_every_option_is_explained(name):
    for option in PROBES[name].options.model_fields:
        assert re.search(rf"^\|[^|]*`{option}\b[^|]*\|", PAGE, re.MULTILINE), option
