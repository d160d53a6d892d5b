"""A whole study."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, field_validator, model_validator

from layercut.errors import SpecError
from layercut.metrics import ACCURACY, Metric
from layercut.spec.base import OneOrMore, StrictSpec
from layercut.spec.keep import Keep
from layercut.spec.model import ModelSpec
from layercut.spec.probes import NamedProbe
from layercut.spec.shape import MatchSpec
from layercut.spec.strategies import AnyStrategy, StrategySpec, label_of
from layercut.spec.task import NormalizationSpec, SourceSpec, TargetSpec
from layercut.spec.training import PretrainingSpec, TrainingSpec


def _in_range(fraction: float) -> float:
    if not 0 < fraction <= 1:
        raise ValueError("a fraction in (0, 1]")
    return fraction


Fraction = Annotated[float, AfterValidator(_in_range)]


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[\w.-]+", name) or not name.strip("."):
        raise ValueError("letters, digits, `_`, `-` and `.` only: the name is also that of a folder")
    return name


def _as_match(value: Any) -> Any:
    return {"to": value} if isinstance(value, str) else value


class ReplicateRule(StrictSpec):
    """Replicates by fraction: `{up_to: {0.01: 25, 0.1: 20, 1.0: 10}}`."""

    up_to: dict[Fraction, int] = Field(
        min_length=1, description="A fraction gets the count of the smallest bound that is not below it."
    )

    @model_validator(mode="after")
    def _counts_positive(self) -> ReplicateRule:
        if any(count < 1 for count in self.up_to.values()):
            raise ValueError("each count at least 1")
        return self


_CUTS = "`all`, `stages`, how many (1 or more), or a list of names and of numbers of blocks, each 0 or more"


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class TransferSpec(StrictSpec):
    """The design: which cuts, strategies, fractions, how often, trained how."""

    cuts: Literal["all", "stages"] | int | list[int | str] | None = Field(
        default=None,
        description="How many blocks come from the source: `all` for 0..B; `stages` for the ends of the model's "
        "stages; a list of numbers, or of names of blocks and stages (`layercut list cuts NAME`); or one number: so "
        "many, spread evenly over the model's operations, between 0 and B. Null: `stages` of models of torchvision "
        "and timm, `all` of others.",
    )
    strategies: OneOrMore[AnyStrategy] = Field(
        default=["scratch", "freeze_reinit", "freeze", "reinit", "finetune", "freeze_truncate", "truncate"],
        min_length=1,
        description="What is done to the blocks below and above the cut (`layercut list strategies`): names, or "
        "mappings of a name, options and a label, such as `{name: train_blocks, blocks: [layer1, layer4]}`.",
    )
    fractions: OneOrMore[Fraction] = Field(
        default=[1.0], min_length=1, description="Fractions of the target's training images, each in (0, 1]."
    )
    replicates: int | ReplicateRule = Field(
        default=10, description="Independent repetitions: one number, or `{up_to: {fraction: count}}`."
    )
    training: TrainingSpec = Field(default=TrainingSpec(), description="How each trial is trained.")
    validation: Literal["within", "folds", "full", "given"] = Field(
        default="within",
        description="`within` takes validation images from the sampled fraction; `folds` predicts every image of it "
        "once, by a model trained on the other folds, which is best where labels are few; `full` takes validation "
        "images from the whole target, once; `given` are those of the target, and the default where it has some: "
        "`val/` of a folder that has `test/` too.",
    )
    val_split: float = Field(
        default=0.1, gt=0, lt=1, description="Fraction of the images kept for validation; unused with `folds`."
    )
    num_folds: int = Field(
        default=5, ge=2, description="Folds of `validation: folds`; fewer where there are fewer images."
    )
    head: Literal["replace", "keep_hidden"] = Field(
        default="replace",
        description="`replace` makes the whole head new; `keep_hidden` keeps all of it but the classifier, "
        "where the model is kept whole.",
    )
    factors: dict[str, dict[str, dict[str, Any]]] = Field(
        default={}, description="Factor name to levels, each a mapping of training fields; factors cross."
    )
    max_trials: int = Field(
        default=2_000_000, ge=1, description="A study with more trials is refused; equal ones count separately."
    )
    max_conditions: int = Field(
        default=150_000, ge=1, description="A study with more conditions is refused; equal ones count separately."
    )

    @field_validator("strategies")
    @classmethod
    def _each_label_once(cls, strategies: list[str | StrategySpec]) -> list[str | StrategySpec]:
        labels = [label_of(strategy) for strategy in strategies]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(
                f"each strategy once, or with labels of their own; {', '.join(twice)} is listed more than once"
            )
        return strategies

    @field_validator("cuts", "fractions")
    @classmethod
    def _each_once(cls, values: Any) -> Any:
        if isinstance(values, list) and len(set(values)) < len(values):
            twice = sorted({str(value) for value in values if values.count(value) > 1})
            raise ValueError(f"each value once; {', '.join(twice)} is listed more than once")
        return values

    @field_validator("cuts", mode="before")
    @classmethod
    def _cuts_exist_somewhere(cls, cuts: Any) -> Any:
        if cuts in (None, "all", "stages") or (_is_number(cuts) and cuts >= 1):
            return cuts
        if isinstance(cuts, list) and cuts and all(isinstance(c, str) or (_is_number(c) and c >= 0) for c in cuts):
            return cuts
        raise ValueError(_CUTS)

    @field_validator("replicates", mode="before")
    @classmethod
    def _number_or_rule(cls, replicates: Any) -> Any:
        if isinstance(replicates, list | str | None) and not str(replicates).strip("+- ").isdigit():
            raise ValueError("a whole number, or `{up_to: {fraction: count}}`")
        return replicates

    @field_validator("replicates")
    @classmethod
    def _at_least_one(cls, replicates: int | ReplicateRule) -> int | ReplicateRule:
        if isinstance(replicates, int) and replicates < 1:
            raise ValueError("at least 1")
        return replicates

    @model_validator(mode="after")
    def _rule_covers_every_fraction(self) -> TransferSpec:
        if isinstance(self.replicates, ReplicateRule) and max(self.fractions) > max(self.replicates.up_to):
            raise ValueError(
                f"replicates.up_to must cover every fraction; {max(self.fractions):g} is above its largest bound "
                f"{max(self.replicates.up_to):g}"
            )
        return self

    def num_replicates(self, fraction: float) -> int:
        """Return how many replicates a fraction gets."""
        if isinstance(self.replicates, int):
            return self.replicates
        return next(count for bound, count in sorted(self.replicates.up_to.items()) if fraction <= bound)


class StudySpec(StrictSpec):
    """Everything asked for in one study file."""

    name: Annotated[str, AfterValidator(_plain_name)] = Field(
        description="Name of the study and of its default output directory."
    )
    seed: int = Field(default=0, ge=0, description="Seed of every random number in the study.")
    source: OneOrMore[SourceSpec] = Field(min_length=1, description="What is transferred; one or a list.")
    target: OneOrMore[TargetSpec] = Field(min_length=1, description="What it is transferred to; one or a list.")
    model: OneOrMore[ModelSpec] = Field(min_length=1, description="The model to cut; one or a list.")
    normalization: NormalizationSpec | Literal["source", "target", "imagenet", "weights"] = Field(
        default=NormalizationSpec(),
        description="How pixels become inputs: numbers, or mean and deviation of the `source`'s training images, of "
        "the `target`'s (the source is then trained with its own), or those usual for `imagenet`, or those that the "
        "`weights` of a library's model were made for, which is also what counts for them where the key is absent.",
    )
    match: Annotated[MatchSpec | None, BeforeValidator(_as_match)] = Field(
        default=None, description="One shape for the images of source and target: `target`, `source`, or a mapping."
    )
    metric: Metric = Field(
        default=ACCURACY,
        description="What conditions are chosen by, and the best epoch of each training; what the answer, tables and "
        "figures show. `balanced_accuracy` (mean recall of the classes) and `macro_f1` (mean F1) count each class "
        "alike, however many images it has. All three are recorded of every trial.",
    )
    pretraining: PretrainingSpec = Field(default=PretrainingSpec(), description="How sources are trained.")
    transfer: TransferSpec = Field(default=TransferSpec(), description="The design of the trials.")
    probes: OneOrMore[NamedProbe] = Field(
        default=[], description="Scores of each cut's features, computed without training: names, or with options."
    )
    keep: Keep | None = Field(
        default=None, description="What to keep of chosen trials: a list, or `{what: [...], replicates: 1}`."
    )
    tensorboard: bool = Field(default=False, description="Write TensorBoard event files while trials finish.")
    mlflow: bool = Field(
        default=False,
        description="Tell MLflow of every training: the server at `MLFLOW_TRACKING_URI`, or `mlflow/` of the run.",
    )
    wandb: bool = Field(
        default=False,
        description="Write every training for Weights & Biases, offline unless `WANDB_MODE` says otherwise.",
    )
    csv: bool = Field(default=False, description="Write `transfer_learning_logs.csv`, a row for each trial and epoch.")

    _file: Path | None = PrivateAttr(default=None)
    _lines: dict[str, int | str] = PrivateAttr(default_factory=dict)
    _text: str | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """Return the study file this was read from."""
        return self._file

    @property
    def text(self) -> str | None:
        """Return the text of the study file, as given."""
        return self._text

    def error(self, key_path: str, message: str) -> SpecError:
        """Return an error about one key, with file and line where they are known."""
        return SpecError(f"{locate(self._file, self._lines, key_path)}: {message}")


FROM_OVERRIDE = 0
"""Line of a value that was given with `--set` instead of in the file."""


def locate(file: Path | None, lines: Mapping[str, int | str], key_path: str) -> str:
    """Return `"`transfer.cuts` in study.yaml, line 12"`, or the nearest enclosing key's line.

    What of it was given with `--set` is named too. A place that stands in no file is said as the user typed it: a text
    among the numbers of `lines`.
    """
    parent = key_path
    while parent and parent not in lines and parent.replace("[0]", "") not in lines:
        parent = parent[: max(parent.rfind("."), parent.rfind("["), 0)]
    line = lines.get(parent, lines.get(parent.replace("[0]", "")))
    if line == FROM_OVERRIDE:
        return f"`{key_path}` given with --set"
    within = key_path.replace("[0]", "")
    changed = [f"--set {key}" for key, at in lines.items() if at == FROM_OVERRIDE and key.startswith(f"{within}.")]
    given = f", with {' '.join(changed)}" if changed else ""
    if isinstance(line, str):
        return line + given
    return f"`{key_path}`" + (f" in {file}" if file else "") + (f", line {line}" if line else "") + given
