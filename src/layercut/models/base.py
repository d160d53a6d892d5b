"""What can be cut: an ordered list of named blocks and a head."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from layercut.checkpoints import WeightFile
from layercut.errors import SpecError, one_line
from layercut.models.backward import Unrepeatable, noted_unrepeatable
from layercut.models.batch_norm import noted_norms
from layercut.models.bounded import within_memory
from layercut.models.operations import run_counted
from layercut.models.stages import stages_by_size

ImageShape = tuple[int, int, int]
"""channels, height, width"""


class CuttableModel(nn.Module):
    """A classifier as a sequence of blocks and a head; one may cut after any number of blocks.

    images: Float "n c h w" -> logits: Float "n num_classes".
    Parameters are called `blocks.NAME...` and `head...`.
    """

    def __init__(
        self,
        blocks: Mapping[str, nn.Module],
        head: nn.Module,
        taps: Mapping[str, str] | None = None,
        before_activation: Mapping[str, str] | None = None,
        notes: tuple[str, ...] = (),
        stages: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(OrderedDict(blocks))
        self.head = head
        self._taps = taps
        self._before_activation = dict(before_activation or {})
        self.notes = notes
        """What its user should know of it."""
        self.stages = stages
        """Name of each stage and of the block that ends it; none: by the size of features; None: each block is one."""

    @property
    def taps(self) -> dict[str, str]:
        """Return the places whose activations are worth looking at, from the input on.

        Name -> qualified name of the module whose output it is; the empty name is the whole model: its logits.
        The images themselves are no tap: they are always there. Each block, then the head's hidden layer, unless
        the model names others.
        """
        if self._taps is not None:
            return dict(self._taps)
        taps = {name: f"blocks.{name}" for name in self.block_names}
        if getattr(self.head, "activation", None) is not None:
            taps["hidden"] = "head.activation"
        return taps | {"output": ""}

    @property
    def before_activation(self) -> dict[str, str]:
        """Return by block the module whose output its last activation sees; blocks that do not say are left out."""
        return dict(self._before_activation)

    @property
    def block_names(self) -> list[str]:
        """Return the names of the blocks, from the input on."""
        return [name for name, _ in self.blocks.named_children()]

    def trunk(self, cut: int) -> nn.Sequential:
        """Return the first `cut` blocks; they share their parameters with this model."""
        return self.blocks[:cut]

    def forward(self, images: Tensor) -> Tensor:
        """Run blocks in the precision around them and the head in float32: bfloat16 logits would tie."""
        features: Tensor = self.blocks(images)
        if not torch.is_autocast_enabled(features.device.type):
            logits: Tensor = self.head(features)
            return logits
        with torch.autocast(features.device.type, enabled=False):
            logits = self.head(features.float())
            return logits


class DenseHead(nn.Module):
    """Flatten, an optional hidden dense layer, and the classifier.

    features: Float "n ..." -> logits: Float "n num_classes".
    """

    def __init__(
        self, num_features: int, num_classes: int, num_hidden: int | None, activation: Callable[[], nn.Module]
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(num_features, num_hidden) if num_hidden else None
        self.activation = activation() if num_hidden else None
        self.out = nn.Linear(num_hidden or num_features, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        flat = features.flatten(1)
        if self.hidden is not None and self.activation is not None:
            flat = self.activation(self.hidden(flat))
        logits: Tensor = self.out(flat)
        return logits


class ModelFamily(Protocol):
    """How models of one name are made; one instance a file, listed in `models/__init__.py`."""

    options: type[BaseModel]
    """Legal keys beside `name` in a study file."""

    def build(self, options: Any, image_shape: ImageShape, num_classes: int) -> CuttableModel:
        """Return a new model; initial values come from torch's global generator.

        Raises:
            SpecError: the images are too small for the model.
        """
        ...

    def head(self, options: Any, feature_shape: tuple[int, ...], num_classes: int) -> nn.Module:
        """Return a new head for one cut's features, at the last cut the whole model's; `feature_shape` has no batch."""
        ...

    def import_names(self, options: Any, names: list[str]) -> dict[str, str] | None:
        """Return foreign parameter names -> ours where `names` are of a foreign format this family reads."""
        ...


@runtime_checkable
class PublishedFamily(Protocol):
    """What a family says beside `ModelFamily` where its models have published weights."""

    def check_weights(self, weights: str) -> None:
        """Check that published weights of that name exist; asks nobody.

        Raises:
            CheckpointError: there are none.
        """
        ...

    def fetch_weights(self, weights: str) -> Path:
        """Return the file of published weights; downloads it where it is not here.

        Raises:
            CheckpointError: there are none of that name, or they cannot be downloaded.
        """
        ...


class MadeFor(NamedTuple):
    """What images published weights were made for."""

    image_shape: ImageShape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Of pixels in 0..1, a value a channel."""
    interpolation: str
    """Name of what lies between pixels where images are resized, as in a study file."""


@runtime_checkable
class MadeForFamily(Protocol):
    """What a family says beside `ModelFamily` where it is known what images its published weights were made for."""

    def made_for(self, weights: str) -> MadeFor:
        """Return what images published weights were made for; asks nobody.

        Raises:
            CheckpointError: there are none of that name.
        """
        ...


@runtime_checkable
class AdaptingFamily(Protocol):
    """What a family says beside `ModelFamily` where a weight file needs more than other names."""

    def file_names(self, options: Any, image_shape: ImageShape) -> Collection[str]:
        """Return the names in the files that `adapt` reads, for a model with these options."""
        ...

    def adapt(self, options: Any, image_shape: ImageShape, values: WeightFile) -> WeightFile:
        """Return the values of a weight file under our names, fitted to channels and size of the images.

        The classifier, which is new on every target, may be missing before and after.

        Raises:
            CheckpointError: they do not fit the model; says what does not, the caller adds file and model.
        """
        ...


@runtime_checkable
class OwnCodeFamily(Protocol):
    """What a family declares besides `ModelFamily` if its options name user code, which building the model runs."""

    def code_of(self, options: Mapping[str, Any]) -> str:
        """Return in words which code that is; runs none of it, whatever the options are."""
        ...


@runtime_checkable
class BoundFamily(Protocol):
    """What a family says beside `ModelFamily` where a model may exist in one process alone."""

    def bound_to_process(self, options: Mapping[str, Any]) -> str | None:
        """Return why no other process can build the model; None where others can."""
        ...


@runtime_checkable
class SwitchedFamily(Protocol):
    """What a family says beside `ModelFamily` where weights were made with a switch that no weight file holds."""

    def unsaid(self, options: Any) -> str | None:
        """Return what the user must say of weights from a file, in a sentence; None where they have."""
        ...


class ModelPlan(NamedTuple):
    """What is known of a model before it has weights."""

    block_names: list[str]
    feature_shapes: list[tuple[int, ...]]
    """Shape of one image's features at each cut 0..B; cut 0 is the image itself."""
    block_flops: list[int]
    """Floating-point operations of each block's forward pass for one image."""
    head_flops: list[int]
    """The same of the head after a truncation at each cut 0..B; the last one is the whole model's."""
    block_parameters: list[int]
    """Numbers of trained values of each block."""
    random_blocks: list[str]
    """Names of the blocks that draw at random in training."""
    random_head: bool
    """Whether a head draws at random in training."""
    block_norms: list[int | None]
    """An image's values a channel at the narrowest batch normalisation of each block; None where it has none."""
    head_norm: int | None
    """The same of all heads."""
    traced: bool
    """Whether its cuts were found on its graph."""
    stages: dict[str, int]
    """Stages by name and the cut at which each ends; none where every block is one."""
    block_unrepeatable: list[Unrepeatable]
    """Operations of each block without a deterministic backward pass on a GPU."""
    head_unrepeatable: list[Unrepeatable]
    """The same of the head at each cut 0..B."""


def seeded_build(
    family: ModelFamily, options: Any, image_shape: ImageShape, num_classes: int, seed: int
) -> CuttableModel:
    """Build a model whose initial values depend on `seed` alone; the global generator is left as it was.

    All of it can be trained: what is frozen, a strategy says.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return family.build(options, image_shape, num_classes).requires_grad_(True)


def seeded_head(
    family: ModelFamily, options: Any, feature_shape: tuple[int, ...], num_classes: int, seed: int
) -> nn.Module:
    """Build a head whose initial values depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return family.head(options, feature_shape, num_classes)


def plan_model(family: ModelFamily, options: Any, image_shape: ImageShape, num_classes: int) -> ModelPlan:
    """Measure shapes and operations with one blank image."""
    if not isinstance(family, AdaptingFamily):  # no library's or user's code: sizes are known without values
        with within_memory("the model"), torch.device("meta"):
            seeded_build(family, options, image_shape, num_classes, seed=0)
    with within_memory("the model"):
        model = seeded_build(family, options, image_shape, num_classes, seed=0).eval().requires_grad_(False)
    with within_memory("an image"):
        features = torch.zeros(1, *image_shape)
    shapes: list[tuple[int, ...]] = [image_shape]
    block_flops: list[int] = []
    block_norms: list[int | None] = []
    block_unrepeatable: list[Unrepeatable] = []
    head_flops: list[int] = []
    head_unrepeatable: list[Unrepeatable] = []
    for name, block in model.blocks.named_children():
        try:
            with noted_norms(block) as noted, noted_unrepeatable(block) as operations:
                features, flops = run_counted(block, features)
        except (RuntimeError, ValueError, AssertionError) as error:  # whatever the layers say about sizes
            reason = one_line(error, 200)
            raise SpecError(
                f"images of shape {image_shape} do not pass through the block {name!r}: {reason}"
            ) from error
        shapes.append(tuple(features.shape[1:]))
        block_flops.append(flops)
        block_norms.append(min(noted, default=None))
        block_unrepeatable.append(operations.answer())
    with within_memory("the model's heads, one for each cut,"):
        heads = [seeded_head(family, options, shape, num_classes, seed=0) for shape in shapes]
    with noted_norms(nn.ModuleList(heads).eval()) as noted:
        for head, shape in zip(heads, shapes, strict=True):
            with noted_unrepeatable(head) as operations:
                head_flops.append(run_counted(head, torch.zeros(1, *shape))[1])
            head_unrepeatable.append(operations.answer())
    block_parameters = [sum(parameter.numel() for parameter in block.parameters()) for block in model.blocks]
    random_blocks = [name for name, block in model.blocks.named_children() if random_layers(block)]
    random_head = any(random_layers(head) for head in heads)
    return ModelPlan(
        model.block_names,
        shapes,
        block_flops,
        head_flops,
        block_parameters,
        random_blocks,
        random_head,
        block_norms,
        min(noted, default=None),
        any(getattr(layer, "is_traced", False) for layer in model.blocks.modules()),
        _stages(model, shapes),
        block_unrepeatable,
        head_unrepeatable,
    )


def _stages(model: CuttableModel, shapes: list[tuple[int, ...]]) -> dict[str, int]:
    if model.stages is None:
        return {}
    names = model.block_names
    ends = model.stages or stages_by_size(names, shapes[1:])
    return {stage: names.index(block) + 1 for stage, block in ends.items()}


def random_layers(model: nn.Module, in_this_mode: bool = False) -> list[str]:
    """Return the names of the layers that draw at random in training: dropout and its kin.

    `in_this_mode` leaves out those that are in eval mode now.
    """
    layers = [(name, layer) for name, layer in model.named_modules() if layer.training or not in_this_mode]
    return [name or type(layer).__name__ for name, layer in layers if _draws_at_random(layer)]


def _draws_at_random(layer: nn.Module) -> bool:
    if getattr(layer, "draws_at_random", False):  # says so itself: the functions in it do
        return True
    if isinstance(layer, _DropoutNd):
        return bool(layer.p > 0)
    if isinstance(layer, nn.MultiheadAttention):
        return bool(layer.dropout > 0)
    name = type(layer).__name__  # of libraries that are slow to import
    if name == "StochasticDepth":
        return bool(layer.p)
    return isinstance(layer, nn.RReLU) or (name in {"DropPath", "DropBlock2d"} and bool(layer.drop_prob))
