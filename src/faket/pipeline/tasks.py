"""Job arrays: which share of the tomograms a task makes.

Tasks need no scheduler in the program: each makes its share in the same folder.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from faket.errors import InputError

# Of each batch system: the task's number, the first and the last of the array, and their step.
# PBS and Torque do not tell their tasks how many there are, LSF not which number is the first.
_ARRAYS = (
    (
        "SLURM_ARRAY_TASK_ID",
        "SLURM_ARRAY_TASK_MIN",
        "SLURM_ARRAY_TASK_MAX",
        "SLURM_ARRAY_TASK_STEP",
    ),
    ("SGE_TASK_ID", "SGE_TASK_FIRST", "SGE_TASK_LAST", "SGE_TASK_STEPSIZE"),
    ("LSB_JOBINDEX", "", "LSB_JOBINDEX_END", "LSB_JOBINDEX_STEP"),
)
_NO_ARRAY = {"SGE_TASK_ID": "undefined", "LSB_JOBINDEX": "0"}  # in a job that is none
_COUNT = "SLURM_ARRAY_TASK_COUNT"  # less than first, last and step say, if the array has gaps


@dataclass(frozen=True)
class Task:
    """Task ``number`` of ``of``, counted from 1.

    Raises
    ------
    InputError
        If there is no such task.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 1 <= self.number <= self.of:
            raise InputError(
                f"`tasks`: expected a task from 1 to {self.of} of {self.of}, found {self.number}; "
                "count tasks from 1, or write array"
            )

    def share(self, total: int) -> range:
        """Return this task's share of ``total`` tomograms: every ``of``-th."""
        return range(self.number - 1, total, self.of)


def parse_task(text: str, environment: Mapping[str, str] = os.environ) -> Task:
    """Read "2/10", or "array": then SLURM, SGE or LSF tell in the environment.

    Raises
    ------
    InputError
        If it is neither, or no array or one with gaps.
    """
    if text == "array":
        return _array_task(environment)
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if not found:
        raise InputError(
            "`tasks`: expected the number of a task and of all, as 2/10, or array, found "
            f"{text!r}; correct it"
        )
    return Task(int(found[1]), int(found[2]))


def _array_task(environment: Mapping[str, str]) -> Task:
    for names in _ARRAYS:
        number, first, last, step = (environment.get(name, "1") for name in names)
        if names[0] in environment and number != _NO_ARRAY.get(names[0]):
            return _of_array(names[0], int(number), int(first), int(last), int(step), environment)
    raise InputError(
        "`tasks`: expected a job array of SLURM, SGE or LSF, found none in the environment; write "
        "the number of the task and of all, as 2/10"
    )


def _of_array(
    name: str, number: int, first: int, last: int, step: int, environment: Mapping[str, str]
) -> Task:
    of = (last - first) // step + 1
    told = environment.get(_COUNT, str(of)) if name.startswith("SLURM") else str(of)
    if told != str(of) or (number - first) % step:
        raise InputError(
            f"`tasks`: expected an array without gaps, found {told} tasks from {first} to {last}; "
            f"write how many tasks there were at first, as ${name}/{last}"
        )
    return Task((number - first) // step + 1, of)
