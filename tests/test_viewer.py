"""Layers of a tomogram for napari, and neuroglancer's page."""

import json
import tomllib
import warnings
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

import faket
from faket.io.mrc import read_mask, read_volume
from faket.viewer import napari_reader, neuroglancer_url, read_layers
from made_up_datasets import SHAPE, VOXEL_A, particles, write_dataset

MANIFEST = Path(faket.__file__).parent / "napari.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"), 1) / "model_0"


def test_layers_lie_on_each_other_in_angstrom(folder):
    image, classes, instances, points = read_layers([str(folder)])
    assert np.array_equal(image[0], read_volume(folder / "reconstruction.mrc").data)
    assert np.array_equal(classes[0], read_mask(folder / "class_mask.mrc"))
    assert [layer[2] for layer in (image, classes, instances, points)] == [
        "image", "labels", "labels", "points",
    ]  # fmt: skip
    assert all(layer[1]["scale"] == (VOXEL_A,) * 3 for layer in (image, classes, instances))
    assert points[1]["scale"] == (VOXEL_A,) * 3
    np.testing.assert_allclose(points[0] * VOXEL_A, particles(0).positions_A[:, ::-1])
    assert points[1]["features"]["species"].tolist() == list(particles(0).species)


def test_only_the_folder_of_a_tomogram_is_taken(folder):
    assert napari_reader(str(folder)) is read_layers
    assert napari_reader([str(folder)]) is read_layers
    assert napari_reader(str(folder.parent)) is None


def test_the_plugin_is_declared_as_napari_wants_it():
    project = tomllib.loads((MANIFEST.parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["napari.manifest"] == {"faket": f"faket:{MANIFEST.name}"}
    (line,) = [line for line in MANIFEST.read_text().splitlines() if "python_name:" in line]
    module, _, name = line.partition(":")[2].strip().partition(":")
    assert getattr(import_module(module), name) is napari_reader


@pytest.mark.filterwarnings("default")  # napari's own
def test_napari_opens_a_tomogram_off_screen(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        components = pytest.importorskip("napari.components", reason="needs the extra napari")
    from npe2 import PluginManager, PluginManifest

    manifest = PluginManifest.from_file(MANIFEST)
    if manifest.name not in PluginManager.instance():
        PluginManager.instance().register(manifest)
    viewer = components.ViewerModel()  # the viewer without its window, which needs OpenGL
    image, labels, _, points = viewer.open(str(folder), plugin="faket")
    assert [layer.name for layer in viewer.layers] == [
        "model_0", "class_mask", "occupancy_mask", "particles",
    ]  # fmt: skip
    place = particles(0).positions_A[0, ::-1]
    inside = tuple(np.rint(labels.world_to_data(place)).astype(int))
    assert labels.data[inside] == 1  # a ring lies there
    np.testing.assert_allclose(points.data_to_world(points.data[0]), place)
    viewer.dims.set_point(0, place[0])  # what the user sees: its point lies in its plane
    distances = np.linalg.norm(points._view_data * VOXEL_A - place[1:], axis=1)
    assert distances.min() < 1e-3
    assert image.data.shape == SHAPE


def test_neuroglancer_gets_a_source_for_each_layer():
    url = neuroglancer_url("http://127.0.0.1:8000", {"a b": "x y/t.zarr"}, {"classes": "l.zarr"})
    page, _, state = url.partition("#!")
    assert page == "https://neuroglancer-demo.appspot.com/"
    assert " " not in url
    assert json.loads(unquote(state))["layers"] == [
        {"type": "image", "name": "a b", "source": "zarr://http://127.0.0.1:8000/x%20y/t.zarr/"},
        {
            "type": "segmentation",
            "name": "classes",
            "source": "zarr://http://127.0.0.1:8000/l.zarr/",
        },
    ]
