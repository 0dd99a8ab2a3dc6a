"""Tilt-series of round bodies, in closed form: no projector and no microscope."""

import numpy as np


def slab_series(
    angles_deg,
    *,
    side,
    thickness,
    shifts=None,
    turns_deg=None,
    magnification=None,
    seed=0,
    radius=2.0,
    density=4e-5,
):
    """Return projections [tilt, y, x] of Gaussian bodies at random places in a slab, dark.

    ``turns_deg`` [tilt] turn the images from x towards y, ``magnification`` [tilt] magnifies them,
    ``shifts`` [tilt, 2] then displace them along x and y. The slab is wider than the images, so
    that they are filled at every angle.
    """
    rng = np.random.default_rng(seed)
    wide = side / np.cos(np.radians(np.abs(angles_deg).max())) + 2 * thickness
    count = round(density * wide * side * thickness)
    places = rng.uniform(-0.5, 0.5, (count, 3)) * [wide, 1.2 * side, thickness]
    weight = rng.uniform(0.5, 1.5, count)
    shifts = np.zeros((len(angles_deg), 2)) if shifts is None else shifts
    turns = np.zeros(len(angles_deg)) if turns_deg is None else np.radians(turns_deg)
    sizes = np.ones(len(angles_deg)) if magnification is None else magnification
    axis = np.arange(side) - side // 2
    images = []
    for angle, (dx, dy), turn, size in zip(
        np.radians(angles_deg), shifts, turns, sizes, strict=True
    ):
        flat = places[:, 0] * np.cos(angle) + places[:, 2] * np.sin(angle)
        x = size * (flat * np.cos(turn) - places[:, 1] * np.sin(turn)) + dx
        y = size * (flat * np.sin(turn) + places[:, 1] * np.cos(turn)) + dy
        rows = np.exp(-0.5 * ((axis[:, None] - y) / radius) ** 2)
        columns = np.exp(-0.5 * ((axis[:, None] - x) / radius) ** 2)
        images.append(-(rows * weight) @ columns.T)
    return np.array(images)


def sphere_series(places_A, angles_deg, *, side, pixel_A, radius_A):
    """Return how thick (Å) spheres at places (x, y, z, Å from the middle) are [tilt, y, x]."""
    axis = (np.arange(side) - side // 2) * pixel_A
    images = np.zeros((len(angles_deg), side, side), np.float32)
    for image, angle in zip(images, np.radians(angles_deg), strict=True):
        for x, y, z in places_A:
            across = axis - x * np.cos(angle) - z * np.sin(angle)
            square = radius_A**2 - (axis[:, None] - y) ** 2 - across**2
            image += 2 * np.sqrt(np.maximum(square, 0))
    return images
