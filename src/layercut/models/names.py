"""Names of blocks, made one to one from paths of layers, never a word that means something else."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

INPUT = "input"
"""The images, as a place to look at."""

TAKEN = frozenset({INPUT, "hidden", "output"})
"""What layercut calls places that are no blocks: the images, the head's hidden layer, the logits."""


def block_names(paths: Sequence[str]) -> list[str]:
    """Return a name for each path of a layer: without dots, all different, and one that a module can have.

    Example:
        >>> block_names(["a.b", "a_b", "input", "pop", "a.b"])
        ['a_b', 'a_b_2', 'input_2', 'pop_2', 'a_b_3']
    """
    wanted = [path.replace(".", "_") or "block" for path in paths]
    names: list[str] = []
    for name in wanted:
        number, free = 1, name
        while free in names or not _legal(free) or (number > 1 and free in wanted):
            number += 1
            free = f"{name}_{number}"
        names.append(free)
    return names


def _legal(name: str) -> bool:
    return name not in TAKEN and not hasattr(nn.Sequential, name) and name not in vars(nn.Sequential())
