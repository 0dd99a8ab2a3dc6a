"""Workers of a study in this process: a new process imports torch and numba for five seconds."""

from concurrent.futures import Future
from contextlib import contextmanager

import numba
import torch

from faket.errors import InputError


class Inline:
    """Does each piece of work at once."""

    places = 1

    def start(self):
        """Be there already."""

    def submit(self, work, *arguments):
        future = Future()
        try:
            future.set_result(work(*arguments))
        except InputError as error:
            future.set_exception(error)
        return future


@contextmanager
def inline_workers(workers, begin, *arguments):
    """Stand in for ``faket.pipeline.workers.worker_processes``; threads are restored."""
    threads = torch.get_num_threads(), numba.get_num_threads()
    begin(*arguments)
    try:
        yield Inline()
    finally:
        torch.set_num_threads(threads[0])
        numba.set_num_threads(threads[1])
