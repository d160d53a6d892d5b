"""The Ray executor on a real cluster of several nodes, all on this machine."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from layercut import load_study, run_study
from layercut.errors import UserError
from layercut.executors import EXECUTORS
from layercut.executors.base import Done, Lost, Result
from layercut.executors.ray import RayExecutor
from layercut.records import Record, TrialRecord
from layercut.runner.progress import NoProgress
from support.executor_jobs import Context
from support.tiny_study import NUM_TRIALS, command_line, wait_until, write_study

try:
    EXECUTORS["ray"](1, ())
except UserError as error:
    pytest.skip(str(error), allow_module_level=True)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("ray"),  # one cluster for all
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes through /proc"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of a core each; the second has a GPU, if only in its books."""
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.add_node(num_cpus=1, num_gpus=1)
    yield nodes
    nodes.shutdown()


@pytest.fixture
def executor(cluster: Any) -> Iterator[RayExecutor]:
    """An executor on both nodes."""
    connected = RayExecutor(None, (), cluster.address)
    yield connected
    connected.close()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file."""
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def serial_hash(study: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the study gives without Ray."""
    return run_study(load_study(study), tmp_path_factory.mktemp("serial"), executor="serial").records_hash


def values(events: list[Any]) -> list[Any]:
    """Return what jobs yielded, in order."""
    return [event.value for event in events if isinstance(event, Result)]


def test_a_study_on_two_nodes_has_the_hash_of_the_serial_one(
    cluster: Any, study: Path, serial_hash: str, tmp_path: Path
) -> None:
    summary = run_study(load_study(study), tmp_path, executor="ray", address=cluster.address)
    assert (summary.num_finished, summary.records_hash) == (NUM_TRIALS, serial_hash)


def test_training_with_more_threads_than_a_node_has_cores_gives_the_bits_of_the_serial_run(
    cluster: Any, study: Path, tmp_path: Path
) -> None:
    spec = load_study(study, ["pretraining.threads=2", "transfer.strategies=[freeze]", "transfer.replicates=1"])
    summaries = [
        run_study(spec, tmp_path / "serial", executor="serial"),
        run_study(spec, tmp_path / "ray", executor="ray", address=cluster.address),
    ]
    assert summaries[0].num_finished > 0
    assert summaries[0].records_hash == summaries[1].records_hash


def test_a_study_that_loses_a_node_in_the_middle_has_the_hash_of_the_serial_one(
    cluster: Any, study: Path, serial_hash: str, tmp_path: Path
) -> None:
    doomed = cluster.add_node(num_cpus=2)

    class KillNode(NoProgress):
        killed = False

        def record(self, record: Record) -> None:
            if isinstance(record, TrialRecord) and not self.killed:
                self.killed = True
                cluster.remove_node(doomed, allow_graceful=False)

    progress = KillNode()
    summary = run_study(load_study(study), tmp_path, executor="ray", address=cluster.address, progress=progress)
    assert progress.killed
    assert (summary.num_finished, summary.records_hash) == (NUM_TRIALS, serial_hash)


def test_jobs_of_a_killed_node_are_done_again_elsewhere_and_no_value_comes_twice(
    cluster: Any, executor: RayExecutor, tmp_path: Path
) -> None:
    node = cluster.add_node(num_cpus=2)
    raylet = node.all_processes["raylet"][0].process.pid
    (tmp_path / f"doomed-{raylet}").touch()
    events = []
    for event in executor.run("support.executor_jobs:stay_where_marked", range(8), Context((tmp_path,))):
        events.append(event)
        if isinstance(event, Result) and event.value == raylet and node in cluster.worker_nodes:
            cluster.remove_node(node, allow_graceful=False)
    assert raylet in values(events)
    assert Counter(type(event) for event in events) == {Result: 16, Done: 8}
    assert values(events).count("end") == 8


def test_values_come_in_the_order_of_their_job_and_jobs_are_drawn_as_there_is_room(
    executor: RayExecutor, tmp_path: Path
) -> None:
    drawn = iter(range(1_000_000))
    events = executor.run("support.executor_jobs:count_up", (3 for _ in drawn), Context((tmp_path,)))
    first: list[Any] = []
    while not any(isinstance(event, Done) for event in first):
        first.append(next(events))
    assert next(drawn) < 50
    assert sum(event == Result(3, 2) for event in first) >= 1
    events.close()


def test_an_exception_is_reported_with_its_name_and_what_came_before_stands(
    executor: RayExecutor, tmp_path: Path
) -> None:
    first, last = executor.run("support.executor_jobs:fail", ["such job"], Context((tmp_path,)))
    assert first == Result("such job", "before")
    assert isinstance(last, Lost)
    assert (last.error, last.message.splitlines()[0]) == ("FileNotFoundError", "no such job")


def test_a_job_whose_worker_is_killed_twice_is_done_at_the_third_try(executor: RayExecutor, tmp_path: Path) -> None:
    events = list(executor.run("support.executor_jobs:be_killed", [2], Context((tmp_path,))))
    assert events == [Result(2, "first"), Result(2, "second"), Done(2)]


def test_a_job_that_kills_every_worker_is_given_up_after_three(
    executor: RayExecutor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    *before, last = executor.run("support.executor_jobs:be_killed", [99], Context((tmp_path,)))
    assert before in ([], [Result(99, "first")])  # a value may die on its way with the worker that has sent it
    assert isinstance(last, Lost)
    assert last.error is None
    assert "lost its worker 3 times" in last.message
    assert capfd.readouterr().out == ""


def test_jobs_on_a_gpu_go_to_the_node_that_has_one(cluster: Any, tmp_path: Path) -> None:
    executor = RayExecutor(2, (), cluster.address)
    try:
        events = list(executor.run("support.executor_jobs:visible_gpu", [0, 1], Context((tmp_path,), "cuda")))
        assert values(events) == ["0", "0"]
    finally:
        executor.close()


def test_a_folder_that_a_node_does_not_see_is_named_before_anything_runs(executor: RayExecutor, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot see .*absent.* must"):
        list(executor.run("support.executor_jobs:count_up", [1], Context((tmp_path, tmp_path / "absent"))))
    assert list(tmp_path.iterdir()) == []


def test_an_address_without_a_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--address 127.0.0.1:9: no Ray cluster .*ray start"):
        list(RayExecutor(1, (), "127.0.0.1:9").run("support.executor_jobs:count_up", [1], Context((tmp_path,))))


def test_auto_is_refused_where_no_cluster_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with pytest.raises(UserError, match=r"--address auto: .*none was started on this machine"):
        list(RayExecutor(1, (), "auto").run("support.executor_jobs:count_up", [1], Context((tmp_path,))))


@pytest.mark.parametrize("address", ["ray://somewhere:10001", "somewhere", "", "local:", "[::1]", "[::1:6379"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(UserError, match="expected local, auto, or HOST:PORT"):
        RayExecutor(1, (), address)


def test_an_address_is_refused_by_executors_that_have_no_use_for_it(study: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--address auto: the executor 'serial'"):
        run_study(load_study(study), tmp_path / "run", executor="serial", address="auto")
    assert not (tmp_path / "run").exists()


def test_an_own_cluster_ends_with_ctrl_c_and_the_same_command_finishes(
    study: Path, serial_hash: str, tmp_path: Path
) -> None:
    arguments = ["run", study, "-o", tmp_path / "run", "--executor", "ray", "--workers", "2", "--no-report", "--json"]
    with command_line(arguments) as command:
        command.wait_until(lambda: any((tmp_path / "run" / "checkpoints").glob("*.safetensors")))
        command.signal_group(signal.SIGINT)
        code, stdout, stderr = command.finish()
        wait_until(lambda: not command.processes())
    assert (code, stdout) == (130, ""), stderr
    assert "Traceback" not in stderr
    with command_line(arguments) as command:
        code, stdout, stderr = command.finish()
        wait_until(lambda: not command.processes())
    assert code == 0, stderr
    assert json.loads(stdout)["records_hash"] == serial_hash


def test_without_ray_the_executor_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'layercut\[ray\]'"):
        EXECUTORS["ray"](1, ())
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
