"""Made-up runs: the folders that programs leave, with images that follow from one truth."""

import numpy as np

import made_up_series as made_up
from faket.io.mrc import write_stack
from made_up_series import PIXEL_A


def picture(x, y, tilt):
    """Blobs without any symmetry, other ones in each tilt; x and y from sample N // 2."""
    rng = np.random.default_rng(tilt)
    blobs = rng.uniform([-45, -45, 2.0], [45, 45, 5.0], (30, 3))
    return 100 - sum(20 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * s**2)) for a, b, s in blobs)


def grid(size):
    y, x = np.mgrid[: size[1], : size[0]]
    return x - size[0] // 2, y - size[1] // 2


def aligned_size(truth):
    return truth.size[::-1]  # the axis is at 84°: the sides change places


def raw_images(truth):
    """What lies at p in the aligned image lies at R p + shift in the raw one."""
    x, y = grid(truth.size)
    images = []
    for i, (axis, shift) in enumerate(zip(truth.axes, truth.shifts, strict=True)):
        at = np.stack([x - shift[0], y - shift[1]])
        images.append(picture(*np.tensordot(made_up.turn(axis).T, at, 1), i))
    return np.array(images, np.float32)


def aligned_images(truth):
    return np.array([picture(*grid(aligned_size(truth)), i) for i in range(len(truth.stage))])


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def stack(folder, name, images, pixel_A=PIXEL_A):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_stack(path, images, pixel_A)


def imod(folder, t):
    stack(folder, "TS_01.mrc", raw_images(t))
    stack(folder, "TS_01_ali.mrc", aligned_images(t))
    write(folder, {
        "TS_01.rawtlt": made_up.rawtlt(t), "TS_01.tlt": made_up.tlt(t), "TS_01.xf": made_up.xf(t),
        "TS_01.prexf": made_up.xf(t), "TS_01_fid.xf": made_up.xf(t), "TS_01.log": "text",
        "tilt.com": made_up.tilt_com(t), "newst.com": made_up.newst_com(t),
        "align.com": "$tiltalign\n", "TS_01.edf": made_up.edf(t), "TS_01.mrc.mdoc": made_up.mdoc(t),
        "TS_01.defocus": made_up.defocus_3(t),
    })  # fmt: skip


def aretomo(folder, t):
    stack(folder, "TS_01.mrc", raw_images(t))
    write(folder, {
        "TS_01.aln": made_up.aln(t, dark=8), "TS_01_CTF.txt": made_up.aretomo_ctf(t),
        "TS_01.mdoc": made_up.mdoc(t), "TS_01_TLT.txt": made_up.aretomo_tlt(t),
    })  # fmt: skip
    for half in ("EVN", "ODD"):
        stack(folder, f"TS_01_{half}.mrc", 0.5 * raw_images(t))
    stack(folder, "TS_01_Vol.mrc", np.ones((9, 20, 20)), 10.0)
    stack(folder, "TS_01_CTF.mrc", np.ones((9, 20, 20)))


def warp(folder, t):
    stack(folder, "tiltstack/TS_01/TS_01.st", raw_images(t))
    write(folder, {
        "tiltstack/TS_01/TS_01.rawtlt": made_up.rawtlt(t),
        "warp_tiltseries/TS_01.xml": made_up.warp_xml(t, used=(8,)),
        "tomostar/TS_01.tomostar": made_up.tomostar(t),
    })  # fmt: skip


def relion_5(folder, t):
    for i, image in enumerate(raw_images(t)):
        name = t.frame(i).replace(".", "_")
        stack(folder, f"MotionCorr/{name}.mrc", image[None])
        for half in ("EVN", "ODD"):
            stack(folder, f"MotionCorr/{name}_{half}.mrc", 0.5 * image[None])
    write(folder, {
        "Tomograms/job006/tilt_series/TS_01.star": made_up.relion_5(t),
        "Tomograms/job006/tomograms.star": made_up.tomograms(),
    })  # fmt: skip


def relion_4(folder, t):
    stack(folder, "stacks/TS_01.mrc", raw_images(t))
    write(folder, {"tomograms.star": made_up.relion_4(t), "TS_01.rawtlt": made_up.rawtlt(t)})


def portal(folder, t):
    stack(folder, "TiltSeries/TS_01.mrc", raw_images(t))
    write(folder, {
        "TiltSeries/TS_01.rawtlt": made_up.rawtlt(t),
        "TiltSeries/tiltseries_metadata.json": made_up.portal_series(t),
        "Alignments/alignment_metadata.json": made_up.portal(t),
    })  # fmt: skip


def alike(a, b):
    inside = (slice(12, -12), slice(12, -12))
    return np.corrcoef(a[inside].ravel(), b[inside].ravel())[0, 1]
