"""Tables fit a terminal, whatever they hold."""

from __future__ import annotations

from layercut.cli.columns import Column, filled, tables


def test_columns_that_do_not_fit_stand_in_a_table_of_their_own_with_the_first_ones_again() -> None:
    numbers = [Column(f"a long\ntitle {index}", ["0.5", "0.25"]) for index in range(12)]
    found = list(tables([Column("layer", ["conv0", "conv1"], left=True)], numbers))
    assert len(found) == 2
    assert all(lines[1].startswith("layer") and lines[2].startswith("conv0") for lines in found)
    assert max(len(line) for lines in found for line in lines) <= 80
    assert sum(" ".join(lines).count("title") for lines in found) == 12


def test_cells_of_several_lines_stay_in_their_column() -> None:
    (lines,) = tables([Column("x", ["one"], left=True)], [Column("y", ["1\n22"]), Column("z", ["3"])])
    assert lines == ["x     y  z", "one   1  3", "     22"]


def test_control_characters_of_names_are_printed_as_escapes() -> None:
    (lines,) = tables([Column("name", ["a\x1b[31mb"], left=True)], [Column("n", ["1"])])
    assert lines[1] == "a\\x1b[31mb  1"
    assert filled("a\x1b[31mb") == "a\\x1b[31mb"


def test_a_plan_fits_a_terminal_whatever_it_says():
    from layercut.plan.summary import in_columns

    text = f"  data        {'photographs ' * 20}\n  warning: {'few images ' * 20}\n  trials      5 nominal"
    lines = in_columns(text).splitlines()
    assert max(map(len, lines)) <= 80
    assert {line[:14].strip() for line in lines[1:3]} == {""}
    assert lines[-1] == "  trials      5 nominal"
