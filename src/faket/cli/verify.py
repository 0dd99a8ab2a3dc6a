"""Whether written files are still as they were."""

import sys
from pathlib import Path

from faket.cli.common import Flag


def verify(folder: Path, /, *, full: Flag = False) -> int:
    """Check files against their manifests: missing, cut or changed ones get a line each.

    The exit code is 1 where something differs.

    Parameters
    ----------
    folder
        Data set, training, study, or any folder with a manifest.json somewhere in it; or one file
        with its manifest beside it.
    full
        Read and hash all files. Otherwise sizes and dates are compared, and only files with another
        date are hashed.
    """
    from faket.verification import verify as verify_folder

    found = verify_folder(folder, full=full)
    for line in found.differences:
        print(line)
    checked = f"{found.files} files of {found.manifests} manifests"
    if found.differences:
        print(f"{folder}: {len(found.differences)} differences in {checked}", file=sys.stderr)
        return 1
    print(f"{folder}: {checked} are as they were written{'' if full else ' (sizes and dates)'}")
    return 0
