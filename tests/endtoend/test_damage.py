"""What changes on the disk after it was written is noticed, named, and computed again with the same bits."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from layercut import load_model, load_results, load_study, run_study
from layercut.checkpoints import load_checkpoint, save_checkpoint, tensors_hash
from layercut.cli.verify import command
from layercut.errors import CheckpointError, LedgerError
from layercut.ledger import LEDGER_NAME, Ledger, study_status
from layercut.report.facts import read_facts
from layercut.runner.weights import holds, known_hashes
from layercut.stages.context import _open_source
from support.tiny_study import NUM_TRIALS, write_study

NUM_PLACES = 200


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file."""
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def finished(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of a study that has run."""
    output = tmp_path_factory.mktemp("finished")
    run_study(load_study(study), output, executor="serial")
    return output


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of that directory, to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def _hash(output: Path) -> str | None:
    return study_status(output, with_hash=True).records_hash


def _change(run: Path, *statements: str) -> None:
    with closing(sqlite3.connect(run / LEDGER_NAME, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("trial", "UPDATE trials SET test_accuracy = 1e300 WHERE id = 3"),
        ("trial", "UPDATE trials SET digest = NULL WHERE id = 3"),
        ("trial", "UPDATE trials SET key = 'other' WHERE id = 3"),
        ("trial", "DELETE FROM trial_details WHERE trial = 3"),
        ("trial", "UPDATE trial_details SET curve = x'000000' WHERE trial = 3"),
        ("trial", "UPDATE trial_details SET seeds = CAST(x'ff' AS TEXT) WHERE trial = 3"),
        ("details of a trial", "DELETE FROM trials WHERE id = 28"),
        ("pretraining", "UPDATE pretrainings SET test_accuracy = 0.5"),
        ("fact of the study", "UPDATE meta SET value = 'junk' WHERE name = 'probings'"),
        ("fact of the study", "UPDATE meta SET value = 'junk' WHERE name = 'plan'"),
        ("design point", "UPDATE condition_names SET cut = 7 WHERE id = 9"),
    ],
)
def test_what_changed_in_the_ledger_is_named_and_computed_again(
    study: Path, finished: Path, run: Path, kind: str, statement: str
) -> None:
    _change(run, statement)
    assert any(name.startswith(kind) for name in study_status(run).damaged)
    summary = run_study(load_study(study), run, executor="serial")
    assert any(name.startswith(kind) for name in summary.mended)
    assert "computed again" in summary.describe()
    assert (summary.num_finished, summary.records_hash) == (NUM_TRIALS, _hash(finished))
    assert study_status(run).damaged == ()
    assert read_facts(run).mended == summary.mended


def test_an_index_that_lacks_a_key_is_named_and_made_again(study: Path, finished: Path, run: Path) -> None:
    with closing(sqlite3.connect(run / LEDGER_NAME)) as connection:
        (key,) = connection.execute("SELECT key FROM trials WHERE id = 5").fetchone()
    content = (run / LEDGER_NAME).read_bytes()
    places = [i for i in range(len(content)) if content.startswith(key.encode(), i)]
    assert len(places) == 2
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1
        (run / LEDGER_NAME).write_bytes(damaged)
        assert study_status(run).damaged
        assert run_study(load_study(study), run, executor="serial").records_hash == _hash(finished)
        assert study_status(run).damaged == ()


def _flips(content: bytes, number: int, seed: int) -> Iterator[bytes]:
    """Yield the content with one byte changed, at places drawn at random among those that are not zero or near one."""
    places = random.Random(seed)  # noqa: S311 - places, not secrets
    used = [i for i in range(len(content)) if any(content[max(0, i - 8) : i + 8])]
    for _ in range(number):
        flipped = bytearray(content)
        flipped[places.choice(used)] ^= places.randint(1, 255)
        yield bytes(flipped)


def _noticed(run: Path) -> bool:
    try:
        return bool(study_status(run).damaged)
    except LedgerError:
        return True


def _check_flips(study: Path, finished: Path, run: Path, number: int) -> None:
    results, records_hash = load_results(finished), _hash(finished)
    seen = healed = 0
    for content in _flips((finished / LEDGER_NAME).read_bytes(), number, seed=number):
        (run / LEDGER_NAME).write_bytes(content)
        if not _noticed(run):
            pd.testing.assert_frame_equal(load_results(run), results, check_flags=False)
            assert _hash(run) == records_hash
            with Ledger(run, read_only=True) as ledger:
                assert ledger.pretrainings()
            continue
        seen += 1
        try:
            summary = run_study(load_study(study), run, executor="serial")
        except LedgerError as error:
            assert "damaged" in str(error) or "not a ledger" in str(error) or "no ledger" in str(error)
            continue
        healed += 1
        assert (summary.num_finished, summary.records_hash) == (NUM_TRIALS, records_hash)
    print(f"{number} flipped bytes: {seen} noticed, {healed} of these healed by the next run")
    assert seen > number / 3


def test_a_few_flipped_bytes_of_a_ledger_are_each_noticed_or_without_effect(
    study: Path, finished: Path, run: Path
) -> None:
    _check_flips(study, finished, run, 8)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_200_flipped_bytes_of_a_ledger_are_each_noticed_or_without_effect(
    study: Path, finished: Path, run: Path
) -> None:
    _check_flips(study, finished, run, NUM_PLACES)


def _other_weights(path: Path) -> None:
    values, _ = load_checkpoint(path)
    save_checkpoint(path, {name: torch.ones_like(value) for name, value in values.items()})


ATTACKS: dict[str, Callable[[Path], object]] = {
    "other weights of the same shapes": _other_weights,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "a byte flipped": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\x5a"),
    "emptied": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no weights", encoding="utf-8"),
    "deleted": lambda path: path.unlink(),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("source", ["trained", "random"])
def test_a_checkpoint_that_is_not_what_was_written_is_set_aside_and_made_again(
    tmp_path: Path, attack: Callable[[Path], object], source: str
) -> None:
    changes = {"trained": [], "random": ["source={random: true}", "pretraining={}"]}[source]
    spec = load_study(write_study(tmp_path), [*changes, "transfer.fractions=[0.1]", "transfer.replicates=1"])
    run = tmp_path / "run"
    records_hash = run_study(spec, run, executor="serial").records_hash
    _change(run, "DELETE FROM trial_details WHERE trial > 3", "DELETE FROM trials WHERE id > 3")
    shutil.rmtree(run / "features")
    path = next((run / "checkpoints").glob("*.safetensors"))
    content = path.read_bytes()
    attack(path)
    deleted = not path.exists()
    _open_source.cache_clear()
    summary = run_study(spec, run, executor="serial")
    assert (summary.failed, summary.records_hash) == ({}, records_hash)
    assert path.read_bytes() == content
    assert [name.partition(" ")[0] for name in summary.mended] == ([] if deleted else ["checkpoint"])
    assert deleted or path.with_name(path.name + ".damaged").exists()
    assert read_facts(run).mended == summary.mended


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of a small study that kept weights and predictions."""
    folder = tmp_path_factory.mktemp("kept")
    changes = ["transfer.fractions=[0.1]", "transfer.replicates=1", "keep=[weights, predictions]"]
    run_study(load_study(write_study(folder), changes), folder / "run", executor="serial")
    return folder / "run"


def _verify(folder: Path) -> tuple[int, str]:
    done = CliRunner().invoke(command, [str(folder)], standalone_mode=False)
    return done.return_value, done.output


def test_verify_finds_nothing_in_a_study_that_is_as_it_was_written(kept: Path) -> None:
    code, output = _verify(kept)
    assert (code, "all unchanged" in output) == (0, True)


@pytest.mark.parametrize(
    ("pattern", "attack"),
    [
        ("checkpoints/*.safetensors", _other_weights),
        ("checkpoints/*.safetensors", lambda path: path.write_bytes(b"")),
        ("artifacts/*/model.safetensors", _other_weights),
        ("artifacts/*/model.safetensors", lambda path: path.unlink()),
        ("artifacts/*/predictions.csv", lambda path: path.write_text("image,label,predicted\n", encoding="utf-8")),
        ("artifacts/*/card.json", lambda path: path.write_text("[]", encoding="utf-8")),
        (
            "artifacts/*/card.json",
            lambda path: path.write_text(
                path.read_text(encoding="utf-8").replace('"test_accuracy": 0', '"test_accuracy": 1'), encoding="utf-8"
            ),
        ),
    ],
)
def test_verify_names_what_changed(kept: Path, tmp_path: Path, pattern: str, attack: Callable[[Path], object]) -> None:
    run = Path(shutil.copytree(kept, tmp_path / "run"))
    path = sorted(run.glob(pattern))[0]
    attack(path)
    code, output = _verify(run)
    assert code == 2
    assert "1 changed" in output
    assert str(path.parent) in output


def test_load_model_refuses_weights_that_are_not_those_of_their_card(kept: Path, tmp_path: Path) -> None:
    path = sorted(Path(shutil.copytree(kept, tmp_path / "run")).glob("artifacts/*/model.safetensors"))[0]
    _other_weights(path)
    with pytest.raises(CheckpointError, match="changed after it was written with its card"):
        load_model(path.parent)


def test_200_flipped_bytes_of_a_checkpoint_are_each_noticed_or_without_effect(finished: Path, run: Path) -> None:
    path = next((run / "checkpoints").glob("*.safetensors"))
    with Ledger(finished, read_only=True) as ledger:
        expected = known_hashes(ledger)[path.stem]
    unnoticed = 0
    for content in _flips(path.read_bytes(), NUM_PLACES, seed=1):
        path.write_bytes(content)
        if holds(path, expected):
            unnoticed += 1
            values, _ = load_checkpoint(path)
            assert tensors_hash(values) == expected
    assert unnoticed < NUM_PLACES / 10
