"""What is wrong with a reference is said with its remedy."""

from pathlib import Path

import numpy as np
import pytest

import made_up_series as made_up
from faket import Reference
from faket.io.mrc import write_stack
from faket.methods.known import known_ctf
from faket.references import measured
from faket.references.inspection import inspect
from made_up_series import Truth

ANGLES = np.arange(-40.0, 41.0, 10.0)
TRUTH = Truth((96, 96), stage=ANGLES)
DEFOCUS_UM = (TRUTH.u + TRUTH.v) / 2


@pytest.fixture
def run(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).poisson(50, (len(ANGLES), 96, 96))
    write_stack(tmp_path / "TS_01.mrc", images.astype(np.float32), 10.0)
    (tmp_path / "TS_01.rawtlt").write_text("\n".join(map(str, ANGLES)))
    (tmp_path / "TS_01.defocus").write_text(made_up.defocus_3(TRUTH))
    return tmp_path


@pytest.mark.parametrize(("interval_um", "doubted"), [((2.5, 3.8), False), ((4.7, 5.6), True)])
def test_a_given_defocus_that_images_rule_out_is_a_doubt(run, monkeypatch, interval_um, doubted):
    def best_ctf(series):
        found = known_ctf(series, None)
        object.__setattr__(found, "interval_um", interval_um)
        return found

    monkeypatch.setattr(measured, "best_ctf", best_ctf)
    problems = inspect(Reference.open(run, aligned=True)).problems
    lines = [problem.line for problem in problems if "is given as" in problem.what]
    expected = (
        f"its defocus is given as {DEFOCUS_UM.mean():.2f} µm, but its images allow 4.70 to 5.60 "
        "µm; check its unit, the voltage, and that it belongs to this series"
    )
    assert lines == [expected] * doubted


def test_noise_rules_no_defocus_out(run):
    found = inspect(Reference.open(run, aligned=True))
    assert not [problem for problem in found.problems if "is given as" in problem.what]
    np.testing.assert_allclose(found.defocus_um.value, DEFOCUS_UM, rtol=1e-3)
