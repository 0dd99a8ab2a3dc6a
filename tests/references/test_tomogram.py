"""A tomogram alone opens like a stack: its angles from files, else from its missing wedge."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, median_filter

from faket import InputError, Reference, TiltGeometry, TiltSeries, reconstruct
from faket.io.mrc import write_volume
from faket.references.inspection import inspect
from faket.references.words import short_form

ANGLES = np.arange(-50.0, 51.0, 2.5)


@pytest.fixture(scope="module")
def tomogram():
    images = np.random.default_rng(1).normal(50, 8, (len(ANGLES), 128, 120)).astype(np.float32)
    return reconstruct(TiltSeries(images, TiltGeometry(ANGLES, 10.0)), depth=48)


def test_its_name_tells_it(tmp_path: Path, tomogram) -> None:
    write_volume(tmp_path / "TS_01_rec.mrc", tomogram)
    for path in (tmp_path, tmp_path / "TS_01_rec.mrc"):
        reference = Reference.open(path)
        assert reference.is_tomogram
        assert "by its name" in reference.notices[0]
        assert any("missing wedge" in text for text in reference.notices)
        angles = reference.geometry.angles_deg
        assert abs(angles[0] + 50) < 4
        assert abs(angles[-1] - 50) < 4
        assert reference.geometry.sources["angles_deg"] == "measured"
        assert "made of a tomogram" in short_form(reference)


def test_the_user_tells_it(tmp_path: Path, tomogram) -> None:
    """With a name that says nothing, angles beside it and other pixels."""
    write_volume(tmp_path / "a.mrc", tomogram)
    (tmp_path / "a.tlt").write_text("\n".join(map(str, ANGLES)))
    reference = Reference.open(tmp_path / "a.mrc", tomogram=True)
    np.testing.assert_allclose(reference.geometry.angles_deg, ANGLES)
    series = reference.series(20.0)
    assert series.images.shape == (len(ANGLES), 64, 60)
    assert series.geometry.pixel_size_A == 20.0
    assert all(np.ptp(image) > 0 for image in series.images)


def test_a_stack_beside_it_comes_first(tmp_path: Path, tomogram) -> None:
    write_volume(tmp_path / "TS_01_rec.mrc", tomogram)
    write_volume(tmp_path / "TS_01.mrc", tomogram)
    (tmp_path / "TS_01.tlt").write_text("\n".join(map(str, np.arange(48.0) - 24)))
    reference = Reference.open(tmp_path)
    assert not reference.is_tomogram
    assert reference.tomogram == tmp_path / "TS_01_rec.mrc"


def test_a_denoised_one_is_refused(tmp_path: Path, tomogram) -> None:
    write_volume(tmp_path / "a_rec.mrc", replace(tomogram, data=median_filter(tomogram.data, 3)))
    with pytest.raises(InputError, match=r"a_rec.mrc: .*denoised.*half tomograms"):
        Reference.open(tmp_path / "a_rec.mrc").series()


def test_half_tomograms_tell_signal_and_noise(tmp_path: Path, tomogram) -> None:
    """A smooth signal in both, white noise of variance 2 in each: 1 in their mean."""
    rng = np.random.default_rng(6)
    signal = gaussian_filter(rng.normal(0, 60, tomogram.data.shape), 3)
    write_volume(tmp_path / "TS_01_Vol.mrc", tomogram)
    for half in ("EVN", "ODD"):
        data = signal + rng.normal(0, np.sqrt(2), tomogram.data.shape)
        write_volume(tmp_path / f"TS_01_{half}_Vol.mrc", replace(tomogram, data=data))
    reference = Reference.open(tmp_path)
    assert reference.tomogram == tmp_path / "TS_01_Vol.mrc"
    (halves,) = inspect(reference).half_sets
    assert halves.kind == "tomograms"
    np.testing.assert_allclose(halves.noise[20:], 1.0, rtol=0.1)
    assert 20 < halves.resolution_A < 120
    write_volume(tmp_path / "TS_01_ODD_Vol.mrc", replace(tomogram, data=0 * data))
    found = inspect(Reference.open(tmp_path))
    assert found.half_sets == ()
    assert any("half tomograms are left out" in text for text in found.notices)
