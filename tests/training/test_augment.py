"""Augmentations of batches: the pixels that torchvision would give each image by itself."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
import torchvision.transforms.v2.functional as kernels
from torchvision.transforms import v2

from layercut.spec.training import AugmentationName
from layercut.training import augment as module
from layercut.training.augment import AUGMENTATIONS, CIFAR10_POLICY, augment, epoch_draws
from layercut.training.image_ops import apply_chosen, moderate_space, wide_space

ORACLES = {
    "autoaugment_cifar10": v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10),
    "trivialaugment": v2.TrivialAugmentWide(),
    "randaugment": v2.RandAugment(),
}


def random_images(num, channels=3, side=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(num, channels, 5, 5, generator=generator)
    images = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")
    return (255 * images).to(torch.uint8)


def test_every_name_of_the_study_file_is_an_augmentation():
    assert tuple(AUGMENTATIONS) == get_args(AugmentationName)


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_augmented_alike_in_every_batch(name, channels):
    images = random_images(40, channels)
    draws = epoch_draws([name], 40, seed=1, epoch=1)
    together = augment(images, [name], draws)
    assert together.dtype == torch.uint8
    assert together.shape == images.shape
    assert not torch.equal(together, images)
    for chosen in (torch.tensor([7]), torch.tensor([3, 39, 3]), torch.arange(30, 4, -1)):
        assert torch.equal(augment(images[chosen], [name], draws[chosen]), together[chosen])


def space_of(name):
    if name == "trivialaugment":
        return wide_space(module._RAND_NAMES, 31)
    names, bins = (module._AUTO_NAMES, 10) if name == "autoaugment_cifar10" else (module._RAND_NAMES, 31)
    return moderate_space(names, bins, 32, 32)


@pytest.mark.parametrize("name", ORACLES)
def test_every_operation_at_every_strength_is_torchvisions_on_single_images(name):
    space, oracle = space_of(name), ORACLES[name]
    assert set(space.names) == set(oracle._AUGMENTATION_SPACE)
    images = random_images(3)
    num_bins = 10 if name == "autoaugment_cifar10" else 31
    for operation, strengths in enumerate(space.strengths):
        values, signed = oracle._AUGMENTATION_SPACE[space.names[operation]]
        values = values(num_bins, 32, 32)
        assert strengths.signed == signed
        assert strengths.bins == pytest.approx([0.0] if values is None else values.tolist())
        for bins in range(0, len(strengths.bins), 3):
            for negative in (False, True) if signed else (False,):
                chosen = torch.full((3,), operation)
                got = apply_chosen(images, space, chosen, torch.full((3,), bins), torch.full((3,), negative))
                magnitude = (-1 if negative else 1) * (0.0 if values is None else float(values[bins]))
                for image, ours in zip(images, got, strict=True):
                    theirs = oracle._apply_image_or_video_transform(
                        image, space.names[operation], magnitude, interpolation=oracle.interpolation, fill=oracle._fill
                    )
                    assert torch.equal(ours, theirs), (space.names[operation], magnitude)


def test_the_policy_is_torchvisions():
    theirs = ORACLES["autoaugment_cifar10"]._policies
    assert [tuple((name, share, strength or 0) for name, share, strength in pair) for pair in theirs] == list(
        CIFAR10_POLICY
    )


@pytest.mark.parametrize("name", ORACLES)
def test_a_draw_gives_what_torchvision_gives_for_the_same_draw(name, monkeypatch):
    """Numbers from our draws, in the order in which torchvision asks for its own."""
    images, draws = random_images(60), epoch_draws([name], 60, seed=3, epoch=2)
    got = augment(images, [name], draws)
    for image, own, ours in zip(images, draws.tolist(), got, strict=True):
        left = iter(_asked(name, own))
        # nested functions: torchvision draws with torch.randint and torch.rand of the global generator
        monkeypatch.setattr(torch, "randint", lambda high, shape, left=left: torch.tensor(int(next(left) * high)))
        monkeypatch.setattr(torch, "rand", lambda shape, left=left: torch.tensor(next(left), dtype=torch.float64))
        theirs = ORACLES[name](image)
        monkeypatch.undo()
        assert torch.equal(ours, theirs)


def _asked(name, own):
    """Yield one image's draws in the order in which torchvision uses them."""
    if name == "trivialaugment":
        return _asked_trivial(own)
    if name == "randaugment":
        return _asked_rand(own)
    return _asked_auto(own)


def _asked_trivial(own):
    chosen = module._RAND_NAMES[int(own[0] * 14)]
    values, signed = ORACLES["trivialaugment"]._AUGMENTATION_SPACE[chosen]
    yield _position("trivialaugment", chosen)
    if values(31, 32, 32) is not None:
        yield own[1]
        if signed:
            yield own[2]


def _asked_rand(own):
    for step in (0, 2):
        chosen = module._RAND_NAMES[int(own[step] * 14)]
        values, signed = ORACLES["randaugment"]._AUGMENTATION_SPACE[chosen]
        yield _position("randaugment", chosen)
        if values(31, 32, 32) is not None and signed:
            yield own[step + 1]


def _asked_auto(own):
    yield own[0]
    for step, (chosen, probability, _) in enumerate(CIFAR10_POLICY[int(own[0] * 25)]):
        yield own[1 + step]
        if own[1 + step] <= probability and ORACLES["autoaugment_cifar10"]._AUGMENTATION_SPACE[chosen][1]:
            yield own[3 + step]


def _position(name, operation):
    """Return a number in [0, 1) by which torchvision chooses the operation."""
    names = list(ORACLES[name]._AUGMENTATION_SPACE)
    return (names.index(operation) + 0.5) / len(names)


def test_a_flip_mirrors_half_of_the_images():
    images = random_images(400, side=8)
    got = augment(images, ["flip"], epoch_draws(["flip"], 400, 0, 1))
    flipped = [torch.equal(ours, kernels.horizontal_flip(image)) for image, ours in zip(images, got, strict=True)]
    kept = [torch.equal(ours, image) for image, ours in zip(images, got, strict=True)]
    assert all(one or other for one, other in zip(flipped, kept, strict=True))
    assert 150 < sum(flipped) < 250


def test_a_crop_is_a_window_of_the_image_padded_with_black():
    images = random_images(50)
    draws = epoch_draws(["crop"], 50, 0, 1)
    got = augment(images, ["crop"], draws)
    for image, (down, right), ours in zip(images, (9 * draws).long().tolist(), got, strict=True):
        padded = kernels.pad(image, [4, 4, 4, 4])
        assert torch.equal(ours, kernels.crop(padded, down, right, 32, 32))
    assert set((9 * draws).long().flatten().tolist()) == set(range(9))


def test_cutout_blackens_a_square_of_half_the_side_cut_off_at_the_border():
    images = torch.full((200, 3, 16, 16), 200, dtype=torch.uint8)
    draws = epoch_draws(["cutout"], 200, 0, 1)
    holes = augment(images, ["cutout"], draws) == 0
    for (row, column), hole in zip((16 * draws).long().tolist(), holes, strict=True):
        expected = torch.zeros(16, 16, dtype=torch.bool)
        expected[max(row - 4, 0) : row + 4, max(column - 4, 0) : column + 4] = True
        assert torch.equal(hole, expected.expand(3, -1, -1))


def test_every_epoch_has_other_draws_and_the_same_epoch_the_same():
    first, again, second = (epoch_draws(["flip", "crop"], 10, 5, epoch) for epoch in (1, 1, 2))
    assert first.shape == (10, 3)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert not torch.equal(first, epoch_draws(["flip", "crop"], 10, 6, 1))
    state = torch.get_rng_state()
    epoch_draws(["flip"], 10, 5, 1)
    assert torch.equal(state, torch.get_rng_state())


def test_augmentations_follow_one_another_in_the_order_of_their_names():
    images = random_images(20)
    draws = epoch_draws(["crop", "cutout"], 20, 0, 1)
    cropped = augment(images, ["crop"], draws[:, :2])
    assert torch.equal(augment(images, ["crop", "cutout"], draws), augment(cropped, ["cutout"], draws[:, 2:]))
