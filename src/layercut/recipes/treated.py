"""What a strategy does to a model, in the names that its own code gives to its layers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from torch import nn

from layercut.errors import UserError
from layercut.models import MODELS
from layercut.models.foreign import Foreign, ForeignOptions
from layercut.models.measured import random_layers
from layercut.models.zoo.family import ZooFamily
from layercut.recipes.libraries import OWN
from layercut.strategies import STRATEGIES
from layercut.strategies.base import (
    PartialStrategy,
    PullingStrategy,
    RatedStrategy,
    StagedStrategy,
    Strategy,
    head_of,
    with_options,
)
from layercut.strategies.treatment import Treatment, treatment
from layercut.training.adapted_norms import running_norms


class Treated(NamedTuple):
    """Layers and values of a model by its own names; a layer stands for all that is in it."""

    library: str
    model: str
    transfers: bool
    frozen_layers: tuple[str, ...]
    """Never trained, always in eval mode."""
    frozen_values: tuple[str, ...]
    """Parameters outside of these layers that are not trained."""
    resting_layers: tuple[str, ...]
    """Layers outside of them that are in eval mode, by themselves: some of their parameters are not trained, or they
    are batch norms that keep the source's statistics."""
    new_layers: tuple[str, ...]
    """With initial values instead of the source's."""
    new_values: tuple[str, ...]
    kept: tuple[str, ...]
    """Parameters with the source's values that are trained."""


def treated(card: Mapping[str, Any], trust_code: bool = False) -> Treated:
    """Return what the strategy of a kept trial does to the model that it names.

    Args:
        card: of the trial.
        trust_code: run the function that makes the model, where it is the user's own.

    Raises:
        UserError: it is neither a model of a library nor made by a function of the user's own, that function is not
            trusted, or the strategy does what names of layers cannot say.
    """
    build, asked = card["build"], card.get("does") or {"strategy": card["strategy"], "cut": card["cut"], "options": {}}
    strategy, at = with_options(STRATEGIES[asked["strategy"]], asked["options"]), asked["cut"]
    family = MODELS[build["name"]]
    if not isinstance(family, ZooFamily | Foreign):
        raise UserError(
            "expected a model of timm or torchvision, or one that a function of yours makes, for a recipe; got "
            f"{build['name']}, whose code only layercut has: export the model instead (`layercut export-model`)"
        )
    if isinstance(family, Foreign) and not trust_code:
        raise UserError(
            f"the model is built by {family.code_of(build['options'])}, which a recipe has to run to name its layers; "
            "if you trust that code, add --trust-code (in Python, trust_code=True)"
        )
    if (why := _why_none(strategy)) is not None:
        raise UserError(
            f"there is no recipe for {card['strategy']}, which {why}; name a condition that has one, such as "
            "--condition strategy=finetune, or export the model (`layercut export-model`)"
        )
    options = family.options.model_validate(build["options"])
    whole, cut, names = family.own_and_cut(options, tuple(build["image_shape"]), len(card["class_names"]))
    does = treatment(strategy, at, len(cut.block_names))
    if does.num_left < does.num_blocks:
        raise UserError(
            f"{card['strategy']} at cut {card['cut']} removes blocks, which {_maker(family)} cannot build; export the "
            "model instead (`layercut export-model`), or name a condition that keeps all blocks"
        )
    trains = strategy.trains if isinstance(strategy, PartialStrategy) else None
    resting, ours_trained = _at_rest(cut.blocks, does, trains)
    if card["training"].get("freeze_norm_statistics"):
        kept_blocks = [block for index, block in enumerate(cut.blocks) if index in does.kept]
        resting |= {id(norm) for block in kept_blocks for norm in running_norms(block.modules())}
    kept = {name for name, block in _block_of(names, cut.block_names).items() if block in does.kept}
    parameters = dict.fromkeys(name for name, _ in whole.named_parameters() if name in names)
    trained = {name for name in parameters if names[name] in ours_trained or names[name].startswith("head.")}
    new = {name for name in names if name not in kept} if strategy.transfers else set()
    rests = [name for name, layer in whole.named_modules() if name and id(layer) in resting]
    taught = [layer for layer, _ in whole.named_modules() if any(_inside(name, [layer]) for name in trained)]
    frozen_layers = _outermost(whole, lambda name, layer: name not in taught and _all_at_rest(layer, resting))
    new_layers = _outermost(whole, lambda name, layer: _all_among(name, layer, new))
    return Treated(
        OWN if isinstance(family, Foreign) else family.library,
        options.factory if isinstance(options, ForeignOptions) else family.name,
        strategy.transfers,
        tuple(frozen_layers),
        tuple(name for name in parameters if name not in trained and not _inside(name, frozen_layers)),
        tuple(name for name in rests if not _inside(name, frozen_layers) and _has_own(whole.get_submodule(name))),
        tuple(new_layers),
        tuple(name for name in new if name in parameters and not _inside(name, new_layers)),
        tuple(name for name in parameters if name in kept and name in trained),
    )


def _why_none(strategy: Strategy) -> str | None:
    """Return what a strategy does that a recipe cannot; None: nothing."""
    if head_of(strategy) != "trained":
        return "fits its classifier by a solver instead of training it"
    if isinstance(strategy, RatedStrategy):
        return "gives each block a learning rate of its own"
    if isinstance(strategy, PullingStrategy):
        return "pulls weights back to the source's values"
    return "trains blocks in turns" if isinstance(strategy, StagedStrategy) else None


def _maker(family: ZooFamily | Foreign) -> str:
    return "your function" if isinstance(family, Foreign) else family.library


def _at_rest(
    blocks: nn.Sequential, does: Treatment, trains: Callable[[nn.Module, str], bool] | None
) -> tuple[set[int], set[str]]:
    """Return the layers in eval mode, by identity, and the names of the parameters that are trained."""
    resting: set[int] = set()
    trained: set[str] = set()
    for index, (name, block) in enumerate(blocks.named_children()):
        for path, layer in block.named_modules(prefix=f"blocks.{name}"):
            own = [parameter for parameter, _ in layer.named_parameters(recurse=False)]
            taught = [one for one in own if index in does.trained and (trains is None or trains(layer, one))]
            trained |= {f"{path}.{one}" for one in taught}
            frozen_buffers = trains is not None and not own and any(True for _ in layer.buffers(recurse=False))
            if index not in does.trained or len(taught) < len(own) or frozen_buffers:
                resting.add(id(layer))
    return resting, trained


def _block_of(names: Mapping[str, str], block_names: list[str]) -> dict[str, int]:
    """Return the block of each of the library's values; values of the head are left out."""
    place = {f"blocks.{name}": index for index, name in enumerate(block_names)}
    found = {name: ".".join(ours.split(".")[:2]) for name, ours in names.items()}
    return {name: place[block] for name, block in found.items() if block in place}


def _outermost(model: nn.Module, wanted: Callable[[str, nn.Module], bool]) -> list[str]:
    found: list[str] = []
    for name, layer in model.named_modules():
        if name and not _inside(name, found) and wanted(name, layer):
            found.append(name)
    return found


def _all_at_rest(layer: nn.Module, resting: Collection[int]) -> bool:
    counted = [one for one in layer.modules() if _has_own(one) or (not list(one.children()) and random_layers(one))]
    return bool(counted) and all(id(one) in resting for one in counted)


def _all_among(name: str, layer: nn.Module, values: Collection[str]) -> bool:
    own = [f"{name}.{one}" for one in layer.state_dict()]
    return bool(own) and all(one in values for one in own)


def _has_own(layer: nn.Module) -> bool:
    return any(True for _ in layer.parameters(recurse=False)) or any(True for _ in layer.buffers(recurse=False))


def _inside(name: str, layers: Collection[str]) -> bool:
    return any(name == layer or name.startswith(f"{layer}.") for layer in layers)
