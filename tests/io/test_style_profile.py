"""Style profiles survive a round trip through a file, and foreign files are refused."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from faket.errors import InputError
from faket.io.style_profile import load_style_profile, save_style_profile
from faket.style import StyleProfile, load_network


@pytest.fixture(scope="module")
def profile():
    stack = np.random.default_rng(0).standard_normal((2, 16, 16)).astype(np.float32)
    return StyleProfile.measure(
        stack, network=load_network("vgg19-random"), angles_deg=[-3, 3], device="cpu"
    )


@pytest.mark.parametrize("with_angles", [True, False])
def test_round_trip(tmp_path, profile, with_angles):
    if not with_angles:
        profile = StyleProfile(
            profile.grams, profile.mean, profile.sigma, profile.network, profile.network_digest
        )
    path = tmp_path / "reference.safetensors"
    path.write_bytes(b"older")
    save_style_profile(profile, path)
    again = load_style_profile(path)
    assert (again.network, again.network_digest) == (profile.network, profile.network_digest)
    assert again.to_arrays().keys() == profile.to_arrays().keys()
    for name, array in profile.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_is_no_profile_is_refused_in_one_line(tmp_path, profile):
    (tmp_path / "text").write_text("hello")
    save_file({"mean": np.zeros(2)}, tmp_path / "plain")
    save_file(
        {"mean": np.zeros(2)},
        tmp_path / "empty",
        {"format": "faket style profile 1", "network": "vgg19", "network_digest": "0"},
    )
    for name, word in (
        ("text", "safetensors"),
        ("plain", "format"),
        ("empty", "gram"),
        ("absent", "none at"),
    ):
        with pytest.raises(InputError, match=word) as error:
            load_style_profile(tmp_path / name)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="folder"):
        save_style_profile(profile, tmp_path)


def test_uneven_profiles_are_refused(profile):
    arrays = profile.to_arrays()
    for name, value in (("sigma", np.ones(3)), ("gram.relu1_1", np.ones((2, 64, 32)))):
        with pytest.raises(InputError, match=name.removeprefix("gram.")):
            StyleProfile.from_arrays(arrays | {name: value}, network="vgg19", network_digest="0")
