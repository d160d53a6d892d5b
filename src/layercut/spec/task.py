"""Tasks, and what may be a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from layercut.errors import did_you_mean
from layercut.spec.base import OpenSpec, StrictSpec
from layercut.spec.training import SeedList


class TaskSpec(OpenSpec):
    """A dataset restricted to some classes; further keys are options of the dataset."""

    dataset: str = Field(description="Name of the dataset, as `layercut list datasets` prints it.")
    classes: list[int | str] | None = Field(
        default=None,
        min_length=2,
        description="Classes to keep, by index or name, relabelled 0, 1, ... in this order; by default all.",
    )

    @field_validator("classes")
    @classmethod
    def _each_class_once(cls, classes: list[int | str] | None) -> list[int | str] | None:
        twice = sorted({str(name) for name in classes or [] if (classes or []).count(name) > 1})
        if twice:
            raise ValueError(f"each class once; {', '.join(twice)} is listed more than once")
        return classes

    @property
    def label(self) -> str:
        """Return the name shown in results, such as `mnist[0,1,2,3,4]` or `mnist(even,odd) noise`."""
        options = self.options
        name = Path(str(options["path"])).name if "path" in options else self.dataset
        if isinstance(options.get("groups"), dict):
            name += f"({','.join(map(str, options['groups']))})"
        if self.classes is not None:
            name += f"[{','.join(str(c) for c in self.classes)}]"
        if options.get("variant"):
            name += f" {options['variant']}"
        return f"{name} {options['noise_seed']}" if options.get("noise_seed") else name


class TargetSpec(TaskSpec):
    """A task that is transferred to."""

    training: dict[str, Any] = Field(default={}, description="Fields that differ from `transfer.training`.")


class SourceTask(TaskSpec):
    """A task that layercut pretrains on."""

    training: dict[str, Any] = Field(default={}, description="Fields that differ from `pretraining`.")
    seeds: SeedList | None = Field(default=None, description="Instead of `pretraining.seeds`.")


class CheckpointSource(OpenSpec):
    """Weights on disk instead of pretraining; beside a `dataset`, further keys are options of it."""

    checkpoint: Path = Field(description="A `.safetensors` file, or a `.pth` file that holds only tensors.")
    dataset: str | None = Field(
        default=None,
        description="What the weights were trained on; read only where probes look at its images or it scales pixels.",
    )
    classes: list[int | str] | None = Field(default=None, description="Classes the weights were trained on.")

    @field_validator("checkpoint")
    @classmethod
    def _of_home(cls, checkpoint: Path) -> Path:
        return checkpoint.expanduser()

    @model_validator(mode="after")
    def _options_of_a_dataset(self) -> CheckpointSource:
        if self.dataset is None and self.options:
            unknown = next(iter(self.options))
            known = [*type(self).model_fields]
            raise ValueError(f"{unknown} only beside `dataset`, as an option of it{did_you_mean(unknown, known)}")
        return self

    @property
    def task(self) -> TaskSpec | None:
        """Return what the weights were trained on; None where the study file does not say."""
        if self.dataset is None:
            return None
        return TaskSpec.model_validate({"dataset": self.dataset, "classes": self.classes, **self.options})

    @property
    def label(self) -> str:
        """Return the name shown in results: the file's name."""
        return self.checkpoint.name


class WeightsSource(StrictSpec):
    """Weights that the model's library publishes, by name; downloaded where they are not here."""

    weights: str = Field(
        description="Their name in the library, such as `IMAGENET1K_V2` or `a1_in1k`; `DEFAULT`: its own choice."
    )

    @property
    def label(self) -> str:
        """Return the name shown in results."""
        return f"weights {self.weights}"


class RandomSource(StrictSpec):
    """A model that was never trained: what a frozen trunk of random weights is worth."""

    random: Literal[True] = Field(description="Always true: the weights are initial values.")
    seeds: SeedList | None = Field(default=None, description="Instead of `pretraining.seeds`.")

    @property
    def label(self) -> str:
        """Return the name shown in results."""
        return "random weights"


def _kind_of_source(value: Any) -> str:
    has = value.__contains__ if isinstance(value, dict) else lambda name: hasattr(value, name)
    if has("checkpoint"):
        return "checkpoint"
    if has("weights"):
        return "weights"
    return "random" if has("random") else "dataset"


SourceSpec = Annotated[
    Annotated[SourceTask, Tag("dataset")]
    | Annotated[CheckpointSource, Tag("checkpoint")]
    | Annotated[WeightsSource, Tag("weights")]
    | Annotated[RandomSource, Tag("random")],
    Discriminator(_kind_of_source),
]


class NormalizationSpec(StrictSpec):
    """Pixels / 255, less `mean`, divided by `std`; one value for every channel, or one each."""

    mean: float | list[float] = Field(default=0.5, description="Subtracted from pixels in 0..1.")
    std: float | list[float] = Field(default=0.5, description="What the difference is divided by.")

    @field_validator("std")
    @classmethod
    def _positive(cls, std: float | list[float]) -> float | list[float]:
        if any(value <= 0 for value in (std if isinstance(std, list) else [std])):
            raise ValueError("above 0")
        return std
