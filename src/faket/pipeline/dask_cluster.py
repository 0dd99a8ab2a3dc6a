"""An executor on dask's workers.

No data go through it: workers read and write the shared folder, so that
nothing is lost with a worker but the tomogram that it was making.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any

from faket.errors import UnfitMachineError
from faket.pipeline.clusters import open_client, opened
from faket.pipeline.executors import LostClusterError

# Chosen: dask gives up a worker 15 s after it was lost, and replaces it only when asked again.
_RENEW_S = 10.0
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
    with opened(cluster, workers) as (place, renew), open_client(place, cluster) as client:
        say(f"dask: {client.scheduler.address}")
        yield DaskExecutor(client, begin, arguments, renew)


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
