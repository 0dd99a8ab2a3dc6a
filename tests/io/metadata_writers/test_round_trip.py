"""What is written of a tilt-series is read back by our own readers, to the digits printed."""

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.io.metadata import JoinedGeometry, join, read_metadata
from faket.io.metadata.facts import rotation
from faket.io.metadata_writers import SeriesErrors, SeriesNames, with_errors, write_metadata

# Without shrinking: an example takes 50 ms, and shrinking hundreds of them.
EXAMPLES = settings(deadline=None, max_examples=4, phases=[Phase.explicit, Phase.generate])
NAMES = SeriesNames("TS_1", "TS_1.mrc", "stacks/TS_1.mrcs", 40)
MDOC = "TS_1/TS_1.mrc.mdoc"
XML, STAR = "warp_tiltseries/TS_1.xml", "tilt_series/TS_1.star"
ALIGNMENTS = ("TS_1/TS_1.xf", "TS_1/TS_1.aln", XML, STAR)
DEFOCI = ("TS_1/TS_1.defocus", "TS_1/TS_1_CTF.txt", "TS_1/TS_1_ctffind4.txt", XML, STAR)
OTHERS = ("TS_1/TS_1.rawtlt", "TS_1/TS_1.tlt", "TS_1/TS_1.xtilt", "TS_1/tilt.com",
          "TS_1/newst.com", "TS_1/TS_1_TLT.txt", "tomostar/TS_1.tomostar")  # fmt: skip


def numbers(low: float, high: float, count: int):
    return st.lists(st.floats(low, high), min_size=count, max_size=count).map(np.array)


@st.composite
def series(draw) -> JoinedGeometry:
    n = draw(st.integers(3, 8))
    stage = np.sort(draw(st.permutations(range(-20, 21)))[:n]) * 3.0
    order = np.array(draw(st.permutations(range(n))))
    axes = draw(st.floats(-179, 179)) + draw(numbers(-1, 1, n))
    dose = draw(st.floats(0.5, 9))
    u = draw(numbers(0.2, 9, n))
    excluded = np.zeros(n, bool)
    excluded[n - 1] = draw(st.booleans())
    return JoinedGeometry(
        angles_deg=(stage + draw(st.floats(-3, 3))).round(2),
        nominal_angles_deg=stage,
        x_tilts_deg=np.zeros(n),
        axes_deg=axes,
        matrices=np.array([rotation(axis) for axis in axes]),
        shifts_px=draw(numbers(-300, 300, 2 * n)).reshape(n, 2),
        order=order,
        dose_e_per_A2=np.full(n, dose),
        dose_before_e_per_A2=order * dose,
        defocus_u_um=u,
        defocus_v_um=u - draw(st.floats(0.001, 0.2)),
        astigmatism_deg=np.full(n, draw(st.floats(-90, 90))),
        phase_shift_deg=np.full(n, draw(st.sampled_from([0.0, 30.0, 90.0]))),
        excluded=excluded,
        frames=tuple(f"TS_1_{order[i]:03d}_{stage[i]:.1f}" for i in range(n)),
        images=(None,) * n,
        halves=(None,) * n,
        pixel_size_A=draw(st.sampled_from([1.35, 2.5, 10.0])),
        voltage_kV=300.0,
        spherical_aberration_mm=2.7,
        amplitude_contrast=0.07,
        target_defocus_um=3.0,
        image_size=draw(st.sampled_from([(64, 48), (63, 48), (65, 47)])),
    )


@contextmanager
def written(geometry: JoinedGeometry):
    """Give a function that joins some of the files written."""
    with tempfile.TemporaryDirectory() as folder:
        assert not write_metadata(Path(folder), geometry, NAMES)
        yield lambda *files: join(
            [facts for name in files for facts in read_metadata(Path(folder) / name)]
        )


def near(a, b, atol: float) -> None:
    np.testing.assert_allclose(a, b, atol=atol, rtol=0)


@EXAMPLES
@given(series())
def test_every_file_comes_back(geometry: JoinedGeometry) -> None:
    """Shifts count from another centre in every program, and sizes are odd, too."""
    with written(geometry) as read:
        for alignment in ALIGNMENTS:
            check_alignment(read(MDOC, "TS_1/TS_1.tlt", alignment), geometry)
        for ctf in DEFOCI:
            check_defocus(read(MDOC, "TS_1/TS_1.tlt", ctf), geometry)


def check_alignment(found: JoinedGeometry, geometry: JoinedGeometry) -> None:
    kept = geometry.used
    shifts = np.nan_to_num(found.shifts_px)  # all 0 stands for "not aligned" in Warp's files
    near(shifts[kept], geometry.shifts_px[kept], 2e-3)
    turned = (found.axes_deg - geometry.axes_deg + 180) % 360 - 180
    near(turned[kept], 0, 6e-5)
    near(found.angles_deg[kept], geometry.angles_deg[kept], 0.006)
    near(found.nominal_angles_deg[kept], geometry.nominal_angles_deg[kept], 0.0101)
    near(found.dose_e_per_A2[kept], geometry.dose_e_per_A2[kept], 1e-5)
    near(found.dose_before_e_per_A2[kept], geometry.dose_before_e_per_A2[kept], 1e-5)
    np.testing.assert_array_equal(found.order, geometry.order)
    assert found.pixel_size_A == geometry.pixel_size_A
    assert found.target_defocus_um == 3.0


def check_defocus(found: JoinedGeometry, geometry: JoinedGeometry) -> None:
    kept = geometry.used
    near(found.defocus_u_um[kept], geometry.defocus_u_um[kept], 6e-6)
    near(found.defocus_v_um[kept], geometry.defocus_v_um[kept], 6e-6)
    near(found.astigmatism_deg[kept], geometry.astigmatism_deg[kept], 0.006)
    near(np.nan_to_num(found.phase_shift_deg[kept]), geometry.phase_shift_deg[kept], 0.006)


@settings(EXAMPLES, max_examples=4)
@given(series())
def test_all_files_together_contradict_nowhere(geometry: JoinedGeometry) -> None:
    with written(geometry) as read:
        found = read(MDOC, *OTHERS, *ALIGNMENTS, *DEFOCI[:3])
    assert not [text for text in found.notices if "differ" in text or "says" in text]
    np.testing.assert_array_equal(found.excluded, geometry.excluded)
    near(found.shifts_px[geometry.used], geometry.shifts_px[geometry.used], 2e-3)
    assert found.image_size == geometry.image_size
    assert found.voltage_kV == 300


EXAMPLE = JoinedGeometry(
    *(np.array([-3.0, 0.0, 3.0]),) * 2, np.zeros(3), np.zeros(3), np.array([np.eye(2)] * 3),
    np.zeros((3, 2)), np.array([1, 0, 2]), *(np.full(3, np.nan),) * 6, np.zeros(3, bool),
    *((None,) * 3,) * 3, pixel_size_A=2.0, image_size=(8, 8),
)  # fmt: skip


def test_identity_stays_an_identity(tmp_path: Path) -> None:
    """An aligned stack must go through newstack unchanged: no half pixel, no negative zero."""
    write_metadata(tmp_path, EXAMPLE, NAMES)
    row = "   1.0000000   0.0000000   0.0000000   1.0000000       0.000       0.000"
    assert (tmp_path / "TS_1/TS_1.xf").read_text().splitlines() == [row] * 3


def test_files_of_which_something_is_not_known_are_left_out(tmp_path: Path) -> None:
    left_out = write_metadata(tmp_path, EXAMPLE, NAMES)
    assert not (tmp_path / "TS_1/TS_1.defocus").exists()
    assert "TS_1/TS_1.defocus: left out, because its defocus, astigmatism is not known" in left_out
    assert (tmp_path / "TS_1/TS_1.aln").exists()


def test_doses_are_sums(tmp_path: Path) -> None:
    known = replace(EXAMPLE, dose_e_per_A2=np.full(3, 2.0),
                    dose_before_e_per_A2=np.array([2.0, 0.0, 4.0]))  # fmt: skip
    write_metadata(tmp_path, known, NAMES)
    assert (tmp_path / "TS_1/TS_1_dose.txt").read_text().split() == ["4.0000", "2.0000", "6.0000"]


def test_errors_have_the_standard_deviations_asked_for() -> None:
    n = 4000
    many = replace(
        EXAMPLE, matrices=np.array([np.eye(2)] * n), shifts_px=np.zeros((n, 2)),
        axes_deg=np.zeros(n), angles_deg=np.zeros(n), defocus_u_um=np.full(n, 3.0),
        defocus_v_um=np.full(n, 2.9),
    )  # fmt: skip
    found = with_errors(many, SeriesErrors(5.0, 0.2, 0.1), seed=1)
    assert found.shifts_px.std() * 2.0 == pytest.approx(5.0, rel=0.05)
    assert found.axes_deg.std() == pytest.approx(0.2, rel=0.05)
    assert found.defocus_u_um.std() == pytest.approx(0.1, rel=0.05)
    near(found.defocus_u_um - found.defocus_v_um, 0.1, 1e-12)
    near(np.degrees(np.arctan2(found.matrices[:, 1, 0], found.matrices[:, 0, 0])),
         found.axes_deg, 1e-12)  # fmt: skip
    alone = with_errors(many, SeriesErrors(defocus_um=0.1), seed=1)
    near(alone.defocus_u_um, found.defocus_u_um, 0)
    near(alone.shifts_px, 0, 0)


def test_rounded_angles_have_one_offset(tmp_path: Path) -> None:
    """Or the .aln would have none, and the stage's angles would be off by as much."""
    stage = np.array([-3.0, 9.0, 27.0])
    moved = replace(EXAMPLE, angles_deg=np.array([-2.0, 9.99, 28.0]), nominal_angles_deg=stage)
    write_metadata(tmp_path, moved, NAMES)
    found = join(read_metadata(tmp_path / "TS_1/TS_1.aln"))
    near(found.nominal_angles_deg, stage, 0.0101)
    near(found.angles_deg, moved.angles_deg, 1e-9)


def test_negative_errors_are_refused() -> None:
    with pytest.raises(InputError, match="shift_A"):
        SeriesErrors(shift_A=-1)
