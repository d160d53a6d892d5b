"""Which cuts `transfer.cuts` means."""

from __future__ import annotations

import pytest

from layercut.errors import SpecError
from layercut.plan.cuts import evenly_spread
from support.tiny import tiny_plan

RESNET = ("model={name: torchvision/resnet18}", "transfer.strategies=[freeze]", "source={random: true}")


def cuts_of(*changes, model=RESNET):
    return sorted({name.cut for name in tiny_plan(*model, *changes).plan.names})


def test_a_library_model_is_cut_at_its_stages_unless_told_otherwise():
    default = ("transfer.cuts=null",)
    assert cuts_of(*default) == cuts_of("transfer.cuts=stages") == [0, 1, 3, 5, 7, 9]
    assert cuts_of("transfer.cuts=all") == list(range(10))


def test_a_model_of_ours_is_cut_behind_every_block_unless_told_otherwise():
    ours = ("transfer.strategies=[freeze]",)
    assert cuts_of("transfer.cuts=null", model=ours) == cuts_of("transfer.cuts=stages", model=ours) == [0, 1, 2, 3]


def test_cuts_are_named_by_blocks_and_stages_or_numbered():
    assert cuts_of("transfer.cuts=[layer2, layer1_0, 8]") == [2, 5, 8]
    assert cuts_of("transfer.cuts=[layer2, 5]") == [5]


def test_so_many_cuts_are_spread_evenly_over_the_operations_between_both_ends():
    assert cuts_of("transfer.cuts=2", model=("transfer.strategies=[freeze]",)) == [0, 1, 2, 3]
    found = cuts_of("transfer.cuts=3")
    assert len(found) == 5
    assert found[0] == 0
    assert found[-1] == 9


@pytest.mark.parametrize(
    ("flops", "number", "expected"),
    [
        ((0, 10, 20, 30, 80, 90, 100), 1, [0, 3, 6]),
        ((0, 10, 20, 30, 40, 50, 60), 2, [0, 2, 4, 6]),
        ((0, 97, 98, 99, 100), 2, [0, 1, 2, 4]),
        ((0, 1, 2, 3, 100), 2, [0, 2, 3, 4]),
        ((0, 10, 20), 5, [0, 1, 2]),
        ((0, 10), 3, [0, 1]),
    ],
)
def test_each_of_so_many_is_the_nearest_that_leaves_one_for_each_other(flops, number, expected):
    assert evenly_spread(flops, number) == expected


@pytest.mark.parametrize(
    ("cuts", "message"),
    [
        ("[layer9]", r"`transfer\.cuts\[0\]` .*has no block or stage 'layer9'; did you mean 'layer[1-4]'"),
        ("[0, 10]", r"`transfer\.cuts\[1\]` .*expected a number of blocks in 0\.\.9 \(the model's\); got 10"),
        ("0", "`all`, `stages`, how many \\(1 or more\\), or a list"),
        ("stage", "`all`, `stages`"),
        ("[]", "`all`, `stages`, how many"),
        ("[-1]", "each 0 or more"),
        ("true", "`all`, `stages`"),
    ],
)
def test_cuts_that_do_not_exist_are_refused(cuts, message):
    with pytest.raises(SpecError, match=message):
        cuts_of(f"transfer.cuts={cuts}")
