"""Which model a study cuts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from layercut.spec.base import OpenSpec


class ModelSpec(OpenSpec):
    """A model by name; all other keys are its options (`layercut list models --options`)."""

    name: str = Field(description="Name of the model, as `layercut list models` prints it.")

    @model_validator(mode="before")
    @classmethod
    def _a_factory_is_enough(cls, values: Any) -> Any:
        if isinstance(values, dict) and "factory" in values:
            return {"name": "foreign"} | values
        return values

    @property
    def label(self) -> str:
        """Return the name shown in results: the model's, with the options that are given."""
        shown = dict(self.options)
        folder = shown.pop("folder", None)  # where a factory's module is, or where a model is kept under its name
        own_name = self.name if folder is None else Path(str(folder)).name
        name = str(shown.pop("factory", own_name)).rpartition(":")[2]
        own = shown.pop("options", {})
        if isinstance(own, dict):
            shown |= own
        options = ", ".join(f"{key}={_short(value)}" for key, value in sorted(shown.items()))
        return f"{name}({options})" if options else name


def _short(value: Any) -> str:
    """Return a value as text, its middle left out where it is long; equal labels are numbered."""
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}...{text[-_LONGEST // 4 :]}"


_LONGEST = 32
