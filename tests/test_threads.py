"""Work in threads gives results in order, and its first error."""

from threading import Barrier, get_ident

import pytest

from faket.errors import InputError
from faket.threads import in_threads


def test_results_are_in_order():
    assert in_threads(lambda n: n * n, range(50)) == [n * n for n in range(50)]


@pytest.mark.parametrize(("pixels", "threads"), [(256**2, 2), (5000**2, 1)])
def test_of_large_images_fewer_are_worked_on_at_once(pixels, threads, monkeypatch):
    monkeypatch.setattr("numba.get_num_threads", lambda: 2)
    together = Barrier(threads, timeout=20)  # breaks if fewer threads come
    seen = in_threads(lambda _: (together.wait(), get_ident())[1], range(8), pixels=pixels)
    assert len(set(seen)) == threads


def test_an_error_is_raised():
    def work(n: int) -> None:
        if n == 3:
            raise InputError("tilt 3")

    with pytest.raises(InputError, match="tilt 3"):
        in_threads(work, range(9))
