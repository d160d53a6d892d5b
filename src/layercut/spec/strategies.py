"""Which strategies a study compares: by name, or with options."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Field, Tag

from layercut.spec.base import OpenSpec


class StrategySpec(OpenSpec):
    """A strategy with options; keys that are not listed here are these (`layercut list strategies --options`)."""

    name: str = Field(description="Name of the strategy, as `layercut list strategies` prints it.")
    label: str | None = Field(
        default=None, min_length=1, description="What it is called in results; its name and options where absent."
    )

    @property
    def shown(self) -> str:
        """Return what it is called in results."""
        if self.label is not None:
            return self.label
        return f"{self.name}({', '.join(_shown(value) for value in self.options.values())})"


def _shown(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def _kind(value: Any) -> str:
    return "StrategySpec" if isinstance(value, dict | StrategySpec) else "str"


AnyStrategy: TypeAlias = Annotated[
    Annotated[str, Tag("str")] | Annotated[StrategySpec, Tag("StrategySpec")], Discriminator(_kind)
]
"""The name of a strategy, or a mapping of its name and options."""


def label_of(strategy: str | StrategySpec) -> str:
    """Return what a strategy is called in results."""
    return strategy if isinstance(strategy, str) else strategy.shown
