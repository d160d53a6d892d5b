"""What every part of a study file has in common."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

T = TypeVar("T")


class StrictSpec(BaseModel):
    """Unknown keys are refused; values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NoOptions(StrictSpec):
    """Of what is named and has no choices."""


class OpenSpec(BaseModel):
    """Further keys are options of the named implementation, which checks them itself."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    @property
    def options(self) -> dict[str, Any]:
        """Return the keys that only the named implementation knows."""
        return dict(self.model_extra or {})


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


OneOrMore = Annotated[list[T], BeforeValidator(_as_list)]
"""A list in which one value may stand without brackets."""
