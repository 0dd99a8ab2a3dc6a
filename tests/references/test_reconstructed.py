"""The user's own tomogram: turned as ours, refused if it was denoised, said in one line."""

import numpy as np
import pytest

from faket.data import Volume
from faket.errors import InputError
from faket.io.mrc import write_volume
from faket.reconstruction import reconstruct
from faket.references.reconstructed import (
    filter_of_series,
    filter_of_spectra,
    filter_words,
    open_tomogram,
)
from made_up_tomograms import DEPTH, series


@pytest.fixture(scope="module")
def theirs():
    return reconstruct(series(1), depth=DEPTH, filter="hamming", taper=4)


def test_axes_are_found_and_padding_is_left_out(theirs, tmp_path):
    padded = np.pad(theirs.data, ((3, 0), (0, 0), (0, 0)))
    write_volume(tmp_path / "rec.mrc", Volume(padded.transpose(1, 0, 2).copy(), 10.0))
    opened = open_tomogram(tmp_path / "rec.mrc")
    np.testing.assert_array_equal(opened.data, theirs.data)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (
            lambda data: np.sign(data) * np.maximum(np.abs(data) - data.std(), 0),
            "denoiser cannot be copied",
        ),
        (lambda data: np.ones_like(data), "tomogram with contrast"),
        (lambda data: data[:8], "at least 16 voxels"),
    ],
)
def test_what_cannot_be_copied_is_refused_in_one_line(theirs, tmp_path, damage, what):
    write_volume(tmp_path / "rec.mrc", Volume(damage(theirs.data), 10.0))
    with pytest.raises(InputError, match=what) as error:
        open_tomogram(tmp_path / "rec.mrc")
    assert "\n" not in str(error.value)


def test_words_say_what_was_measured_on_what(theirs):
    found = filter_of_series(Volume(-theirs.data, 10.0), series(1), taper=4)
    assert "coherence 1.00" in filter_words(found)
    assert "inverted contrast" in filter_words(found)
    assert "reverse" not in filter_words(found)
    upside_down = Volume(theirs.data[::-1].copy(), 10.0)
    words = filter_words(filter_of_series(upside_down, series(1), taper=4))
    assert words.endswith("; it is reversed along z against ours: reverse it before picking")
    assert filter_of_series(theirs, series(2), taper=4) is None
    alone = filter_of_spectra(theirs, reconstruct(series(2), depth=DEPTH, taper=4))
    assert "mean amplitudes" in filter_words(alone)


def test_bright_protein_is_seen_without_the_tilt_series(theirs):
    ours = reconstruct(series(2), depth=DEPTH, taper=4)
    assert filter_of_spectra(theirs, ours).shells[5] > 0
    assert filter_of_spectra(Volume(-theirs.data, 10.0), ours).shells[5] < 0
    noise = Volume(np.random.default_rng(0).normal(size=theirs.data.shape).astype("f"), 10.0)
    assert filter_of_spectra(noise, ours).shells[5] > 0
    assert filter_of_spectra(noise, ours, bright=True).shells[5] < 0
