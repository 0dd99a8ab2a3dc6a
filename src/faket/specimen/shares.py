"""Fair filling: of what does not fit, the same share is missing from every species.

Species of which not even one finds room without the others, and such as have a place of their own
(a layer), do not lower the share of the others.
"""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

Attempt = Callable[[int], bool]  # up to so many times in vain; whether it placed one more

# Attempts in a row without success before a species has no room; chosen, because with the default
# of 2000 positions each, a free fraction of 1.5e-6 is missed only once in twenty.
MISSES_IN_A_ROW = 1000
FEW_MISSES = 10  # of vesicles, gold, filaments and contents, whose attempts take long; chosen
_FULL_MISSES = 25  # where it is known that not everything fits; chosen: the last few take longest
_PASSES = 4  # shares that are tried at most, after the first that fits; chosen: each takes long
_NEAR = 0.03  # of a share: the largest one is searched as closely; chosen
_LESS = 0.9  # factor on a share that did not fit, while none did; chosen


def fill(n: int, attempt: Attempt, misses_in_a_row: int) -> int:
    """Attempt until n objects are placed or too many attempts in a row fail; return the number."""
    placed = 0
    while placed < n and attempt(misses_in_a_row):
        placed += 1
    return placed


def repeated(attempt: Callable[[], bool]) -> Attempt:
    """Return what makes single attempts until one succeeds."""
    return lambda times: any(attempt() for _ in range(times))


class Filled(NamedTuple):
    """A state that was filled, how many were placed in it, and what would place more."""

    state: Any
    placed: dict[str, int]
    attempts: Mapping[str, Attempt]


class FairFilling:
    """Places numbers of several species, in turn or in equal shares.

    Parameters
    ----------
    begin : callable
        From the numbers that will be wanted to a fresh state, and attempts to place one more of
        each species in it.
    wanted : mapping of str to int
        In the order of placement.
    volumes : mapping of str to float
        Of one molecule each; only their ratios matter.
    misses_in_a_row : int
        Failed attempts after which a species has no room.
    apart : collection of str
        Species with a place of their own: what they lack does not lower the others' share.
    """

    def __init__(
        self,
        begin: Callable[[Mapping[str, int]], tuple[Any, Mapping[str, Attempt]]],
        wanted: Mapping[str, int],
        volumes: Mapping[str, float],
        misses_in_a_row: int = MISSES_IN_A_ROW,
        apart: Collection[str] = (),
    ) -> None:
        """Begin with nothing placed."""
        self._begin, self._misses = begin, misses_in_a_row
        self._wanted = {name: n for name, n in wanted.items() if n}
        self._volumes, self.apart = volumes, set(apart)

    def filled(self) -> Filled:
        """Place all that is wanted, or if there is no room for it, equal shares of it."""
        filled = self.in_turn()
        if self.is_fair(filled.placed):
            return filled
        placed = filled.placed
        del filled  # its state takes as much memory as all masks
        return self.in_equal_shares(placed)

    def is_fair(self, placed: Mapping[str, int]) -> bool:
        """Return whether no species is placed at another's expense."""
        lacking = [name for name, n in self._wanted.items() if placed[name] < n]
        return len(self._wanted) < 2 or self.apart.issuperset(lacking)

    def in_turn(self) -> Filled:
        """Place one species after another, whatever fits."""
        return self._placed(self._wanted, stop=False)

    def in_equal_shares(self, in_turn: Mapping[str, int]) -> Filled:
        """Place the largest equal share of all species that is found.

        The first that is tried is that of the volume which was filled in turn, by these numbers.
        None of them then has a molecule too many: (placed - 1) / wanted of one is at most placed /
        wanted of every other.
        """
        lacking = (name for name, n in self._wanted.items() if in_turn[name] < n)
        self.apart.update(name for name in lacking if not self._fits_alone(name))
        low, high, passes, best = 0.0, 1.0, 0, None
        share = self._part(in_turn)
        while best is None or (passes < _PASSES and high - low > _NEAR * high):
            goals = {name: math.ceil(n * share - 1e-9) for name, n in self._wanted.items()}
            tried = self._placed(goals, stop=True)
            short = any(
                tried.placed[name] < goals[name] for name in goals if name not in self.apart
            )
            if short and all(goals[name] == 1 for name in goals if name not in self.apart):
                return self._placed(goals, stop=False)  # there is no room for one of each
            if short:
                high = share
            else:
                low, best = share, tried
            passes += best is not None
            share = (low + high) / 2 if best is not None else share * _LESS
            del tried  # before the next one takes as much memory
        return self._topped_up(best)

    def _part(self, in_turn: Mapping[str, int]) -> float:
        """Return which part of the volume that was wanted is filled, but of the first no more."""
        shared = {name: n for name, n in self._wanted.items() if name not in self.apart}
        if not shared:
            return 1.0
        room = sum(self._volumes[name] * in_turn[name] for name in shared)
        part = room / sum(self._volumes[name] * n for name, n in shared.items())
        first = next(iter(shared))
        return max(min(part, in_turn[first] / shared[first]), 1e-6)

    def _placed(self, goals: Mapping[str, int], stop: bool) -> Filled:
        """Place goals in a fresh state; with ``stop``, no more than up to the first that lacks."""
        state, attempts = self._begin(goals)
        placed = dict.fromkeys(goals, 0)
        misses = min(self._misses, _FULL_MISSES) if stop else self._misses
        for name, goal in goals.items():
            placed[name] = fill(goal, attempts[name], misses)
            if placed[name] < goal and name not in self.apart:
                misses = min(misses, _FULL_MISSES)
                if stop:
                    break
        return Filled(state, placed, attempts)

    def _fits_alone(self, name: str) -> bool:
        _, attempts = self._begin({name: 1})
        return fill(1, attempts[name], self._misses) == 1

    def _topped_up(self, best: Filled) -> Filled:
        """Go on one by one, that with the least share first, until one has no room."""
        names = [name for name in self._wanted if name not in self.apart]
        while waiting := [name for name in names if best.placed[name] < self._wanted[name]]:
            name = min(waiting, key=lambda name: best.placed[name] / self._wanted[name])
            if not fill(1, best.attempts[name], FEW_MISSES):
                break
            best.placed[name] += 1
        return best
