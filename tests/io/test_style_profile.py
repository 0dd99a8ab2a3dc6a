"""Style profiles survive a round trip; files written earlier are read; foreign ones refused."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from faket.errors import InputError
from faket.io.style_profile import load_style_profile, save_style_profile
from faket.io.tensors import save_tensors
from faket.style import StyleProfile, load_network


@pytest.fixture(scope="module")
def profile():
    stack = np.random.default_rng(0).standard_normal((2, 16, 16)).astype(np.float32)
    return StyleProfile.measure(
        stack,
        network=load_network("vgg19-random"),
        angles_deg=[-3, 3],
        pixel_size_A=5.0,
        device="cpu",
    )


@pytest.mark.parametrize("with_angles", [True, False])
def test_round_trip(tmp_path, profile, with_angles):
    if not with_angles:
        profile = replace(profile, angles_deg=None, pixel_size_A=None)
    path = tmp_path / "reference.safetensors"
    path.write_bytes(b"older")
    save_style_profile(profile, path)
    again = load_style_profile(path)
    assert (again.network, again.network_digest) == (profile.network, profile.network_digest)
    assert again.to_arrays().keys() == profile.to_arrays().keys()
    for name, array in profile.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_files_with_the_spectra_of_earlier_versions_are_read(tmp_path, profile):
    arrays = profile.to_arrays()
    whose = {"network": profile.network, "network_digest": profile.network_digest}
    earlier = arrays | {"spectra": np.ones((2, 64))}
    save_tensors(tmp_path / "earlier", "faket style profile 3", earlier, whose)
    again = load_style_profile(tmp_path / "earlier").to_arrays()
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)


def test_the_same_profile_gives_the_same_bytes(tmp_path, profile):
    for name in ("one", "two", "three"):
        save_style_profile(profile, tmp_path / name)
    assert len({(tmp_path / name).read_bytes() for name in ("one", "two", "three")}) == 1


def test_what_is_no_profile_is_refused_in_one_line(tmp_path, profile):
    (tmp_path / "text").write_text("hello")
    save_file({"mean": np.zeros(2)}, tmp_path / "plain")
    kind = "faket style profile 3"
    whose = {"network": "vgg19", "network_digest": "0"}
    save_tensors(tmp_path / "empty", kind, {"mean": np.zeros(2)}, whose)
    save_tensors(tmp_path / "nobodys", kind, profile.to_arrays(), {"network": "vgg19"})
    save_tensors(tmp_path / "older", "faket style profile 1", profile.to_arrays(), {})
    for name, word in (
        ("older", "'faket style profile 3'.*'faket style profile 1'; measure the reference again"),
        ("nobodys", "network_digest"),
        ("text", "safetensors"),
        ("plain", "format"),
        ("empty", "gram"),
        ("absent", "no file"),
    ):
        with pytest.raises(InputError, match=word) as error:
            load_style_profile(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="folder"):
        save_style_profile(profile, tmp_path)


def test_uneven_profiles_are_refused(profile):
    arrays = profile.to_arrays()
    for name, value in (("sigma", np.ones(3)), ("gram.relu1_1", np.ones((2, 2079)))):
        with pytest.raises(InputError, match=name.removeprefix("gram.")):
            StyleProfile.from_arrays(arrays | {name: value}, network="vgg19", network_digest="0")


def test_a_file_of_61_tilts_stays_small(tmp_path, profile):
    """Triangles of float32: 1.3 MB a tilt with VGG19."""
    save_style_profile(profile, tmp_path / "two")
    assert (tmp_path / "two").stat().st_size < 2 * 1.25e6
