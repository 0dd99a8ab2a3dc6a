"""Lines of the camera go, whatever else is there; without any, images are not touched."""

import numpy as np

from faket.reconstruction.camera_lines import without_camera_lines


def noise(seed=0):
    images = np.random.default_rng(seed).normal(size=(12, 96, 80)).astype(np.float32)
    return images, np.ones_like(images)


def test_rows_and_columns_that_all_images_share_are_subtracted():
    images, fadings = noise()
    rng = np.random.default_rng(1)
    rows, columns = rng.normal(size=(96, 1)), rng.normal(size=(1, 80))
    strength = np.linspace(0.5, 1.5, 12)[:, None, None]  # as thickness and dose change
    lined = (images + strength * (rows + columns)).astype(np.float32)
    left = without_camera_lines(lined, fadings)
    assert left.mean(axis=2).std() < 0.2  # noise alone leaves 0.11, lines 1
    assert left.mean(axis=1).std() < 0.2
    assert np.corrcoef(left.ravel(), images.ravel())[0, 1] > 0.98


def test_noise_and_a_common_picture_without_lines_are_returned_as_they_are():
    images, fadings = noise()
    assert without_camera_lines(images, fadings) is images
    common = (images + images[0]).astype(np.float32)
    assert without_camera_lines(common, fadings) is common
    assert without_camera_lines(images[:1], fadings[:1]).base is images
