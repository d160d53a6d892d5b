"""Pictures of every kind become 8 bits of grey or colour by one table of rules."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from layercut.data.cache import load_dataset
from layercut.data.folder import FOLDER, FolderOptions
from layercut.data.pixels import plain
from layercut.errors import DataError, SpecError
from layercut.spec.shape import WHITE
from support.fake_datasets import made, write_folder

COLOURS = np.random.default_rng(0).integers(0, 256, size=(5, 7, 3), dtype=np.uint8)
GREY = COLOURS[:, :, 0]
WIDE = np.random.default_rng(1).integers(0, 2**16, size=(5, 7), dtype=np.uint16)
ALPHA = np.random.default_rng(2).integers(0, 256, size=(5, 7), dtype=np.uint8)


def _through(image: Image.Image, kind: str, **how: Any) -> Image.Image:
    """Return a picture as it comes back from a file."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return Image.open(file)


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(plain(image, WHITE))


def _over(colours: NDArray[np.uint8], alpha: NDArray[np.uint8], background: int) -> NDArray[np.float64]:
    share = alpha[..., None] / 255 if colours.ndim == 3 else alpha / 255
    return colours * share + background * (1 - share)


def _with_alpha(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray(pixels)
    image.putalpha(Image.fromarray(alpha))
    return image


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "TGA", "PCX", "SGI", "QOI"])
def test_colours_of_a_lossless_format_are_read_as_they_are(kind: str) -> None:
    np.testing.assert_array_equal(_pixels(_through(Image.fromarray(COLOURS), kind)), COLOURS)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_of_16_bits_the_higher_8_count(kind: str) -> None:
    np.testing.assert_array_equal(_pixels(_through(Image.fromarray(WIDE), kind)), WIDE >> 8)


def test_a_shade_of_16_bits_may_be_transparent() -> None:
    picture = _through(Image.fromarray(WIDE), "PNG", transparency=int(WIDE[2, 3]))
    expected = np.where(WIDE[2, 3] == WIDE, 255, WIDE >> 8)
    np.testing.assert_array_equal(_pixels(picture), np.stack([expected] * 3, axis=-1))


def test_a_palette_gives_the_colours_that_its_numbers_stand_for() -> None:
    palette = Image.fromarray(COLOURS).quantize(16)
    np.testing.assert_array_equal(_pixels(_through(palette, "PNG")), np.asarray(palette.convert("RGB")))
    assert _through(palette, "PNG").mode == "P"


def test_black_and_white_are_0_and_255() -> None:
    bits = Image.fromarray(GREY).convert("1")
    np.testing.assert_array_equal(_pixels(_through(bits, "TIFF")), np.asarray(bits).astype(np.uint8) * 255)


def test_inks_become_colours_by_the_usual_formula() -> None:
    inks = np.concatenate([COLOURS, GREY[..., None]], axis=-1)
    light = 255 - inks.astype(np.int64)
    expected = light[..., :3] * light[..., 3:] / 255
    got = _pixels(_through(Image.frombytes("CMYK", (7, 5), inks.tobytes()), "TIFF"))
    np.testing.assert_allclose(got, expected, atol=1)


@pytest.mark.parametrize(("mode", "pixels"), [("LA", GREY), ("RGBA", COLOURS)])
def test_alpha_lays_a_picture_over_the_background(mode: str, pixels: NDArray[np.uint8]) -> None:
    picture = _through(_with_alpha(pixels, ALPHA), "PNG")
    assert picture.mode == mode
    expected = _over(pixels, ALPHA, 255)
    expected = expected if mode == "RGBA" else np.stack([expected] * 3, axis=-1)
    np.testing.assert_allclose(_pixels(picture), expected, atol=1)


def test_colours_that_are_hidden_under_alpha_do_not_count() -> None:
    clear = np.zeros_like(ALPHA)
    assert (_pixels(_with_alpha(COLOURS, clear)) == 255).all()
    assert (_pixels(_with_alpha(255 - COLOURS, clear)) == 255).all()


def test_what_is_opaque_everywhere_is_what_it_is_without_alpha() -> None:
    np.testing.assert_array_equal(_pixels(_with_alpha(COLOURS, np.full_like(ALPHA, 255))), COLOURS)


@pytest.mark.parametrize("mode", ["La", "RGBa", "PA"])
def test_rare_modes_with_alpha_are_laid_over_the_background_too(mode: str) -> None:
    assert (np.asarray(plain(Image.new(mode, (2, 2)), (10, 10, 10))) == 10).all()


@pytest.mark.parametrize(("pixels", "clear"), [(GREY, 7), (COLOURS, (7, 7, 7))])
def test_one_shade_of_a_png_may_be_transparent(pixels: NDArray[np.uint8], clear: Any) -> None:
    marked = pixels.copy()
    marked[1, 2] = 7
    got = _pixels(_through(Image.fromarray(marked), "PNG", transparency=clear))
    assert (got[1, 2] == 255).all()


def test_a_transparent_colour_of_a_palette_shows_the_background() -> None:
    palette = Image.fromarray(np.zeros((4, 4), dtype=np.uint8), mode=None).convert("P")
    assert (_pixels(_through(palette, "GIF", transparency=0)) == 255).all()


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_several_frames_the_first_counts(kind: str) -> None:
    first, second = (Image.new("RGB", (4, 4), shade) for shade in ("black", "white"))
    file = _through(first, kind, save_all=True, append_images=[second])
    assert (_pixels(file) == 0).all()


@pytest.mark.parametrize("mode", ["I", "F", "LAB"])
def test_shades_whose_range_nobody_knows_are_refused(mode: str) -> None:
    with pytest.raises(
        DataError, match=f"expected 8 or 16 bits per channel, in grey or colour, got Pillow's mode {mode}"
    ):
        plain(Image.new(mode, (2, 2)), WHITE)


def test_a_file_without_a_rule_is_refused_by_name(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 1, "b": 1})
    Image.fromarray(np.full((6, 6), 0.5, dtype=np.float32)).save(tmp_path / "a" / "decimals.tif")
    with pytest.raises(DataError, match=r"decimals\.tif: expected 8 or 16 bits per channel"):
        made(FOLDER.read(FolderOptions(path=tmp_path), tmp_path, False).train)


@pytest.mark.parametrize(("given", "shown"), [("white", 255), ("black", 0), (128, 128), ([10, 10, 10], 10)])
def test_the_background_is_the_one_of_the_study_file(tmp_path: Path, given: Any, shown: int) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("RGBA", (3, 3), (200, 0, 0, 0)).save(tmp_path / name / "x.png")
    read = FOLDER.read(FolderOptions(path=tmp_path, background=given), tmp_path, False)
    assert (made(read.train).images == shown).all()


def test_drawings_in_black_on_nothing_are_no_copies_of_each_other(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for index in range(5):
            alpha = np.zeros((6, 6), dtype=np.uint8)
            alpha[index, : 2 + (name == "b")] = 255
            (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
            _with_alpha(np.zeros((6, 6), dtype=np.uint8), alpha).save(tmp_path / "photos" / name / f"{index}.png")
    loaded = load_dataset("folder", {"path": str(tmp_path / "photos")}, tmp_path, tmp_path / "cache", False)
    hashes = np.concatenate([loaded.train_hashes, loaded.test_hashes])
    assert len(np.unique(hashes, axis=0)) == 10


@pytest.mark.parametrize("given", ["red", 256, [1, 2], True])
def test_a_background_that_is_no_colour_is_refused(tmp_path: Path, given: Any) -> None:
    with pytest.raises(SpecError, match="`background"):
        load_dataset("folder", {"path": "x", "background": given}, tmp_path, tmp_path, False)


def test_formats_that_another_program_would_draw_are_not_read(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 1, "b": 1})
    Image.fromarray(COLOURS).save(tmp_path / "a" / "drawn.eps")
    with pytest.raises(DataError, match=r"drawn\.eps: expected an image.*in no format that Pillow reads"):
        FOLDER.read(FolderOptions(path=tmp_path), tmp_path, False)
