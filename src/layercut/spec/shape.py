"""What size and how many channels images get, and how."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from layercut.spec.base import StrictSpec


def _square(value: Any) -> Any:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


def _today(value: Any) -> Any:
    return "crop" if value == "shorter_side_and_center_crop" else value


def _as_color(value: Any) -> Any:
    if isinstance(value, str) and value in _COLORS:
        return _COLORS[value]
    return (value, value, value) if isinstance(value, int) and not isinstance(value, bool) else value


_COLORS = {"white": (255, 255, 255), "black": (0, 0, 0)}

Shade = Annotated[int, Field(ge=0, le=255)]
Color: TypeAlias = tuple[int, int, int]
"""Red, green, blue, each 0..255."""
WHITE: Color = (255, 255, 255)
Background = Annotated[tuple[Shade, Shade, Shade], BeforeValidator(_as_color)]
BACKGROUND = Field(
    default=WHITE,
    description="What transparent pixels show: `white`, `black`, a shade of grey in 0..255, or `[red, green, blue]`.",
)

Length = Annotated[int, Field(ge=1, le=10_000)]
ImageSize = Annotated[tuple[Length, Length] | None, BeforeValidator(_square)]
Resize: TypeAlias = Annotated[Literal["crop", "stretch", "pad"], BeforeValidator(_today)]
Interpolation: TypeAlias = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]


class ShapeOptions(StrictSpec):
    """What images become: keys of every dataset."""

    image_size: ImageSize = Field(
        default=None, description="Height and width in pixels, or one number for both; absent: as they are."
    )
    channels: Literal[1, 3] | None = Field(
        default=None,
        description="3: colour (grey is repeated), 1: grey (ITU-R 601 luma of colour); absent: as they are.",
    )
    resize: Resize = Field(
        default="crop",
        description="How images get `image_size`: `crop` scales until the shorter side fits and cuts the rest off "
        "around the centre, `stretch` changes the proportions, `pad` scales until the longer side fits and fills up "
        "with black.",
    )
    interpolation: Interpolation = Field(
        default="bilinear", description="Between pixels; with antialiasing where images shrink."
    )


class MatchSpec(ShapeOptions):
    """One shape for the images of source and target: `{to: target}`, or the shape itself."""

    to: Literal["source", "target"] | None = Field(
        default=None, description="Whose shape the other gets; absent: both get `image_size` and `channels`."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> MatchSpec:
        given = self.image_size is not None or self.channels is not None
        if given == (self.to is not None):
            raise ValueError("either `to` (source or target), or `image_size` and `channels`")
        return self
