"""Pictures of scores show what they are given."""

import matplotlib.image
import numpy as np
import pytest

from faket.errors import InputError
from faket.evaluation import Interval, Summary, seed_interval
from faket.report.score_figures import class_bars_figure, confusion_figure, epochs_figure


def summary(values):
    return Summary(2, "seeds", {}, {name: seed_interval(v) for name, v in values.items()})


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


def test_curves_are_told_apart(tmp_path, drawn):
    epochs_figure({f"m{i}": ([1, 2], [0.1, 0.2]) for i in range(32)}, tmp_path / "e.png")
    lines = drawn[0].axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 32


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


def test_the_picture_is_a_readable_png(tmp_path):
    matrix = np.array([[0, 0], [1, 3]])
    path = confusion_figure(("background", "a"), matrix, tmp_path / "c.png")
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
    ):
        with pytest.raises(InputError):
            draw()
    assert not out.exists()
