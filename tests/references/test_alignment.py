"""Images that are not aligned are refused unless metadata correct them or the user insists."""

from pathlib import Path

import numpy as np
import pytest

import made_up_series as made_up
from faket import InputError, Reference
from faket.io.mrc import write_stack
from faket.references.inspection import inspect
from faket.references.ready import ready_reference
from made_up_series import Truth
from tilted_points import Scene, imaged

ANGLES = np.arange(-60.0, 61.0, 6.0)
AXIS = 84.7


@pytest.fixture(scope="module")
def raw():
    made = Scene(ANGLES, axis_deg=AXIS, size=256, particles=300, thickness=40.0, shift=6.0, snr=0.2)
    return imaged(made, np.random.default_rng(4))


@pytest.fixture
def run(tmp_path: Path, raw) -> Path:
    """A raw stack whose files tell no alignment."""
    images, shifts = raw
    write_stack(tmp_path / "TS_01.mrc", images, 4.0)
    np.save(tmp_path / "shifts.npy", shifts)
    (tmp_path / "TS_01.rawtlt").write_text("\n".join(map(str, ANGLES)))
    return tmp_path


def transforms(run: Path, sign: float = 1.0) -> str:
    truth = Truth((256, 256), stage=ANGLES)
    truth.axes, truth.shifts = np.full(len(ANGLES), AXIS), sign * np.load(run / "shifts.npy")
    return made_up.xf(truth)


def test_a_raw_stack_is_refused_with_what_was_measured(run: Path) -> None:
    with pytest.raises(InputError, match=r"TS_01.mrc: expected the tilt axis along y, found it at "
                                         r"(8[45]|-9[56]) ± .*`aligned`") as caught:  # fmt: skip
        ready_reference(Reference.open(run))
    assert "\n" not in str(caught.value)
    found = inspect(Reference.open(run))
    assert found.verdict == "not usable"
    assert found.problems[0].kind == "refused"
    assert abs((found.axis_measured_deg - AXIS + 90) % 180 - 90) < 1


def test_the_user_may_insist(run: Path) -> None:
    prepared = ready_reference(Reference.open(run, aligned=True))
    assert len(prepared.series.images) == len(ANGLES)
    assert any("tilt axis along y" in text for text in prepared.notices)
    assert inspect(Reference.open(run, aligned=True)).verdict == "usable, with doubts"


def test_its_transforms_make_it_usable(run: Path) -> None:
    (run / "TS_01.xf").write_text(transforms(run))
    assert ready_reference(Reference.open(run)).notices == ()
    found = inspect(Reference.open(run))
    assert "refused" not in {problem.kind for problem in found.problems}
    assert abs(found.axis_measured_deg) < 1
    assert found.residual_shift_A < 8


def test_wrong_signs_are_caught(run: Path) -> None:
    (run / "TS_01.xf").write_text(transforms(run, -1.0))
    with pytest.raises(InputError, match=r"shifted after alignment by TS_01.xf .*right signs"):
        ready_reference(Reference.open(run))
