"""Which probes a study computes, and on which images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from layercut.spec.base import OneOrMore, OpenSpec

DEFAULT_SAMPLE = 1000
"""Default maximum number of images: what clusters and distances are made of grows with the square."""


def _in_range(fraction: float) -> float:
    if not 0 < fraction <= 1:
        raise ValueError("a fraction in (0, 1]")
    return fraction


class ProbeSpec(OpenSpec):
    """A probe by name; keys that are not listed here are its options (`layercut list probes --options`)."""

    name: str = Field(description="Name of the probe, as `layercut list probes` prints it.")
    images: Literal["target", "source", "both"] = Field(default="target", description="Whose images to use.")
    split: Literal["train", "validation", "test"] = Field(
        default="train", description="Which split; a score on test images has seen what it is judged by."
    )
    at: Literal["blocks", "before_activation"] = Field(
        default="blocks",
        description="Where of each block: behind it, or what its last activation sees (models of layercut only).",
    )
    fractions: OneOrMore[Annotated[float, AfterValidator(_in_range)]] | None = Field(
        default=None,
        description="Which of the trials' samples to use; the study's fractions where absent, all training images "
        "where only `sample` is given.",
    )
    sample: int | None = Field(
        default=None,
        ge=2,
        description=f"Maximum number of images, class-balanced, from each trial's sample; {DEFAULT_SAMPLE} where "
        "absent.",
    )
    replicates: int | None = Field(
        default=None, ge=1, description="Number of replicates; by default as many as the trials have."
    )

    @field_validator("fractions")
    @classmethod
    def _each_once(cls, fractions: list[float] | None) -> list[float] | None:
        if fractions is not None and (not fractions or len(set(fractions)) < len(fractions)):
            raise ValueError("at least one fraction, each once")
        return fractions

    @property
    def label(self) -> str:
        """Return the name shown in results: the probe's, with the options that are given and where it looks."""
        given = self.options | ({"at": self.at} if self.at != "blocks" else {})
        options = ", ".join(f"{key}={value}" for key, value in sorted(given.items()))
        return f"{self.name}({options})" if options else self.name

    @property
    def most_images(self) -> int:
        """Return the maximum number of images that are used."""
        return DEFAULT_SAMPLE if self.sample is None else self.sample

    def asked_fractions(self, study_fractions: Sequence[float]) -> list[float]:
        """Return the fractions of the samples."""
        if self.fractions is not None:
            return self.fractions
        return [1.0] if self.sample is not None else list(study_fractions)


def _by_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


NamedProbe = Annotated[ProbeSpec, BeforeValidator(_by_name)]
"""A probe, or its name alone."""
