"""Work in threads gives results in order, and its first error."""

import pytest

from faket.errors import InputError
from faket.threads import in_threads


def test_results_are_in_order():
    assert in_threads(lambda n: n * n, range(50)) == [n * n for n in range(50)]


def test_an_error_is_raised():
    def work(n: int) -> None:
        if n == 3:
            raise InputError("tilt 3")

    with pytest.raises(InputError, match="tilt 3"):
        in_threads(work, range(9))
