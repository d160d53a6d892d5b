"""Whatever is wrong with the input: exit code 2, a message that says where and what, and nothing done."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from layercut import load_study, run_study
from support.fake_ledger import write_ledger
from support.fake_results import fake_results
from support.tiny_study import TINY, write_study

Layercut = Callable[..., Any]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The study file."""
    return write_study(tmp_path)


@pytest.fixture
def refused(layercut: Layercut, study: Path, tmp_path: Path) -> Callable[..., str]:
    """Run the study with changes and return the message; nothing may have been done.

    `replace` is a piece of the study file and what takes its place.
    """

    def run(*overrides: str, replace: tuple[str, str] = ("", ""), arguments: tuple[object, ...] = ()) -> str:
        output = tmp_path / "refused"
        study.write_text(TINY.replace(*replace), encoding="utf-8")
        settings = [part for override in overrides for part in ("--set", override)]
        code, stdout, stderr = layercut("run", study, "-o", output, "--executor", "serial", *settings, *arguments)
        assert code == 2, stderr
        assert stdout == ""
        assert "Traceback" not in stderr
        assert not output.exists()
        return str(stderr)

    return run


def test_an_unknown_key_is_named_with_the_nearest_legal_one(refused: Callable[..., str], study: Path) -> None:
    message = refused(replace=("fractions:", "fractoins:"))
    assert f"`transfer.fractoins` in {study}, line 9" in message
    assert "unknown key; did you mean 'fractions'?" in message


def test_an_unknown_model_is_named_with_the_nearest_one(refused: Callable[..., str], study: Path) -> None:
    message = refused(replace=("plain_cnn", "plain_cn"))
    assert f"`model[0].name` in {study}, line 5" in message
    assert "unknown model 'plain_cn'; did you mean 'plain_cnn'?" in message


def test_an_unknown_model_option_is_named_with_the_nearest_one(refused: Callable[..., str]) -> None:
    message = refused("model.chanels=8")
    assert "chanels" in message
    assert "did you mean 'channels'?" in message


def test_an_unknown_strategy_is_named_with_the_nearest_one(refused: Callable[..., str]) -> None:
    message = refused("transfer.strategies=[scratch, freze]")
    assert "`transfer.strategies[1]`" in message
    assert "did you mean 'freeze'?" in message


def test_an_unknown_dataset_is_named_with_the_nearest_one(refused: Callable[..., str]) -> None:
    message = refused("target.dataset=digit")
    assert "`target[0]`" in message
    assert "did you mean 'digits'?" in message


def test_an_unknown_study_is_named_with_the_nearest_one(layercut: Layercut) -> None:
    code, _, stderr = layercut("run", "mnist-halfs")
    assert code == 2
    assert "did you mean 'mnist-halves'?" in stderr


def test_cut_9_of_6_blocks_is_refused(refused: Callable[..., str], study: Path) -> None:
    message = refused("model.depth=6", "model.pool_every=3", replace=("strategies:", "cuts: [0, 9]\n  strategies:"))
    assert f"`transfer.cuts[1]` in {study}, line 8" in message
    assert "expected a number of blocks in 0..6" in message
    assert "got 9" in message


@pytest.mark.parametrize("fraction", [0, 1.5])
def test_a_fraction_outside_0_to_1_is_refused(refused: Callable[..., str], study: Path, fraction: float) -> None:
    message = refused(replace=("fractions: [0.1, 0.3]", f"fractions: [0.1, {fraction}]"))
    assert f"`transfer.fractions[1]` in {study}, line 9" in message
    assert "expected a fraction in (0, 1]" in message
    assert f"got {fraction}" in message


def test_a_fraction_that_leaves_a_class_empty_is_refused_with_the_class(refused: Callable[..., str]) -> None:
    message = refused("transfer.fractions=[0.1, 0.001]")
    assert "`transfer.fractions[1]`" in message
    assert "fraction 0.001 leaves no image of class '4', which has 145 for training" in message
    assert "the least usable fraction is 0.0035" in message


def test_a_class_listed_twice_is_refused(refused: Callable[..., str]) -> None:
    message = refused("target.classes=[3, 4, 3]")
    assert "`target[0].classes`" in message
    assert "each class once; 3 is listed more than once" in message


def test_a_class_that_the_dataset_has_not_is_refused_with_those_it_has(refused: Callable[..., str]) -> None:
    message = refused("target.classes=[3, 12]")
    assert "`target[0]`" in message
    assert "class 12 is not in the dataset" in message
    assert "9: 9" in message


def test_overlapping_source_and_target_classes_are_a_warning_in_plan_and_report(
    layercut: Layercut, study: Path, tmp_path: Path
) -> None:
    overlap = ("--set", "target.classes=[2, 3, 4]", "--set", "transfer.replicates=1", "--set", "transfer.cuts=[0, 2]")
    code, stdout, _ = layercut("plan", study, *overlap, "--json")
    assert code == 0
    assert any("share the classes 2" in warning for warning in json.loads(stdout)["warnings"])
    code, stdout, _ = layercut("run", study, *overlap, "-o", tmp_path / "run", "--executor", "serial")
    assert code == 0
    assert "share the classes 2" in Path(stdout.strip()).read_text(encoding="utf-8")


def test_missing_data_without_network_fails_at_once_and_names_the_files(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    monkeypatch.setattr("socket.create_connection", no_network)
    monkeypatch.setattr("socket.getaddrinfo", no_network)
    message = refused(
        "source={dataset: mnist, classes: [0, 1]}",
        "target={dataset: mnist, classes: [2, 3]}",
        arguments=("--data-dir", tmp_path / "empty"),
    )
    assert "cannot download mnist" in message
    assert "check the network" in message
    assert "MNIST/raw/train-images-idx3-ubyte" in message


def test_a_truncated_idx_file_is_refused_with_its_size(refused: Callable[..., str], tmp_path: Path) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    whole = struct.pack(">4B3I", 0, 0, 8, 3, 60000, 28, 28)
    (raw / "train-images-idx3-ubyte").write_bytes(whole + bytes(1000))
    message = refused(
        "source={dataset: mnist, classes: [0, 1]}",
        "target={dataset: mnist, classes: [2, 3]}",
        arguments=("--data-dir", tmp_path / "data"),
    )
    assert str(raw / "train-images-idx3-ubyte") in message
    assert "expected 47040016 bytes, got 1016 (truncated)" in message


def test_an_image_folder_with_an_unreadable_file_is_refused_with_the_file(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    for label in ("cat", "dog"):
        folder = tmp_path / "images" / label
        folder.mkdir(parents=True)
        for number in range(4):
            pixels = np.full((8, 8), 40 * number, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    broken = tmp_path / "images" / "dog" / "broken.png"
    broken.write_bytes(b"no image at all")
    task = f"{{dataset: folder, path: {tmp_path / 'images'}, channels: 1}}"
    message = refused(f"source={task}", f"target={task}", "transfer.fractions=[1.0]")
    assert str(broken) in message
    assert "image" in message


def test_a_checkpoint_whose_shapes_do_not_fit_is_refused_with_both_shapes(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    weights = tmp_path / "weights.pth"
    tensors = {"conv0.weight": torch.zeros(8, 1, 5, 5), "conv0.bias": torch.zeros(8)}
    tensors |= {"conv1.weight": torch.zeros(8, 8, 3, 3), "conv1.bias": torch.zeros(8)}
    torch.save(tensors | {"fc.weight": torch.zeros(3, 128), "fc.bias": torch.zeros(3)}, weights)
    message = refused(f"source={{checkpoint: {weights}}}")
    assert str(weights) in message
    assert "conv0" in message
    assert "expected (8, 1, 3, 3), got (8, 1, 5, 5)" in message


def test_a_missing_checkpoint_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    message = refused(f"source={{checkpoint: {tmp_path / 'absent.pth'}}}")
    assert "`source[0].checkpoint`" in message
    assert f"no weight file {tmp_path / 'absent.pth'}" in message


class _Trap:
    """What a hostile pickle holds: a call."""

    def __init__(self, touched: Path) -> None:
        self._touched = touched

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._touched),)


def test_a_checkpoint_that_pickles_more_than_tensors_is_refused_and_not_run(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    weights, touched = tmp_path / "weights.pth", tmp_path / "touched"
    weights.write_bytes(pickle.dumps({"conv0.weight": _Trap(touched)}))
    message = refused(f"source={{checkpoint: {weights}}}")
    assert f"cannot read {weights} as weights" in message
    assert "torch.save(model.state_dict()" in message
    assert not touched.exists()


def test_a_checkpoint_that_holds_something_else_is_refused_with_its_type(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    weights = tmp_path / "weights.pth"
    torch.save([1, 2, 3], weights)
    message = refused(f"source={{checkpoint: {weights}}}")
    assert f"cannot read {weights} as weights" in message
    assert "that holds only tensors by name; got an object of type list" in message


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of a finished study; tests copy it."""
    folder = tmp_path_factory.mktemp("finished")
    run_study(load_study(write_study(folder)), folder / "run", executor="serial")
    return folder / "run"


def _truncate(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes()[:6000])


def _overwrite(ledger: Path) -> None:
    ledger.write_bytes(b"this is no database" * 1000)


@pytest.mark.parametrize("damage", [_truncate, _overwrite])
@pytest.mark.parametrize("command", ["run", "status", "report", "export"])
def test_a_corrupt_ledger_is_refused_with_what_to_do(
    layercut: Layercut, study: Path, tmp_path: Path, finished_run: Path, command: str, damage: Callable[[Path], None]
) -> None:
    output = tmp_path / "run"
    shutil.copytree(finished_run, output)
    ledger = output / "ledger.sqlite"
    damage(ledger)
    before = ledger.read_bytes()
    arguments = ("run", study, "--executor", "serial", "-o", output) if command == "run" else (command, output)
    code, stdout, stderr = layercut(*arguments)
    assert code == 2, stderr
    assert stdout == ""
    assert str(ledger) in stderr
    assert "is damaged" in stderr or "is not a ledger" in stderr
    assert ledger.read_bytes() == before


@pytest.mark.parametrize("command", ["status", "report", "export"])
def test_a_folder_without_ledger_is_refused(layercut: Layercut, tmp_path: Path, command: str) -> None:
    code, stdout, stderr = layercut(command, tmp_path)
    assert (code, stdout) == (2, "")
    assert f"no ledger at {tmp_path}" in stderr
    assert list(tmp_path.iterdir()) == []


_HOLDER = """\
import sys
from pathlib import Path
from layercut.runner.locking import output_lock
with output_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held_directory(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """An output directory in use, and the id of the process that uses it."""
    output = tmp_path / "held"
    output.mkdir()
    command = [sys.executable, "-c", _HOLDER, str(output)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield output, holder.pid
        holder.communicate()


def test_an_output_directory_in_use_is_refused_with_the_process_id(
    layercut: Layercut, study: Path, held_directory: tuple[Path, int]
) -> None:
    output, holder = held_directory
    code, stdout, stderr = layercut("run", study, "-o", output, "--executor", "serial")
    assert (code, stdout) == (2, "")
    assert f"the process {holder} is running a study in {output}" in stderr
    assert "-o" in stderr
    assert not (output / "ledger.sqlite").exists()


def test_an_output_directory_that_is_a_file_is_refused(layercut: Layercut, study: Path, tmp_path: Path) -> None:
    output = tmp_path / "file"
    output.write_text("something", encoding="utf-8")
    code, stdout, stderr = layercut("run", study, "-o", output, "--executor", "serial")
    assert (code, stdout) == (2, "")
    assert str(output) in stderr
    assert "Traceback" not in stderr
    assert output.read_text(encoding="utf-8") == "something"


def test_a_folder_in_the_place_of_the_report_is_refused_before_the_study_runs(
    layercut: Layercut, study: Path, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    (output / "report.html").mkdir(parents=True)
    code, stdout, stderr = layercut("run", study, "-o", output, "--executor", "serial")
    assert (code, stdout) == (2, "")
    assert f"cannot write {output / 'report.html'}: it is a folder" in stderr
    assert [path.name for path in output.iterdir()] == ["report.html"]


def test_the_folder_that_has_no_ledger_is_named_in_full(
    layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"no ledger at {tmp_path / 'ledger.sqlite'}" in layercut("status", ".")[2]


def test_a_kind_that_takes_no_name_is_named(layercut: Layercut) -> None:
    code, _, stderr = layercut("list", "models", "mlp")
    assert code == 2
    assert "layercut list models takes no name; got 'mlp'" in stderr


@pytest.mark.parametrize("path", ["a" * 300, "loop/study.yaml", "directory.yaml"])
@pytest.mark.parametrize("command", ["plan", "run", "status", "verify", "report", "export"])
def test_a_path_that_no_file_can_have_is_an_error_in_one_line(
    layercut: Layercut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "directory.yaml").mkdir()
    code, stdout, stderr = layercut(command, path)
    assert (code, stdout) == (2, "")
    assert "Traceback" not in stderr
    assert path[:20] in stderr


def test_a_memory_beyond_all_measure_is_refused(layercut: Layercut) -> None:
    code, _, stderr = layercut("run", "digits", "--memory", "1" + "0" * 400)
    assert code == 2
    assert "expected a size below 8 EiB" in stderr


def test_a_folder_for_temporary_files_with_too_long_a_name_is_an_error_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    program = "import sys; from layercut.cli.main import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "digits", "-o", str(tmp_path / "run"), "--workers", "1"],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "set TMPDIR to a shorter one" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_name_of_a_class_that_is_no_text_is_named(layercut: Layercut, tmp_path: Path) -> None:
    for name in (b"caf\xe9", b"tea"):
        folder = tmp_path / "images" / os.fsdecode(name)
        folder.mkdir(parents=True)
        for number in range(4):
            Image.new("L", (8, 8), number).save(folder / f"{number}.png")
    study = tmp_path / "study.yaml"
    study.write_text(
        "name: t\nsource: {random: true}\ntarget: {dataset: folder, path: images, image_size: 8, channels: 1}\n"
        "model: {name: plain_cnn, depth: 2, channels: 8}\ntransfer: {fractions: [1.0], replicates: 2}\n",
        encoding="utf-8",
    )
    code, _, stderr = layercut("plan", study)
    assert code == 2
    assert r"the name of the class caf\udce9 is not in UTF-8" in stderr


ESCAPE = "\x1b[2J\x1b]0;owned\x07"


def _hostile_ledger(folder: Path, table: Any) -> Path:
    hostile = table.assign(source=f"s{ESCAPE}", target=f"t{ESCAPE}", model=f"m{ESCAPE}")
    return write_ledger(folder, hostile, meta={"study_name": f"n{ESCAPE}"})


@pytest.mark.parametrize(
    "arguments", [["status", "RUN"], ["status", "RUN", "--json"], ["compare", "RUN", "RUN"], ["plan", f"x{ESCAPE}"],
                  ["status", f"no{ESCAPE}"], ["run", "digits", "--set", f"na{ESCAPE}me=1"], [f"cmd{ESCAPE}"],
                  ["scoreboard", "RUN"], ["report", f"no{ESCAPE}"], ["list", f"y{ESCAPE}"]],
)  # fmt: skip
def test_no_escape_sequence_of_a_name_reaches_the_terminal(
    layercut: Layercut, tmp_path: Path, arguments: list[str]
) -> None:
    run = _hostile_ledger(tmp_path / "run", fake_results(num_replicates=5))
    _, stdout, stderr = layercut(*(str(run) if argument == "RUN" else argument for argument in arguments))
    assert stdout + stderr
    assert not {"\x1b", "\x07"} & set(stdout + stderr)
