"""IMOD's ``newst.com`` and ``tilt.com``: aligned stack and tomogram by two commands.

They run as etomo's do (``submfg newst.com tilt.com``). Views count from 1.
"""

from faket.io.metadata.geometry import JoinedGeometry


def newstack_command(geometry: JoinedGeometry, name: str, stack: str) -> list[str]:
    """Return ``newst.com``: the raw stack becomes ``name``_ali.mrc by ``name``.xf."""
    assert geometry.image_size is not None
    width, height = geometry.image_size
    return [
        "$setenv IMOD_OUTPUT_FORMAT MRC",
        "$newstack -StandardInput",
        f"InputFile\t{stack}",
        f"OutputFile\t{name}_ali.mrc",
        f"TransformFile\t{name}.xf",
        "TaperAtFill\t1,1",
        "AdjustOrigin",
        f"SizeToOutputInXandY\t{width},{height}",
        "OffsetsInXandY\t0.0,0.0",
        "BinByFactor\t1",
    ]


def tilt_command(geometry: JoinedGeometry, name: str, thickness_px: int) -> list[str]:
    """Return ``tilt.com``: ``name``_ali.mrc becomes ``name``_full_rec.mrc [y, z, x].

    ``thickness_px``: of the tomogram, in pixels of the raw stack.
    """
    assert geometry.image_size is not None
    width, height = geometry.image_size
    excluded = ",".join(str(i + 1) for i in geometry.excluded.nonzero()[0])
    return [
        "$setenv IMOD_OUTPUT_FORMAT MRC",
        "$tilt -StandardInput",
        f"InputProjections {name}_ali.mrc",
        f"OutputFile {name}_full_rec.mrc",
        "IMAGEBINNED 1",
        f"TILTFILE {name}.tlt",
        f"XTILTFILE {name}.xtilt",
        f"THICKNESS {thickness_px}",
        "RADIAL 0.35 0.035",
        "FalloffIsTrueSigma 1",
        "XAXISTILT 0.0",
        "SCALE 0.0 1.0",
        "PERPENDICULAR",
        "MODE 2",
        f"FULLIMAGE {width} {height}",
        "SUBSETSTART 0 0",
        "AdjustOrigin",
        "OFFSET 0.0",
        "SHIFT 0.0 0.0",
        *([f"EXCLUDELIST {excluded}"] if excluded else []),
    ]
