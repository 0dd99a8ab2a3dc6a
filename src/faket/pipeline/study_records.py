"""What a run of a study leaves: its result.json."""

import json
from pathlib import Path
from typing import Any

from faket.errors import InputError

RESULT = "result.json"


def read_record(path: Path) -> dict[str, Any]:
    """Read a result.json.

    Raises
    ------
    InputError
        If it is damaged.
    """
    try:
        record = json.loads(path.read_text())
        if missing := {"scores", "digests", "costs"} - set(record):
            raise ValueError(f"no {', '.join(sorted(missing))}")
    except (OSError, ValueError, TypeError) as error:
        raise damaged(path, error) from None
    return dict(record)


def damaged(path: Path, error: Exception) -> InputError:
    """Return the error to raise where a result cannot be read."""
    return InputError(
        f"{path}: expected a result of `faket study`, found {error!r}; remove the file and run "
        "the study again"
    )
