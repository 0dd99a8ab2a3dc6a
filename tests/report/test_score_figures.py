"""Pictures of scores show what they are given."""

import matplotlib.image
import numpy as np
import pytest

import faket.report.score_figures as figures
from faket.data import Volume
from faket.errors import InputError
from faket.evaluation import Interval, Summary, seed_interval
from faket.io.mrc import write_stack, write_volume
from faket.io.tilts import write_tilt_angles
from faket.report.score_figures import (
    ModalityPanel,
    class_bars_figure,
    confusion_figure,
    epochs_figure,
    modalities_figure,
    read_panel,
)


@pytest.fixture
def drawn(monkeypatch):
    """Keep each figure that is saved."""
    kept = []
    save = figures._save

    def keep(figure, out):
        kept.append(figure)
        return save(figure, out)

    monkeypatch.setattr(figures, "_save", keep)
    return kept


def summary(values):
    return Summary(2, "seeds", {}, {name: seed_interval(v) for name, v in values.items()})


def panel(seed=0, shape=(40, 60)):
    image = np.random.default_rng(seed).normal(size=shape)
    return ModalityPanel(image, 5.0, 0.0, image[::2, ::2], 10.0)


def test_epochs_have_mean_and_bands(tmp_path, drawn):
    epochs = np.arange(1, 6)
    values = np.array([epochs / 10, epochs / 10 + 0.2])
    curves = {"FAKET": (epochs, values), "NOISY": (epochs, values[0])}
    out = epochs_figure(curves, tmp_path / "e.png")
    axis = drawn[0].axes[0]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), values.mean(axis=0))
    wide = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert wide.min() == pytest.approx(0.1)
    assert wide.max() == pytest.approx(0.7)
    assert [t.get_text() for t in drawn[0].legends[0].get_texts()] == [
        "FAKET (2 seeds)", "NOISY (1 seed)"]  # fmt: skip
    assert axis.get_xlabel() == "epoch"
    assert out.exists()


def test_bars_are_the_means_and_wrap_where_there_are_many(tmp_path, drawn):
    names = [f"c{i}" for i in range(13)]
    modalities = {f"m{k}": summary({n: [0.1 * k, 0.1 * k + 0.1] for n in names}) for k in range(9)}
    class_bars_figure(modalities, tmp_path / "b.png")
    axes = drawn[0].axes
    heights = [bar.get_height() for axis in axes for bar in axis.patches]
    assert len(axes) == 2
    assert len(heights) == 13 * 9
    assert sorted(set(np.round(heights, 6))) == pytest.approx(np.arange(9) / 10 + 0.05)
    one = {"x": Summary(1, "particles", {}, {"a": Interval(0.5, None, None)})}
    class_bars_figure(one, tmp_path / "b1.png")
    assert not drawn[1].legends


def test_confusion_shows_counts_and_leaves_the_empty_row_out(tmp_path, drawn):
    matrix = np.array([[0, 0, 0], [1, 3, 0], [0, 2, 8]])
    confusion_figure(("background", "a", "b"), matrix, tmp_path / "c.png", title="t")
    axis = drawn[0].axes[0]
    np.testing.assert_allclose(axis.images[0].get_array(), [[0.25, 0.75, 0], [0, 0.2, 0.8]])
    assert sorted(t.get_text() for t in axis.texts) == ["1", "2", "3", "8"]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["a (4)", "b (10)"]


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


def test_pictures_are_readable_pngs(tmp_path):
    matrix = np.array([[0, 0], [1, 3]])
    for path in (
        confusion_figure(("background", "a"), matrix, tmp_path / "c.png"),
        modalities_figure({"m": panel()}, tmp_path / "m.png"),
    ):
        image = matplotlib.image.imread(path)
        assert min(image.shape[:2]) > 200
        assert image.std() > 0.05


def test_nothing_to_draw_is_refused(tmp_path):
    out = tmp_path / "x.png"
    for draw in (
        lambda: epochs_figure({}, out),
        lambda: epochs_figure({"a": ([1, 2], [[1.0]])}, out),
        lambda: class_bars_figure({}, out),
        lambda: class_bars_figure({"a": summary({})}, out),
        lambda: class_bars_figure({"a": summary({"x": [1]}), "b": summary({"y": [1]})}, out),
        lambda: confusion_figure(("background",), np.zeros((1, 1)), out),
        lambda: confusion_figure(("background", "a"), np.zeros((3, 3)), out),
        lambda: modalities_figure({}, out),
    ):
        with pytest.raises(InputError):
            draw()
    assert not out.exists()
