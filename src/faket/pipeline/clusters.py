"""Clusters of dask: a scheduler that runs already, or one that asks a batch system for workers.

A site file (TOML) says how workers are had::

    system = "slurm"          # or pbs, lsf, sge; local: processes on this machine
    [settings]                # as dask-jobqueue's cluster of that system takes them
    queue = "main"
    cores = 4
    memory = "8GB"
    walltime = "04:00:00"

dask is imported only here, and where its executor is used.
"""

import logging
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faket.errors import InputError
from faket.io.failures import input_error, shown
from faket.io.text import read_text

_SYSTEMS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "lsf": "LSFCluster",
    "sge": "SGECluster",
}
_MOST_BYTES = 100_000  # chosen: a site file has some lines
_CONNECT_S = 30.0  # chosen: a scheduler under load answers within seconds
_kept = dict[str, Callable[[], None]]()  # what asks for workers, of clusters that stay open


def check_cluster(cluster: str) -> None:
    """Look for what a cluster needs, before hours of other work; no worker is asked for.

    Raises
    ------
    InputError
        If dask is not installed, the scheduler does not answer, or a site file cannot be read.
    """
    if not _is_site_file(cluster):
        with open_client(cluster, cluster):
            return
    _quiet_dask()
    system, _ = read_site(Path(cluster))
    if system != "local":
        _jobqueue()


@contextmanager
def kept_cluster(cluster: str, workers: int) -> Iterator[str]:
    """Yield the address of a cluster that stays open for several executors.

    Raises
    ------
    InputError
        If dask is not installed or the site file cannot be used; an address may lead nowhere.
    """
    with opened(cluster, workers) as (place, renew):
        address = place if isinstance(place, str) else place.scheduler_address
        _kept[address] = renew
        try:
            yield address
        finally:
            del _kept[address]


def _jobqueue() -> Any:
    """Import what asks batch systems for workers."""
    try:
        import dask_jobqueue
    except ImportError:
        raise InputError(
            "`executor`: expected dask-jobqueue to be installed, found it missing; "
            "pip install 'faket[cluster]'"
        ) from None
    return dask_jobqueue


def _is_site_file(cluster: str) -> bool:
    return "://" not in cluster and bool(Path(cluster).suffix)


@contextmanager
def opened(cluster: str, workers: int) -> Iterator[tuple[Any, Callable[[], None]]]:
    """Yield an address, or the cluster of a site file; and what asks for so many workers.

    Raises
    ------
    InputError
        If dask is not installed or the site file cannot be used.
    """
    _quiet_dask()
    if not _is_site_file(cluster):
        yield cluster, _kept.get(cluster, lambda: None)
        return
    path = Path(cluster)
    system, settings = read_site(path)
    try:
        if system == "local":
            from distributed import LocalCluster

            usual = {"threads_per_worker": 1, "dashboard_address": ":0"}
            quiet = {"silence_logs": logging.CRITICAL}  # of its workers, too
            made = LocalCluster(n_workers=workers, **{**usual, **quiet, **settings})
        else:
            made = getattr(_jobqueue(), _SYSTEMS[system])(**settings)
            made.scale(n=workers)
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        raise input_error(
            path, f"expected settings of a cluster of {system}, found {error}; correct them"
        ) from None
    with made:
        yield made, lambda: made.scale(n=workers)


def read_site(path: Path) -> tuple[str, dict[str, Any]]:
    """Read a site file: the batch system and its settings.

    Raises
    ------
    InputError
        If it is no TOML, the system is unknown, or there are other entries.
    """
    try:
        content = tomllib.loads(read_text(path, _MOST_BYTES))
    except ValueError as error:
        raise input_error(path, f"expected TOML, found a mistake ({error}); correct it") from None
    system, settings = content.pop("system", None), content.pop("settings", {})
    known = (*_SYSTEMS, "local")
    if system not in known:
        raise input_error(
            path, f"system: expected one of {', '.join(known)}, found {shown(system)}; correct it"
        )
    if content or not isinstance(settings, dict):
        raise input_error(
            path, f"expected system and [settings], found {shown(list(content) or settings)}; "
            "write what the cluster takes into [settings]"
        )  # fmt: skip
    return system, settings


def open_client(place: Any, cluster: str) -> Any:
    """Return a client of a scheduler; ``cluster`` is what the user called it.

    Raises
    ------
    InputError
        If dask is not installed or the scheduler does not answer.
    """
    try:
        return _quiet_dask().Client(place, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{cluster}: expected a scheduler of dask, found no answer "
            f"({type(error).__name__}); check the address"
        ) from None


def _quiet_dask() -> Any:
    """Import dask, which tells at length what is told in one line here."""
    try:
        import distributed
    except ImportError:
        raise InputError(
            "`executor`: expected dask to be installed, found it missing; "
            "pip install 'faket[cluster]'"
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return distributed
