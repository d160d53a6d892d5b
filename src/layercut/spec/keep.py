"""What a study keeps of its trials beside their records."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from layercut.spec.base import OneOrMore, StrictSpec

Kept = Literal["predictions", "weights", "curves"]


class KeepSpec(StrictSpec):
    """What is kept of the first replicates of each condition, in `artifacts/KEY/`."""

    what: OneOrMore[Kept] = Field(
        min_length=1,
        description="`predictions`: of every test image, with an example of each class and the first block's feature "
        "maps; `weights`: the final ones, for `layercut.load_model`; `curves`: a table of the epochs.",
    )
    replicates: int | Literal["all"] = Field(default=1, description="Of how many replicates of each condition.")


def _as_mapping(value: Any) -> Any:
    return {"what": value} if isinstance(value, list | str) else value


Keep = Annotated[KeepSpec, BeforeValidator(_as_mapping)]
"""`[predictions, weights]` is short for `{what: [predictions, weights]}`."""
