"""An executor on dask: a scheduler that runs already, or one that asks a batch system for workers.

A site file (TOML) says how workers are had::

    system = "slurm"          # or pbs, lsf, sge; local: processes on this machine
    [settings]                # as dask-jobqueue's cluster of that system takes them
    queue = "main"
    cores = 4
    memory = "8GB"
    walltime = "04:00:00"

dask is imported only here. No data go through it: workers read and write the shared folder, so that
nothing is lost with a worker but the tomogram that it was making.
"""

import logging
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from faket.errors import InputError, UnfitMachineError
from faket.io.failures import input_error, shown
from faket.io.text import read_text
from faket.pipeline.executors import LostClusterError

_SYSTEMS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "lsf": "LSFCluster",
    "sge": "SGECluster",
}
_MOST_BYTES = 100_000  # chosen: a site file has some lines
_CONNECT_S = 30.0  # chosen: a scheduler under load answers within seconds
# Chosen: dask gives up a worker 15 s after it was lost, and replaces it only when asked again.
_RENEW_S = 10.0
_kept = dict[str, Callable[[], None]]()  # what asks for workers, of clusters that stay open
_alone = threading.Lock()  # a worker with several threads still makes one tomogram at a time


class DaskExecutor:
    """Gives work to dask's workers, to each one piece at a time."""

    def __init__(
        self,
        client: Any,
        begin: Callable[..., None],
        arguments: tuple[Any, ...],
        renew: Callable[[], None],
    ) -> None:
        """Use a client of dask.

        Parameters
        ----------
        client : distributed.Client
        begin : callable
            Called with ``arguments`` before each piece of work.
        arguments : tuple
        renew : callable
            Asks for workers in the place of those that are lost.
        """
        self._client, self._begin = client, (begin, arguments)
        self._renew, self._renewed_at = renew, time.monotonic()
        self._unfit = dict[str, UnfitMachineError]()  # by the worker's address
        self._remote = dict[Future[None], Any]()  # dask forgets what nobody holds

    @property
    def places(self) -> int:
        """As many as there are workers that are fit; one before the first comes.

        Raises
        ------
        UnfitMachineError
            If none is fit.
        """
        return max(1, len(self._fit()))

    def _fit(self) -> list[str]:
        """Return the addresses of the workers that are not unfit."""
        try:
            if time.monotonic() - self._renewed_at > _RENEW_S:
                self._renewed_at = time.monotonic()
                self._renew()
            every = list(self._client.nthreads())
        except (OSError, ValueError, RuntimeError) as error:
            raise _lost(error) from None
        fit = [address for address in every if address not in self._unfit]
        if every and not fit:
            raise self._unfit[every[0]]
        return fit

    def submit(self, work: Callable[..., None], *arguments: Any) -> Future[None]:
        """Give work to a worker."""
        future = Future[None]()
        chosen = {"workers": self._fit()} if self._unfit else {}
        try:
            remote = self._client.submit(_do, *self._begin, work, arguments, pure=False, **chosen)
        except (OSError, ValueError, RuntimeError) as error:
            raise _lost(error) from None
        self._remote[future] = remote
        remote.add_done_callback(partial(self._hand_over, future))
        return future

    def _hand_over(self, future: Future[None], remote: Any) -> None:
        """Give the local future the outcome of the remote one."""
        from distributed import KilledWorker

        self._remote.pop(future, None)
        if remote.status == "finished":
            future.set_result(None)
            return
        if remote.status != "error":  # cancelled or lost, with the scheduler
            future.set_exception(_lost(remote.status))
            return
        error = remote.exception()
        if isinstance(error, KilledWorker):  # so many as the scheduler allows for one task
            error = BrokenProcessPool(str(error))
        if isinstance(error, UnfitMachineError):
            self._unfit[error.worker] = error
        future.set_exception(error)


@contextmanager
def dask_executor(
    cluster: str,
    workers: int,
    begin: Callable[..., None],
    *arguments: Any,
    say: Callable[[str], None],
) -> Iterator[DaskExecutor]:
    """Yield an executor on the scheduler at an address, or on workers had as a site file says.

    Raises
    ------
    InputError
        If dask is not installed, the scheduler does not answer, or the site file cannot be used.
    """
    distributed = _quiet_dask()
    with _opened(cluster, workers) as (place, renew):
        try:
            client = distributed.Client(place, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{cluster}: expected a scheduler of dask, found no answer "
                f"({type(error).__name__}); check the address"
            ) from None
        with client:
            say(f"dask: {client.scheduler.address}")
            yield DaskExecutor(client, begin, arguments, renew)


@contextmanager
def kept_cluster(cluster: str, workers: int) -> Iterator[str]:
    """Yield the address of a cluster that stays open for several executors.

    Raises
    ------
    InputError
        As for :func:`dask_executor`, except that an address may lead nowhere.
    """
    _quiet_dask()
    with _opened(cluster, workers) as (place, renew):
        address = place if isinstance(place, str) else place.scheduler_address
        _kept[address] = renew
        try:
            yield address
        finally:
            del _kept[address]


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


@contextmanager
def _opened(cluster: str, workers: int) -> Iterator[tuple[Any, Callable[[], None]]]:
    """Yield an address, or the cluster of a site file; and what asks for so many workers."""
    if "://" in cluster or not Path(cluster).suffix:
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
            import dask_jobqueue

            made = getattr(dask_jobqueue, _SYSTEMS[system])(**settings)
            made.scale(n=workers)
    except ImportError:
        raise InputError(
            "`executor`: expected dask-jobqueue to be installed, found it missing; "
            "pip install 'faket[cluster]'"
        ) from None
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


def _do(
    begin: Callable[..., None],
    begin_arguments: tuple[Any, ...],
    work: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    """Do a piece of work in a worker of dask."""
    from distributed import get_worker

    with _alone:
        try:
            begin(get_worker().state.nthreads, *begin_arguments)
            work(*arguments)
        except UnfitMachineError as error:
            error.worker = get_worker().address
            raise


def _lost(why: object) -> LostClusterError:
    return LostClusterError(
        f"dask: expected its scheduler to answer, found it gone ({' '.join(str(why).split())}); "
        "finished parts are kept: run the command again to continue"
    )
