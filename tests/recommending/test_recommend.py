"""Recommendations on tiny folders of images, by a clock that ticks when it is looked at."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import layercut
from layercut.cli.export import command as export
from layercut.cli.recommend import command
from layercut.cli.report import command as report
from layercut.cli.status import command as status
from layercut.cli.verify import command as verify
from layercut.data.splits import Split, fold_splits
from layercut.errors import UserError
from layercut.executors.serial import SerialExecutor
from layercut.inference import find_model
from layercut.ledger import Ledger
from layercut.plan.candidate import Candidate
from layercut.recommending import call
from layercut.recommending.design import study_name
from layercut.recommending.ending import rehearsed_seconds
from layercut.recommending.outcome import Recommendation, read_recommendation
from support.fake_datasets import write_image
from support.tiny_recommendation import (
    FAST,
    SMALL,
    folder,
    journal_of,
    journal_steps,
    recommend,
    require_decisions_to_follow,
    ticking,
)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("noise") / "photos", {"ants": 12, "bees": 12})


@pytest.fixture(scope="module")
def made(noise: Path, tmp_path_factory: pytest.TempPathFactory) -> Recommendation:
    return recommend(tmp_path_factory.mktemp("made") / "run", noise, budget=120.0)


def test_the_answer_says_what_to_do_how_sure_and_what_was_not_tried(made: Recommendation) -> None:
    lead, *evidence = made.answer.splitlines()
    assert lead == made.lead
    text = "\n".join(evidence)
    for part in (
        "Out-of-fold accuracy",
        "95 % interval",
        "labelled images",
        "No other model was evaluated on them",
        "Took",
    ):
        assert part in text
    first = made.table.iloc[0]
    assert first["recommended"]
    assert first["low"] < first["accuracy"] <= first["high"]
    assert not any("test" in column for column in made.table)


def test_the_model_is_that_of_the_recommended_trial_and_loads(made: Recommendation) -> None:
    first = made.table.iloc[0]
    card = json.loads((made.output_dir / "model" / "card.json").read_text(encoding="utf-8"))
    assert (card["condition"], card["strategy"], card["cut"]) == (first["key"], first["strategy"], first["cut"])
    assert card["metrics"]["num_train_images"] == journal_of(made.output_dir).num_images
    assert card["recommendation"]["answer"] == made.answer
    logits = made.model(np.zeros((2, *card["build"]["image_shape"]), dtype=np.uint8))
    assert logits.shape == (2, 2)
    readme = (made.output_dir / "model" / "README.md").read_text(encoding="utf-8")
    assert "layercut.load_model" in readme
    assert readme.count("\n- ") == len(made.evidence), "Markdown joins lines that are no list"


def test_its_directory_predicts_pictures_and_is_exported_by_the_final_model(
    made: Recommendation, noise: Path, tmp_path: Path
) -> None:
    assert find_model(made.output_dir).folder == made.output_dir / "model"
    pictures = sorted((noise / "test").rglob("*.png"))
    layercut.export_model(made.output_dir, tmp_path / "out", images=pictures)
    wanted, got = (layercut.predict(path, pictures) for path in (made.output_dir, tmp_path / "out"))
    assert [one.class_name for one in wanted] == [one.class_name for one in got]
    assert {one.class_name for one in wanted} <= {"ants", "bees"}


def test_another_condition_of_a_recommendation_has_to_be_tested_first(made: Recommendation) -> None:
    with pytest.raises(UserError, match=r"omit it for the recommended model, or test all trials first with `layercut"):
        find_model(made.output_dir, {"strategy": "linear_probe"})


def test_each_decision_follows_from_the_records_before_it(made: Recommendation) -> None:
    assert len(journal_of(made.output_dir).steps) > 3
    require_decisions_to_follow(made.output_dir)


def test_test_images_are_looked_at_once_by_the_recommended_model_alone(made: Recommendation) -> None:
    journal = journal_of(made.output_dir)
    with Ledger(made.output_dir, read_only=True) as ledger:
        tests = {(trial.test_accuracy, trial.test_loss, trial.num_test_images) for trial in ledger.trials()}
    assert tests == {(None, None, None)}
    assert list(journal.looks) == [made.table.iloc[0]["key"]]
    card = json.loads((made.output_dir / "model" / "card.json").read_text(encoding="utf-8"))
    assert card["metrics"]["num_test_images"] == 24
    assert card["metrics"]["test_accuracy"] == journal.looks[card["condition"]].accuracy


def test_running_the_study_to_its_end_tests_every_trial_and_agrees_with_the_look(noise: Path, tmp_path: Path) -> None:
    found = recommend(tmp_path / "run", noise, budget=40.0)
    journal = journal_of(tmp_path / "run")
    layercut.run_study(tmp_path / "run" / "study.yaml", executor="serial", device="cpu")
    with Ledger(tmp_path / "run", read_only=True) as ledger:
        trials = list(ledger.trials())
    assert all(trial.test_accuracy is not None for trial in trials)
    (own,) = [one for one in trials if one.condition == found.table.iloc[0]["key"] and one.replicate == 0]
    look = journal.looks[own.condition]
    assert own.test_accuracy == look.accuracy
    assert own.test_loss == pytest.approx(look.loss, rel=1e-5)
    assert read_recommendation(tmp_path / "run").answer == found.answer
    result = CliRunner().invoke(report, [str(tmp_path / "run")], catch_exceptions=False)
    pages = [tmp_path / "run" / name for name in ("recommendation.html", "report.html")]
    assert result.stdout.splitlines() == list(map(str, pages))
    assert all(page.is_file() for page in pages)


def test_the_same_call_again_does_nothing_and_a_larger_budget_goes_on(noise: Path, tmp_path: Path) -> None:
    first = recommend(tmp_path / "run", noise, budget=30.0)
    steps = journal_of(tmp_path / "run").steps
    again = recommend(tmp_path / "run", noise, budget=30.0)
    assert journal_of(tmp_path / "run").steps == steps
    assert (again.lead, list(again.table["key"])) == (first.lead, list(first.table["key"]))
    recommend(tmp_path / "run", noise, budget=90.0)
    longer = journal_of(tmp_path / "run").steps
    assert longer[: len(steps)] == steps
    assert len(longer) > len(steps)


def test_interrupted_at_any_trial_the_same_call_goes_on_where_it_was(noise: Path, tmp_path: Path) -> None:
    class Stopping(SerialExecutor):
        def __init__(self, after: int) -> None:
            super().__init__()
            self.left = after

        def run(self, function: str, jobs: Any, context: Any) -> Iterator[Any]:
            for event in super().run(function, jobs, context):
                yield event
                self.left -= 1
                if self.left == 0:
                    raise KeyboardInterrupt

    spent = [0.0]
    for after in (1, 2, 3, 3, 3):
        begun = journal_steps(tmp_path / "run")
        with pytest.raises(KeyboardInterrupt):
            recommend(tmp_path / "run", noise, executor=Stopping(after), budget="1h")
        now = journal_steps(tmp_path / "run")
        assert now[: len(begun)] == begun
        spent.append(journal_of(tmp_path / "run").spent_seconds)
    assert spent == sorted(set(spent))
    recommend(tmp_path / "run", noise, budget="1h")
    done = journal_of(tmp_path / "run")
    assert [step.trials for step in done.steps][: len(now)] == now
    assert all(step.seconds is not None for step in done.steps)
    require_decisions_to_follow(tmp_path / "run")
    with Ledger(tmp_path / "run", read_only=True) as ledger:
        assert len(list(ledger.trials())) == len(done.trials)


@pytest.fixture(scope="module")
def hurried(noise: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recommendation, list[str]]:
    told: list[str] = []
    return recommend(tmp_path_factory.mktemp("hurried") / "run", noise, budget=0.5, tell=told.append), told


def test_a_budget_too_small_for_a_training_is_answered_by_solved_heads(
    hurried: tuple[Recommendation, list[str]],
) -> None:
    found, _ = hurried
    assert set(found.table[found.table["status"] == "tried"]["strategy"]) == {"linear_probe"}
    assert "No training worth running fits into the budget: this rests on linear classifiers alone." in found.answer
    assert found.model is not None


def test_a_budget_that_what_comes_first_exceeds_is_said_before_and_after(
    hurried: tuple[Recommendation, list[str]],
) -> None:
    found, (before, *_) = hurried
    assert re.fullmatch(
        r"the linear classifiers that come first are planned to take .*: longer than what is left of the budget of .*",
        before,
    )
    assert re.search(
        r"The budget was exceeded by .* s: linear classifiers come first whatever the budget", found.answer
    )


def test_nothing_is_begun_that_would_leave_too_little_for_what_comes_at_the_end(
    noise: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "rehearsed_seconds", lambda *given: 100.0)
    recommend(tmp_path / "run", noise, budget=110.0)
    journal = journal_of(tmp_path / "run")
    assert journal.reserved_seconds == 100.0
    assert all(step.left_seconds < 10.0 for step in journal.steps[1:])
    assert journal.reason == "budget"


def test_the_end_is_rehearsed_on_as_many_images_as_a_second_allows(made: Recommendation) -> None:
    """By a clock of 1 s a look: 8 images in a second, so 24 in three; all else takes two; a fifth more is kept."""
    images = np.zeros((24, 3, 8, 8), dtype=np.uint8)
    sets = SimpleNamespace(train=SimpleNamespace(images=images))
    task: Any = SimpleNamespace(dataset=sets, train_index=np.arange(24), test_labels=np.zeros(24, dtype=np.int64))
    before = _others_than_the_ledger(made.output_dir)
    found = rehearsed_seconds(made.output_dir / "model", task, torch.device("cpu"), made.output_dir, ticking())
    assert found == pytest.approx(1.2 * (2 + 3))
    assert _others_than_the_ledger(made.output_dir) == before


def _others_than_the_ledger(folder: Path) -> set[str]:
    """Reading a ledger makes files beside it."""
    return {path.name for path in folder.iterdir() if not path.name.startswith("ledger")}


def test_an_accuracy_aimed_at_ends_the_search_and_the_answer_says_whether_it_is_reached(
    noise: Path, tmp_path: Path
) -> None:
    easy = recommend(tmp_path / "easy", noise, budget="1h", target_accuracy=0.01)
    assert journal_of(tmp_path / "easy").reason == "target"
    assert len(journal_of(tmp_path / "easy").steps) == 1
    assert "The target accuracy, 1.0 %, is reached: " in easy.answer
    hard = recommend(tmp_path / "easy", noise, budget=60.0, target_accuracy=0.99)
    assert len(journal_of(tmp_path / "easy").steps) > 1
    assert "The target accuracy, 99.0 %, is not shown to be reached: " in hard.answer


@pytest.mark.parametrize("target", [95.0, 0.0, 1.0, float("nan")])
def test_an_accuracy_that_is_no_share_is_refused(noise: Path, tmp_path: Path, target: float) -> None:
    with pytest.raises(UserError, match=r"expected a number between 0 and 1, such as 0.95"):
        recommend(tmp_path / "run", noise, target_accuracy=target)


def test_a_certificate_is_earned_by_fresh_replicates_that_no_decision_sees(noise: Path, tmp_path: Path) -> None:
    found = recommend(tmp_path / "run", noise, budget=80.0, certify_points=99.0)
    assert "Shown to be within 99 points of " in found.answer
    with Ledger(tmp_path / "run", read_only=True) as ledger:
        replicates = {trial.replicate for trial in ledger.trials() if trial.condition == found.table.iloc[0]["key"]}
    assert {3, 4, 5, 6, 7, 8} <= replicates
    require_decisions_to_follow(tmp_path / "run")
    assert read_recommendation(tmp_path / "run").answer == found.answer


def test_a_certificate_that_is_not_earned_says_what_it_would_take(noise: Path, tmp_path: Path) -> None:
    short = recommend(tmp_path / "run", noise, budget=2.0, certify_points=1.0)
    assert "Shown to be within" not in short.answer
    assert "The budget is too short: it takes about 6 fresh replicates" in short.answer
    assert "the fewest that can show anything" in short.answer
    again = recommend(tmp_path / "run", noise, budget=80.0, certify_points=0.001)
    assert "Not shown to be within 0.001 points of: " in again.answer
    assert "fresh replicates" in again.answer


@pytest.mark.parametrize("points", [0.0, 100.0, -1.0, float("nan")])
def test_a_margin_that_is_none_is_refused(noise: Path, tmp_path: Path, points: float) -> None:
    with pytest.raises(UserError, match="expected points of accuracy between 0 and 100, such as 1"):
        recommend(tmp_path / "run", noise, certify_points=points)


def test_trainings_that_all_diverge_leave_the_solved_heads(noise: Path, tmp_path: Path) -> None:
    found = recommend(tmp_path / "run", noise, *SMALL, "transfer.num_folds=2", "transfer.training.lr=1e38", budget="1h")
    assert found.table.iloc[0]["strategy"] == "linear_probe"
    assert "Every training failed" in found.answer


def test_one_image_a_class_gets_what_is_usual_and_is_told_so(tmp_path: Path) -> None:
    data = folder(tmp_path / "photos", {"ants": 1, "bees": 1, "wasps": 1})
    found = recommend(tmp_path / "run", data, *SMALL, budget="1h")
    assert "This is the usual setting, not a choice" in found.answer
    first = found.table.iloc[0]
    assert (first["strategy"], first["cut"], first["status"]) == ("linear_probe", 2, "tried")
    assert found.model.class_names == ["ants", "bees", "wasps"]


def test_images_to_hold_out_of_one_class_alone_are_no_choice_either(tmp_path: Path) -> None:
    data = folder(tmp_path / "photos", {"ants": 1, "bees": 1, "wasps": 3})
    found = recommend(tmp_path / "run", data, *SMALL, budget="1h", certify_points=1.0, target_accuracy=0.1)
    assert "This is the usual setting, not a choice" in found.answer
    assert (found.table.iloc[0]["strategy"], found.table.iloc[0]["cut"]) == ("linear_probe", 2)
    assert "reached" not in found.answer


def test_chance_is_that_of_the_images_that_are_held_out(tmp_path: Path) -> None:
    data = folder(tmp_path / "photos", {"ants": 1, "bees": 2, "flies": 1, "wasps": 6})
    found = recommend(tmp_path / "run", data, *FAST, budget=5.0)
    assert " on 8 labelled images" in found.answer
    assert "; the most frequent class alone has 75.0 %" in found.answer
    assert "2 classes have one image, which says nothing about how well it is recognised." in found.answer


def test_more_classes_than_images_end_with_the_class_that_has_none(tmp_path: Path) -> None:
    data = folder(tmp_path / "photos", {"ants": 1, "bees": 1, "wasps": 0})
    with pytest.raises(UserError, match=r"wasps: this class has no images; add some or remove the folder"):
        recommend(tmp_path / "run", data, *SMALL)
    assert not (tmp_path / "run").exists()


def test_one_image_a_class_and_no_test_images_says_what_is_missing(tmp_path: Path) -> None:
    data = folder(tmp_path / "photos", {"ants": 1, "bees": 1}, ("",))
    with pytest.raises(UserError, match=r"class 'ants' has 1 images.* training and test need at least one each"):
        recommend(tmp_path / "run", data, *SMALL)


def test_a_model_of_which_no_head_can_be_solved_ends_with_the_reason(tmp_path: Path, noise: Path) -> None:
    with pytest.raises(UserError, match=r"no head could be solved on any features of this model: expected finite"):
        recommend(tmp_path / "run", noise, *SMALL, "normalization={mean: 0.0, std: 1e-39}")


def test_one_class_is_refused_in_words(tmp_path: Path) -> None:
    data = folder(tmp_path / "photos", {"ants": 4})
    with pytest.raises(UserError, match="ants"):
        recommend(tmp_path / "run", data, *SMALL)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("override", ["transfer.fractions=[0.1]", "keep=[curves]", "transfer.replicates=9", "seed=3"])
def test_what_a_recommendation_rests_on_cannot_be_set(noise: Path, tmp_path: Path, override: str) -> None:
    with pytest.raises(UserError, match="a recommendation chooses on all labelled images"):
        recommend(tmp_path / "run", noise, override)


def two_models(output_dir: Path, data: Path, **options: Any) -> Recommendation:
    given: dict[str, Any] = {"executor": SerialExecutor(), "workers": 2, "device": "cpu", "clock": ticking()} | options
    overrides = ("target.image_size=12", *FAST[-3:])
    return layercut.recommend(
        ["small_convnet=random", "mlp=random"], data, output_dir=output_dir, overrides=overrides, **given
    )


@pytest.fixture(scope="module")
def of_two(noise: Path, tmp_path_factory: pytest.TempPathFactory) -> Recommendation:
    return two_models(tmp_path_factory.mktemp("two") / "run", noise, budget=80.0)


def test_which_of_several_models_to_take_is_part_of_one_answer(of_two: Recommendation, noise: Path) -> None:
    models = {"small_convnet", "mlp"}
    tried = of_two.table[of_two.table["status"] == "tried"]
    assert set(tried[tried["strategy"] == "linear_probe"]["model"]) == models
    own = of_two.table.iloc[0]["model"]
    assert of_two.lead.startswith(f"Take {own}: ")
    assert "The best that was tried of each model: " in of_two.answer
    card = json.loads((of_two.output_dir / "model" / "card.json").read_text(encoding="utf-8"))
    assert card["build"]["name"] == own
    pictures = sorted((noise / "test").rglob("*.png"))[:1]
    assert layercut.predict(of_two.output_dir, pictures)[0].class_name in ("ants", "bees")


def test_heads_of_all_models_come_first_and_trials_of_one_model_go_side_by_side(of_two: Recommendation) -> None:
    journal = journal_of(of_two.output_dir)
    models = {arm.key: arm.model for arm in journal.arms}
    first, *later = journal.steps
    assert {models[trial.key] for trial in first.trials} == {"small_convnet", "mlp"}
    assert later
    assert all(len({models[trial.key] for trial in step.trials}) == 1 for step in later)


def test_the_study_of_each_model_goes_on_by_itself_and_status_reads_them_all(of_two: Recommendation) -> None:
    for place in journal_of(of_two.output_dir).folders.values():
        assert layercut.load_study(of_two.output_dir / place).transfer.fractions == [1.0]
    assert read_recommendation(of_two.output_dir).answer == of_two.answer
    assert CliRunner().invoke(status, [str(of_two.output_dir)], catch_exceptions=False).stdout.endswith(f"{of_two}\n")
    assert CliRunner().invoke(report, [str(of_two.output_dir)], catch_exceptions=False).exit_code == 0


def test_what_asks_for_a_study_or_checks_one_is_told_of_all_models(of_two: Recommendation) -> None:
    with pytest.raises(UserError, match=r"holds several studies; name one of them: .*models/mlp.*models/small_convnet"):
        layercut.load_study(of_two.output_dir)
    found = CliRunner().invoke(verify, [str(of_two.output_dir), "--json"], catch_exceptions=False)
    assert json.loads(found.stdout)["num_records"] >= len(journal_of(of_two.output_dir).trials)


def test_the_directory_of_one_model_is_no_place_for_several(made: Recommendation, noise: Path) -> None:
    with pytest.raises(UserError, match="holds a recommendation for one model, and this one is for several"):
        two_models(made.output_dir, noise, budget=1.0)


READ_ONE_STUDY = [
    layercut.load_results, layercut.load_probes, layercut.load_pilots, layercut.load_failures, layercut.load_curves,
    layercut.load_sources, layercut.load_class_scores, layercut.answers, lambda run: layercut.compare(run, run),
    lambda run: find_model(run, {"strategy": "linear_probe"}),
]  # fmt: skip


@pytest.mark.parametrize("read", READ_ONE_STUDY)
def test_who_reads_the_results_of_one_study_is_told_of_those_of_all_models(
    of_two: Recommendation, read: Callable[[Path], Any]
) -> None:
    with pytest.raises(UserError, match=r"holds several studies; name one of them: .*models/mlp.*models/small_convnet"):
        read(of_two.output_dir)
    assert layercut.load_results(of_two.output_dir / "models" / "mlp")["status"].eq("finished").any()


def test_an_export_of_several_studies_writes_nothing(of_two: Recommendation, tmp_path: Path) -> None:
    for kind in ("csv", "mp-tl-study"):
        done = CliRunner().invoke(export, [str(of_two.output_dir), "--format", kind, "-o", str(tmp_path / "out")])
        assert "holds several studies" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_weights_of_the_best_three_of_all_models_stay(of_two: Recommendation) -> None:
    folders = journal_of(of_two.output_dir).folders.values()
    assert sum(len(list((of_two.output_dir / folder / "artifacts").iterdir())) for folder in folders) <= 3


def test_a_model_that_is_given_twice_is_refused(noise: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="mlp=random is given more than once"):
        layercut.recommend(["mlp=random", "mlp=random"], noise, output_dir=tmp_path / "run")


def test_images_set_aside_for_lack_of_test_images_are_called_so(tmp_path: Path) -> None:
    data = folder(tmp_path / "photos", {"ants": 6, "bees": 6}, ("",))
    found = recommend(tmp_path / "run", data, *SMALL, budget=0.5)
    assert "measured on 2 images that were set aside as test images" in found.answer


@pytest.mark.parametrize(("data", "group"), [("crops", "folder"), ("labels.csv", "photo")])
def test_crops_of_a_photograph_are_in_one_fold_whether_folders_or_a_table_say_so(
    data: str, group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def folds(*given: Any) -> tuple[Split, ...]:
        found = fold_splits(*given)
        asked.append((given[6], found))
        return found

    rows = ["file_name,label,photo"]
    for name in ("ants", "bees"):
        for photo in range(6):
            for crop in range(2):
                pixels = np.random.default_rng([photo, crop, len(rows)]).integers(0, 255, (8, 8, 3), dtype=np.uint8)
                write_image(tmp_path / "crops" / name / f"{name}{photo}" / f"{crop}.png", pixels)
            rows += [f"crops/{name}/{name}{photo}/{crop}.png,{name},{name}{photo}" for crop in range(2)]
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    monkeypatch.setattr("layercut.stages.trial.fold_splits", folds)
    recommend(tmp_path / "run", tmp_path / data, *FAST, f"target.group={group}", budget=60.0)
    assert asked
    for groups, splits in asked:
        assert len(set(groups.tolist())) == 10  # one photograph of each class is set aside for tests
        for one in splits:
            assert not set(groups[one.train]) & set(groups[one.validation])


def test_the_answer_speaks_of_the_metric_that_was_chosen_by(tmp_path: Path) -> None:
    photos = folder(tmp_path / "photos", {"ants": 4, "bees": 20})
    found = recommend(tmp_path / "run", photos, budget=20.0, metric="balanced_accuracy")
    text = " ".join(found.answer.split())
    assert "Out-of-fold balanced accuracy" in text
    assert "On new images expect a balanced accuracy of " in text
    assert "guessing gives 50.0 %" in text
    rows = layercut.load_results(tmp_path / "run")
    best = found.table.iloc[0]
    own = rows[rows["condition"] == best["key"]].drop_duplicates("replicate")
    assert best["balanced_accuracy"] == pytest.approx(own["validation_balanced_accuracy"].mean())


def test_the_directory_is_named_after_the_folder_of_a_table() -> None:
    assert study_name([Candidate("plain_cnn", "random")], __file__) == "recommend-recommending-plain_cnn"


def test_the_directory_of_another_study_is_refused(noise: Path, tmp_path: Path) -> None:
    with Ledger(tmp_path, create=True) as ledger:
        ledger.set_meta("study_name", "mine")
    with pytest.raises(UserError, match="holds the study 'mine', not a recommendation"):
        recommend(tmp_path, noise)
    with pytest.raises(UserError, match="holds no recommendation"):
        read_recommendation(tmp_path)


def test_status_gives_the_answer_and_reading_it_imports_no_torch(made: Recommendation) -> None:
    program = f"""
import sys
from layercut.cli.main import layercut
layercut(["status", {str(made.output_dir)!r}], standalone_mode=False)
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(made) in done.stdout


def test_the_report_of_a_recommendation_is_its_page_as_no_trial_has_a_result_on_test_images(
    made: Recommendation,
) -> None:
    result = CliRunner().invoke(report, [str(made.output_dir)], catch_exceptions=False)
    assert result.stderr.splitlines() == str(made).splitlines()
    assert result.stdout.splitlines() == [str(made.output_dir / "recommendation.html")]
    assert not (made.output_dir / "report.html").exists()


def test_its_text_fits_a_terminal_and_says_what_the_answer_says(made: Recommendation) -> None:
    lines = str(made).splitlines()
    assert max(map(len, lines)) <= 80
    assert not any(line.strip().startswith("%") for line in lines)
    assert " ".join(str(made).split()) == " ".join(made.answer.split())


def test_the_page_stands_alone_and_shows_every_condition(made: Recommendation) -> None:
    page = made.report().read_text(encoding="utf-8")
    assert made.lead in page
    tables = 2 if (made.table["status"] == "not tried").any() else 1
    assert page.count("<tr") == tables + len(made.table)
    assert f"<h1>{made.title}</h1>" in page
    assert "http" not in page.partition("<script")[0]


def test_the_command_prints_the_answer_and_where_the_model_is(
    noise: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("layercut.executors.processes.start_server", lambda preload: None)
    patched = call.recommend

    def serial(*arguments: Any, **options: Any) -> Recommendation:
        return patched(*arguments, **{**options, "executor": SerialExecutor()})

    monkeypatch.setattr("layercut.recommending.call.recommend", serial)
    settings = [part for override in FAST for part in ("--set", override)]
    arguments = ["plain_cnn=random", "--data", str(noise), "--budget", "1s", "-o", str(tmp_path / "run"), *settings]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:-2] == str(read_recommendation(tmp_path / "run")).splitlines()
    assert lines[-2:] == [str(tmp_path / "run" / "model"), str(tmp_path / "run" / "recommendation.html")]
    assert result.stderr.splitlines()[-1] == f"next: layercut predict {tmp_path / 'run'} photo.jpg"
    result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert json.loads(result.stdout)["table"][0]["recommended"] is True
