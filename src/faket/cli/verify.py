"""The command `verify`: whether written files are still as they were."""

from pathlib import Path

from faket.cli import messages
from faket.cli.common import Flag


def verify(folder: Path, /, *, full: Flag = False) -> int:
    """Find files that were changed, cut short or lost since faket wrote them.

    A line is printed for each of them; the exit code is then 1.

    Parameters
    ----------
    folder
        Data set, training, study, or any other folder that contains a manifest.json; or one file
        with its manifest beside it.
    full
        Read every file and compare its hash. Otherwise sizes and dates are compared, and a file is
        read only if its date is not that of its writing.
    """
    from faket.verification import verify as verify_folder

    found = verify_folder(folder, full=full)
    for line in found.differences:
        print(line)
    checked = f"{found.files} files of {found.manifests} manifests"
    if found.differences:
        messages.notice(f"{folder}: {len(found.differences)} differences in {checked}")
        return 1
    print(f"{folder}: {checked} are unchanged{'' if full else ' (by size and date)'}")
    return 0
