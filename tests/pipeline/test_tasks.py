"""Job arrays: all shares together are all tomograms, however tasks are numbered."""

import pytest

from faket.errors import InputError
from faket.pipeline.tasks import Task, parse_task


@pytest.mark.parametrize("of", [1, 3, 12, 40])
def test_shares_are_all_tomograms_once(of):
    shares = [i for number in range(1, of + 1) for i in Task(number, of).share(12)]
    assert sorted(shares) == list(range(12))
    sizes = [len(Task(number, of).share(12)) for number in range(1, of + 1)]
    assert max(sizes) - min(sizes) <= 1


def slurm(number, first, last, step, count):
    names = ("ID", "MIN", "MAX", "STEP", "COUNT")
    values = (number, first, last, step, count)
    return {f"SLURM_ARRAY_TASK_{n}": str(v) for n, v in zip(names, values, strict=True)}


@pytest.mark.parametrize(
    ("text", "environment", "task"),
    [
        ("2/10", {}, Task(2, 10)),
        ("array", slurm(0, 0, 9, 1, 10), Task(1, 10)),
        ("array", slurm(10, 1, 10, 1, 10), Task(10, 10)),
        ("array", slurm(7, 1, 9, 2, 5), Task(4, 5)),
        (
            "array",
            {
                "SGE_TASK_ID": "3",
                "SGE_TASK_FIRST": "1",
                "SGE_TASK_LAST": "5",
                "SGE_TASK_STEPSIZE": "2",
            },
            Task(2, 3),
        ),
        ("array", {"LSB_JOBINDEX": "4", "LSB_JOBINDEX_END": "8"}, Task(4, 8)),
        ("array", {"SGE_TASK_ID": "undefined", **slurm(2, 1, 2, 1, 2)}, Task(2, 2)),
    ],
)
def test_tasks_are_known(text, environment, task):
    assert parse_task(text, environment) == task


@pytest.mark.parametrize(
    ("text", "environment", "match"),
    [
        ("0/10", {}, "from 1 to 10 of 10, found 0"),
        ("11/10", {}, "found 11"),
        ("two", {}, "as 2/10"),
        ("array", {}, "found none in the environment"),
        ("array", {"SGE_TASK_ID": "undefined"}, "found none in the environment"),
        ("array", {"LSB_JOBINDEX": "0", "LSB_JOBINDEX_END": "0"}, "found none"),
        ("array", {"PBS_ARRAY_INDEX": "3"}, "as 2/10"),
        ("array", slurm(7, 3, 7, 1, 2), r"without gaps, found 2 tasks from 3 to 7; .*_ID/7"),
    ],
)
def test_what_is_no_task_is_one_line(text, environment, match):
    with pytest.raises(InputError, match=match) as error:
        parse_task(text, environment)
    assert "\n" not in str(error.value)
