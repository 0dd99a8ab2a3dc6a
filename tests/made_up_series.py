"""A made-up tilt-series, as SerialEM, IMOD, AreTomo, Warp, RELION, ctffind and the portal tell it.

Everything is written from one truth: what lies at p in the aligned image lies at R p + shift in the
raw one, both from sample N // 2. Each writer follows its program's own convention, by formulas that
the readers do not share.
"""

import json
import math
from dataclasses import dataclass, field

import numpy as np

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
PIXEL_A = 2.5
TOMOGRAM = (60, 44, 20)  # x, y, z


def turn(angle_deg: float) -> np.ndarray:
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return np.array([[c, -s], [s, c]])


@dataclass
class Truth:
    """A dose-symmetric series of nine tilts; its stack is sorted by angle."""

    size: tuple[int, int] = (64, 48)
    stage: np.ndarray = field(default_factory=lambda: np.linspace(-24, 24, 9) + 0.01)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(17))

    def __post_init__(self) -> None:
        n = len(self.stage)
        self.refined = self.stage + 2.85
        self.axes = 84.3 + self.rng.normal(0, 0.05, n).round(4)
        self.shifts = self.rng.normal(0, 6, (n, 2)).round(3)
        self.order = np.argsort(np.argsort(np.abs(self.stage) - 1e-3 * self.stage))
        self.dose = 3.0
        self.before = self.order * self.dose
        self.u = 3.2 + 0.01 * self.rng.normal(size=n).round(3)
        self.v = self.u - 0.05
        self.astigmatism, self.phase = 31.5, 40.0
        self.sequence = np.argsort(self.order)

    @property
    def middle(self) -> np.ndarray:
        """From sample N // 2 to (N - 1) / 2."""
        n = np.array(self.size)
        return (n - 1) / 2 - n // 2

    def frame(self, i: int) -> str:
        return f"TS_01_{self.order[i]:03d}_{self.stage[i]:.1f}"

    def time(self, i: int) -> str:
        minute, second = divmod(40 * int(self.order[i]), 60)
        return f"30-{MONTHS[10]}-24  23:{50 + minute}:{second:02d}"


def mdoc(t: Truth, *, by_time: bool = False) -> str:
    head = [f"PixelSpacing = {PIXEL_A}", "Voltage = 300", "ImageFile = TS_01.mrc",
            f"ImageSize = {t.size[0]} {t.size[1]}", "DataMode = 1", "",
            "[T = SerialEM: made up                       30-Nov-24  23:50:00    ]", "",
            "[T =     Tilt axis angle = 84.3, binning = 1  spot = 8  camera = 1]", ""]  # fmt: skip
    images = t.sequence if by_time else range(len(t.stage))
    for z, i in enumerate(images):
        head += [f"[ZValue = {z}]", *image_entries(t, i), ""]
    return "\n".join(head)


def image_entries(t: Truth, i: int) -> list[str]:
    return [f"TiltAngle = {t.stage[i]:.4f}", f"ExposureDose = {t.dose}",
            f"PixelSpacing = {PIXEL_A}", "Defocus = 1.5", "RotationAngle = 174.3",
            "TargetDefocus = -3", f"PriorRecordDose = {t.before[i]}",
            f"SubFramePath = D:\\frames\\{t.frame(i)}.tif", f"DateTime = {t.time(i)}"]  # fmt: skip


def frame_mdoc(t: Truth, i: int) -> str:
    return "\n".join(["T = SerialEM: made up, Tilt axis angle = 84.3", "Voltage = 300", "",
                      "[FrameSet = 0]", *image_entries(t, i)])  # fmt: skip


def tlt(t: Truth) -> str:
    return "".join(f"{angle:8.2f}\n" for angle in t.refined)


def rawtlt(t: Truth) -> str:
    return "".join(f"{angle:.2f}\n" for angle in t.stage)


def aretomo_tlt(t: Truth) -> str:
    """The list that AreTomo 3 writes: angle, place in the acquisition from 1, image dose."""
    return "".join(f"{t.stage[i]:8.2f}  {t.order[i] + 1:4d}  {t.dose:8.2f}\n"
                   for i in range(len(t.stage)))  # fmt: skip


def xf(t: Truth) -> str:
    """aligned - middle = A (raw - middle) + D, at the aligned sample N // 2."""
    lines = []
    for axis, shift in zip(t.axes, t.shifts, strict=True):
        a = turn(axis).T
        d = -t.middle - a @ (shift - t.middle)
        lines.append("".join(f"{v:12.7f}" for v in a.ravel()) + "".join(f"{v:12.4f}" for v in d))
    return "\n".join(lines) + "\n"


def xtilt(t: Truth) -> str:
    return "0.25\n" * len(t.stage)


def tilt_com(t: Truth, excluded: str = "9") -> str:
    return "\n".join(["$tilt -StandardInput", "InputProjections TS_01_ali.mrc",
                      "OutputFile TS_01_full_rec.mrc", "IMAGEBINNED 1", "TILTFILE TS_01.tlt",
                      "THICKNESS 300", f"FULLIMAGE {t.size[0]} {t.size[1]}", "XAXISTILT 0.0",
                      "OFFSET 0.0", f"EXCLUDELIST {excluded}",
                      "$if (-e ./savework) ./savework"]) + "\n"  # fmt: skip


def newst_com(t: Truth) -> str:
    return "\n".join(["$setenv IMOD_OUTPUT_FORMAT MRC", "$newstack -StandardInput",
                      "InputFile\tTS_01.mrc", "OutputFile\tTS_01_ali.mrc",
                      "TransformFile\tTS_01.xf", "OffsetsInXandY\t0.0,0.0",
                      "#DistortionField\t.idf", "BinByFactor\t1"]) + "\n"  # fmt: skip


def edf(t: Truth) -> str:
    return "\n".join(["#Sat Nov 30 23:59:00 CET 2024", "Setup.DataSource=CCD",
                      "Setup.DatasetName=TS_01", f"Setup.PixelSize={PIXEL_A / 10}",
                      "Setup.ImageRotationA=84.3", "Setup.AxisA.ExcludeProjections=9",
                      "Setup.ImageRotationB="]) + "\n"  # fmt: skip


def defocus_3(t: Truth) -> str:
    rows = ["5  0  0.0  0.0  0.0  3"]
    rows += [f"{i + 1:4d} {i + 1:4d} {t.refined[i]:8.2f} {t.refined[i]:8.2f} {1e3 * t.u[i]:8.2f} "
             f"{1e3 * t.v[i]:8.2f} {t.astigmatism:7.2f} {t.phase:7.2f}"
             for i in range(len(t.stage))]  # fmt: skip
    return "\n".join(rows) + "\n"


def defocus_2(t: Truth) -> str:
    mean = 1e3 * (t.u + t.v) / 2
    rows = [f"{i + 1}\t{i + 1}\t{t.refined[i]:.2f}\t{t.refined[i]:.2f}\t{mean[i]:.2f}"
            for i in range(len(t.stage))]  # fmt: skip
    return "\n".join([rows[0] + "\t2", *rows[1:]]) + "\n"


def aln(t: Truth, *, first: int = 1, dark: int | None = None) -> str:
    """raw - middle = R (aligned - middle) + T, at the aligned image's middle."""
    n = len(t.stage)
    head = ["# AreTomo Alignment / Priims bprmMn", f"# RawSize = {t.size[0]} {t.size[1]} {n}",
            "# NumPatches = 0"]  # fmt: skip
    if dark is not None:
        head.append(f"# DarkFrame =  {dark:4d} {dark + first:4d} {t.refined[dark]:8.2f}")
    head += ["# AlphaOffset =     2.85", "# BetaOffset =     0.00",
             "# SEC     ROT         GMAG       TX          TY      SMEAN     SFIT    SCALE     "
             "BASE     TILT"]  # fmt: skip
    for i in range(n):
        if i == dark:
            continue
        x, y = turn(t.axes[i]) @ t.middle + t.shifts[i] - t.middle
        head.append(f"{i + first:5d}  {t.axes[i]:9.4f}    1.00000  {x:9.3f}  {y:9.3f}     1.00     "
                    f"1.00     1.00     0.00  {t.refined[i]:8.2f}")  # fmt: skip
    return "\n".join(head) + "\n"


def aretomo_ctf(t: Truth) -> str:
    head = ("# Columns: #1 micrograph number; #2 - defocus 1 [A]; #3 - defocus 2; #4 - azimuth of "
            "astigmatism; #5 - additional phase shift [radian]; #6 - cross correlation; #7 - "
            "spacing (in Angstroms) up to which CTF rings were fit; #8 - dfHand")  # fmt: skip
    return "\n".join([head, *(f"{row}  1" for row in _ctf_rows(t))]) + "\n"


def ctffind(t: Truth) -> str:
    n = len(t.stage)
    head = ["# Output from CTFFind version 4.1.14, run on 2024-12-01 11:33:34",
            f"# Input file: TS_01.mrc ; Number of micrographs: {n}",
            f"# Pixel size: {PIXEL_A} Angstroms ; acceleration voltage: 300.0 keV ; spherical "
            "aberration: 2.70 mm ; amplitude contrast: 0.07",
            "# Box size: 512 pixels ; min. res.: 30.0 Angstroms",
            "# Columns: #1 - micrograph number; #2 - defocus 1 [Angstroms]"]  # fmt: skip
    return "\n".join([*head, *_ctf_rows(t)]) + "\n"


def _ctf_rows(t: Truth) -> list[str]:
    return [f"{i + 1:4d}   {1e4 * t.u[i]:9.2f} {1e4 * t.v[i]:9.2f} {t.astigmatism:8.2f} "
            f"{math.radians(t.phase):9.4f}   0.0500   8.0000"
            for i in range(len(t.stage))]  # fmt: skip


def gctf(t: Truth) -> str:
    columns = ["rlnMicrographName", "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle", "rlnVoltage",
               "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnMagnification",
               "rlnDetectorPixelSize", "rlnPhaseShift"]  # fmt: skip
    rows = [f"split.mrc.{i + 1:02d} {1e4 * t.u[i]:.2f} {1e4 * t.v[i]:.2f} {t.astigmatism} 300.0 "
            f"2.7 0.07 {14e4 / PIXEL_A:.1f} 14.0 {t.phase}"
            for i in range(len(t.stage))]  # fmt: skip
    return star("", columns, rows)


def star(name: str, columns: list[str], rows: list[str]) -> str:
    head = [f"_{column} #{i}" for i, column in enumerate(columns, 1)]
    return "\n".join(["", f"data_{name}", "", "loop_", *head, *rows, "", ""])


def warp_xml(t: Truth, *, sign: int = -1, used: tuple[int, ...] = ()) -> str:
    """From N / 2 of either image, Å; angles against the stage's."""
    n, sides = len(t.stage), np.array(t.size)
    half = sides / 2 - sides // 2
    offsets = PIXEL_A * np.array([turn(a) @ half + s - half for a, s in
                                  zip(t.axes, t.shifts, strict=True)])  # fmt: skip

    def element(name: str, values) -> str:
        return f"\t<{name}>" + "\n".join(str(value) for value in values) + f"</{name}>\n"

    def grid(name: str, values) -> str:
        nodes = "".join(f'\t\t<Node X="0" Y="0" Z="{i}" Value="{v}" />\n'
                        for i, v in enumerate(values))  # fmt: skip
        return (f'\t<{name} Width="1" Height="1" Depth="{n}" MarginX="0" MarginY="0" '
                f'MarginZ="0">\n{nodes}\t</{name}>\n')  # fmt: skip

    size = ", ".join(str(side * PIXEL_A) for side in t.size)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<TiltSeries AreAnglesInverted="False" '
        f'LevelAngleX="0" LevelAngleY="0" ImageDimensionsAngstrom="{size}" UnselectManual="">\n'
        + element("Angles", sign * t.refined)
        + element("Dose", t.before)
        + element("UseTilt", [i not in used for i in range(n)])
        + element("AxisAngle", t.axes)
        + element("AxisOffsetX", offsets[:, 0])
        + element("AxisOffsetY", offsets[:, 1])
        + element("MoviePath", [f"../frames/{t.frame(i)}.tif" for i in range(n)])
        + f'\t<CTF>\n\t\t<Param Name="PixelSize" Value="{PIXEL_A}" />\n\t\t<Param Name="Voltage" '
        'Value="300" />\n\t\t<Param Name="Cs" Value="2.7" />\n\t\t<Param Name="Amplitude" '
        'Value="0.07" />\n\t</CTF>\n'
        + grid("GridCTF", (t.u + t.v) / 2)
        + grid("GridCTFDefocusDelta", t.u - t.v)
        + grid("GridCTFDefocusAngle", [t.astigmatism] * n)
        + grid("GridCTFPhase", [t.phase / 180] * n)
        + "</TiltSeries>\n"
    )


def tomostar(t: Truth, *, sign: int = -1) -> str:
    rows = [f"../frames/{t.frame(i)}.tif {sign * t.stage[i]:.2f} 84.300 {t.before[i]} 12.5 0.000"
            for i in range(len(t.stage))]  # fmt: skip
    return star("", ["wrpMovieName", "wrpAngleTilt", "wrpAxisAngle", "wrpDose",
                     "wrpAverageIntensity", "wrpMaskedFraction"], rows)  # fmt: skip


def relion_5(t: Truth) -> str:
    """From sample N // 2 of either image, Å."""
    columns = ["rlnMicrographMovieName", "rlnTomoNominalStageTiltAngle",
               "rlnTomoNominalTiltAxisAngle", "rlnMicrographPreExposure", "rlnMicrographNameEven",
               "rlnMicrographNameOdd", "rlnMicrographName", "rlnDefocusU", "rlnDefocusV",
               "rlnDefocusAngle", "rlnPhaseShift", "rlnTomoXTilt", "rlnTomoYTilt", "rlnTomoZRot",
               "rlnTomoXShiftAngst", "rlnTomoYShiftAngst"]  # fmt: skip
    rows = []
    for i in range(len(t.stage)):
        corrected = "MotionCorr/" + t.frame(i).replace(".", "_")
        x, y = PIXEL_A * t.shifts[i]
        rows.append(
            f"frames/{t.frame(i)}.tif {t.stage[i]:.4f} 84.3 {t.before[i]} {corrected}_EVN.mrc "
            f"{corrected}_ODD.mrc {corrected}.mrc {1e4 * t.u[i]:.2f} {1e4 * t.v[i]:.2f} "
            f"{t.astigmatism} {t.phase} 0.0 {t.refined[i]:.4f} {t.axes[i]:.4f} {x:.5f} {y:.5f}"
        )
    return "# version 50001\n" + star("TS_01", columns, rows)


def tomograms(series_file: str = "Tomograms/job006/tilt_series/TS_01.star") -> str:
    columns = ["rlnTomoName", "rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast",
               "rlnMicrographOriginalPixelSize", "rlnTomoHand", "rlnTomoTiltSeriesPixelSize",
               "rlnTomoTiltSeriesStarFile"]  # fmt: skip
    row = f"TS_01 300.0 2.7 0.07 1.25 -1.0 {PIXEL_A} {series_file}"
    return "# version 50001\n" + star("global", columns, [row])


def relion_4(t: Truth, *, x_tilt: float = 0.0) -> str:
    """Matrices from voxels to pixels, both from sample 0, and the list of tomograms with them."""
    c, s = math.cos(math.radians(x_tilt)), math.sin(math.radians(x_tilt))
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    rows = []
    for i in range(len(t.stage)):
        y = math.radians(t.refined[i])
        tilt = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
        plane = np.eye(3)
        plane[:2, :2] = turn(t.axes[i])
        matrix = np.eye(4)
        matrix[:3, :3] = plane @ tilt @ about_x
        lands = np.append(t.shifts[i] + np.array(t.size) // 2, 0)
        matrix[:3, 3] = lands - matrix[:3, :3] @ (np.array(TOMOGRAM) // 2)
        cells = ["[" + ",".join(f"{value:.9g}" for value in row) + "]" for row in matrix]
        rows.append(" ".join([*cells, f"{1e4 * t.u[i]:.2f} {1e4 * t.v[i]:.2f} {t.astigmatism} "
                              f"{t.before[i]}"]))  # fmt: skip
    columns = [*(f"rlnTomoProj{axis}" for axis in "XYZW"), "rlnDefocusU", "rlnDefocusV",
               "rlnDefocusAngle", "rlnMicrographPreExposure"]  # fmt: skip
    every = ["rlnTomoName", "rlnTomoTiltSeriesName", "rlnTomoSizeX", "rlnTomoSizeY", "rlnTomoSizeZ",
             "rlnTomoHand", "rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast",
             "rlnTomoTiltSeriesPixelSize"]  # fmt: skip
    row = "TS_01 stacks/TS_01.mrc {} {} {} -1 300.0 2.7 0.07 {}".format(*TOMOGRAM, PIXEL_A)
    return star("global", every, [row]) + star("TS_01", columns, rows)


def portal(t: Truth, *, standard: bool = True) -> str:
    sections = []
    for i in range(len(t.stage)):
        rotation = turn(t.axes[i])
        offset = rotation @ t.middle + t.shifts[i] - t.middle
        if not standard:  # the numbers of the .xf
            rotation = rotation.T
            offset = -t.middle - rotation @ (t.shifts[i] - t.middle)
        sections.append({
            "z_index": i, "tilt_angle": float(t.refined[i]), "volume_x_rotation": 0.0,
            "in_plane_rotation": rotation.tolist(), "x_offset": offset[0], "y_offset": offset[1],
        })  # fmt: skip
    return json.dumps({"format": "IMOD", "is_portal_standard": standard, "tilt_offset": 0.0,
                       "x_rotation_offset": 0,
                       "per_section_alignment_parameters": sections})  # fmt: skip


def portal_series(t: Truth) -> str:
    sections = [
        {"z_index": i, "raw_angle": float(t.stage[i]), "frame_acquisition_order": int(t.order[i]),
         "major_defocus": 1e4 * t.u[i], "minor_defocus": 1e4 * t.v[i],
         "astigmatic_angle": t.astigmatism, "phase_shift": math.radians(t.phase)}
        for i in range(len(t.stage))
    ]  # fmt: skip
    return json.dumps({"pixel_spacing": PIXEL_A, "tilt_axis": 84.3, "acceleration_voltage": 300000,
                       "spherical_aberration_constant": 2.7, "total_flux": 27.0,
                       "size": {"x": t.size[0], "y": t.size[1], "z": len(t.stage)},
                       "per_section_parameter": sections})  # fmt: skip


def copick() -> str:
    return json.dumps({"name": "made up", "config_type": "filesystem", "pickable_objects": [],
                       "overlay_root": "local:///tmp", "static_root": "local:///tmp"})  # fmt: skip


def all_files(t: Truth) -> dict[str, str]:
    """Return one file of every format, by a name that its program gives."""
    return {
        "TS_01.mrc.mdoc": mdoc(t), "TS_01_000_0.0.tif.mdoc": frame_mdoc(t, 4),
        "TS_01.tlt": tlt(t), "TS_01.rawtlt": rawtlt(t), "TS_01.xf": xf(t), "TS_01.xtilt": xtilt(t),
        "tilt.com": tilt_com(t), "newst.com": newst_com(t), "TS_01.edf": edf(t),
        "TS_01.defocus": defocus_3(t), "TS_01_2.defocus": defocus_2(t), "TS_01.aln": aln(t),
        "TS_01_CTF.txt": aretomo_ctf(t), "diagnostic.txt": ctffind(t), "gctf.star": gctf(t),
        "TS_01.xml": warp_xml(t), "TS_01.tomostar": tomostar(t), "TS_01.star": relion_5(t),
        "tomograms.star": tomograms(), "relion4.star": relion_4(t), "alignment.json": portal(t),
        "tiltseries.json": portal_series(t), "copick.json": copick(),
    }  # fmt: skip
