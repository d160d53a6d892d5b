"""`layercut init`: a study file that suits the folder, is explained, and that `plan` accepts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from layercut.cli.first_study import FirstModel, first_study
from layercut.data.folder_survey import FolderSurvey, describe_survey
from support.fake_datasets import write_image

Layercut = Callable[..., Any]

MODEL = FirstModel("timm/resnet18", {"weights": "DEFAULT"}, num_cuts=6, image_size=None, sized_by_weights=True)


def _photos(root: Path, each: int = 12, classes: tuple[str, ...] = ("ants", "bees")) -> Path:
    for name in classes:
        for index in range(each):
            write_image(root / name / f"{name}{index:02}.jpg", size=((40, 30), (25, 33))[index % 2])
    return root


def _study(survey: FolderSurvey, model: FirstModel = MODEL) -> dict[str, Any]:
    text = first_study(survey, model, "photos", "photos", Path("photos.yaml"))
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def _survey(each: int, test: int | None = None, validation: int = 0) -> FolderSurvey:
    tests = None if test is None else (test, test)
    return FolderSurvey(("ants", "bees"), (each, each), tests, validation, {(40, 30): 2 * each}, None, ())


def test_24_photographs_become_a_study_of_a_pretrained_model_that_plan_accepts(
    layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _photos(tmp_path / "photos")
    code, stdout, stderr = layercut("init", "photos", "-o", "my-study.yaml")
    assert (code, stdout) == (0, "my-study.yaml\n"), stderr
    assert "24 images in 2 classes: ants 12, bees 12" in stderr
    study = yaml.safe_load(Path("my-study.yaml").read_text(encoding="utf-8"))
    assert (study["model"], study["source"]) == ({"name": "timm/resnet18"}, {"weights": "DEFAULT"})
    assert study["transfer"] == {
        "cuts": "stages",
        "strategies": ["scratch", "linear_probe", "freeze", "finetune"],
        "fractions": [1.0],
        "replicates": 9,
        "validation": "folds",
        "training": {"epochs": 40, "min_steps": 100, "batch_size": 16, "lr": [1e-4, 3e-4, 1e-3]},
    }
    assert study["keep"] == ["weights", "predictions"]
    code, stdout, stderr = layercut("plan", "my-study.yaml")
    assert code == 0, stderr
    assert "cannot make any of" not in stdout


def test_what_was_found_fits_a_terminal_however_many_sizes_there_are() -> None:
    few = describe_survey(_survey(6))
    assert "width x height in pixels, most frequent first: 30 x 40" in few
    many = _survey(6)._replace(sizes={(300, width): 400 - width for width in range(200, 360)})
    assert "160 sizes (width x height in pixels), mostly 200 x 300, 201 x 300, 202 x 300 and 157 more" in (
        list(describe_survey(many))
    )


def test_the_command_wraps_what_it_found(layercut: Layercut, tmp_path: Path) -> None:
    classes = tuple(f"a_class_with_a_long_name_{index}" for index in range(6))
    photos = _photos(tmp_path / "photos", classes=classes)
    code, _, stderr = layercut("init", photos, "--model", "mlp=random", "-o", tmp_path / "x.yaml")
    assert code == 0, stderr
    found = [line for line in stderr.splitlines() if str(tmp_path) not in line]
    assert "a_class_with_a_long_name_5 12" in " ".join(found)
    assert max(map(len, found)) <= 80


def test_a_file_that_is_there_is_not_overwritten(layercut: Layercut, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine", encoding="utf-8")
    code, stdout, stderr = layercut("init", _photos(tmp_path / "photos"), "-o", file)
    assert (code, stdout) == (2, "")
    assert "already exists and will not be overwritten; choose another file with -o" in stderr
    assert file.read_text(encoding="utf-8") == "mine"


def test_every_key_of_the_file_has_a_comment_above_or_beside_it(tmp_path: Path) -> None:
    text = first_study(_survey(12), MODEL, "photos", "photos", Path("photos.yaml"))
    above = ""
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            own = "#" in line or line in ("  dataset: folder",)
            assert own or above.lstrip().startswith("# "), line
        above = line


_MANY = tuple(f"class{number}" for number in range(100))


@pytest.mark.parametrize(
    ("survey", "rates"),
    [
        (_survey(12), [1e-4, 3e-4, 1e-3]),
        (_survey(1, test=5), 3e-4),  # the only image of a class is in no fold
        (_survey(1, test=5, validation=4), [1e-4, 3e-4, 1e-3]),
        (_survey(1000, test=100), [1e-4, 3e-4, 1e-3]),
        # 3 bees at 10 %: none can be spared for validation, yet each is predicted by a fold
        (FolderSurvey(("ants", "bees"), (2000, 30), (9, 9), 0, {(40, 30): 2030}, None, ()), [1e-4, 3e-4, 1e-3]),
        (FolderSurvey(_MANY, (14,) * 100, (9,) * 100, 0, {(40, 30): 1400}, None, ()), 3e-4),  # one of each at 10 %
    ],
)
def test_learning_rates_are_chosen_where_there_are_images_to_choose_by(survey: FolderSurvey, rates: Any) -> None:
    text = first_study(survey, MODEL, "photos", "photos", Path("photos.yaml"))
    assert yaml.safe_load(text)["transfer"]["training"]["lr"] == rates


def test_folders_and_files_with_odd_names_are_found_again(
    layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _photos(tmp_path / "My photos: #1 {new}", classes=("yes", "a\nb"))
    code, stdout, stderr = layercut("init", "My photos: #1 {new}", "--model", "mlp=random")
    assert (code, stdout) == (0, "My-photos-1-new.yaml\n"), stderr
    code, _, stderr = layercut("plan", "My-photos-1-new.yaml")
    assert code == 0, stderr


def test_a_weight_file_of_ones_own_is_named_relative_to_the_study_file(
    layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from timm import create_model
    from torch import save

    monkeypatch.chdir(tmp_path)
    _photos(tmp_path / "photos")
    (tmp_path / "studies").mkdir()
    save(create_model("resnet10t").state_dict(), "studies/mine.pth")
    code, _, stderr = layercut("init", "photos", "--model", "timm/resnet10t=studies/mine.pth", "-o", "studies/x.yaml")
    assert code == 0, stderr
    study = yaml.safe_load(Path("studies/x.yaml").read_text(encoding="utf-8"))
    assert study["source"] == {"checkpoint": "mine.pth"}
    assert study["target"]["path"] == str(tmp_path / "photos")
    assert layercut("plan", "studies/x.yaml").code == 0


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("timm/resnet81", "did you mean"),
        ("timm/resnet18=nothing.pth", "no weight file nothing.pth"),
        ("timm/resnet18=IMAGENET1K_V9", "has no weights 'IMAGENET1K_V9'"),
        ("mlp", "no weights are published for this model"),
    ],
)
def test_a_model_without_weights_is_refused_and_nothing_is_written(
    layercut: Layercut, tmp_path: Path, model: str, message: str
) -> None:
    code, stdout, stderr = layercut("init", _photos(tmp_path / "photos"), "--model", model, "-o", tmp_path / "x.yaml")
    assert (code, stdout) == (2, "")
    assert message in stderr
    assert not (tmp_path / "x.yaml").exists()


def test_a_class_too_small_to_be_tested_is_refused(layercut: Layercut, tmp_path: Path) -> None:
    _photos(tmp_path / "photos")
    _photos(tmp_path / "photos", each=1, classes=("wasps",))
    code, _, stderr = layercut("init", tmp_path / "photos", "--model", "mlp=random", "-o", tmp_path / "x.yaml")
    assert code == 2
    assert "class 'wasps' has 1 images" in stderr
    assert not (tmp_path / "x.yaml").exists()


def test_a_folder_that_has_test_images_keeps_them() -> None:
    assert "test_split" not in _study(_survey(12, test=5))["target"]


def test_choices_rest_on_validation_images_of_ones_own() -> None:
    assert _study(_survey(12, test=5, validation=6))["transfer"]["validation"] == "given"


def test_with_many_images_a_tenth_of_them_is_tried_too_and_folds_are_not_needed() -> None:
    transfer = _study(_survey(1000))["transfer"]
    assert (transfer["fractions"], transfer["validation"]) == ([0.1, 1.0], "within")
    assert "min_steps" not in transfer["training"]


def test_a_model_with_many_cuts_gets_the_replicates_that_its_comparisons_need() -> None:
    assert _study(_survey(12), MODEL._replace(num_cuts=21))["transfer"]["replicates"] == 10


def test_classes_of_very_different_size_are_chosen_by_balanced_accuracy_and_others_by_accuracy() -> None:
    unequal = FolderSurvey(("ants", "bees"), (60, 15), None, 0, {(40, 30): 75}, None, ())
    assert _study(unequal)["metric"] == "balanced_accuracy"
    assert "metric" not in _study(unequal._replace(train_counts=(60, 16)))


def test_classes_of_very_different_size_have_class_weights_on_offer() -> None:
    unequal = FolderSurvey(("ants", "bees"), (60, 15), None, 0, {(40, 30): 75}, None, ())
    offer = "    # class_weights: balanced\n"
    text = first_study(unequal, MODEL, "photos", "photos", Path("photos.yaml"))
    assert offer in text
    assert offer not in first_study(_survey(12), MODEL, "photos", "photos", Path("photos.yaml"))
    offered = yaml.safe_load(text.replace(offer, offer.replace("# ", "")))
    assert offered["transfer"]["training"]["class_weights"] == "balanced"


def _crops(root: Path, groups: int) -> Path:
    """Write two crops of each of some photographs of each class, below the photograph's folder."""
    for name in ("ants", "bees"):
        for group in range(groups):
            for index in range(2):
                pixels = np.random.default_rng([len(name), ord(name[0]), group, index]).integers(0, 256, (30, 40, 3))
                write_image(root / name / f"{name}{group}" / f"{index}.png", pixels.astype(np.uint8))
    return root


def test_crops_of_photographs_become_a_study_with_whole_groups(
    layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _crops(tmp_path / "crops", groups=8)
    code, _, stderr = layercut("init", "crops", "--model", "mlp=random", "--group", "folder")
    assert code == 0, stderr
    assert "16 groups (by folder), each whole on one side of every division" in stderr
    assert yaml.safe_load(Path("crops.yaml").read_text(encoding="utf-8"))["target"]["group"] == "folder"
    plan = layercut("plan", "crops.yaml")
    assert plan.code == 0, plan.stderr
    assert "16 groups stay whole" in " ".join(plan.stdout.split())


def test_folders_of_folders_are_told_how_to_be_groups(layercut: Layercut, tmp_path: Path) -> None:
    code, _, stderr = layercut("init", _crops(tmp_path / "crops", groups=3), "-o", tmp_path / "x.yaml")
    assert code == 2
    assert "--group folder" in stderr


def test_a_table_whose_groups_count_without_being_asked_says_so_in_the_study(
    layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = list(_crops(tmp_path / "photos", groups=6).rglob("*.png"))
    rows = [f"{file.relative_to(tmp_path / 'photos')},{file.parts[-3]},{file.parts[-2]}" for file in files]
    Path("photos/metadata.csv").write_text("\n".join(["file_name,label,group", *rows]), encoding="utf-8")
    code, _, stderr = layercut("init", "photos", "--model", "mlp=random")
    assert code == 0, stderr
    text = Path("photos.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["target"]["group"] == "group"
    assert "The images of one group in the table belong together" in " ".join(text.replace("#", "").split())
    assert layercut("plan", "photos.yaml").code == 0


def test_learning_rates_are_not_chosen_where_no_group_is_left_to_choose_by(
    layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _crops(tmp_path / "crops", groups=2)  # one of them is set aside for tests
    code, _, stderr = layercut("init", "crops", "--model", "mlp=random", "--group", "folder")
    assert code == 0, stderr
    assert yaml.safe_load(Path("crops.yaml").read_text(encoding="utf-8"))["transfer"]["training"]["lr"] == 3e-4
    assert layercut("plan", "crops.yaml").code == 0
