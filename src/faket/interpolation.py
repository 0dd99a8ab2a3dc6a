"""Between samples: Keys' cubic convolution kernel (numba, numpy, torch), the top of a parabola."""

from typing import Any


def keys_weights(f: Any) -> tuple[Any, Any, Any, Any]:
    """Return the weights of the samples at −1, 0, 1 and 2 for interpolation at ``f``.

    R. Keys, IEEE Trans. Acoust. Speech Signal Process. 29, 1153 (1981), with a = −1/2. They sum to
    1 and keep the first and second moments.

    Parameters
    ----------
    f : float or array
        From 0 to 1. The arithmetic works on numbers in numba, on arrays and on tensors.
    """
    g = 1.0 - f
    return (
        -0.5 * f * g * g,
        1.0 + f * f * (1.5 * f - 2.5),
        1.0 + g * g * (1.5 * g - 2.5),
        -0.5 * g * f * f,
    )


def parabola_top(three: Any) -> float:
    """Return where the parabola through three samples is highest, from the middle one.

    Parameters
    ----------
    three : array_like, shape (3,)

    Returns
    -------
    float
        0 if it bends upwards, or a sample is infinite.
    """
    before, at, after = (float(value) for value in three)
    bend = before - 2 * at + after
    return 0.5 * (before - after) / bend if -float("inf") < bend < 0 else 0.0
