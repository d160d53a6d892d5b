"""Stages of a model as its library defines them, in terms of blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from torch import nn

MAX_GROUPS = 8
"""Of blocks that are all alike, as those of a transformer."""

Parts = Set[object]
"""Modules and parameters, each equal to itself alone."""


def parts_of(module: nn.Module) -> Parts:
    """Return what a module consists of, itself included."""
    return {*module.modules(), *module.parameters()}


def stage_ends(blocks: Mapping[str, nn.Module], stages: Mapping[str, Parts]) -> dict[str, str]:
    """Return for each stage the name of the block that ends it.

    A stage whose last block has weights of a later stage ends at no cut and is left out; a norm or an activation
    with which the next stage begins may be part of that block.

    stages: in the order of computing.
    """
    names, owned = list(blocks), [parts_of(block) for block in blocks.values()]

    def places(parts: Parts) -> list[int]:
        return [place for place, block in enumerate(owned) if not block.isdisjoint(parts)]

    found = {stage: places(parts) for stage, parts in stages.items()}
    begins = {stage: (places(_weights(parts)) or found[stage])[:1] for stage, parts in stages.items()}
    ends: dict[str, str] = {}
    for index, (stage, own) in enumerate(found.items()):
        later = [first for other in list(found)[index + 1 :] for first in begins[other]]
        if own and min(later, default=len(names)) > own[-1]:
            ends[stage] = names[own[-1]]
    return ends


def _weights(parts: Parts) -> Parts:
    return {part for part in parts if isinstance(part, nn.Parameter) and part.dim() > 1}


def stages_by_size(block_names: Sequence[str], feature_shapes: Sequence[tuple[int, ...]]) -> dict[str, str]:
    """Return stages by the size of features: one ends at the last block of each size.

    Blocks whose features are all of one size, as a transformer's, are taken in groups, what embeds the image aside.

    feature_shapes: behind each block: maps, tokens or a vector.
    """
    sizes = [shape[1:] if len(shape) == 3 else shape[:-1] for shape in feature_shapes]
    last = len(sizes) - 1
    ends = [place for place in range(last) if sizes[place] != sizes[place + 1]] + [last]
    if last and len({size for size in sizes if size}) == 1:
        ends = [place + 1 for place in group_ends(last)]
    return {block_names[place]: block_names[place] for place in ends}


def group_ends(num_blocks: int) -> Iterator[int]:
    """Yield the last place of each of at most eight groups of equal blocks: of one size where that leaves enough.

    Example:
        >>> list(group_ends(12)), list(group_ends(13)), list(group_ends(3))
        ([1, 3, 5, 7, 9, 11], [1, 3, 4, 6, 8, 9, 11, 12], [0, 1, 2])
    """
    even = max(number for number in range(1, MAX_GROUPS + 1) if num_blocks % number == 0)
    num_groups = even if 2 * even >= min(MAX_GROUPS, num_blocks) else min(MAX_GROUPS, num_blocks)
    for group in range(1, num_groups + 1):
        yield -(-group * num_blocks // num_groups) - 1
