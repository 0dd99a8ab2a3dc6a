"""The command `status`: where a data set or a study stands."""

import json as json_format
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from faket.cli.common import Flag
from faket.cli.wording import in_words_of
from faket.errors import InputError

if TYPE_CHECKING:
    from faket.pipeline.standing import Standing


_DOING = {"preparation": "preparing", "workers": "workers start"}


def status(folder: Path, /, *, json: Flag = False) -> None:
    """Tell what of a data set or study is made, being made, by whom, and set aside, and why.

    It may be asked while others work in the folder: nothing is locked, nothing stays written.

    Parameters
    ----------
    folder
        OUT of `faket simulate` or `faket study`.
    json
        Print it as JSON.
    """
    from faket.cli.datasets import simulate
    from faket.cli.study import study
    from faket.io.model_folder import PROGRESS
    from faket.pipeline.claim import RECIPE
    from faket.pipeline.standing import standing_of
    from faket.study.standing import is_study, standings_of

    maker: Callable[..., None] = study if is_study(folder) else simulate
    if is_study(folder):
        found = standings_of(folder)
    elif (folder / RECIPE).exists() or (folder / PROGRESS).exists():
        found = (standing_of(folder),)
    else:
        raise InputError(
            f"{folder}: expected the folder of a data set or a study, found "
            f"{'neither' if folder.exists() else 'no folder'}; check the path"
        )
    if json:
        print(json_format.dumps([_content(one) for one in found], indent=1))
        return
    for one in found:
        _print_standing(one, str(folder) if len(found) == 1 else one.name, maker)


def _content(standing: "Standing") -> dict[str, object]:
    estimates = {"an_hour": standing.an_hour, "seconds_left": standing.seconds_left}
    return {**asdict(standing), **estimates}


def _print_standing(standing: "Standing", name: str, maker: Callable[..., None]) -> None:
    from faket.cli.progress import duration

    total = "an unknown number" if standing.total is None else str(standing.total)
    parts = [f"{standing.made} of {total} made"]
    parts += [f"{standing.at_work} being made"] if standing.at_work else []
    parts += [f"{len(standing.failed)} set aside"] if standing.failed else []
    if standing.an_hour is not None:
        parts.append(f"{standing.an_hour:.1f} an hour")
    if standing.seconds_left is not None:
        parts.append(f"about {duration(standing.seconds_left)} left")
    print(f"{name}: {', '.join(parts)}")
    for one in standing.making:
        again = f", attempt {one.attempt}" if one.attempt > 1 else ""
        since = f"for {duration(max(0.0, one.beat_at - one.since))}"
        what = _DOING.get(one.name, one.name)
        print(f"  {what}: process {one.pid} on {one.host}, {since}{again}")
    for one in standing.lost:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.beat_at))
        what = _DOING.get(one.name, one.name)
        print(f"  {what}: process {one.pid} on {one.host} gave its last sign at {when}")
    for failed in standing.failed:
        reason = in_words_of(maker, failed.reason)
        print(f"  {failed.name}: set aside after {failed.tries} tries: {reason}")
