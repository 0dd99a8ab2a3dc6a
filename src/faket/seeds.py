"""Random number generators addressed by name: results never depend on the order of execution."""

import zlib

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random number generator of ``names`` under ``seed``.

    Parameters
    ----------
    seed : int
        Seed of the run, >= 0.
    *names : str or int
        Address of the random stream, for example ``("model_3", "noise")``. Different addresses
        give independent streams; the same address gives the same stream on any machine, in any
        order and in any process.
    """
    key = tuple(zlib.crc32(str(name).encode()) for name in names)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def derive(seed: int, *names: str | int) -> int:
    """Return the 63-bit seed of ``names``, for use as the ``seed`` of a stage."""
    return int(generator(seed, *names).integers(2**63))
