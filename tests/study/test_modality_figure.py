"""Modalities side by side: bars of true length, the right tilt and slab."""

import matplotlib.image
import numpy as np
import pytest

from faket.data import Volume
from faket.errors import InputError
from faket.io.mrc import write_stack, write_volume
from faket.io.tilts import write_tilt_angles
from faket.study.modality_figure import ModalityPanel, modalities_figure, read_panel


def panel(seed=0, shape=(40, 60)):
    image = np.random.default_rng(seed).normal(size=shape)
    return ModalityPanel(image, 5.0, 0.0, image[::2, ::2], 10.0)


def test_scale_bars_have_the_length_they_name(tmp_path, drawn):
    modalities_figure({f"m{i}": panel(i) for i in range(7)}, tmp_path / "m.png", columns=4)
    axes = drawn[0].axes
    assert len(axes) == 2 * 2 * 4
    for axis, pixel_A in ((axes[0], 5.0), (axes[4], 10.0)):
        bar = axis.patches[1]
        assert axis.texts[0].get_text() == f"{bar.get_width() * pixel_A / 10:g} nm"
    assert axes[0].get_title() == "m0"


def test_panel_of_a_folder_is_the_nearest_tilt_and_a_slab(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(3, 20, 24)).astype(np.float32)
    volume = rng.normal(size=(11, 10, 12)).astype(np.float32)
    write_stack(tmp_path / "projections_unbinned.mrc", images, 5.0)
    write_tilt_angles(tmp_path / "projections_unbinned.tlt", np.array([-30.0, 1.0, 30.0]))
    write_volume(tmp_path / "reconstruction.mrc", Volume(volume, 10.0))
    shown = read_panel(tmp_path, z=4, slab_A=20.0)
    assert shown.tilt_deg == 1.0
    np.testing.assert_array_equal(shown.projection, images[1])
    np.testing.assert_allclose(shown.tomogram, volume[3:6].mean(axis=0), rtol=1e-6)
    middle = read_panel(tmp_path, tilt_deg=50, field_nm=6.0, slab_A=1.0)
    np.testing.assert_array_equal(middle.projection, images[2, 4:16, 6:18])
    np.testing.assert_array_equal(middle.tomogram, volume[5, 2:8, 3:9])


def test_the_picture_is_a_readable_png(tmp_path):
    image = matplotlib.image.imread(modalities_figure({"m": panel()}, tmp_path / "m.png"))
    assert min(image.shape[:2]) > 200
    assert image.std() > 0.05


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(InputError):
        modalities_figure({}, tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
