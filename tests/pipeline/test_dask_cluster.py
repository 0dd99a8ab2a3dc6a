"""dask's workers: what a killed one made is made again, what kills them is set aside."""

import json
import os
import subprocess
import sys

import pytest

from faket.errors import InputError
from faket.pipeline.executors import Workplace

# Workers that are begun again are copies of one that has imported dask: a second each instead of 5.
PROGRAM = """
import json, multiprocessing, os, signal, sys, time
from contextlib import suppress
from pathlib import Path
import dask
from faket.errors import InputError, UnfitMachineError
from faket.pipeline.executors import Workplace, open_executor
from faket.pipeline.tries import NamedWork, attempt, make_parts

def begin(threads, expected):
    assert threads == expected

def work(out, name, killed):
    with attempt(out, name, "this run"):
        died = out / f"{name}.died"
        if killed == "always" or (killed == "once" and not died.exists()):
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if killed == "unfit":
            time.sleep(0.5)  # so that both workers have some
            with suppress(FileExistsError):
                (out / "first").mkdir()
                (out / "first" / str(os.getpid())).touch()
            if (out / "first" / str(os.getpid())).exists() or out.name == "all":
                raise UnfitMachineError("node7: reference.mrc: no such file")
        if killed == "input":
            raise InputError("a.mrc: expected voxels, found none; check the file")
        (out / name).write_text("made")

if __name__ == "__main__":
    multiprocessing.set_forkserver_preload(["distributed"])
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
    out = Path(sys.argv[1])
    (out / "site.toml").write_text('system = "local"')
    kinds = sys.argv[2].split(",")
    todo = [NamedWork(f"model_{i}", work, (out, f"model_{i}", k)) for i, k in enumerate(kinds)]
    with open_executor(Workplace("dask", 2, str(out / "site.toml")), begin, 1) as executor:
        try:
            found = {o.name: o.failed and o.failed.reason for o in make_parts(executor, todo)}
        except InputError as error:
            found = {"error": str(error)}
    print(json.dumps(found))
"""


def made(folder, *kinds):
    """Make parts of these kinds by two workers; return the reasons of those that were set aside."""
    pytest.importorskip("distributed", reason="needs dask: pip install 'faket[cluster]'")
    folder.mkdir(exist_ok=True)
    program = folder / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, program, folder, ",".join(kinds)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DASK_TEMPORARY_DIRECTORY": str(folder / "scratch")},
    )
    assert done.returncode == 0, done.stderr
    assert not (folder / "progress").exists()
    return json.loads(done.stdout.splitlines()[-1])


def test_killed_work_is_made_again_and_poison_set_aside(tmp_path):
    found = made(tmp_path, "never", "always", "once", "input", "never")
    assert [name for name, reason in sorted(found.items()) if reason is None] == [
        "model_0", "model_2", "model_4",
    ]  # fmt: skip
    assert "found one killed, most often for want of memory" in found["model_1"]
    assert found["model_3"] == "a.mrc: expected voxels, found none; check the file"


def test_a_machine_that_lacks_a_file_gets_nothing_more(tmp_path):
    """It fails at once and is always free: without this it would fail every part twice."""
    found = made(tmp_path / "one", *["unfit"] * 5)
    assert found == dict.fromkeys(sorted(found))
    assert len(list((tmp_path / "one" / "first").iterdir())) == 1
    found = made(tmp_path / "all", *["unfit"] * 3)
    assert found == {"error": "node7: reference.mrc: no such file"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"executor": "dask"},
        {"cluster": "tcp://head:8786"},
        {"executor": "slurm"},
        {"workers": 0},
    ],
)
def test_a_workplace_that_fits_together(wrong):
    with pytest.raises(InputError):
        Workplace(**wrong)
