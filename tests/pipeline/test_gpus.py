"""Worker processes take the GPUs of a machine in turn."""

import multiprocessing
import os

import pytest

from faket.pipeline import gpus


@pytest.mark.parametrize(
    ("visible", "count", "chosen"),
    [
        (None, 3, ["0", "1", "2", "0"]),
        ("5, 7", 8, ["5", "7", "5", "7"]),
        ("GPU-8a,GPU-41", 8, ["GPU-8a", "GPU-41", "GPU-8a", "GPU-41"]),
        ("2", 8, [None] * 4),
        ("", 8, [None] * 4),
        (None, 1, [None] * 4),
        (None, 0, [None] * 4),
    ],
)
def test_workers_take_the_gpus_in_turn(visible, count, chosen):
    assert [gpus.gpu_of(worker, visible, count) for worker in range(4)] == chosen


def test_a_worker_sees_its_gpu_only(monkeypatch):
    monkeypatch.setattr(gpus, "_gpus", lambda: 4)
    monkeypatch.setattr(multiprocessing.current_process(), "_name", "SpawnProcess-6")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    gpus.take_gpu()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2"
