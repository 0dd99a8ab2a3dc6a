"""Make the picture of docs/references.md: a raw image, its tilt axis and shift, aligned.

Run: python docs/make_reference_figures.py   (seconds; writes docs/images/references-geometry.png)
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from faket.data import AnyArray, TiltGeometry
from faket.reconstruction import align

IMAGES = Path(__file__).parent / "images"
SIDE, AXIS_DEG, SHIFT_PX = 240, 30.0, (28.0, -16.0)


def letter(x: AnyArray, y: AnyArray) -> AnyArray:
    """An F of soft bars, dark, x and y from the centre of the aligned image."""
    bars = [(-18, 0, 6, 44), (2, 38, 26, 6), (-4, 6, 18, 6)]  # centre and half sides
    inside = np.zeros(x.shape)
    for cx, cy, hx, hy in bars:
        far = np.maximum(np.abs(x - cx) - hx, np.abs(y - cy) - hy)
        inside = np.maximum(inside, 1 / (1 + np.exp(far)))
    return np.asarray(1 - inside, np.float32)


def raw_image() -> AnyArray:
    """What lies at p in the aligned image lies at R p + shift in this one."""
    y, x = np.indices((SIDE, SIDE)) - SIDE // 2
    u, v = x - SHIFT_PX[0], y - SHIFT_PX[1]
    c, s = np.cos(np.radians(AXIS_DEG)), np.sin(np.radians(AXIS_DEG))
    return letter(c * u + s * v, -s * u + c * v)


def main() -> None:
    """Draw both images, rows upwards, as MRC files count them."""
    raw = raw_image()
    geometry = TiltGeometry(np.zeros(1), 1.0, np.array([SHIFT_PX]), AXIS_DEG)
    aligned = align(raw[None], geometry)[0]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
    extent = (-SIDE / 2, SIDE / 2, -SIDE / 2, SIDE / 2)
    for axes, image, title in ((left, raw, "raw"), (right, aligned, "aligned")):
        axes.imshow(image, cmap="gray", origin="lower", extent=extent)
        axes.set(title=title, xlabel="x (pixels from sample N // 2)", ylabel="y")
    _axis(left, SHIFT_PX, AXIS_DEG)
    left.annotate("", SHIFT_PX, (0, 0), arrowprops={"arrowstyle": "->", "color": "tab:orange"})
    left.text(SHIFT_PX[0] + 4, SHIFT_PX[1] - 12, "shift", color="tab:orange")
    left.text(-95, 88, f"tilt axis {AXIS_DEG:.0f}°, counter-clockwise from y", color="tab:blue")
    _axis(right, (0.0, 0.0), 0.0)
    right.text(6, 100, "tilt axis along y", color="tab:blue")
    IMAGES.mkdir(exist_ok=True)
    figure.savefig(IMAGES / "references-geometry.png", dpi=110)


def _axis(axes: Axes, centre: tuple[float, float], angle_deg: float) -> None:
    half = 0.45 * SIDE
    dx, dy = -half * np.sin(np.radians(angle_deg)), half * np.cos(np.radians(angle_deg))
    axes.plot(
        [centre[0] - dx, centre[0] + dx], [centre[1] - dy, centre[1] + dy], "--", color="tab:blue"
    )
    axes.set(xlim=(-SIDE / 2, SIDE / 2), ylim=(-SIDE / 2, SIDE / 2))


if __name__ == "__main__":
    main()
