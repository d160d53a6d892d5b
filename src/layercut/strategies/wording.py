"""What a strategy does at a cut, as an instruction: made of its treatment, so that every strategy has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layercut.strategies.treatment import HeadKind, Treatment

FURTHER = "train them further"


def instruction(treated: Treatment, names: Sequence[str] = (), head: HeadKind = "trained", how: str = FURTHER) -> str:
    """Return what to do, as a sentence begins.

    `names` are those of the blocks, where they are known; `how` says how all that is kept is trained.

    Example:
        >>> instruction(Treatment(num_blocks=2, num_left=1, kept=(0,), trained=(0,)), ["conv0", "conv1"])
        'Keep 1 of 2 blocks (up to conv0), train them further, and remove the rest'
    """
    if not treated.kept:
        return _without_source(treated, names, solved=head == "solved")
    whole = len(treated.kept) == treated.num_blocks
    clauses = [_kept(treated, names), *_trained(treated, names, head, how)]
    if treated.num_left < treated.num_blocks:
        clauses.append("remove the rest")
    elif not whole:
        clauses.append("re-initialise the rest")
    if head == "solved":
        clauses.append("fit a linear classifier on them" if whole else "fit a linear classifier")
    elif whole and not treated.trained:
        clauses.append("train a new head")
    return _joined(clauses)


def _without_source(treated: Treatment, names: Sequence[str], solved: bool) -> str:
    left = treated.num_left
    if left == 0:
        return (
            "Fit a linear classifier on the pixels" if solved else "Remove all blocks and train the head on the pixels"
        )
    what = "Train from scratch"
    if left < treated.num_blocks:
        what = f"Remove all blocks but the first {left}{_up_to(left, names)} and train the smaller network from scratch"
    return f"{what}, {_blocks(treated.frozen)} left at random values" if treated.frozen else what


def _kept(treated: Treatment, names: Sequence[str]) -> str:
    number, num_blocks = len(treated.kept), treated.num_blocks
    if number == num_blocks:
        return f"Keep all {num_blocks} blocks"
    if treated.kept == tuple(range(number)):
        return f"Keep {number} of {num_blocks} blocks{_up_to(number, names)}"
    return f"Keep {_blocks(treated.kept)} of {num_blocks}"


def _trained(treated: Treatment, names: Sequence[str], head: HeadKind, how: str) -> Iterator[str]:
    """Yield what becomes of the blocks that are kept."""
    trained = tuple(block for block in treated.kept if block in treated.trained)
    frozen = len(treated.kept) - len(trained)
    if not trained:
        yield "frozen"
    elif not frozen and head == "solved_first":
        yield "fit a linear classifier on them"
        yield "train everything from there"
    elif not frozen:
        yield how
    elif trained == treated.kept[frozen:]:
        yield f"freeze the first {frozen}{_up_to(frozen, names)}"
        yield "train the rest further"
    else:
        yield f"train {_blocks(trained)} further"
        yield "freeze the others"


def _up_to(number: int, names: Sequence[str]) -> str:
    return f" (up to {names[number - 1]})" if 0 < number < len(names) else ""


def _blocks(places: Sequence[int]) -> str:
    """Return blocks by number, counted from 1."""
    numbers = [str(place + 1) for place in places]
    return f"block {numbers[0]}" if len(numbers) == 1 else f"blocks {', '.join(numbers[:-1])} and {numbers[-1]}"


def _joined(clauses: Sequence[str]) -> str:
    if len(clauses) == 1:
        return clauses[0]
    return f"{', '.join(clauses[:-1])}{',' * (len(clauses) > 2)} and {clauses[-1]}"
