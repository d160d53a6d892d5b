"""The table of gains, written and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from layercut.errors import UserError
from layercut.priors.table import Gain, gains_hash, read_gains, shipped_gains, write_gains

GAINS = (
    Gain("b", 24, "freeze", 1.0, 0.75, 1e-3, -0.03125, 3, 10**4),
    Gain("a, b", 24, "truncate", 0.5, 0.0, 3e-4, 0.1, 1, 10**7),
)


def test_what_is_written_is_read_in_an_order_of_its_own(tmp_path: Path) -> None:
    write_gains(tmp_path / "gains.csv", GAINS)
    assert sorted(read_gains(tmp_path / "gains.csv")) == sorted(g._replace(gain=round(g.gain, 4)) for g in GAINS)


def test_the_hash_is_of_what_the_table_says_not_of_its_order() -> None:
    assert gains_hash(GAINS) == gains_hash(GAINS[::-1]) != gains_hash(GAINS[:1])


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "study,num_images,strategy,left,frozen,rate,gain,num_replicates,num_parameters\nx,1\n"]
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "gains.csv").write_text(text)
    with pytest.raises(UserError, match=r"gains.csv: expected a table"):
        read_gains(tmp_path / "gains.csv")


def test_the_shipped_table_is_as_the_command_writes_it_and_of_many_studies(tmp_path: Path) -> None:
    gains = shipped_gains()
    write_gains(tmp_path / "again.csv", gains)
    assert read_gains(tmp_path / "again.csv") == gains
    assert len({gain.study for gain in gains}) >= 8
    assert all(-1 < gain.gain < 1 for gain in gains)
