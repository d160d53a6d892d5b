"""How a model is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from layercut.spec.base import OneOrMore, StrictSpec
from layercut.spec.points import LAST, LogPoints, Points, epochs_of

OptimizerName: TypeAlias = Literal["adam", "adamw", "sgd"]
ScheduleName: TypeAlias = Literal["none", "plateau", "cosine", "one_cycle", "step"]
AugmentationName: TypeAlias = Literal["flip", "crop", "cutout", "autoaugment_cifar10", "trivialaugment", "randaugment"]


def _seeds(value: Any) -> Any:
    return list(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value


def _usable(seeds: list[int]) -> list[int]:
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError("a number of seeds, at least 1, or a list of different seeds, each 0 or more")
    return seeds


SeedList = Annotated[list[int], BeforeValidator(_seeds), AfterValidator(_usable)]
"""`3` means 0, 1 and 2."""


Rate = Annotated[float, Field(gt=0)]


def _different(rates: list[float]) -> list[float]:
    if len(set(rates)) < len(rates):
        raise ValueError("each learning rate once")
    return sorted(rates)


RateList = Annotated[list[Rate], Field(min_length=1), AfterValidator(_different)]

LearningRate = Annotated[
    Annotated[Rate, Tag("float")] | Annotated[RateList, Tag("list[float]")],
    Discriminator(lambda value: "list[float]" if isinstance(value, list) else "float"),
]
"""One rate, or those that one is chosen from, ascending."""


class OwnAugmentation(StrictSpec):
    """A transform of the user's own code; its name alone is short for it."""

    function: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="`package.module:name` of a transform, or of a function from image to image.",
    )
    folder: str | None = Field(
        default=None, description="Where to look for the module first; null: the study file's folder."
    )

    def __str__(self) -> str:
        return self.function


def _kind_of_step(value: Any) -> str:
    return "OwnAugmentation" if isinstance(value, dict | OwnAugmentation) else "literal[name]"


def _own_step(value: Any) -> Any:
    return {"function": value} if isinstance(value, str) and ":" in value else value


AugmentationStep = Annotated[
    Annotated[AugmentationName, Tag("literal[name]")] | Annotated[OwnAugmentation, Tag("OwnAugmentation")],
    Discriminator(_kind_of_step),
    BeforeValidator(_own_step),
]


def _weights(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): weight for name, weight in value.items()}
    if value is not None and value != "balanced":
        raise ValueError(f"`balanced`, or a mapping from classes to weights such as {{cat: 1, dog: 5}}; got {value!r}")
    return value


ClassWeightsByName = Annotated[
    Annotated[Literal["balanced"], Tag("literal[balanced]")]
    | Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1), Tag("dict[str,float]")],
    Discriminator(lambda value: "dict[str,float]" if isinstance(value, dict) else "literal[balanced]"),
]


class TrainingSpec(StrictSpec):
    """One training: optimizer, learning rate, length, stopping, what is done to the images."""

    optimizer: OptimizerName = Field(default="adam", description="`adam`, `adamw` or `sgd`.")
    lr: LearningRate = Field(
        default=1e-3,
        description="Learning rate. A list such as `[3e-4, 1e-3, 3e-3]`: each condition gets the best of these, chosen "
        "on its selection data in pilot trainings that are not reported.",
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        description="L2 penalty added to the gradient; with `adamw`, decay of the weights themselves.",
    )
    momentum: float = Field(default=0.0, ge=0, lt=1, description="Momentum of `sgd`.")
    nesterov: bool = Field(default=False, description="Nesterov's momentum instead of the plain one.")
    epochs: int = Field(default=40, ge=1, description="Maximum number of epochs.")
    min_steps: int | None = Field(
        default=None,
        ge=1,
        description="Training continues for at least this many steps, which small fractions need: 40 epochs of 24 "
        "images are 40 steps. There are still no more than `epochs` evaluations: each then comes after several epochs.",
    )
    steps: int | None = Field(default=None, ge=1, description="Maximum number of steps, in place of `epochs`.")
    evaluations: int = Field(
        default=20,
        ge=1,
        le=10_000,
        description="With `steps`: how often the validation images are evaluated, evenly spaced.",
    )
    patience: int | None = Field(
        default=6,
        ge=1,
        description="Stop after this many evaluations (one per epoch, unless `steps` or `min_steps` say otherwise) "
        "without a better validation accuracy; null: never stop early.",
    )
    patience_watch: Literal["accuracy", "loss"] = Field(
        default="accuracy",
        description="Which validation value patience waits for, whichever weights are kept. The study's `metric` "
        "stands in accuracy's place, also for `lr_watch`.",
    )
    restore_best_weights: bool = Field(
        default=True,
        description="Keep the weights of the epoch with the best validation accuracy, which the trial is then judged "
        "by; false: keep the last ones. False suits few validation images, of which the best of many evaluations says "
        "too much, and a schedule that ends at low rates.",
    )
    target_accuracy: float | None = Field(
        default=None, gt=0, le=1, description="Stop at the first epoch with this validation accuracy, in 0..1."
    )
    batch_size: int = Field(default=64, ge=1, description="Batch size.")
    lr_schedule: ScheduleName = Field(
        default="none",
        description="`plateau`, `cosine` and `step` change the learning rate after an epoch, `one_cycle` after every "
        "step.",
    )
    lr_factor: float = Field(
        default=0.1, gt=0, lt=1, description="Factor that `plateau` and `step` multiply the rate by."
    )
    lr_patience: int = Field(default=10, ge=0, description="Epochs without improvement that `plateau` waits for.")
    lr_watch: Literal["loss", "accuracy"] = Field(
        default="loss", description="Which validation value `plateau` watches: `loss` or `accuracy`."
    )
    lr_step_epochs: int | None = Field(default=None, ge=1, description="Epochs between two decays of `step`.")
    warmup_epochs: int = Field(
        default=0, ge=0, description="Warm-up epochs, in which the rate rises evenly at every step."
    )
    warmup_steps: int = Field(default=0, ge=0, description="The same, counted in steps.")
    clip_norm: float | None = Field(default=None, gt=0, description="Maximum norm of the gradient; null: no limit.")
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Fraction of each label that is spread over all classes in training."
    )
    class_weights: Annotated[ClassWeightsByName | None, BeforeValidator(_weights)] = Field(
        default=None,
        description="How much an image counts in the training loss, and in a head that is solved, by its class: "
        "`balanced` gives each class the same share, a mapping such as `{cat: 1, dog: 5}` says it by name, 1 where it "
        "says nothing. Validation and test images count alike.",
    )
    kept_lr_scale: float = Field(
        default=1.0,
        gt=0,
        description="Learning rate factor for everything kept from the source, below and above the cut. "
        "0 would be freezing: that is a strategy.",
    )
    layer_decay: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="In the strategy `layer_decay`: factor of the learning rate from each block to the one below it.",
    )
    pull: float = Field(
        default=0.01,
        gt=0,
        description="In the strategy `l2_sp`: strength of the penalty towards the source's values, half of it times "
        "the squared distance.",
    )
    unfreeze_every: int = Field(
        default=1,
        ge=1,
        description="In the strategy `gradual_unfreeze`: evaluations (one per epoch, unless `steps` or `min_steps` say "
        "otherwise) after which the next group of blocks joins.",
    )
    adapt_norms: bool = Field(
        default=False,
        description="Before the training, estimate the running statistics of frozen batch norms on the trial's own "
        "training images, without their labels.",
    )
    freeze_norm_statistics: bool = Field(
        default=False,
        description="Batch norms that come from the source normalise with its running statistics, in training too, and "
        "leave them as they are; their weights are trained all the same. For few images or small batches.",
    )
    augmentation: OneOrMore[AugmentationStep] = Field(
        default=[],
        description="What is done to training images, in this order, freshly in every epoch: `flip`, `crop`, `cutout`, "
        "`autoaugment_cifar10`, `trivialaugment`, `randaugment`, or `package.module:name`, a transform of torchvision "
        "v2 or albumentations, or a function, of your own.",
    )
    log_points: LogPoints = Field(
        default=[],
        description="Points at which the validation accuracy is recorded for `log_area`: `true` (0, batches 1, 3, 10, "
        "30, 100 and 300 of the first epoch, epochs 1, 3, 10, 30 and 100), or a list such as "
        "`[0, batch 1, batch 10, epoch 1, epoch 10]`. Needs `patience: null`.",
    )
    validate_epochs: Literal["all", "as_needed"] = Field(
        default="all",
        description="`as_needed` validates only what decides which epoch is the best: the same best epoch, end and "
        "weights with less work where validation images are many, but most epochs have no validation values in the "
        "curve.",
    )
    classification_report: bool = Field(
        default=False, description="Keep precision, recall and F1 of each class on the test images."
    )

    @model_validator(mode="after")
    def _sensible(self) -> TrainingSpec:
        for problem in self._contradictions():
            raise ValueError(problem)
        return self

    def _contradictions(self) -> Iterator[str]:
        if self.momentum and self.optimizer != "sgd":
            yield f"momentum only with `optimizer: sgd`; got momentum {self.momentum:g} with {self.optimizer}"
        if self.nesterov and not self.momentum:
            yield "nesterov only with a momentum above 0; got nesterov: true with momentum 0"
        if self.lr_schedule == "one_cycle" and not {"epochs", "steps"} & self.model_fields_set:
            yield "`epochs` or `steps` beside `lr_schedule: one_cycle`, whose cycle lasts for all of them; got none"
        if (self.lr_schedule == "step") != (self.lr_step_epochs is not None):
            yield (
                "lr_step_epochs together with `lr_schedule: step`, and only then; "
                f"got lr_step_epochs {self.lr_step_epochs} with {self.lr_schedule}"
            )
        for name, users in _USERS.items():
            if getattr(self, name) != type(self).model_fields[name].default and self.lr_schedule not in users:
                yield (
                    f"{name} only with `lr_schedule: {' or '.join(users)}`; "
                    f"got {name} {getattr(self, name)} with {self.lr_schedule}"
                )
        yield from self._contradictory_lengths()
        if self.validate_epochs == "as_needed" and (self.lr_schedule == "plateau" or self.target_accuracy is not None):
            yield (
                "`validate_epochs: all` beside `lr_schedule: plateau` or a target_accuracy, which must know every "
                f"epoch's validation; got as_needed with {self.lr_schedule} and target_accuracy {self.target_accuracy}"
            )
        if self.validate_epochs == "as_needed" and not self.restore_best_weights:
            yield "`validate_epochs: all` with `restore_best_weights: false`, which seeks no best epoch; got as_needed"
        if self.patience_watch == "loss" and (self.patience is None or self.validate_epochs == "as_needed"):
            yield (
                "a `patience` and `validate_epochs: all` beside `patience_watch: loss`, which must know every epoch's "
                f"loss; got patience {self.patience} and validate_epochs {self.validate_epochs}"
            )
        if len(set(self.augmentation)) < len(self.augmentation):
            yield f"each augmentation once; got {', '.join(map(str, self.augmentation))}"

    def _contradictory_lengths(self) -> Iterator[str]:
        if self.steps is not None and (self.min_steps is not None or "epochs" in self.model_fields_set):
            yield "`steps`, or `epochs` with or without `min_steps`; got both"
        if self.steps is None and self.evaluations != type(self).model_fields["evaluations"].default:
            yield f"evaluations only beside `steps`: epochs are evaluated at their end; got {self.evaluations}"
        if self.warmup_epochs and self.warmup_steps:
            yield "warmup_epochs or warmup_steps, not both; got both"
        if (self.warmup_epochs or self.warmup_steps) and self.lr_schedule == "one_cycle":
            yield "no warm-up beside `lr_schedule: one_cycle`, which begins with its own; got both"
        if self.warmup_epochs >= self.epochs and self.steps is None:
            yield f"warmup_epochs below epochs; got {self.warmup_epochs} of {self.epochs}"
        if LAST in self.log_points:
            yield "log_points before the end, such as `epoch 10`; got `last`"
        if len(self.log_points) == 1:
            yield f"at least two log_points, for an area; got one, {self.log_points[0]}"
        if self.log_points and self.stops_early:
            yield (
                "`patience: null` and no target_accuracy beside log_points, which a training that stops early does "
                f"not reach; got patience {self.patience} and target_accuracy {self.target_accuracy}"
            )

    @property
    def rates(self) -> tuple[float, ...]:
        """Return the learning rates, ascending; where there are several, one is chosen for each condition."""
        return tuple(self.lr) if isinstance(self.lr, list) else (self.lr,)

    @property
    def stops_early(self) -> bool:
        """Return whether training may end before its last epoch."""
        return self.patience is not None or self.target_accuracy is not None


def _listed(rates: tuple[float, ...]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates)


_USERS = {"lr_factor": ("plateau", "step"), "lr_patience": ("plateau",), "lr_watch": ("plateau",)}
"""Which schedules a field is for."""


class PretrainingSpec(TrainingSpec):
    """Training of the source model."""

    val_split: float = Field(
        default=0.1, gt=0, lt=1, description="Fraction of the source's training images kept for validation."
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Processor threads; null: all cores. Part of the key: it changes last bits.",
    )
    checkpoints: Points = Field(
        default=[LAST],
        min_length=1,
        description="Points in training, each a source of its own, `mnist @ batch 10`: `0` (initial values), `batch N` "
        "of the first epoch, `epoch N`, and `last`: what training ends with, the weights with the best validation "
        "accuracy.",
    )
    seeds: SeedList = Field(
        default=[0],
        description="Independent sources: how many, or their seeds; each is a source of its own, `mnist seed 1`.",
    )

    @model_validator(mode="after")
    def _sensible_source(self) -> PretrainingSpec:
        for problem in self._contradictions_of_a_source():
            raise ValueError(problem)
        return self

    def _contradictions_of_a_source(self) -> Iterator[str]:
        if len(self.rates) > 1:
            yield f"one lr for a source, which is trained before anything can be chosen; got {_listed(self.rates)}"
        if self.kept_lr_scale != 1:
            yield f"no kept_lr_scale for a source, which keeps nothing; got {self.kept_lr_scale:g}"
        for name in ("layer_decay", "pull", "unfreeze_every", "adapt_norms", "freeze_norm_statistics"):
            if getattr(self, name) != type(self).model_fields[name].default:
                yield f"no {name} for a source: it is for a strategy; got {getattr(self, name)}"
        if self.class_weights is not None:
            yield f"no class_weights for a source: they are for trials; got {self.class_weights!r}"
        if self.log_points:
            yield "log_points under transfer.training; a source has `checkpoints`; got log_points"
        epochs = epochs_of(self.checkpoints)
        if epochs and self.steps is not None:
            yield f"`epochs` beside checkpoints at epochs; got steps {self.steps}"
        if epochs and self.stops_early:
            yield (
                "`patience: null` and no target_accuracy beside checkpoints at epochs, which a training that stops "
                f"early does not reach; got patience {self.patience} and target_accuracy {self.target_accuracy}"
            )
        if epochs and self.steps is None and max(epochs) > self.epochs:
            yield f"checkpoints within the {self.epochs} epochs; got epoch {max(epochs)}"
