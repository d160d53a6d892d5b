"""`layercut probe` and `layercut scoreboard`: answers from real scores, in tables and as JSON."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from layercut import load_probes, run_study
from layercut.cli.probe import _ranked
from layercut.cli.probe import command as probe
from layercut.cli.probe_tables import best_layers, layer_tables
from layercut.cli.probe_verdict import describe_verdict, verdict
from layercut.cli.report import command as report
from layercut.cli.scoreboard import _few
from layercut.cli.scoreboard import command as scoreboard
from layercut.errors import UserError
from layercut.figures.probe_by_layer import by_model
from layercut.figures.study_tables import StudyTables
from layercut.ledger import Ledger
from layercut.plan.candidate import Candidate, parse_candidate
from layercut.report import write_figures, write_report
from layercut.report.probe_table import probe_verdicts
from layercut.runner.probes import probe_models, probe_spec
from support.fake_datasets import write_image
from support.packed_page import unpacked
from support.tiny import tiny_study

PROBES = "probes=[knn, {name: sum_of_squares, sample: 60}]"
SMALL = (
    "transfer.strategies=[scratch, freeze_reinit]",
    "transfer.fractions=[0.1, 0.3]",
    "transfer.replicates=2",
    PROBES,
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The output directory of a finished study with probes."""
    folder = tmp_path_factory.mktemp("study")
    run_study(tiny_study(*SMALL), folder, executor="serial")
    return folder


def call(command, *arguments):
    """Run a command in this process and return what it printed."""
    result = CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_workers_give_the_same_scores_as_one_process(study, tmp_path):
    summary = run_study(tiny_study(*SMALL), tmp_path, executor="processes", workers=2)
    assert summary.num_probes == 2 * 2 * 5 + 2 * 5
    with Ledger(study, read_only=True) as ledger:
        assert ledger.records_hash(named=True) == summary.records_hash
    assert load_probes(study)["accuracy"].notna().sum() == 20


def test_the_scoreboard_judges_every_probe_and_names_what_it_loses_to(study):
    content = json.loads(call(scoreboard, study, "--json", "--null", study))
    predictors = {row["predictor"] for row in content["standings"]}
    assert {"knn", "sum_of_squares", "always cut 0", "a cut at random", "mean of other studies"} <= predictors
    boards = [row for row in content["boards"] if row["predictor"] == "knn"]
    assert {(row["strategy"], row["fraction"]) for row in boards} == {("freeze_reinit", 0.1), ("freeze_reinit", 0.3)}
    assert all(row["num_candidates"] == 4 for row in boards)
    text = call(scoreboard, study, "--all")
    assert max(map(len, text.splitlines())) <= 80
    assert "sum_of_squares" in text
    assert "[knn]" in text
    assert "freeze_reinit, 30 % of the data" in text


def test_what_a_probe_loses_to_is_told_in_a_few_names():
    assert _few(["knn", "always cut 1", "a cut at random"]) == "knn, always cut 1, a cut at random"
    assert _few(["knn", "always cut 1", "always cut 2", "a cut at random"]) == "knn, always cut 1 and 2 others"


def test_a_study_without_probes_has_no_scoreboard(tmp_path):
    run_study(tiny_study("transfer.strategies=[scratch]"), tmp_path, executor="serial")
    with pytest.raises(UserError, match="no probe scores to judge"):
        call(scoreboard, tmp_path)


def test_the_report_and_the_figures_show_the_probes(study, tmp_path):
    figures = unpacked(write_report(study, [study]).read_text(encoding="utf-8"), "figures")
    assert "Probes by layer" in figures
    assert "Choosing the cut by a probe" in figures
    assert "mean of other studies" in figures
    names = {path.name for path in write_figures(study, tmp_path)}
    assert {"probe_by_layer.svg", "probe_scoreboard.svg"} <= names


def test_the_scoreboard_of_the_report_is_that_of_the_command(study, tmp_path):
    shown = json.loads(unpacked(write_report(study, [study]).read_text(encoding="utf-8"), "data"))["tables"]["probes"]
    boards = json.loads(call(scoreboard, study, "--json", "--null", study))["boards"]
    assert len(shown["rows"]) == len(boards)
    for row, board in zip(shown["rows"], boards, strict=True):
        name = f"[{board['predictor']}]" if board["is_null"] else board["predictor"]
        assert row["t"][0] == name
        assert row["t"][9] == f"{100 * board['regret']:.1f}"
    call(report, study, "--tables", tmp_path, "--null", study)
    assert "mean of other studies" in (tmp_path / "scoreboard.md").read_text(encoding="utf-8")
    assert (tmp_path / "scoreboard.csv").exists()


def test_the_page_says_in_words_which_probes_lose_to_a_rule(study):
    board = StudyTables.read(study, [study]).scoreboard
    worst = board.assign(regret=np.where(board["predictor"] == "sum_of_squares", 0.9, board["regret"]))
    said = list(probe_verdicts(worst))
    assert any(text.startswith("sum_of_squares loses 90.0 points on average, more than") for text in said)
    assert said[-1].startswith("With hindsight, one fixed cut would have been enough")


def test_models_are_compared_without_a_study(study, tmp_path):
    (weights,) = (study / "checkpoints").glob("*.safetensors")
    picture = tmp_path / "scores.svg"
    arguments = [
        "--data", "digits", "--classes", "5,6,7", "--sample", "40", "--probes", "knn,fisher", "-o", picture,
        "--set", "model.depth=3", "--set", "model.channels=8",
    ]  # fmt: skip
    text = call(probe, weights, "random", *arguments)
    assert "conv2" in text
    assert "Best model by each probe" in text
    assert "random weights" in text
    assert text.splitlines()[-1] == str(picture)
    assert "<svg" in picture.read_text(encoding="utf-8")
    content = json.loads(call(probe, weights, *arguments, "--json"))
    layers = [row["layer"] for row in content["scores"] if row["probe"] == "knn"]
    assert layers == ["input", "conv0", "conv1", "conv2", "output"]
    assert all(row["num_images"] == 40 for row in content["scores"])


@pytest.mark.parametrize(
    ("text", "model", "weights"),
    [
        ("mine.pth", "plain_cnn", "mine.pth"),
        ("random", "plain_cnn", "random"),
        ("torchvision/resnet18", "torchvision/resnet18", "DEFAULT"),
        ("torchvision/resnet18=IMAGENET1K_V1", "torchvision/resnet18", "IMAGENET1K_V1"),
        ("timm/resnet18.a1_in1k", "timm/resnet18.a1_in1k", "DEFAULT"),
        ("timm/resnet18.pth", "plain_cnn", "timm/resnet18.pth"),  # a file in a folder of that name
        ("mine:build=weights/a.pth", "mine:build", "weights/a.pth"),
    ],
)
def test_models_are_named_with_or_without_weights(text, model, weights):
    assert parse_candidate(text, "plain_cnn") == Candidate(model, weights)


def test_every_training_image_is_probed_and_none_is_kept_for_validation(tmp_path):
    for split, number in (("train", 12), ("test", 2)):
        for name in ("ants", "bees"):
            for index in range(number):
                write_image(
                    tmp_path / split / name / f"{index}.png",
                    np.random.default_rng([index, number, len(split), ord(name[0])]).integers(
                        0, 256, size=(16, 16, 3), dtype=np.uint8
                    ),
                )
    spec = probe_spec(Candidate("plain_cnn", "random"), str(tmp_path), None, ["knn"], 500, ["model.depth=1"])
    assert set(probe_models([spec], device="cpu").table["num_images"]) == {24}


def test_models_of_different_layers_are_compared_by_depth():
    specs = [
        probe_spec(Candidate(name, "random"), "digits", None, ["knn"], 30, ["model.depth=2"])
        for name in ("plain_cnn", "mlp")
    ]
    table = probe_models(specs, device="cpu").table
    assert table["source"].nunique() == 2
    panel = by_model(table).panels[0]
    assert panel.x.title == "Depth (share of the model's layers)"
    assert [[point.x for point in line.points] for line in panel.lines] == [[0.0, 0.5, 1.0]] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["random", "--data", "digitz"], "unknown dataset 'digitz'; did you mean 'digits'"),
        (["random", "--data", "digitz"], "--data digitz: there is no folder digitz, and unknown dataset"),
        (["random", "--data", __file__], r"test_probes\.py: is no folder and no table .*, and unknown dataset"),
        (["random", "--data", "digits", "--classes", "5"], "--classes 5: expected two or more classes"),
        (["random", "--data", "digits", "--classes", "5,6,5"], "--classes 5,6,5: expected .* each once"),
        (["random", "--data", "digits", "--set", "pretraining.epochs=x"], "^`pretraining.epochs` given with --set: "),
        (["random", "--data", "digits", "--set", "target.classes=[5]"], r"^`target\[0\].classes` given with --set: "),
        (["random", "--data", "digits", "--model", "plain_cn"], "unknown model 'plain_cn'; did you mean 'plain_cnn'"),
        (["random", "--data", "digits", "--probes", "nkn"], "unknown probe 'nkn'; did you mean 'knn'"),
        (["none.pth", "--data", "digits"], r"^none\.pth: no weight file"),
        (["resnet18", "--data", "digits"], r"^resnet18: expected a weight file.*did you mean 'torchvision/resnet18'\?"),
        (
            ["mlp", "--data", "digits"],
            "^mlp: no weights are published for this model; .* mlp=FILE or mlp=random",
        ),
        (["mlp=DEFAULT", "--data", "digits"], "^mlp=DEFAULT: no weights of the model mlp are published"),
        (["random", "--data", "digits", "--classes", "5,12"], "^--data digits --classes 5,12: class 12"),
        (["mlp=random", "--data", "digits", "--set", "model.depht=2"], "^mlp=random, with --set model.depht: "),
        (["random", "--data", "digits", "--probes", "knn,nkn"], "^--probes nkn: unknown probe 'nkn'"),
        (["random", "--data", "digits", "-o", "picture"], "expected a name ending in .svg"),
        (["random", "--data", "digits", "-o", "picture.gif"], "expected a name ending in .svg"),
    ],
)
def test_what_cannot_be_used_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        call(probe, *arguments)


QUICK = ("--data", "digits", "--probes", "knn", "--sample", "30", "--set", "model.depth=1")


def test_the_folder_of_the_picture_is_made(tmp_path):
    picture = tmp_path / "a" / "b" / "p.png"
    assert call(probe, "random", *QUICK, "-o", picture).splitlines()[-1] == str(picture)
    assert picture.is_file()


def test_a_picture_that_cannot_be_written_is_refused_before_anything_is_computed(tmp_path, monkeypatch):
    monkeypatch.setattr("layercut.runner.probes.probe_models", lambda *given, **options: pytest.fail("computed"))
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file, not a folder"):
        call(probe, "random", *QUICK, "-o", tmp_path / "file" / "x" / "p.png")
    (tmp_path / "p.png").mkdir()
    assert CliRunner().invoke(probe, ["random", *QUICK, "-o", str(tmp_path / "p.png")]).exit_code == 2


def test_where_the_picture_cannot_go_is_said_before_anything_slow_is_imported(tmp_path):
    program = (
        "import sys\n"
        "from layercut.cli.main import main\n"
        "try:\n    main(['probe', 'random', '--data', 'digits', '-o', sys.argv[1]])\n"
        "finally:\n    print([name for name in ('torch', 'matplotlib', 'pandas') if name in sys.modules])\n"
    )
    (tmp_path / "file").touch()
    command = [sys.executable, "-c", program, str(tmp_path / "file" / "probe.svg")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is a file, not a folder; choose another path" in done.stderr
    assert done.stdout == "[]\n"


def test_every_layer_that_ties_is_marked_and_none_where_all_do():
    assert best_layers({"input": 0.1, "conv0": 0.5, "conv1": 0.5 + 1e-14}, "higher") == {"conv0", "conv1"}
    assert best_layers({"input": 0.1, "conv0": 0.5}, "lower") == {"input"}
    assert best_layers({"input": 1.0, "conv0": 1.0}, "higher") == set()
    assert best_layers({"input": 3e-17, "conv0": -2e-17}, "higher") == set()
    assert best_layers({"input": 1.0}, "higher") == set()
    assert best_layers({}, "higher") == set()


def test_a_probe_that_only_one_model_has_a_score_of_is_shown_for_it(study, tmp_path):
    (weights,) = (study / "checkpoints").glob("*.safetensors")
    arguments = ["--data", "digits", "--classes", "5,6,7", "--sample", "40", "--probes", "leep,knn"]
    sizes = ["--set", "model.depth=3", "--set", "model.channels=8"]
    text = call(probe, "random", weights, *arguments, *sizes, "-o", tmp_path / "scores.png")
    assert f"leep: {weights.name} (" in text


def test_models_that_are_equal_are_not_put_in_an_order():
    assert _ranked({"a": 3.05e-17, "b": 1.31e-17, "c": -2.18e-17}) == "a (3.05e−17) = b (1.31e−17) = c (−2.18e−17)"
    assert _ranked({"a": 1.0, "b": 1.0, "c": 0.5}) == "a (1) = b (1), c (0.5)"
    assert _ranked({"a": 2.0, "b": 1.0}) == "a (2), b (1)"


def _scored(values, **columns):
    """Return a table of one model: `values` are those of a probe at cuts 0, 1, ..."""
    layers = ["input", *(f"block{place}" for place in range(1, len(values)))]
    about = {"source": "mine.pth", "target": "photos", "model": "m", "dataset": "target", "split": "train"} | columns
    name = columns.get("probe", "logistic_regression")
    table = {
        **about, "probe": name, "layer": layers, "cut": range(len(values)), "fraction": 1.0, "replicate": 0,
        "num_images": 100, "accuracy": values, "kind": "labels", "directions": json.dumps({"accuracy": "higher"}),
    }  # fmt: skip
    return pd.DataFrame(table)


def test_the_verdict_names_the_best_cut_its_interval_and_what_cannot_be_told_from_it():
    found = verdict(_scored([0.3, 0.5, 0.9, 0.88]))
    assert (found.best.cut, found.num_cuts, [other.cut for other in found.others]) == (2, 3, [3])
    text = " ".join(describe_verdict(found, 1))
    assert text.startswith("Keep 2 of 3 blocks (cut 2, after block2).")
    assert "classifies 90.0 % of 100 held-out images right on the features there (95 % interval 82.6 to 94.5 %" in text
    assert "on the pixels themselves, 30.0 %" in text
    assert "It cannot be distinguished from cut 3 of the same model." in text
    assert "A probe does not replace a study" in text


def test_a_cut_that_leaves_all_others_behind_is_said_to_do_so():
    assert "No other cut reaches that interval." in " ".join(describe_verdict(verdict(_scored([0.3, 0.4, 0.9])), 1))


def test_the_verdict_names_the_model_and_how_many_probes_prefer_it():
    one, other = _scored([0.3, 0.5, 0.9]), _scored([0.3, 0.4, 0.6], source="other.pth")
    knn = pd.concat([one.assign(accuracy=[0.3, 0.2, 0.2]), other]).assign(probe="knn")
    text = " ".join(describe_verdict(verdict(pd.concat([knn, one, other])), 2))
    assert text.startswith("mine.pth: keep 2 of 2 blocks")
    assert "1 of 2 probes prefer this model, at cut 2." in text


def test_features_that_are_no_better_than_pixels_are_not_recommended():
    text = " ".join(describe_verdict(verdict(_scored([0.6, 0.5, 0.6])), 1))
    assert text.startswith("Keep nothing: at no cut are features better than the pixels themselves.")


def test_scores_are_printed_with_layers_as_rows_in_80_columns():
    names = ["logistic_regression", "nearest_centroid", "knn", "logme", "h_score", "intrinsic_dimension", "silhouette"]
    table = pd.concat([_scored([0.123, 0.5, 0.25], probe=name) for name in names])
    table["layer"] = table["layer"].replace("block2", "a_name_of_a_block_that_nobody_would_want_to_read_twice")
    tables = list(layer_tables(table, "mine.pth"))
    lines = [line for found in tables for line in found]
    assert len(tables) > 1
    assert max(map(len, lines)) <= 80
    assert [line.split()[:2] for line in tables[0][-3:-1]] == [["0", "input"], ["1", "block1"]]
    assert "0.5*" in tables[0][-2]


def test_five_probes_are_asked_where_none_is_named(tmp_path):
    arguments = ["--data", "digits", "--sample", "40", "--set", "model.depth=2", "-o", tmp_path / "p.svg"]
    text = call(probe, "random", *arguments)
    assert max(map(len, text.splitlines()[:-1])) <= 80
    content = json.loads(call(probe, "random", *arguments, "--json"))
    assert len({row["probe"] for row in content["scores"]}) == 5
    assert content["verdict"]["num_probes"] == 5


def test_crops_of_a_photograph_are_judged_by_other_photographs_where_groups_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("ants", "bees"):
        for photo in range(8):
            pixels = np.random.default_rng([len(name), photo, ord(name[0])]).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            for crop in range(6):
                write_image(tmp_path / "crops" / name / f"{name}{photo}" / f"{crop}.png", pixels ^ np.uint8(crop))
    (tmp_path / "labels.csv").write_text(
        "file_name,label\n" + "\n".join(f"{f.relative_to(tmp_path)},{f.parts[-3]}" for f in tmp_path.rglob("*.png")),
        encoding="utf-8",
    )
    options = ["--model", "mlp", "--probes", "knn", "--set", "target.image_size=8", "--json"]
    alone = json.loads(call(probe, "random", "--data", "labels.csv", *options))
    whole = json.loads(call(probe, "random", "--data", "crops", "--group", "folder", *options))
    pixels = [next(one["accuracy"] for one in told["scores"] if one["layer"] == "input") for told in (alone, whole)]
    assert pixels[0] > 0.9
    assert pixels[1] < 0.8
