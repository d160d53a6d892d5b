"""A folder that `timm.create_model("local-dir:...")` opens: config.json and weights under timm's names."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from layercut.errors import UserError
from layercut.inference import Classifier
from layercut.model_export.base import Answer, answer_of
from layercut.models import MODELS
from layercut.models.zoo.family import ZooFamily

_CROP_MODES = {"crop": "center", "stretch": "squash", "pad": "border"}
"""timm's names for how images get their size; where none is resized, they have it already."""


class TimmFolder:
    """Whole models of timm."""

    library = "timm"
    loadable = False

    def require(self, model: Classifier) -> None:
        """See that the model is a whole one of timm.

        Raises:
            UserError: it is another library's or the user's own, or was truncated.
        """
        family = _family(model)
        if family is None:
            raise UserError(
                f"expected a model of timm for the format timm; got {model.card['build']['name']}: export it as "
                "safetensors, torch or onnx"
            )
        build = model.card["build"]
        has = build["num_blocks"]
        options = family.options.model_validate(build["options"])
        of = len(family.build(options, model.image_shape, len(model.class_names)).block_names)
        if has < of:
            raise UserError(
                f"the model was truncated to {has} of {of} blocks, which timm cannot build; export it as safetensors, "
                "torch or onnx, or choose a strategy that keeps all blocks"
            )

    def write(self, model: Classifier, folder: Path) -> None:
        """Write the folder, by timm's own function."""
        from timm.models import save_for_hf  # noqa: PLC0415 - slow to import

        family, rule = _family(model), model.picture_rule
        assert family is not None  # noqa: S101 - `require` has seen to it
        options = family.options.model_validate(model.card["build"]["options"])
        whole = family.uncut(options, model.image_shape, model.model)
        mean, std = (_per_channel(values, model.image_shape[0]) for values in model.normalization)
        images = {
            "input_size": tuple(model.image_shape),
            "interpolation": rule.interpolation,
            "mean": mean,
            "std": std,
            "crop_pct": 1.0,
            "crop_mode": _CROP_MODES[rule.resize or "crop"],
        }
        own = {"tag": "layercut", "license": None}  # not those of weights that timm publishes
        labels = {"label_names": list(model.class_names), "pretrained_cfg": own}
        save_for_hf(whole, str(folder), model_config=labels, data_config=images, safe_serialization=True)

    def opened(self, folder: Path, model: Classifier) -> Answer:
        """Return the answers of the model that timm opens."""
        import timm  # noqa: PLC0415 - slow to import

        return answer_of(_Scaled(timm.create_model(f"local-dir:{folder}", pretrained=True).eval(), model))

    def usage(self, model: Classifier) -> str:
        """Return Python code that opens the folder."""
        return (
            "import timm\nfrom PIL import Image\n\n"
            'model = timm.create_model("local-dir:.", pretrained=True).eval()\n'
            "transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=model))\n"
            'logits = model(transform(Image.open("photo.jpg")).unsqueeze(0))\n'
            'print(model.pretrained_cfg["label_names"][logits.argmax()])'
        )


class _Scaled(nn.Module):
    """A model that takes pixels scaled as its config says; UInt8 "n c h w" -> logits."""

    def __init__(self, model: nn.Module, classifier: Classifier) -> None:
        super().__init__()
        self.model = model
        config = model.pretrained_cfg
        self.mean, self.std = (torch.tensor(config[name])[:, None, None] for name in ("mean", "std"))  # type: ignore[index]

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model((images.float() / 255 - self.mean) / self.std)
        return logits


def _family(model: Classifier) -> ZooFamily | None:
    family = MODELS[model.card["build"]["name"]]
    return family if isinstance(family, ZooFamily) and family.library == "timm" else None


def _per_channel(values: object, channels: int) -> tuple[float, ...]:
    spread = tuple(map(float, values))  # type: ignore[call-overload]
    return spread * channels if len(spread) == 1 else spread
