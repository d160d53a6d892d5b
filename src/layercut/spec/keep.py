"""What a study keeps beside its records."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from layercut.spec.base import OneOrMore, StrictSpec

Kept = Literal["predictions", "weights", "curves", "representations"]


class KeepSpec(StrictSpec):
    """What is kept of the first replicates of each condition, and of each probed source, in `artifacts/`."""

    what: OneOrMore[Kept] = Field(
        min_length=1,
        description="`predictions`: of every test image, with an example of each class and the first block's feature "
        "maps; `weights`: the final ones, for `layercut.load_model`; `curves`: a table of the epochs. "
        "`representations`: of the layers of each probed source, on a few of its first replicate's images: t-SNE, "
        "clusters and RSA matrices.",
    )
    replicates: int | Literal["all"] = Field(default=1, description="How many replicates of each condition to keep.")


def _as_mapping(value: Any) -> Any:
    return {"what": value} if isinstance(value, list | str) else value


Keep = Annotated[KeepSpec, BeforeValidator(_as_mapping)]
"""`[predictions, weights]` is short for `{what: [predictions, weights]}`."""
