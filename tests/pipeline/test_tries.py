"""What fails is tried again, then set aside with its reason, and the others are made."""

import signal
import time
from dataclasses import replace

import pytest

from faket.errors import InputError, SetAsideError, UnfitMachineError
from faket.pipeline.executors import InThisProcess, KilledError, LostClusterError
from faket.pipeline.progress_records import making_path, new_making, read_progress, write_progress
from faket.pipeline.tries import NamedWork, attempt, failure_of, make_parts, raise_failed
from faket.pipeline.workers import worker_processes


def bad():
    raise InputError("a.mrc: expected voxels, found none; check `specimen.size_voxels`")


def defect():
    raise ZeroDivisionError("division by zero")


def nothing(*arguments):
    pass


def test_each_is_tried_twice_and_the_others_are_made():
    tried = []
    parts = [
        NamedWork("model_0", nothing),
        NamedWork("model_1", bad),
        NamedWork("model_2", defect),
        NamedWork("model_3", nothing),
    ]
    outcomes = list(
        make_parts(InThisProcess(), parts, failed_once=lambda name, error: tried.append(name))
    )
    assert [(o.name, o.failed is None) for o in outcomes] == [
        ("model_0", True), ("model_3", True), ("model_1", False), ("model_2", False),
    ]  # fmt: skip
    assert tried == ["model_1", "model_2", "model_1", "model_2"]
    failed = [o.failed for o in outcomes if o.failed]
    assert [(f.tries, f.bad_input, "\n" in f.reason) for f in failed] == [
        (2, True, False), (2, False, False),
    ]  # fmt: skip
    assert "in defect" in failed[1].details
    with pytest.raises(SetAsideError, match=r"2 of 4 set aside .* model_2: ZeroDivisionError: div"):
        raise_failed(failed, 4, outcomes[-1].error)
    with pytest.raises(InputError, match=r"1 of 4 .*`retry`; model_1: a\.mrc: .*size_voxels`$"):
        raise_failed(failed[:1], 4, None)
    raise_failed((), 4, None)


def test_an_unfit_machine_is_no_try_of_the_part():
    tried = []

    def work():
        tried.append("")
        if len(tried) < 4:
            raise UnfitMachineError(f"node{len(tried)}: a.mrc: no such file")
        if len(tried) == 4:
            bad()

    (outcome,) = make_parts(InThisProcess(), [NamedWork("model_0", work)])
    assert outcome.failed is None
    assert len(tried) == 5


def test_a_killed_process_fails_only_its_own_part():
    parts = [NamedWork(f"model_{i}", time.sleep, (0.0,)) for i in range(4)]
    parts[1] = NamedWork("model_1", signal.raise_signal, (signal.SIGKILL,))
    with worker_processes(2, time.sleep, 0.0) as processes:
        outcomes = {o.name: o.failed for o in make_parts(processes, parts)}
    assert [name for name, failed in outcomes.items() if failed] == ["model_1"]
    assert outcomes["model_1"].tries == 2
    assert outcomes["model_1"].bad_input
    assert "found one killed" in outcomes["model_1"].reason


def test_what_is_not_ready_waits_and_a_lost_cluster_ends_all():
    made = []
    parts = [
        NamedWork("child", made.append, ("child",)),
        NamedWork("parent", made.append, ("parent",)),
    ]

    def ready(waiting):
        return next((p for p in waiting if p.name == "parent" or "parent" in made), None)

    assert [o.name for o in make_parts(InThisProcess(), parts, ready=ready)] == made
    assert made == ["parent", "child"]

    def lose():
        raise LostClusterError("dask: gone")

    with pytest.raises(LostClusterError):
        list(
            make_parts(InThisProcess(), [NamedWork("a", lose), NamedWork("b", made.append, ("b",))])
        )
    assert made == ["parent", "child"]


def test_reasons_of_the_machine_are_one_line_too():
    full = failure_of("model_0", OSError(28, "No space left on device", "x/y"), 2)
    assert (full.reason, full.bad_input) == ("x/y: No space left on device", True)
    memory = failure_of("model_0", MemoryError("8 GB"), 2)
    assert memory.reason == "not enough memory: 8 GB; use fewer `workers`"


def test_a_part_whose_processes_were_killed_twice_in_a_run_is_not_begun_again(tmp_path):
    """A cluster gives it on by itself; what killed processes leave behind tells how often."""

    def begun(run="now"):
        with attempt(tmp_path, "model_0", run):
            (record,) = read_progress(tmp_path).making
        return record.attempt

    def left_behind(**facts):
        record = replace(new_making("model_0", "now"), process="00000000.1.1", **facts)
        write_progress(making_path(tmp_path, "model_0"), record)

    assert begun() == 1
    left_behind(attempt=1)
    assert begun() == 2
    left_behind(attempt=2)
    assert begun("another run") == 1
    left_behind(attempt=2)
    with pytest.raises(KilledError, match="found one killed"):
        begun()
    assert not list(tmp_path.iterdir())
