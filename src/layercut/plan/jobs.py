"""What executors execute: plain frozen values, one class a kind of job.

A job says everything its stage needs to know except where this run keeps its files (`stages/context.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from layercut.data.pictures import PictureRule
from layercut.data.split_sizes import Validation
from layercut.models.backward import Unrepeatable
from layercut.strategies import STRATEGIES
from layercut.strategies.base import Strategy, head_of, with_options
from layercut.strategies.treatment import HeadKind, Treatment, treatment
from layercut.training.config import TrainingConfig


@dataclass(frozen=True)
class TaskRef:
    """A task whose dataset is known by content."""

    label: str
    fingerprint: str
    """Of the dataset's images and labels."""
    classes: tuple[int, ...]
    """Indices in the dataset, in the order of the labels."""
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    pictures: PictureRule | None = field(default=None, compare=False)
    """How a picture file becomes one of its images; None where it is not needed."""

    @property
    def num_classes(self) -> int:
        """Return the number of classes."""
        return len(self.classes)


@dataclass(frozen=True)
class ModelRef:
    """A model family with checked options, for images of one shape."""

    label: str
    name: str
    options: Mapping[str, Any]
    image_shape: tuple[int, int, int]
    block_names: tuple[str, ...]
    feature_shapes: tuple[tuple[int, ...], ...]
    """Shape of one image's features at each cut 0..B."""
    block_parameters: tuple[int, ...]
    """Trained values of each block."""
    random_blocks: tuple[str, ...]
    """Blocks that draw at random in training."""
    random_head: bool = False
    """The head draws at random in training."""
    block_norms: tuple[int | None, ...] = ()
    """An image's values a channel at the narrowest batch normalisation of each block; None where it has none."""
    head_norm: int | None = None
    notes: tuple[str, ...] = ()
    """What its user should know of it."""
    traced: bool = False
    """Its cuts were found on its graph."""
    stages: tuple[tuple[str, int], ...] = ()
    """Stages by name and the cut at which each ends; none where every block is one."""
    block_unrepeatable: tuple[Unrepeatable, ...] = ()
    """Operations of each block without a deterministic backward pass on a GPU."""
    head_unrepeatable: tuple[Unrepeatable, ...] = ()
    """The same of the head at each cut."""

    @property
    def num_blocks(self) -> int:
        """Return B: cuts are 0..B."""
        return len(self.block_names)

    @property
    def group_ends(self) -> tuple[int, ...]:
        """Return the cuts at which groups of blocks end: stages, or every block."""
        ends = {cut for _, cut in self.stages if cut} or set(range(1, self.num_blocks))
        return tuple(sorted(ends | {self.num_blocks}))

    def largest_features(self, cut: int) -> int:
        """Return the numbers in the largest features of one image from a cut on."""
        return max(prod(shape) for shape in self.feature_shapes[cut:])


class SourcePoint(NamedTuple):
    """A checkpoint of a source: a source of its own in the design."""

    point: str
    """`last`, or a moment of its training (`spec/points.py`)."""
    key: str
    label: str


@dataclass(frozen=True)
class SourceJob:
    """Makes the checkpoints of one source: trains it, reads it from a file, or draws random values."""

    key: str
    """Also that of its last checkpoint."""
    kind: Literal["train", "import", "random"]
    label: str
    model: ModelRef
    training: TrainingConfig
    study_seed: int
    num_threads: int
    flops: int
    task: TaskRef | None = None
    val_split: float = 0.1
    weights: Path | None = None
    """The file to read where `kind` is `import`."""
    seed: int = 0
    """Tells independent sources of one study apart."""
    points: tuple[SourcePoint, ...] = ()
    """All that the design uses, in the order of training."""
    entry: str = field(default="", compare=False)
    """What the study file's entry is called: the label without the seed."""


class SampleRule(NamedTuple):
    """Which target images a study's trials use; with the study's seed it fixes every split."""

    counts: tuple[tuple[float, int], ...]
    """Fractions and how many replicates each has."""
    validation: Validation
    val_split: float
    num_pilots: int = 0
    """How many pilot replicates each fraction has at most (`plan/rates.py`)."""

    @property
    def replicates(self) -> Iterator[tuple[float, int]]:
        """Yield every fraction with each of its replicates; those of pilots are below 0."""
        for fraction, num_replicates in self.counts:
            yield from ((fraction, replicate) for replicate in range(-self.num_pilots, num_replicates))


@dataclass(frozen=True)
class FeatureSet:
    """Trunk features of the images that a study needs of one target, below one source."""

    key: str
    source: str
    """Key of the source's checkpoint."""
    model: ModelRef
    task: TaskRef
    samples: SampleRule
    training: TrainingConfig
    study_seed: int
    num_images: int
    """Estimate; the exact images follow from the data."""
    num_shards: int
    chunk: int
    """Images at a time, the same everywhere, so that an image's features have the same bits."""


@dataclass(frozen=True)
class CutCost:
    """What one cut's features of a feature set cost, for the decision which to store."""

    cut: int
    num_bytes: int
    flops: int
    num_uses: int


@dataclass(frozen=True)
class ExtractJob:
    """Computes one shard of a feature set at some cuts, each from the one below."""

    key: str
    feature_set: FeatureSet
    cuts: tuple[int, ...]
    shard: int
    flops: int


class Keep(NamedTuple):
    """What to keep of a condition's trials in `artifacts/`, and how it is called there."""

    what: tuple[str, ...]
    num_replicates: int
    """Of the first so many replicates."""
    study: str
    source: str


class PilotRule(NamedTuple):
    """How the pilots of an open condition are trained and judged, and what one costs."""

    validation: Validation
    """`folds` wherever the condition holds images of its sample out, so that each label is predicted once."""
    num_folds: int
    """0 without a cross-validation."""
    num_judged: int
    """On how many images the judgement rests."""
    single_joined: bool
    """As in a training's schedule: the models of a pilot have numbers of images of their own."""
    flops: int
    num_evaluated: int


@dataclass(frozen=True)
class Condition:
    """One distinct point of the design."""

    key: str
    source: str | None
    """Key of the source's checkpoint; None where nothing of a source is used."""
    feature_set: FeatureSet | None
    """Where the frozen trunk's features may lie; None where nothing is frozen."""
    task: TaskRef
    model: ModelRef
    strategy: str
    cut: int
    fraction: float
    training: TrainingConfig
    validation: Validation
    val_split: float
    keep_hidden: bool
    study_seed: int
    num_replicates: int
    group: int | None
    """Maximum number of replicates trained as one model; None: each by itself."""
    flops: int = field(compare=False)
    """Estimated operations of one replicate, every epoch run."""
    keep: Keep | None = field(default=None, compare=False)
    """None: records only."""
    num_folds: int = 0
    """Maximum number of cross-validation models that each replicate trains besides its own; 0: none."""
    rates: tuple[float, ...] = ()
    """Learning rates that one is chosen from, ascending, before anything is trained; empty: that of `config`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the strategy."""
    label: str = field(default="", compare=False)
    """What the strategy is called in results where it has options."""
    num_evaluated: int = field(default=0, compare=False)
    """Images that one replicate evaluates at most, each time counted; a part of `flops`."""
    tested: bool = field(default=True, compare=False)
    """Whether each trial is evaluated on the test images; else its record says nothing of them."""
    pilots: PilotRule | None = field(default=None, compare=False)
    """None where there is one learning rate."""

    @property
    def does(self) -> Strategy:
        """Return the strategy itself."""
        return with_options(STRATEGIES[self.strategy], self.options)

    @property
    def treatment(self) -> Treatment:
        """Return what becomes of each block."""
        return treatment(self.does, self.cut, self.model.num_blocks)

    @property
    def head(self) -> HeadKind:
        """Return how the head gets its values."""
        return head_of(self.does)

    @property
    def trunk(self) -> int:
        """Return how many blocks lie below what is trained, their features in the feature set."""
        return 0 if self.feature_set is None else self.treatment.trunk

    @property
    def shared_features(self) -> FeatureSet | None:
        """Return where the trunk's features may come from; None where each trial has a trunk of its own."""
        return None if self.training.adapt_norms else self.feature_set

    def kept(self, replicate: int) -> tuple[str, ...]:
        """Return what to keep of one replicate."""
        return self.keep.what if self.keep and replicate < self.keep.num_replicates else ()


@dataclass(frozen=True)
class PilotJob:
    """Trains one replicate of a condition at one learning rate, only to see how well that rate does."""

    key: str
    search: str
    """Key of all that the condition says but the rate."""
    condition: Condition
    """At that rate."""
    replicate: int
    """Below 0."""

    @property
    def flops(self) -> int:
        """Return its estimated operations."""
        return self.condition.flops


@dataclass(frozen=True)
class TransferJob:
    """Some replicates of one condition; where it has groups, all of one group."""

    key: str
    condition: Condition
    replicates: tuple[int, ...]

    @property
    def flops(self) -> int:
        """Return the estimated operations of all its replicates."""
        return self.condition.flops * len(self.replicates)


class Probing(NamedTuple):
    """One probe on the images of one job: one score per layer."""

    key: str
    """Of what all its replicates and layers have in common."""
    name: str
    label: str
    """The name shown in results."""
    kind: str
    options: Mapping[str, Any]
    layers: tuple[str, ...]


@dataclass(frozen=True)
class ProbeJob:
    """Scores the features of one source for one replicate of one sample of images, at every layer."""

    key: str
    source: str
    """Key of the source job."""
    source_label: str
    model: ModelRef
    has_head: bool
    """Whether the source's own head may be with its weights: values drawn at random have none."""
    task: TaskRef | None
    """Whose images are looked at; None where weights alone are."""
    target: str
    """Label of the target that the scores are about; empty where they are about the source alone."""
    dataset: Literal["source", "target", "none"]
    split: Literal["train", "validation", "test", "none"]
    fraction: float
    replicate: int
    most_images: int
    validation: Validation
    val_split: float
    training: TrainingConfig
    study_seed: int
    chunk: int
    """Images at a time."""
    reference: str | None
    """Key of the source job that makes the model trained on the target; None where no probe compares with it."""
    feature_set: FeatureSet | None
    """Where some of the features may lie."""
    probings: tuple[Probing, ...]
    flops: int = field(compare=False)
    most_units: int | None = None
    """Maximum number of values per image, beyond which neighbours are averaged; None: all, as in every study."""


@dataclass(frozen=True)
class RepresentationJob:
    """Keeps for figures how the layers of one source represent a few images; makes no records."""

    key: str
    name: str
    """Of its folder in `artifacts/`."""
    study: str
    sample: ProbeJob
    """Which images and models; without probings."""
    layers: tuple[str, ...]
    probe_keys: tuple[str, ...]
    """Of the scores of the same sample: figures show it while the study asks for any of these."""
    flops: int = field(compare=False)

    @property
    def source(self) -> str:
        """Return the key of the source job."""
        return self.sample.source

    @property
    def reference(self) -> str | None:
        """Return the key of the job that makes the model trained on the target; None without one."""
        return self.sample.reference


Job: TypeAlias = SourceJob | ExtractJob | PilotJob | TransferJob | ProbeJob | RepresentationJob
