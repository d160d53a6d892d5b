"""The layer-freezing study's result files, in and out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from torchvision.datasets import MNIST

from layercut import run_study
from layercut.cli.export import study_content
from layercut.errors import LedgerError, UserError
from layercut.figures.study_tables import StudyTables
from layercut.interop import export_study, import_files
from layercut.interop.mp_tl_study import measured_on
from layercut.ledger import Ledger
from layercut.records import ConditionName, FailureRecord, ProbeRecord, TrialRecord
from layercut.report.build import build_page
from layercut.report.facts import read_facts
from layercut.spec import parse_study
from layercut.stats import contrasts_to_scratch
from layercut.stats.design import factor_columns
from layercut.stats.probe_tables import load_probes
from layercut.stats.tables import load_results
from support.tiny_study import TINY

PARAMETERS = {
    "depth": 2,
    "num_channels": 8,
    "kernel_size": 3,
    "lr_fine_tune": 0.001,
    "batch_size": 64,
    "pre_train_classes": [0, 1],
    "fine_tune_classes": [2, 3],
    "freeze": True,
    "reinit": True,
}


def trial(cut: int = 1, fraction: float = 0.1, repeat: int = 0, accuracy: float = 0.75, **other) -> dict:
    """Return a row of a cuts or baselines file."""
    row = {"lr": 0.001, "sampled_percentage": fraction, "sampled_cut_point": cut, "repeat": repeat}
    return row | {"train_acc": 1.0, "test_acc": accuracy} | other


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a result file."""

    def write(name: str, rows: list, folder: str = "MNIST/results", **parameters) -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([PARAMETERS | parameters, *rows]))
        return path

    return write


def read(path: Path) -> str:
    """Return the content of a JSON file such that 1, 1.0 and True differ."""
    return repr(json.loads(path.read_text()))


def round_trip(files: list[Path], tmp_path: Path) -> list[Path]:
    """Import and export files; return what was exported."""
    import_files(files, tmp_path / "run")
    return export_study(tmp_path / "run", tmp_path / "exports")


@pytest.mark.parametrize("folder", ["MNIST", "FashionMNIST"])
def test_published_files_come_back_with_equal_values(samples, tmp_path, folder):
    files = sorted((samples / "mp-tl-study" / folder / "results").glob("*.json"))
    assert files
    exported = round_trip(files, tmp_path)
    assert [path.name for path in exported] == [path.name for path in files]
    for original, copy in zip(files, exported, strict=True):
        assert read(copy) == read(original)


def test_all_published_files_fit_into_one_ledger(samples, tmp_path):
    files = sorted((samples / "mp-tl-study").glob("*/results/*.json"))
    exported = round_trip(files, tmp_path)
    assert len(files) == len(exported) == 5
    assert sorted(map(read, exported)) == sorted(map(read, files))


def test_published_means_are_those_of_the_table(samples, tmp_path):
    """Means of the published study at 0.1 % of MNIST 5-9, cuts 0..6."""
    files = sorted((samples / "mp-tl-study" / "MNIST" / "results").glob("*.json"))
    import_files(files, tmp_path)
    results = load_results(tmp_path)
    rows = results[(results["strategy"] == "freeze_reinit") & (results["fraction"] == 0.001)]
    means = rows.groupby("cut")["test_accuracy"].mean().round(3)
    assert list(means) == [0.657, 0.684, 0.706, 0.778, 0.818, 0.813, 0.779]
    assert set(rows["source"]) == {"mnist[0,1,2,3,4]"}


def test_what_the_published_files_show_is_said(samples, tmp_path):
    files = sorted((samples / "mp-tl-study" / "MNIST" / "results").glob("*.json"))
    warnings = import_files(files, tmp_path).warnings
    with Ledger(tmp_path, read_only=True) as ledger:
        plan = ledger.meta("plan")
    assert plan["warnings"] == warnings
    assert {(row["fraction"], row["replicates"], row["needed_replicates"]) for row in plan["unattainable"]} == {
        (0.5, 5, 8),
        (1.0, 5, 8),
    }
    on_training = "multiples of 1/29,404, the number of training images"
    for words in ("0.0625", "bit for bit in all 80 pairs", "no validation accuracy", on_training):
        assert any(words in warning for warning in warnings), words


@pytest.mark.parametrize(
    ("flags", "strategy"),
    [
        ({"freeze": True, "reinit": True}, "freeze_reinit"),
        ({"freeze": True, "reinit": False, "truncate": False}, "freeze"),
        ({"freeze": False, "reinit": True, "truncate": None}, "reinit"),
        ({"freeze": False, "reinit": False}, "finetune"),
        ({"freeze": True, "reinit": False, "truncate": True}, "freeze_truncate"),
        ({"freeze": True, "reinit": True, "truncate": True}, "freeze_truncate"),
        ({"freeze": False, "reinit": False, "truncate": True}, "truncate"),
    ],
)
def test_the_flags_tell_the_strategy(write, tmp_path, flags, strategy):
    import_files([write("cuts_x.json", [trial()], **flags)], tmp_path / "run")
    assert list(load_results(tmp_path / "run")["strategy"]) == [strategy]


def test_an_imported_design_point_says_what_the_code_of_the_study_does(write, tmp_path):
    frozen = write("cuts.json", [trial(1)])
    everything = write("all.json", [trial(1)], freeze=False, reinit=False)
    baseline = write("baselines.json", [trial(-1)])
    import_files([frozen, everything, baseline], tmp_path / "run")
    table = load_results(tmp_path / "run").set_index("strategy")
    assert table["treatment"].to_dict() == {
        "scratch": "Train from scratch",
        "freeze_reinit": "Keep 1 of 2 blocks, frozen, and re-initialise the rest",
        "finetune": "Keep all 2 blocks and train them further",
    }
    assert table["cutless"].to_dict() == {"scratch": True, "freeze_reinit": False, "finetune": True}


def test_cut_minus_one_is_training_from_scratch(write, tmp_path):
    import_files([write("baselines_x.json", [trial(cut=-1)])], tmp_path / "run")
    row = load_results(tmp_path / "run").iloc[0]
    assert (row["strategy"], row["cut"], row["num_blocks"]) == ("scratch", 0, 2)


@pytest.mark.parametrize(
    ("folder", "options", "labels"),
    [
        ("MNIST/results", {}, ("mnist[0,1]", "mnist[2,3]")),
        ("CIFAR/results", {}, ("cifar10[0,1]", "cifar10[2,3]")),
        ("FashionMNIST_to_MNIST/results", {}, ("fashion_mnist[0,1]", "mnist[2,3]")),
        ("somewhere", {"dataset": "birds"}, ("birds[0,1]", "birds[2,3]")),
        ("somewhere", {"dataset": "birds", "target_dataset": "bees"}, ("birds[0,1]", "bees[2,3]")),
        ("somewhere", {}, ("unnamed[0,1]", "unnamed[2,3]")),
    ],
)
def test_folder_and_classes_tell_the_tasks(write, tmp_path, folder, options, labels):
    import_files([write("cuts_x.json", [trial()], folder=folder)], tmp_path / "run", **options)
    row = load_results(tmp_path / "run").iloc[0]
    assert (row["source"], row["target"]) == labels


def test_duplicate_rows_survive_and_are_counted(write, tmp_path):
    path = write("cuts_x.json", [trial(accuracy=0.5), trial(accuracy=0.75), trial(accuracy=0.5), trial(repeat=1)])
    (copy,) = round_trip([path], tmp_path)
    assert read(copy) == read(path)
    assert len(load_results(tmp_path / "run")) == 4
    with Ledger(tmp_path / "run", read_only=True) as ledger:
        assert any(text.startswith("2 rows repeat") for text in ledger.meta("plan")["warnings"])


def test_repeated_percentages_are_said(write, tmp_path):
    path = write("cuts_x.json", [trial()], percentages=[0.1, 0.5, 0.1])
    assert any("percentage more than once (0.1)" in w for w in import_files([path], tmp_path / "run").warnings)


def test_missing_baselines_are_said(write, tmp_path):
    path = write("cuts_x.json", [trial()])
    assert any("No baselines at 10 %" in w for w in import_files([path], tmp_path / "run").warnings)


def test_files_made_with_different_parameters_are_said(write, tmp_path):
    files = [
        write("cuts_x.json", [trial()], batch_size=4096),
        write("baselines_x.json", [trial(cut=-1)], batch_size=64),
    ]
    warnings = import_files(files, tmp_path / "run").warnings
    assert any("batch_size differ" in w for w in warnings)


def test_cut_zero_that_differs_from_the_baselines_is_not_called_equal(write, tmp_path):
    files = [
        write("cuts_x.json", [trial(cut=0, accuracy=0.5)]),
        write("baselines_x.json", [trial(cut=-1, accuracy=0.75)]),
    ]
    assert not any("bit for bit" in w for w in import_files(files, tmp_path / "run").warnings)


def test_cut_zero_that_equals_the_baselines_is_no_comparison_of_its_own(samples, tmp_path):
    """Six cuts are compared with scratch, so the least of their p-values is multiplied by six, not by seven."""
    files = sorted((samples / "mp-tl-study" / "MNIST" / "results").glob("*.json"))
    import_files(files, tmp_path)
    results = load_results(tmp_path)
    assert (len(results), results["key"].nunique()) == (640, 560)
    contrasts = contrasts_to_scratch(results)
    assert set(contrasts["num_comparisons"]) == {6}
    assert contrasts.loc[contrasts["cut"] == 0, "p"].isna().all()


def test_cut_zero_that_equals_some_baselines_only_stays_a_measurement(write, tmp_path):
    files = [
        write("cuts_x.json", [trial(cut=0, accuracy=0.5), trial(cut=0, repeat=1, accuracy=0.5)]),
        write("baselines_x.json", [trial(cut=-1, accuracy=0.5), trial(cut=-1, repeat=1, accuracy=0.75)]),
    ]
    import_files(files, tmp_path / "run")
    results = load_results(tmp_path / "run")
    assert not results["merged"].any()
    assert results["key"].nunique() == 4


@pytest.mark.parametrize(
    ("num_images", "words"),
    [
        (2042, "1/2,042, the number of test images"),
        (12089, "1/12,089, the number of training images of the target's classes (there are 2,042 test images)"),
        (1209, "1/1,209, which is neither the number of test images (2,042) nor that of training images (12,089)"),
    ],
)
def test_accuracies_tell_which_images_they_were_measured_on(write, tmp_path, num_images, words):
    """MNIST has 12,089 training and 2,042 test images of the digits 2 and 3."""
    rows = [trial(repeat=r, accuracy=(num_images - 1 - 7 * r) / num_images) for r in range(6)]
    warnings = import_files([write("cuts_x.json", rows)], tmp_path / "run").warnings
    assert any(words in warning for warning in warnings), warnings


def test_the_classes_of_mnist_have_as_many_images_as_the_data_set(shared_data):
    for training, counts in ((True, measured_on._TRAINING), (False, measured_on._TEST)):
        labels = MNIST(shared_data, train=training).targets
        assert tuple(labels.bincount().tolist()) == counts["mnist"]


def test_accuracies_that_fit_both_sets_are_called_neither(write, tmp_path):
    """One half of anything is a multiple of 1/2: no evidence."""
    warnings = import_files([write("cuts_x.json", [trial(accuracy=0.0)])], tmp_path / "run").warnings
    assert any("cannot be checked" in warning for warning in warnings)


def test_files_measured_on_different_images_are_not_compared_without_a_word(write, tmp_path):
    files = [
        write("cuts_x.json", [trial(repeat=r, accuracy=(12088 - r) / 12089) for r in range(6)]),
        write("baselines_x.json", [trial(cut=-1, repeat=r, accuracy=(2041 - r) / 2042) for r in range(6)]),
    ]
    warnings = import_files(files, tmp_path / "run").warnings
    (warning,) = [text for text in warnings if "measured on different images" in text]
    assert "cuts_x.json: 12,089 training images" in warning
    assert "baselines_x.json: 2,042 test images" in warning


def test_older_parameter_names_are_the_same_model_and_are_said(write, tmp_path):
    """A file that calls the channels `width` and leaves out how often it pools belongs to the baselines beside it."""
    today = {"use_pooling": True, "pooling_every_n_layers": 2}
    older = {"use_pooling": True, "num_channels": None, "width": 8}
    path = write("cuts_old.json", [trial()], **older)
    parameters, *rows = json.loads(path.read_text())
    del parameters["num_channels"]
    path.write_text(json.dumps([parameters, *rows]))
    files = [path, write("baselines_x.json", [trial(cut=-1)], **today)]
    warnings = import_files(files, tmp_path / "run").warnings
    assert set(load_results(tmp_path / "run")["model"]) == {
        "plain_cnn(channels=8, depth=2, kernel_size=3, pool_every=2)"
    }
    assert any(text.startswith("cuts_old.json: `width` is read as num_channels") for text in warnings)
    assert any(text.startswith("cuts_old.json: the parameters have use_pooling and no pooling") for text in warnings)
    assert not any("No baselines" in text for text in warnings)


def test_the_report_does_not_promise_of_imports_that_repeats_saw_the_same_images(write, tmp_path):
    files = [write("cuts_x.json", [trial()]), write("baselines_x.json", [trial(cut=-1)])]
    import_files(files, tmp_path / "run")
    page = build_page(StudyTables.read(tmp_path / "run"), read_facts(tmp_path / "run"))
    assert "do not say whether equal numbers saw the same training images" in page.method
    assert "the same replicate sees the same" not in page.method


def test_enough_repeats_are_not_called_too_few(write, tmp_path):
    files = [
        write("cuts_x.json", [trial(repeat=r) for r in range(6)]),
        write("baselines_x.json", [trial(cut=-1, repeat=r) for r in range(6)]),
    ]
    assert not any("cannot make any" in w for w in import_files(files, tmp_path / "run").warnings)


def test_unknown_fields_and_whole_numbers_survive(write, tmp_path):
    path = write("cuts_x.json", [trial(fraction=1, train_acc=1, seconds=2), trial(repeat=1, lr=None)], note="ä")
    (copy,) = round_trip([path], tmp_path)
    assert read(copy) == read(path)


def test_a_row_without_learning_rate_survives(write, tmp_path):
    row = trial()
    del row["lr"]
    path = write("cuts_x.json", [trial(repeat=1), row])
    (copy,) = round_trip([path], tmp_path)
    assert json.loads(copy.read_text()) == json.loads(path.read_text())


def test_files_of_the_same_name_are_kept_apart(write, tmp_path):
    files = [write("cuts_x.json", [trial()]), write("cuts_x.json", [trial()], folder="CIFAR/results")]
    exported = round_trip(files, tmp_path)
    assert [path.relative_to(tmp_path / "exports").as_posix() for path in exported] == [
        "MNIST/results/cuts_x.json",
        "CIFAR/results/cuts_x.json",
    ]


def test_studies_that_differ_in_a_training_parameter_differ_in_a_factor(write, tmp_path):
    files = [
        write("cuts_small.json", [trial(accuracy=0.5)], batch_size=64),
        write("cuts_large.json", [trial(accuracy=0.75)], batch_size=4096),
    ]
    import_files(files, tmp_path / "run")
    results = load_results(tmp_path / "run")
    assert factor_columns(results) == ["factor_batch_size"]
    assert dict(zip(results["factor_batch_size"], results["test_accuracy"], strict=True)) == {"64": 0.5, "4096": 0.75}


def test_the_cluster_file_becomes_probes_of_the_source_beside_it(samples, tmp_path):
    files = sorted((samples / "mp-tl-study" / "FashionMNIST" / "results").glob("*.json"))
    assert import_files(files, tmp_path).num_probes == 480
    probes = load_probes(tmp_path)
    assert set(probes["source"]) == {"fashion_mnist[0,1,2,3,4,6,8]"}
    assert set(probes["dataset"]) == {"target"}
    assert set(probes["split"]) == {"train"}
    assert set(probes["layer"]) == {f"conv{number}.pre" for number in range(6)}
    assert probes["ari"][0] == 0.234375


def test_what_lies_behind_a_whole_block_is_not_exported_under_the_name_of_the_convolution(study, tmp_path):
    """Behind activation and pooling another layer looks best: the two must not be taken for each other."""
    with Ledger(study) as ledger:
        scores = {"precision": 0.75, "recall": 0.5, "accuracy": 0.5, "ari": 0.125}
        ledger.append([ProbeRecord("b", "clustering", "digits[0,1]", "conv1", 0.5, 0, "target", "train", scores)])
    (path,) = [path for path in export_study(study, tmp_path / "out", STUDY) if "cluster" in path.name]
    assert [row["Layer"] for row in json.loads(path.read_text())] == ["conv0", "conv1.block"]
    import_files([path], tmp_path / "again", dataset="digits")
    assert list(load_probes(tmp_path / "again")["layer"]) == ["conv0.pre", "conv1"]


def test_a_clustering_before_activations_is_exported_instead_of_one_behind_blocks(study, tmp_path):
    with Ledger(study) as ledger:
        label = "clustering(at=before_activation)"
        scores = {"precision": 0.75, "recall": 0.5, "accuracy": 0.5, "ari": 0.125}
        ledger.append([ProbeRecord("b", label, "digits[0,1]", "conv1.pre", 0.5, 0, "target", "train", scores)])
    (path,) = [path for path in export_study(study, tmp_path / "out", STUDY) if "cluster" in path.name]
    assert [row["Layer"] for row in json.loads(path.read_text())] == ["conv1"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("no json", "expected JSON"),
        ("\xff", "expected JSON"),
        ("{}", "expected a list of mappings"),
        ("[]", "expected a list of mappings"),
        ("[1, 2]", "expected a list of mappings"),
        ('["a", {}]', "expected a list of mappings"),
        (json.dumps([PARAMETERS]), "expected trials after the parameters"),
        (json.dumps([trial(), trial()]), "element 0: expected the parameters"),
        (json.dumps([{"freeze": True}, trial()]), "expected depth"),
        (json.dumps([PARAMETERS | {"depth": "six"}, trial()]), "expected depth.*got 'six'"),
        (json.dumps([PARAMETERS | {"freeze": "yes"}, trial()]), "expected freeze to be true or false"),
        (json.dumps([PARAMETERS | {"freeze": None}, trial()]), "expected freeze, true or false; it is missing"),
        (json.dumps([PARAMETERS | {"pre_train_classes": 3}, trial()]), "expected pre_train_classes to be a list"),
        (json.dumps([PARAMETERS, {"lr": 1}]), "element 1: expected sampled_percentage.*missing"),
        (json.dumps([PARAMETERS, trial(), trial(fraction=1.5)]), r"element 2: expected sampled_percentage.*\(0, 1\]"),
        (json.dumps([PARAMETERS, trial(cut=-2)]), "expected sampled_cut_point"),
        (json.dumps([PARAMETERS, trial(cut=3)]), "at most depth = 2; got 3"),
        (json.dumps([PARAMETERS, trial(repeat="0")]), "expected repeat"),
        (json.dumps([PARAMETERS, trial(accuracy=75.0)]), "expected test_acc to be a number in 0..1; got 75.0"),
        (json.dumps([PARAMETERS, trial(accuracy=float("nan"))]), "expected test_acc"),
        (json.dumps([PARAMETERS, trial(train_acc=[1])]), "expected train_acc"),
        (json.dumps([PARAMETERS, trial(lr="fast")]), "expected lr to be a number"),
        (json.dumps([{"Layer": "conv0"}]), "element 0: expected Percentage"),
    ],
)
def test_a_malformed_file_is_refused_with_what_was_expected(tmp_path, content, words):
    path = tmp_path / "cuts_x.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=words) as caught:
        import_files([path], tmp_path / "run")
    assert str(path) in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*absent\.json"):
        import_files([tmp_path / "absent.json"], tmp_path / "run")


def test_a_file_given_twice_is_refused(write, tmp_path):
    path = write("cuts_x.json", [trial()])
    with pytest.raises(UserError, match="given 2 times"):
        import_files([path, path], tmp_path / "run")


def test_an_import_never_adds_to_a_ledger(write, tmp_path):
    path = write("cuts_x.json", [trial()])
    import_files([path], tmp_path / "run")
    with pytest.raises(UserError, match="choose another output directory"):
        import_files([path], tmp_path / "run")


STUDY = {
    "seed": 7,
    "model": [{"name": "plain_cnn", "channels": 16, "pool_every": 2, "activation": "relu"}],
    "pretraining": {"lr": 0.01},
    "transfer": {
        "training": {"lr": 0.001, "epochs": 40, "patience": 6, "batch_size": 64},
        "val_split": 0.1,
        "head": "replace",
        "factors": {},
    },
}


@pytest.fixture
def study(tmp_path):
    """Return an output directory of layercut's own, with a merged trial, a failure and a probe."""

    def name(condition: str, strategy: str, cut: int, merged: bool = False) -> ConditionName:
        label = "plain_cnn(activation=relu, channels=16, pool_every=2)"
        return ConditionName(condition, "digits[0,1]", "digits[2,cat]", label, strategy, cut, 0.5, 4, merged)

    scores = {"precision": 0.25, "recall": 0.5, "accuracy": 0.5, "ari": 0.125}
    with Ledger(tmp_path / "run", create=True) as ledger:
        ledger.set_meta("study_name", "demo")
        names = [name("s", "scratch", 0), name("s", "freeze_reinit", 0, True), name("t", "truncate", 1)]
        ledger.add_names(names)
        ledger.append(
            [
                TrialRecord("s1", "s", 1, 0.9, 0.8, 0.7),
                TrialRecord("s0", "s", 0, 1.0, 0.8, 0.6),
                TrialRecord("t0", "t", 0, 1.0, 0.8, 0.5),
                FailureRecord("t1", "transfer", "t", 1, "diverged", "loss is NaN"),
                ProbeRecord("p", "clustering", "digits[0,1]", "conv0.pre", 0.5, 0, "target", "train", scores),
            ]
        )
    return tmp_path / "run"


def test_a_study_gives_a_file_a_strategy_with_merged_trials_under_every_name(study, tmp_path):
    files = {path.name: json.loads(path.read_text()) for path in export_study(study, tmp_path / "out", STUDY)}
    assert sorted(files) == ["baselines_demo.json", "cuts_demo_FR.json", "cuts_demo_T.json", "demo_cluster.json"]
    assert files["baselines_demo.json"][1:] == [
        trial(cut=-1, fraction=0.5, repeat=0, accuracy=0.6),
        trial(cut=-1, fraction=0.5, repeat=1, accuracy=0.7, train_acc=0.9),
    ]
    assert [row["sampled_cut_point"] for row in files["cuts_demo_FR.json"][1:]] == [0, 0]


def test_of_several_clusterings_the_one_that_counts_as_the_format_does_is_written(study, tmp_path):
    with Ledger(study) as ledger:
        scores = {"precision": 0.75, "recall": 0.5, "accuracy": 0.5, "ari": 0.125}
        label = "clustering(self_pairs=True)"
        ledger.append([ProbeRecord("q", label, "digits[0,1]", "conv0.pre", 0.5, 0, "target", "train", scores)])
    files = {path.name: json.loads(path.read_text()) for path in export_study(study, tmp_path / "out", STUDY)}
    (row,) = files["demo_cluster.json"]
    assert (row["Layer"], row["Precision"], row["Dataset"], row["Split"]) == ("conv0", 0.75, "Finetune", "Train")


def test_the_parameters_are_filled_from_the_study(study, tmp_path):
    export_study(study, tmp_path / "out", STUDY)
    parameters = json.loads((tmp_path / "out" / "cuts_demo_T.json").read_text())[0]
    expected = {
        "depth": 4,
        "num_channels": 16,
        "is_cnn": True,
        "use_pooling": True,
        "pooling_every_n_layers": 2,
        "lr_pretrain": 0.01,
        "lr_fine_tune": 0.001,
        "num_train": 40,
        "early_stop_patience": 6,
        "batch_size": 64,
        "pre_train_classes": [0, 1],
        "fine_tune_classes": [2, "cat"],
        "generate_dataset_seed": 7,
        "percentages": [0.5],
        "freeze": False,
        "reinit": False,
        "truncate": True,
        "reinit_both_dense": True,
        "failed_trials": 1,
    }
    assert {key: parameters.get(key) for key in expected} == expected


def test_an_exported_study_can_be_imported(study, tmp_path):
    exported = export_study(study, tmp_path / "out")
    import_files(exported, tmp_path / "again", dataset="digits")
    before, after = load_results(study), load_results(tmp_path / "again")
    columns = ["source", "target", "strategy", "cut", "fraction", "replicate", "train_accuracy", "test_accuracy"]
    finished = before[before["status"] == "finished"].reset_index(drop=True)
    assert after[columns].equals(finished[columns])


def test_a_ledger_without_results_is_refused(tmp_path):
    Ledger(tmp_path, create=True).close()
    with pytest.raises(UserError, match="nothing to export"):
        export_study(tmp_path, tmp_path / "out")


def test_a_missing_ledger_is_refused(tmp_path):
    with pytest.raises(LedgerError, match="no ledger"):
        export_study(tmp_path / "absent", tmp_path / "out")


TWO_SOURCES = (
    "source=[{dataset: digits, classes: [0, 1, 2]}, "
    "{dataset: digits, classes: [0, 1, 2], variant: noise, noise_seed: 2, training: {lr: 0.01}}]",
    "target={dataset: digits, groups: {even: [4, 6, 8], odd: [3, 5, 7]}, training: {batch_size: 32}}",
    "transfer.strategies=[scratch, freeze]",
    "transfer.fractions=[0.1]",
    "probes=[{name: clustering, images: both, replicates: 1}]",
)


@pytest.fixture(scope="module")
def variants(tmp_path_factory):
    """Return the output directory of a study of two sources, one of them noise, to a target of grouped classes."""
    folder = tmp_path_factory.mktemp("variants")
    run_study(parse_study(TINY, overrides=TWO_SOURCES), folder, executor="serial")
    return folder


def exported(run: Path, folder: Path) -> dict[str, list]:
    """Return the content of the files that a study gives, by name."""
    with Ledger(run, read_only=True) as ledger:
        study = study_content(ledger.meta("study_text"))
    return {path.name: json.loads(path.read_text()) for path in export_study(run, folder, study)}


def test_sources_that_are_variants_have_files_of_their_own_that_say_so(variants, tmp_path):
    files = exported(variants, tmp_path)
    plain, noise = "tiny_digits-0-1-2", "tiny_digits-0-1-2-noise-2"
    kinds = ("baselines_{}.json", "cuts_{}_F.json", "{}_cluster.json")
    assert sorted(files) == sorted(kind.format(name) for kind in kinds for name in (plain, noise))
    told = {name: files[f"cuts_{name}_F.json"][0] for name in (plain, noise)}
    assert "pre_train_task" not in told[plain]
    assert told[noise]["pre_train_task"] == "digits[0,1,2] noise 2"
    assert told[noise]["pre_train_classes"] == [0, 1, 2]
    assert {parameters["fine_tune_task"] for parameters in told.values()} == {"digits(even,odd)"}
    assert "fine_tune_classes" not in told[noise]
    assert [told[name]["lr_pretrain"] for name in (plain, noise)] == [0.003, 0.01]
    assert told[plain]["batch_size"] == 32


def test_each_cluster_file_has_the_scores_of_one_source(variants, tmp_path):
    files = exported(variants, tmp_path)
    probes = load_probes(variants)
    for source, name in (("digits[0,1,2]", "digits-0-1-2"), ("digits[0,1,2] noise 2", "digits-0-1-2-noise-2")):
        rows = files[f"tiny_{name}_cluster.json"]
        assert sorted(row["ARI"] for row in rows) == sorted(probes.loc[probes["source"] == source, "ari"])
        assert len({(row["Layer"], row["Dataset"]) for row in rows}) == len(rows)


def test_a_study_of_variants_and_groups_comes_back_from_its_files(variants, tmp_path):
    exported(variants, tmp_path / "out")
    import_files(sorted((tmp_path / "out").iterdir()), tmp_path / "again", dataset="digits")
    columns = ["source", "target", "strategy", "cut", "fraction", "replicate", "test_accuracy"]
    before, after = (
        load_results(run)[columns].sort_values(columns, ignore_index=True) for run in (variants, tmp_path / "again")
    )
    assert after.equals(before)
    probes = load_probes(tmp_path / "again")
    assert set(probes["source"]) == set(before["source"])


def test_a_task_that_is_no_text_is_refused(write, tmp_path):
    with pytest.raises(UserError, match="expected pre_train_task to be a text; got 3"):
        import_files([write("cuts_x.json", [trial()], pre_train_task=3)], tmp_path / "run")


def test_a_run_refuses_a_directory_of_imported_results(write, tmp_path):
    import_files([write("cuts_FR.json", [trial()])], tmp_path / "run")
    with pytest.raises(UserError, match=r"run holds results that were imported.*give another directory"):
        run_study(parse_study(TINY), tmp_path / "run", executor="serial")
    assert list(load_results(tmp_path / "run")["test_accuracy"]) == [0.75]
