"""Work in threads gives results in order, and its first error."""

from threading import Barrier, Event, get_ident

import pytest

from faket.errors import InputError
from faket.threads import ahead_in_threads, in_threads


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


def test_results_made_ahead_are_in_order_and_few():
    begun = []
    results = ahead_in_threads(lambda n: begun.append(n) or n * n, range(50), pixels=2**24)
    assert next(results) == 0
    assert len(begun) <= 3  # one thread, and what waits for it
    assert list(results) == [n * n for n in range(1, 50)]
    assert list(ahead_in_threads(lambda n: n, [])) == []


def test_what_is_made_ahead_ends_with_its_reader():
    ended, begun = Event(), []

    def work(n):
        begun.append(n)
        if n == 2:
            raise InputError("tilt 2")
        return n

    def read():
        try:
            yield from ahead_in_threads(work, range(1000))
        finally:
            ended.set()

    with pytest.raises(InputError, match="tilt 2"):
        list(read())
    assert ended.is_set()
    assert len(begun) < 1000
