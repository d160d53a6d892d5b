"""The cuts that a study asks for: all, the model's stages, some by number or name, or a given number of them."""

from __future__ import annotations

from layercut.errors import did_you_mean
from layercut.plan.chosen import Chosen
from layercut.plan.cost import ModelCost
from layercut.plan.jobs import ModelRef
from layercut.spec import StudySpec
from layercut.strategies.base import Strategy


def chosen_cuts(spec: StudySpec, model: ModelRef, cost: ModelCost) -> list[int]:
    """Return the cuts, ascending.

    Raises:
        SpecError: the model has no such cut.
    """
    cuts, last = spec.transfer.cuts, model.num_blocks
    if cuts == "all" or (cuts in (None, "stages") and not model.stages):
        return list(range(last + 1))
    if cuts is None or cuts == "stages":
        return sorted({0, last, *(cut for _, cut in model.stages)})
    if isinstance(cuts, int):
        return evenly_spread(cost.trunk_flops, cuts)
    return sorted({_cut(spec, model, index, cut) for index, cut in enumerate(cuts)})


def own_cuts(spec: StudySpec, chosen: Chosen, cuts: list[int], num_blocks: int) -> list[int]:
    """Return those at which a strategy has design points.

    One where all cuts are alike, and nothing is transferred or options say all that there is to say.
    """
    strategy, keep_hidden = chosen.does, spec.transfer.head == "keep_hidden"
    if strategy.transfers and not chosen.options:
        return cuts
    if not is_cutless(strategy, num_blocks, keep_hidden):
        return cuts
    return [num_blocks] if strategy.transfers else [0]


def is_cutless(strategy: Strategy, num_blocks: int, keep_hidden: bool) -> bool:
    """Return whether a strategy does the same at every cut."""
    return len({strategy.canonical(cut, num_blocks, keep_hidden) for cut in range(num_blocks + 1)}) == 1


def evenly_spread(trunk_flops: tuple[int, ...], number: int) -> list[int]:
    """Return 0, the last cut, and `number` between them, spread evenly over the operations of the model.

    Each is the cut nearest to its share of all operations that still leaves one for each of the others.

    Example:
        >>> evenly_spread((0, 10, 20, 30, 80, 90, 100), 2)
        [0, 3, 4, 6]
    """
    last = len(trunk_flops) - 1
    number = min(number, last - 1)
    chosen = [0]
    for place in range(1, number + 1):
        wanted = trunk_flops[last] * place / (number + 1)
        free = range(chosen[-1] + 1, last - (number - place))
        chosen.append(min(free, key=lambda cut: (abs(trunk_flops[cut] - wanted), cut)))
    return [*chosen, last]


def _cut(spec: StudySpec, model: ModelRef, index: int, cut: int | str) -> int:
    named = {name: place for place, name in enumerate(model.block_names, start=1)} | dict(model.stages)
    if isinstance(cut, str) and cut in named:
        return named[cut]
    if isinstance(cut, int) and cut <= model.num_blocks:
        return cut
    problem = (
        f"expected a number of blocks in 0..{model.num_blocks} (the model's); got {cut}"
        if isinstance(cut, int)
        else f"{model.label} has no block or stage {cut!r}{did_you_mean(cut, named)}; it has {', '.join(named)}"
    )
    raise spec.error(f"transfer.cuts[{index}]", problem)
