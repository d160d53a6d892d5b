"""Which model a study cuts."""

from __future__ import annotations

from pydantic import Field

from layercut.spec.base import OpenSpec


class ModelSpec(OpenSpec):
    """A model by name; all other keys are its options (`layercut list models --options`)."""

    name: str = Field(description="Name of the model, as `layercut list models` prints it.")

    @property
    def label(self) -> str:
        """Return the name shown in results: the model's, with the options that differ from its defaults."""
        options = ", ".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return f"{self.name}({options})" if options else self.name
