"""The strategies of a study: checked, with the options that they have for one model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError

from layercut.errors import UnknownNameError
from layercut.plan.jobs import ModelRef
from layercut.spec import StrategySpec, StudySpec
from layercut.spec.load import describe_errors
from layercut.spec.strategies import label_of
from layercut.strategies import STRATEGIES
from layercut.strategies.base import OptionedStrategy, Strategy, head_of, with_options
from layercut.strategies.treatment import HeadKind

_METHODS = ("canonical", "kept", "trained", "removed", "prepare")


class Chosen(NamedTuple):
    """A strategy as a study asks for it, in one model."""

    label: str
    """What it is called in results."""
    name: str
    """Under which it is registered."""
    options: Mapping[str, Any]
    """As JSON values that mean the same whatever blocks are called; empty where it has none."""

    @property
    def does(self) -> Strategy:
        """Return the strategy itself."""
        return with_options(STRATEGIES[self.name], self.options)


def chosen_strategies(spec: StudySpec, model: ModelRef) -> list[Chosen]:
    """Return the strategies of a study in its order.

    Raises:
        SpecError: an option is impossible in this model.
    """
    chosen = []
    for index, asked in enumerate(spec.transfer.strategies):
        options: Mapping[str, Any] = {}
        strategy = STRATEGIES[name_of(asked)]
        if isinstance(strategy, OptionedStrategy) and isinstance(asked, StrategySpec):
            try:
                options = strategy.resolve(strategy.options.model_validate(asked.options), _places(model))
            except UnknownNameError as error:
                raise spec.error(f"transfer.strategies[{index}]", f"{model.label}: {error}") from error
        chosen.append(Chosen(label_of(asked), name_of(asked), options))
    return chosen


def name_of(asked: str | StrategySpec) -> str:
    """Return the name under which a strategy is registered."""
    return asked if isinstance(asked, str) else asked.name


def check_strategies(spec: StudySpec) -> None:
    """Check whatever can be checked of a study's strategies without a model.

    Raises:
        SpecError: one does not exist, is broken, or has other options.
    """
    for index, asked in enumerate(spec.transfer.strategies):
        for problem in _problems(asked):
            raise spec.error(f"transfer.strategies[{index}]", problem)


def _problems(asked: str | StrategySpec) -> Iterator[str]:
    name = name_of(asked)
    if name not in STRATEGIES:
        yield str(UnknownNameError("strategy", name, STRATEGIES.names()))
    missing = [method for method in _METHODS if not callable(getattr(STRATEGIES[name], method, None))]
    if missing:
        yield (
            f"the strategy {name!r} ({STRATEGIES.summary(name)}) has no `{'`, `'.join(missing)}`; a strategy "
            "declares which blocks it keeps, trains and removes; see the example in docs/extending.md"
        )
    head = head_of(STRATEGIES[name])
    if head not in get_args(HeadKind):
        yield f"the strategy {name!r} has `head = {head!r}`; expected one of {', '.join(get_args(HeadKind))}"
    yield from _wrong_options(asked, STRATEGIES[name])


def _wrong_options(asked: str | StrategySpec, strategy: Strategy) -> Iterator[str]:
    name = name_of(asked)
    if not isinstance(strategy, OptionedStrategy):
        if isinstance(asked, StrategySpec):
            given = ", ".join([*asked.options, *(["label"] if asked.label else [])])
            yield f"expected `{name}` alone, which has no options" + (f"; got {given}" if given else "")
        return
    if label_of(asked) in STRATEGIES and isinstance(asked, StrategySpec):
        yield f"expected a label that is not the name of a strategy; got {asked.label!r}"
    try:
        strategy.options.model_validate(asked.options if isinstance(asked, StrategySpec) else {})
    except ValidationError as error:
        yield f"{name}: {describe_errors(error, strategy.options, also_legal=list(StrategySpec.model_fields))}"


def _places(model: ModelRef) -> dict[str, list[int]]:
    """Return the indices of the blocks that each name of a block or stage means; a stage may be called as its last."""
    places: dict[str, list[int]] = {}
    begin = 0
    for stage, end in sorted(model.stages, key=lambda one: one[1]):
        places[stage] = list(range(begin, end))
        begin = end
    return places | {name: [block] for block, name in enumerate(model.block_names)}
