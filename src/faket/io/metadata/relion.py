"""RELION's tilt-series: version 5's STAR of one and ``tomograms.star``, version 4's matrices.

By RELION's source (`Tomogram::setProjectionMatrix`, `TomogramSet::loadTomogram`):

- Version 5: raw = R(rlnTomoZRot) p + (rlnTomoXShiftAngst, rlnTomoYShiftAngst), from sample N // 2
  of either, after a tilt by rlnTomoYTilt about y and rlnTomoXTilt about x.
- Version 4: rlnTomoProjX … take voxels of the unbinned tomogram to pixels of the image, both from
  sample 0. They win over version 5's columns where both are there. WarpTools writes them without
  translation: then they tell no shift.
- rlnMicrographPreExposure is the exposure before the image; defocus in Å.
- A ``tomograms.star`` names each series' STAR relative to the project's folder, or holds it as a
  block of the tomogram's name.
"""

import re
from dataclasses import replace
from pathlib import Path

from faket.io.failures import shown
from faket.io.metadata.document import Document, read_document
from faket.io.metadata.facts import SeriesFacts, TiltFacts, file_name, frame_name
from faket.io.metadata.facts import rotation as plane_rotation
from faket.io.metadata.relion_matrices import MATRIX, by_matrices, centred
from faket.io.metadata.tables import Rows
from faket.io.star import Table, read_star
from faket.units import UM_PER_A

SERIES_FILE = "rlnTomoTiltSeriesStarFile"
_ALIGNED = ("rlnTomoYTilt", "rlnTomoZRot", "rlnTomoXShiftAngst", "rlnTomoYShiftAngst")
_LABEL = "cryoBoost"  # its columns of labels hold "good" or "bad"
_NUMBERED = re.compile(r"0*([1-9][0-9]{0,5})@")
_UP = 6  # chosen: a job's tilt_series folder is three below the project's


def read_tilt_series(document: Document, name: str, table: Table) -> SeriesFacts:
    """Read the STAR table of one tilt-series.

    Raises
    ------
    InputError
        If it has neither angles nor matrices, or a value cannot be used.
    """
    rows = Rows(document, table).filled()
    old = all(column in rows for column in MATRIX)
    if not old and "rlnTomoNominalStageTiltAngle" not in rows and "rlnTomoYTilt" not in rows:
        raise document.error("expected rlnTomoNominalStageTiltAngle, rlnTomoYTilt or rlnTomoProjX, "
                             "found none; give the STAR file of a tilt-series")  # fmt: skip
    tilts, notices = _tilts(rows), []
    if old:
        tilts = by_matrices(rows, tilts)
    elif all(column in rows for column in _ALIGNED):
        tilts = _by_angles(rows, tilts)
    if "rlnTomoDeformationCoefficients" in rows:
        notices.append("local alignments are left out")
    aligned = any(tilt.matrix for tilt in tilts)
    axis = rows.optional("rlnTomoNominalTiltAxisAngle", "angle")
    return SeriesFacts(
        "RELION 4 tilt-series" if old else "RELION 5 tilt-series",
        str(document.path),
        "alignment" if aligned else "acquisition",
        tuple(tilts),
        complete=old,  # version 5 lists the images that are left
        centre="corner" if old else "sample",
        series=name or None,
        tilt_axis_deg=axis[0],
        notices=tuple(notices),
    )


def read_single_series(document: Document, name: str, table: Table) -> SeriesFacts:
    """Read a table that stands alone: matrices of version 4 then tell no shifts.

    Raises
    ------
    InputError
        As :func:`read_tilt_series`.
    """
    facts = read_tilt_series(document, name, table)
    return centred(Rows(document, {}), facts) if facts.centre == "corner" else facts


def read_tomograms(document: Document, blocks: dict[str, Table]) -> tuple[SeriesFacts, ...]:
    """Read a ``tomograms.star`` (or ``tilt_series.star``) and all series it names.

    A series whose file is not found is there without images, with a notice.

    Raises
    ------
    InputError
        If it names no tomogram, or a value cannot be used.
    """
    everything = Rows(document, next(t for t in blocks.values() if "rlnTomoName" in t)).filled()
    found = []
    for i, name in enumerate(everything.texts("rlnTomoName")):
        row = Rows(document, {column: [v[i]] for column, v in everything.table.items()})
        found.append(_with_optics(row, _series(document, blocks, row, name)))
    return tuple(found)


def _series(document: Document, blocks: dict[str, Table], row: Rows, name: str) -> SeriesFacts:
    if name in blocks and "rlnTomoName" not in blocks[name]:
        return read_tilt_series(document, name, blocks[name])
    told = row.table.get(SERIES_FILE, [""])[0]
    path = _found(document.path, told) if told else None
    if path is None:
        return SeriesFacts(
            "RELION tomograms.star", str(document.path), "acquisition", complete=False,
            series=name, notices=(f"{name}: its tilt-series {shown(told, 80)} was not found",),
        )  # fmt: skip
    tables = [(block, table) for block, table in read_star(path).items() if table]
    if not tables:
        raise document.error(f"{name}: expected a table in {path}, found none; copy it again")
    return read_tilt_series(read_document(path), name, tables[0][1])


def _found(tomograms: Path, told: str) -> Path | None:
    """Return the file: from the project's folder, which lies above, or beside ``tomograms``."""
    folders = [tomograms.parent, *tomograms.resolve().parents[1:_UP]]
    beside = [Path("tilt_series") / file_name(told), Path(file_name(told))]
    candidates = [folder / told for folder in folders]
    candidates += [tomograms.parent / name for name in beside]
    try:
        return next((path for path in candidates if path.is_file()), None)
    except (OSError, ValueError):  # a name no file system takes
        return None


def _with_optics(row: Rows, facts: SeriesFacts) -> SeriesFacts:
    pixel = row.one("rlnTomoTiltSeriesPixelSize", "pixel size in Å")
    dose = row.one("rlnTomoImportFractionalDose", "exposure in e/Å²")
    facts = replace(
        facts,
        tilts=tuple(replace(tilt, dose=dose or None) for tilt in facts.tilts),
        pixel_size_A=pixel,
        voltage_kV=row.one("rlnVoltage", "voltage in kV"),
        spherical_aberration_mm=row.one("rlnSphericalAberration", "spherical aberration in mm"),
        amplitude_contrast=row.one("rlnAmplitudeContrast", "amplitude contrast"),
        hand=_hand(row),
        stack=file_name(row.table.get("rlnTomoTiltSeriesName", [""])[0]) or None,
    )
    if facts.centre == "corner":
        return centred(row, facts)
    return facts


def _hand(row: Rows) -> int | None:
    hand = row.one("rlnTomoHand", "number")
    return None if not hand else (1 if hand > 0 else -1)


def _tilts(rows: Rows) -> list[TiltFacts]:
    """Return what both versions tell of each image."""
    n, table = len(rows), rows.table
    nominal = rows.optional("rlnTomoNominalStageTiltAngle", "tilt angle")
    before = rows.optional("rlnMicrographPreExposure", "exposure in e/Å²")
    u = rows.optional("rlnDefocusU", "defocus in µm", UM_PER_A)
    v = rows.optional("rlnDefocusV", "defocus in µm", UM_PER_A)
    angle = rows.optional("rlnDefocusAngle", "angle")
    phase = rows.optional("rlnPhaseShift", "angle")
    images = table.get("rlnMicrographName", [""] * n)
    movies = table.get("rlnMicrographMovieName", images)
    labels = next((table[name] for name in table if name.startswith(_LABEL)), [""] * n)
    even, odd = (table.get(f"rlnMicrographName{half}", [""] * n) for half in ("Even", "Odd"))
    return [
        TiltFacts(
            section=_section(images[i]),
            frame=frame_name(movies[i] if "@" not in movies[i] else ""),
            image=images[i] if images[i] and "@" not in images[i] else None,
            angle_deg=nominal[i],
            dose_before=before[i],
            defocus_u_um=u[i],
            defocus_v_um=v[i],
            astigmatism_deg=angle[i],
            phase_shift_deg=phase[i],
            excluded=labels[i].lower() == "bad" if labels[i] else None,
            halves=(even[i], odd[i]) if even[i] and odd[i] else None,
        )
        for i in range(n)
    ]


def _section(image: str) -> int | None:
    """Return the place of ``000001@stack.mrcs``."""
    number = image.partition("@")[0] if "@" in image else ""
    return (
        int(number) - 1 if number.isascii() and number.isdigit() and 0 < len(number) < 9 else None
    )


def _by_angles(rows: Rows, tilts: list[TiltFacts]) -> list[TiltFacts]:
    y_tilt = rows.required("rlnTomoYTilt", "tilt angle")
    x_tilt = rows.optional("rlnTomoXTilt", "tilt angle")
    axis = rows.required("rlnTomoZRot", "angle")
    x, y = (rows.required(f"rlnTomo{c}ShiftAngst", "shift") for c in "XY")
    return [
        replace(
            tilt,
            refined_angle_deg=y_tilt[i],
            x_tilt_deg=x_tilt[i],
            matrix=plane_rotation(axis[i]),
            shift_A=(x[i], y[i]),
        )
        for i, tilt in enumerate(tilts)
    ]
