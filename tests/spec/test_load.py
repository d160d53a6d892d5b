"""Study files: what they may say and what is said of mistakes."""

from __future__ import annotations

import re

import pytest
import yaml

from layercut.errors import SpecError
from layercut.spec import load_study, parse_study, shipped_studies
from support.tiny import STUDY


def refusal(text, *overrides, file=None):
    with pytest.raises(SpecError) as caught:
        parse_study(text, file=file, overrides=overrides)
    return str(caught.value)


@pytest.mark.parametrize("name", shipped_studies())
def test_every_shipped_study_loads_and_is_called_by_its_file(name):
    assert load_study(name).name == name


def test_one_value_may_stand_where_a_list_is_meant():
    study = parse_study(STUDY, overrides=["transfer.strategies=freeze", "transfer.fractions=0.5"])
    assert (study.transfer.strategies, study.transfer.fractions) == (["freeze"], [0.5])
    assert len(study.source) == len(study.target) == len(study.model) == 1


def test_numbers_in_scientific_notation_are_numbers():
    assert parse_study(STUDY, overrides=["transfer.training.lr=1e-3"]).transfer.training.lr == 1e-3


def test_an_unknown_key_is_named_with_line_and_nearest_legal_one(tmp_path):
    file = tmp_path / "my.yaml"
    message = refusal(STUDY.replace("  replicates: 1", "  replicats: 1"), file=file)
    assert message.startswith("`transfer.replicats`")
    assert f"in {file}, line 11" in message
    assert "did you mean 'replicates'" in message


def test_every_mistake_is_reported_at_once():
    message = refusal(STUDY, "seed=-1", "transfer.training.lr=0", "nmae=x")
    assert {line.split("`")[1] for line in message.splitlines()} == {"seed", "transfer.training.lr", "nmae"}


def test_a_fraction_out_of_range_is_named_by_its_place_in_the_list():
    message = refusal(STUDY, "transfer.fractions=[0.1, 1.5]")
    assert message == "`transfer.fractions[1]` given with --set: expected a fraction in (0, 1]; got 1.5"


@pytest.mark.parametrize("place", ["transfer.training.lr", "transfer.training.clip_norm", "pretraining.weight_decay"])
@pytest.mark.parametrize("value", [".inf", ".nan"])
def test_numbers_are_finite(place, value):
    assert (
        refusal(STUDY, f"{place}={value}") == f"`{place}` given with --set: expected a finite number; got {value[1:]}"
    )


def test_a_pixel_mean_is_finite():
    assert "`normalization.mean` given with --set: expected a finite number" in refusal(
        STUDY, "normalization.mean=.inf"
    )


def test_what_was_set_is_named_where_the_mistake_is_in_more_than_it(tmp_path):
    message = refusal(STUDY, "transfer.training.momentum=0.9", file=tmp_path / "my.yaml")
    assert message.startswith(f"`transfer.training` in {tmp_path}/my.yaml, line ")
    assert ", with --set transfer.training.momentum: expected momentum only with" in message


def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path):
    message = refusal(STUDY.replace("[0.2]", "[0.2, 7]"), file=tmp_path / "my.yaml")
    assert message == f"`transfer.fractions[1]` in {tmp_path}/my.yaml, line 10: expected a fraction in (0, 1]; got 7"


def test_a_class_listed_twice_is_refused():
    assert "each class once; 1 is listed more than once" in refusal(STUDY, "source.classes=[1, 2, 1]")
    assert refusal(STUDY, "source.classes=[1, 2, 1]").startswith("`source[0].classes`")


def test_a_key_that_stands_twice_is_refused():
    assert "the key 'seed' appears twice, first on line 3" in refusal(STUDY + "seed: 4\n")


def test_text_that_is_no_mapping_or_no_yaml_is_refused():
    assert "must be a mapping" in refusal("- 1\n")
    assert "is not YAML" in refusal("a: [1\n")


def test_an_override_needs_a_key_path_and_a_value():
    assert "--set takes key.path=value" in refusal(STUDY, "transfer.replicates")
    assert "not an index into a list" in refusal(STUDY, "transfer.fractions[7]=1")


def test_replicates_by_fraction_take_the_smallest_bound_that_is_not_below():
    study = parse_study(
        STUDY, overrides=["transfer.replicates={up_to: {0.01: 25, 0.1: 20, 1.0: 10}}", "transfer.fractions=[0.01, 1]"]
    )
    assert [study.transfer.num_replicates(f) for f in (0.001, 0.01, 0.05, 0.1, 1.0)] == [25, 25, 20, 20, 10]


def test_replicates_by_fraction_must_cover_every_fraction():
    message = refusal(STUDY, "transfer.replicates={up_to: {0.1: 20}}")
    assert "must cover every fraction; 0.2 is above its largest bound 0.1" in message


def test_relative_paths_are_relative_to_the_study_file(tmp_path):
    file = tmp_path / "study.yaml"
    text = STUDY.replace("{dataset: digits, classes: [0, 1, 2, 3, 4]}", "{checkpoint: weights.pth}")
    assert parse_study(text, file=file).source[0].checkpoint == tmp_path / "weights.pth"


def test_an_unknown_study_lists_the_shipped_ones():
    with pytest.raises(SpecError, match="did you mean 'digits'"):
        load_study("digit")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("transfer.replicates=two", "expected a whole number, or `{up_to: {fraction: count}}`; got 'two'"),
        ("transfer.replicates=[]", "expected a whole number, or `{up_to: {fraction: count}}`; got []"),
        ("transfer.fractions=[]", "expected at least 1 value; got []"),
        ("source.classes=[1]", "expected at least 2 values; got [1]"),
        ("name=../evil", "expected letters, digits, `_`, `-` and `.` only: the name is also that of a folder"),
        ("name=..", "expected letters, digits"),
    ],
)
def test_what_is_legal_is_said_in_words(override, message):
    (line,) = refusal(STUDY, override).splitlines()
    assert message in line


def test_a_number_of_replicates_may_be_a_text():
    assert parse_study(STUDY, overrides=["transfer.replicates='3'"]).transfer.replicates == 3


NAMES = ["00010", "yes", "no", "off", "null", "~", "2020-01-01", "1.10", "0x1F", "12:30", "1_0", "1e3", "+5", ".inf"]


@pytest.mark.parametrize("task", ["source", "target"])
def test_classes_are_called_as_the_file_writes_them(task):
    written = "[" + ", ".join(NAMES) + "]"
    studies = [
        parse_study(STUDY, overrides=[f"{task}={{dataset: digits, classes: {written}}}"]),
        parse_study(STUDY, overrides=[f"{task}.classes={written}"]),
        parse_study(STUDY, overrides=[f"{task}=[{{dataset: digits, classes: {written}}}]"]),
        parse_study(re.sub(f"({task}:.*classes: )\\[.*\\]", rf"\1{written}", STUDY)),
    ]
    assert [getattr(study, task)[0].classes for study in studies] == [NAMES] * 4


def test_one_class_can_be_set_by_name():
    assert parse_study(STUDY, overrides=["target.classes[0]=007"]).target[0].classes[:2] == ["007", 6]


def test_a_number_without_quotes_is_a_number_and_with_quotes_a_name():
    assert parse_study(STUDY, overrides=["target.classes=[7, '8']"]).target[0].classes == [7, "8"]


def test_names_that_are_kept_survive_being_written_again():
    study = parse_study(STUDY, overrides=["target.classes=[00010, 'yes', 3]"])
    again = yaml.safe_dump(study.model_dump(mode="json", exclude_unset=True))
    assert parse_study(again).target[0].classes == ["00010", "yes", 3]


def test_groups_and_their_members_are_called_as_the_file_writes_them():
    study = parse_study(STUDY, overrides=["target={dataset: digits, groups: {yes: [00010, no], 007: [1]}}"])
    assert study.target[0].options["groups"] == {"yes": ["00010", "no"], "007": [1]}


def test_blocks_are_called_as_the_file_writes_them():
    study = parse_study(
        STUDY, overrides=["model={factory: 'mine:build', blocks: [0, 1.10, 2_0]}", "transfer.cuts=[1_0, 2]"]
    )
    assert study.model[0].options["blocks"] == ["0", "1.10", "2_0"]
    assert study.transfer.cuts == ["1_0", 2]
    cuts = parse_study(STUDY, overrides=["model={name: torchvision/vgg16, cuts: [3, 4_1]}"]).model[0].options["cuts"]
    assert cuts == [3, "4_1"]


def test_studies_factors_and_paths_are_called_as_the_file_writes_them(tmp_path):
    file = tmp_path / "study.yaml"
    text = STUDY.replace("name: tiny", "name: 2020-01-01").replace(
        "{dataset: digits, classes: [5, 6, 7, 8, 9]}", "{dataset: folder, path: 0123}"
    )
    study = parse_study(text, file, ["transfer.factors={no: {on: {lr: 1e-2}, 10: {lr: 1e-3}}}"])
    assert study.name == "2020-01-01"
    assert study.target[0].options["path"] == str(tmp_path / "0123")
    assert study.transfer.factors == {"no": {"on": {"lr": 1e-2}, "10": {"lr": 1e-3}}}
