"""Random generators addressed by name, so that results never depend on the order of execution."""

import zlib

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator that belongs to ``names`` under ``seed``.

    Parameters
    ----------
    seed : int
        The one seed of a run, >= 0.
    *names : str or int
        Address of the stream, for example ``("model_3", "noise")``. Two different addresses
        give independent streams; the same address gives the same stream on any machine,
        in any order, in any process.
    """
    key = tuple(zlib.crc32(str(name).encode()) for name in names)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def derive(seed: int, *names: str | int) -> int:
    """Return the 63-bit seed that belongs to ``names``, to hand to a stage as its own ``seed``."""
    return int(generator(seed, *names).integers(2**63))
