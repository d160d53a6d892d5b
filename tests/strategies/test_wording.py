"""What a report tells its reader to do."""

import pytest

from layercut.strategies import STRATEGIES
from layercut.strategies.base import instruction_of
from layercut.strategies.treatment import treatment
from support import foreign_strategies

BLOCKS = [f"conv{number}" for number in range(6)]


@pytest.mark.parametrize(
    ("strategy", "cut", "expected"),
    [
        ("scratch", 0, "Train from scratch"),
        ("freeze_reinit", 0, "Train from scratch"),
        ("freeze_reinit", 4, "Keep 4 of 6 blocks, frozen, and re-initialise the rest"),
        ("freeze_reinit", 6, "Keep all 6 blocks, frozen, and train a new head"),
        ("freeze", 0, "Keep all 6 blocks and train them further"),
        ("freeze", 2, "Keep all 6 blocks, freeze the first 2, and train the rest further"),
        ("reinit", 3, "Keep 3 of 6 blocks, train them further, and re-initialise the rest"),
        ("finetune", 0, "Keep all 6 blocks and train them further"),
        ("freeze_truncate", 5, "Keep 5 of 6 blocks, frozen, and remove the rest"),
        ("truncate", 0, "Remove all blocks and train the head on the pixels"),
        ("scratch_truncate", 0, "Remove all blocks and train the head on the pixels"),
        ("scratch_truncate", 2, "Remove all blocks but the first 2 and train the smaller network from scratch"),
        ("scratch_truncate", 6, "Train from scratch"),
        ("lp_finetune", 6, "Keep all 6 blocks, fit a linear classifier on them, and train everything from there"),
        ("linear_probe", 0, "Fit a linear classifier on the pixels"),
        ("linear_probe", 2, "Keep 2 of 6 blocks, frozen, remove the rest, and fit a linear classifier"),
        ("linear_probe", 6, "Keep all 6 blocks, frozen, and fit a linear classifier on them"),
        ("train_block", 0, "Keep all 6 blocks, frozen, and train a new head"),
        ("train_block", 3, "Keep all 6 blocks, train block 3 further, and freeze the others"),
        ("norm_only", 3, "Keep all 6 blocks and train only their norms further"),
        ("bias_only", 0, "Keep all 6 blocks and train only their biases further"),
        ("layer_decay", 0, "Keep all 6 blocks and train them further, each slower than the one above it"),
        ("l2_sp", 0, "Keep all 6 blocks and train them further, drawn back to the source's values"),
        ("gradual_unfreeze", 0, "Keep all 6 blocks and train them further, from the top on, group after group"),
    ],
)
def test_a_strategy_is_an_instruction_of(strategy, cut, expected):
    does = STRATEGIES[strategy]
    assert instruction_of(does, treatment(does, cut, 6)) == expected


def test_the_last_block_of_a_trunk_is_named():
    does = STRATEGIES["freeze_truncate"]
    assert instruction_of(does, treatment(does, 2, 6), BLOCKS) == (
        "Keep 2 of 6 blocks (up to conv1), frozen, and remove the rest"
    )


@pytest.mark.parametrize(
    ("strategy", "cut", "expected"),
    [
        (foreign_strategies.SHORTER, 2, "Keep 2 of 6 blocks, train them further, and remove the rest"),
        (foreign_strategies.EVENS, 0, "Keep all 6 blocks, train blocks 1, 3 and 5 further, and freeze the others"),
        (foreign_strategies.Every("top", 5), 0, "Keep all 6 blocks, freeze the first 5, and train the rest further"),
    ],
)
def test_a_strategy_of_another_package_is_told_by_what_it_does(strategy, cut, expected):
    assert instruction_of(strategy, treatment(strategy, cut, 6)) == expected


def test_a_strategy_of_another_package_may_say_how_it_trains():
    class Slowly(foreign_strategies.Every):
        how = "train them slowly"

        def trained(self, cut, num_blocks):
            return range(num_blocks)

    assert instruction_of(Slowly("slowly", 0), treatment(Slowly("slowly", 0), 0, 6)) == (
        "Keep all 6 blocks and train them slowly"
    )
