"""What the nodes of a cluster can do at once."""

from __future__ import annotations

from typing import Any

from layercut.executors.capacity import capacity_of


def node(key: str, alive: bool = True, **resources: float) -> dict[str, Any]:
    """Describe a node as Ray does."""
    return {"NodeID": key, "NodeManagerHostname": f"host-{key}", "Alive": alive, "Resources": resources}


def test_dead_nodes_and_nodes_without_a_core_do_no_jobs():
    capacity = capacity_of(
        [node("a", CPU=4.0), node("b", alive=False, CPU=8.0), node("c"), node("d", CPU=2.0)], False, None
    )
    assert [each.key for each in capacity.nodes] == ["a", "d"]
    assert (capacity.num_slots, capacity.most_cpus, capacity.gpus_a_job) == (6, 4, 0.0)


def test_a_job_has_a_gpu_to_itself_where_no_more_workers_are_wanted_than_there_are_gpus():
    capacity = capacity_of([node("a", CPU=8.0, GPU=2.0), node("b", CPU=8.0)], True, 2)
    assert [each.key for each in capacity.nodes] == ["a"]
    assert (capacity.gpus_a_job, capacity.num_slots) == (1.0, 2)
    assert capacity_of([node("a", CPU=8.0, GPU=2.0)], True, None).gpus_a_job == 1.0


def test_more_workers_than_gpus_share_them_and_all_find_room():
    capacity = capacity_of([node("a", CPU=8.0, GPU=2.0)], True, 6)
    assert capacity.gpus_a_job == 0.3333
    assert capacity.num_slots == 6


def test_a_cluster_without_a_gpu_has_no_node_for_jobs_that_need_one():
    assert capacity_of([node("a", CPU=8.0)], True, 1).nodes == ()
