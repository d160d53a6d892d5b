"""The ledger keeps what it is given, once, and says what is wrong with it."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from layercut.errors import LedgerError, StorageFullError
from layercut.ledger import LEDGER_NAME, Ledger
from layercut.ledger.rows import decode_values
from layercut.records import EpochPoint, exact_content, records_hash


def test_every_field_of_every_record_comes_back_bit_for_bit(ledger, examples):
    e = examples
    ledger.append([e.trial, e.pretraining, e.probe, e.failure])
    ledger.add_names([e.name])
    ledger.add_environment(e.environment)
    assert list(ledger.trials()) == [e.trial]
    assert list(ledger.pretrainings()) == [e.pretraining]
    assert list(ledger.probes()) == [e.probe]
    assert list(ledger.failures()) == [e.failure]
    assert list(ledger.names()) == [e.name]
    assert ledger.environments() == {"e": e.environment}


def test_a_curve_keeps_not_a_number_apart_from_not_measured(ledger, examples):
    curve = (EpochPoint(1, float("nan"), 0.5, None, 0.5), EpochPoint(2, 0.1, 0.5, float("nan"), None))
    ledger.append([replace(examples.failure, curve=curve)])
    (stored,) = ledger.failures()
    assert repr(stored.curve) == repr(curve)


def test_learning_rates_and_log_points_come_back_bit_for_bit(ledger, examples):
    curve = tuple(
        replace(point, learning_rate=rate) for point, rate in zip(examples.trial.curve, (0.1 + 0.2, None), strict=True)
    )
    trial = replace(examples.trial, curve=curve, log_area=1 / 3, log_accuracies={"0": 0.1, "epoch 1": 1 / 7})
    ledger.append([trial, replace(examples.pretraining, curve=curve), replace(examples.failure, curve=curve)])
    assert next(ledger.trials()) == trial
    assert list(next(ledger.trials()).log_accuracies) == ["0", "epoch 1"]
    assert next(ledger.pretrainings()).curve == next(ledger.failures()).curve == curve


def test_learning_rates_are_no_result_and_log_points_are(examples):
    curve = tuple(replace(point, learning_rate=0.1) for point in examples.trial.curve)
    assert exact_content(replace(examples.trial, curve=curve)) == exact_content(examples.trial)
    with_points = replace(examples.trial, log_accuracies={"0": 0.1, "epoch 1": 0.2})
    assert exact_content(with_points) != exact_content(examples.trial)


def test_a_pretraining_of_an_older_version_without_learning_rates_is_the_same_result(ledger, examples):
    ledger.append([examples.pretraining])
    curve = tuple(replace(point, learning_rate=0.1) for point in examples.pretraining.curve)
    ledger.append([replace(examples.pretraining, curve=curve)])
    assert list(ledger.pretrainings()) == [examples.pretraining]


def test_learning_rates_of_another_number_than_epochs_are_refused():
    with pytest.raises(ValueError, match="8 bytes per epoch; got 8 bytes for 2 epochs"):
        decode_values(b"12345678", (EpochPoint(1, 0.5, 0.5), EpochPoint(2, 0.5, 0.5)), "learning_rate")


def test_a_test_loss_that_is_not_a_number_is_read_as_none(ledger, examples):
    record = replace(examples.trial, test_loss=float("nan"))
    ledger.append([record])
    ledger.append([record])
    assert next(ledger.trials()).test_loss is None


def test_the_same_record_again_is_ignored(ledger, examples):
    ledger.append([examples.trial, examples.pretraining, examples.probe])
    again = replace(examples.trial, wall_seconds=99.0)
    ledger.append([again, again, examples.pretraining, examples.probe])
    assert ledger.counts()["finished"] == ledger.counts()["pretrainings"] == ledger.counts()["probes"] == 1


def test_another_result_under_a_known_key_is_refused_and_nothing_of_the_batch_is_written(ledger, examples):
    ledger.append([examples.trial])
    other = replace(examples.trial, test_accuracy=0.5)
    with pytest.raises(LedgerError, match="another result"):
        ledger.append([replace(examples.trial, key="new"), other])
    assert list(ledger.trials()) == [examples.trial]


def test_a_look_at_the_test_images_is_added_to_a_trial_and_is_not_lost_again(ledger, examples):
    untested = replace(examples.trial, test_accuracy=None, test_loss=None, num_test_images=None)
    ledger.append([untested])
    assert list(ledger.trials()) == [untested]
    ledger.append([examples.trial])
    assert list(ledger.trials()) == [examples.trial]
    ledger.append([untested])
    assert list(ledger.trials()) == [examples.trial]


def test_a_tested_trial_that_differs_in_more_than_the_look_is_refused(ledger, examples):
    untested = replace(examples.trial, test_accuracy=None, test_loss=None, num_test_images=None)
    ledger.append([replace(untested, train_accuracy=0.1)])
    with pytest.raises(LedgerError, match="another result under the key"):
        ledger.append([examples.trial])
    assert [trial.train_accuracy for trial in ledger.trials()] == [0.1]


def test_two_results_of_one_key_in_one_batch_are_refused(ledger, examples):
    with pytest.raises(LedgerError, match="another result"):
        ledger.append([examples.trial, replace(examples.trial, test_accuracy=0.5)])


@pytest.mark.parametrize("kind", ["trial", "pretraining"])
def test_success_removes_the_failure_of_the_same_key(ledger, examples, kind):
    success = getattr(examples, kind)
    ledger.append([replace(examples.failure, key=success.key, kind="out_of_memory")])
    ledger.append([success])
    assert list(ledger.failures()) == []


def test_a_failure_does_not_displace_a_success(ledger, examples):
    ledger.append([examples.trial])
    ledger.append([replace(examples.failure, key=examples.trial.key)])
    assert list(ledger.failures()) == []


def test_a_later_failure_takes_the_place_of_an_earlier_one(ledger, examples):
    ledger.append([replace(examples.failure, kind="worker_lost")])
    ledger.append([replace(examples.failure, kind="out_of_memory")])
    assert [failure.kind for failure in ledger.failures()] == ["out_of_memory"]


def test_only_final_failures_count_as_finished(ledger, examples):
    lost = replace(examples.failure, key="lost", kind="worker_lost")
    ledger.append([examples.trial, examples.pretraining, examples.failure, lost, examples.probe])
    done = (examples.trial, examples.pretraining, examples.failure, examples.probe)
    assert ledger.finished_keys() == {record.key for record in done}


def test_counts_tell_failed_trials_from_other_failed_jobs(ledger, examples):
    job = replace(examples.failure, key="job", job="pretrain", condition=None, replicate=None, kind="error")
    ledger.append([examples.trial, examples.failure, job])
    ledger.add_names([examples.name, replace(examples.name, cut=3)])
    assert ledger.counts() == {
        "finished": 1,
        "failed": {"diverged": 1},
        "failed_jobs": {"error": 1},
        "failed_probes": {},
        "pilots": 0,
        "pretrainings": 0,
        "probes": 0,
        "names": 2,
        "conditions": 1,
    }


def test_a_pretraining_is_found_by_its_key(ledger, examples):
    ledger.append([examples.pretraining])
    assert ledger.pretraining(examples.pretraining.key) == examples.pretraining
    assert ledger.pretraining("other") is None


def test_a_design_point_that_is_added_again_takes_its_new_condition(ledger, examples):
    ledger.add_names([examples.name])
    ledger.add_names([replace(examples.name, condition="new")])
    assert [name.condition for name in ledger.names()] == ["new"]


def test_meta_holds_any_json_and_takes_the_newest_value(ledger):
    ledger.set_meta("plan", {"warnings": ["ä"]})
    ledger.set_meta("plan", {"warnings": [1, 1.0, None]})
    assert ledger.meta("plan") == {"warnings": [1, 1.0, None]}
    assert ledger.meta("absent") is None


def test_the_hash_equals_that_of_the_records_module_in_any_order(ledger, examples):
    lost = replace(examples.failure, key="lost", kind="worker_lost")
    extraction = replace(examples.failure, key="x", job="extract")
    trials = examples.trials(5)
    ledger.append([*reversed(trials), examples.failure, lost, extraction])
    expected = records_hash(exact_content(record) for record in [*trials, examples.failure])
    assert ledger.records_hash() == expected


def test_the_hash_of_an_empty_ledger_is_that_of_nothing(ledger):
    assert ledger.records_hash() == hashlib.sha256().hexdigest()


def test_records_survive_closing_and_a_reader_sees_one_moment(tmp_path, examples):
    trials = examples.trials(2)
    with Ledger(tmp_path, create=True) as writer:
        writer.append(trials[:1])
        with Ledger(tmp_path, read_only=True) as reader:
            assert reader.counts()["finished"] == 1
            writer.append(trials[1:])
            assert reader.counts()["finished"] == 1
    with Ledger(tmp_path / LEDGER_NAME) as ledger:
        assert list(ledger.trials()) == trials


def test_a_reader_cannot_write(tmp_path, examples):
    Ledger(tmp_path, create=True).close()
    with Ledger(tmp_path, read_only=True) as reader, pytest.raises((LedgerError, sqlite3.OperationalError)):
        reader.append([examples.trial])


def test_a_missing_ledger_is_an_error_that_says_what_was_expected(tmp_path):
    with pytest.raises(LedgerError, match=r"no ledger at .*layercut run"):
        Ledger(tmp_path)


@pytest.mark.parametrize("content", [b"no database at all, but long enough to look at" * 100, b"SQLite format 3\0"])
@pytest.mark.parametrize("options", [{"create": True}, {"read_only": True}])
def test_a_file_that_is_no_database_is_refused(tmp_path, content, options):
    path = tmp_path / LEDGER_NAME
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="not a ledger"):
        Ledger(path, **options)


def test_a_database_of_another_program_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / LEDGER_NAME) as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")
    connection.close()
    with pytest.raises(LedgerError, match="no ledger of layercut"):
        Ledger(tmp_path, create=True)


def test_an_empty_file_is_refused_for_reading(tmp_path):
    (tmp_path / LEDGER_NAME).touch()
    with pytest.raises(LedgerError, match="empty file"):
        Ledger(tmp_path, read_only=True)


def test_a_ledger_of_a_newer_layercut_asks_for_an_upgrade(tmp_path):
    with Ledger(tmp_path, create=True) as ledger:
        ledger._connection.execute("PRAGMA user_version = 999")
    with pytest.raises(LedgerError, match=r"newer layercut.*upgrade"):
        Ledger(tmp_path)


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_ledger_is_called_damaged(tmp_path, examples, kept):
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append(examples.trials(500))
    path = tmp_path / LEDGER_NAME
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(LedgerError, match=r"damaged.*run the study again"), Ledger(path) as ledger:
        list(ledger.trials())


def test_damage_in_the_middle_is_called_damaged_when_it_is_met(tmp_path, examples):
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append(examples.trials(500))
    path = tmp_path / LEDGER_NAME
    content = bytearray(path.read_bytes())
    content[8 * 4096 :] = b"\xff" * (len(content) - 8 * 4096)
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="damaged"), Ledger(path, read_only=True) as ledger:
        list(ledger.trials())


def test_a_full_disk_stops_cleanly_and_the_ledger_goes_on_after(tmp_path, examples):
    trials = examples.trials(2000)
    with Ledger(tmp_path, create=True) as ledger:
        ledger.append(trials[:10])
        pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
        ledger._connection.execute(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(StorageFullError, match="free some space"):
            ledger.append(trials)
        assert list(ledger.trials()) == trials[:10]
        ledger._connection.execute("PRAGMA max_page_count = 1000000")
        ledger.append(trials)
        assert ledger.counts()["finished"] == 2000


_APPEND_FOREVER = """
import sys
from layercut.ledger import Ledger
from layercut.records import EpochPoint, TrialRecord
curve = tuple(EpochPoint(epoch, 0.5, 0.5) for epoch in range(10))
with Ledger(sys.argv[1], create=True) as ledger:
    for batch in range(100_000):
        ledger.append([TrialRecord(f"{batch}-{i}", "c", i, 0.9, None, 0.8, curve=curve) for i in range(100)])
        print(batch + 1, flush=True)
"""


@pytest.mark.parametrize("reported", [1, 30])
def test_kill_9_loses_at_most_the_batch_in_flight(tmp_path, reported):
    command = [sys.executable, "-c", _APPEND_FOREVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen = 0
        while seen < reported:
            seen = int(process.stdout.readline())
        process.kill()
        seen = max([seen, *(int(line) for line in process.stdout.read().split())])
    with Ledger(tmp_path) as ledger:
        count = ledger.counts()["finished"]
        assert count % 100 == 0
        assert count >= 100 * seen
        assert len(list(ledger.trials())) == count
        assert ledger._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_ledger_in_use_by_another_writer_is_named(tmp_path: Path, examples, monkeypatch):
    monkeypatch.setattr("layercut.ledger.opening._BUSY_SECONDS", 0.0)
    with Ledger(tmp_path, create=True) as one, Ledger(tmp_path) as other:
        one._connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="in use by another process"):
            other.append([examples.trial])
        one._connection.execute("ROLLBACK")


def test_a_probe_keeps_all_that_traces_it_and_counts_in_the_hash(ledger, examples):
    traced = replace(
        examples.probe, probing="p" * 32, target="mnist[2,3]", model="plain_cnn", cut=1, num_images=500,
        split_hash="s" * 32, seed=2**63 - 1, checkpoint_hash="w" * 64, device="cpu", scores={"ari": 1 / 3},
    )  # fmt: skip
    undefined = replace(examples.failure, job="probe", kind="undefined", condition="p" * 32, curve=())
    without = ledger.records_hash()
    ledger.set_meta("probings", {})
    ledger.append([traced, undefined])
    assert list(ledger.probes()) == [traced]
    assert without == ledger.records_hash(named=True) != ledger.records_hash()
    assert ledger.finished_keys() == {traced.key, undefined.key}
    ledger.set_meta("probings", {"p" * 32: "clustering"})
    assert ledger.records_hash(named=True) == ledger.records_hash()
    assert ledger.counts(named=True)["failed_probes"] == {"undefined": 1}
    with pytest.raises(LedgerError, match="another result"):
        ledger.append([replace(traced, scores={"ari": 0.3})])
