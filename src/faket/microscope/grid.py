"""The working grid: the detector's field with a margin for defocus, shifts and rotation."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import next_fast_len

from faket.fourier import inverse_real


@dataclass(frozen=True)
class WorkingGrid:
    """A periodic grid of pixels around the detector's field; sample N // 2 is the centre of both.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the working grid.
    field : tuple of int
        Rows and columns of the detector, in the middle of the grid.
    pixel_size_A : float
    device : str
    """

    shape: tuple[int, int]
    field: tuple[int, int]
    pixel_size_A: float
    device: str

    @property
    def length_A(self) -> tuple[float, float]:
        """Extent along y and x, Å."""
        return self.shape[0] * self.pixel_size_A, self.shape[1] * self.pixel_size_A

    def frequencies(self, *, real: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Return kx [1, x] and ky [y, 1] in 1/Å, float32, of a real or a complex FFT."""
        return fft_frequencies(self.shape, self.pixel_size_A, self.device, real=real)

    def window(self, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Return the rows and columns of an image of ``shape`` whose centre is the grid's."""
        return _centred(self.shape, shape)

    def crop(self, image: torch.Tensor) -> torch.Tensor:
        """Return the detector's field of an image on the grid, or on the grid with axes swapped."""
        return image[_centred((image.shape[0], image.shape[1]), self.field)]


def _centred(outer: tuple[int, int], inner: tuple[int, ...]) -> tuple[slice, slice]:
    y, x = (n // 2 - m // 2 for n, m in zip(outer, inner, strict=True))
    return slice(y, y + inner[0]), slice(x, x + inner[1])


def fft_frequencies(
    shape: tuple[int, int], pixel_size_A: float, device: str, *, real: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return kx [1, x] and ky [y, 1] in 1/Å, float32."""
    ky = torch.fft.fftfreq(shape[0], pixel_size_A, device=device)
    of_x = torch.fft.rfftfreq if real else torch.fft.fftfreq
    kx = of_x(shape[1], pixel_size_A, device=device)
    return kx[None, :], ky[:, None]


def working_shape(
    field: tuple[int, int], rotations_deg: list[float], margin_px: int, multiple: int
) -> tuple[int, int]:
    """Return rows and columns that hold the field at each rotation, and a margin.

    The intermediate images of a rotation by three shears must hold the field as well. Each
    number is a multiple of ``2 · multiple`` and has small prime factors, for the FFT.
    """
    ny, nx = field
    need_y, need_x = float(ny), float(nx)
    for degrees in rotations_deg:
        turned = math.radians(degrees)
        rest = abs(turned - round(turned / (math.pi / 2)) * math.pi / 2)
        cos, sin, slope = abs(math.cos(turned)), abs(math.sin(turned)), math.tan(rest / 2)
        longest = max(ny, nx) * slope
        need_y = max(need_y, ny * cos + nx * sin, ny + longest)
        need_x = max(need_x, nx * cos + ny * sin, nx + longest)
    return (
        _good_length(math.ceil(need_y) + margin_px, 2 * multiple),
        _good_length(math.ceil(need_x) + margin_px, 2 * multiple),
    )


def _good_length(need: int, multiple: int) -> int:
    length = -(-need // multiple) * multiple
    while next_fast_len(length, real=True) != length:
        length += multiple
    return length


def multiply(values: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Multiply complex values in place.

    On the CPU numpy multiplies: torch rounds differently at the end of each thread's part, and
    the result must not depend on the number of threads.
    """
    if values.is_cuda:
        return values.mul_(factor)
    np.multiply(values.numpy(), factor.numpy(), out=values.numpy())
    return values


def rotate(image: torch.Tensor, degrees: float) -> torch.Tensor:
    """Rotate a periodic image about sample N // 2, counter-clockwise (from x towards y).

    Quarter turns are exact; the rest is three shears, each a Fourier shift of rows or columns
    (Unser, Thévenaz and Yaroslavsky 1995), which keeps all frequencies below Nyquist.
    """
    quarters = round(degrees / 90)
    image = _quarter_turn(image, quarters % 4)
    rest = math.radians(degrees - 90 * quarters)
    if rest == 0:
        return image
    image = _shear(image, -math.tan(rest / 2))
    image = _shear(image.T, math.sin(rest)).T  # [y, x] → [x, y] → [y, x]
    return _shear(image, -math.tan(rest / 2))


def _quarter_turn(image: torch.Tensor, quarters: int) -> torch.Tensor:
    """Turn x towards y; a flipped axis of even length is rolled by one to keep its centre."""
    for _ in range(quarters):
        image = image.T.flip(1)  # [y, x] → [x, y]
        if image.shape[1] % 2 == 0:
            image = image.roll(1, 1)
    return image


def _shear(image: torch.Tensor, slope: float) -> torch.Tensor:
    """Move row y by slope · (y − centre) columns."""
    rows, columns = image.shape
    shift = slope * (torch.arange(rows, device=image.device) - rows // 2)
    k = torch.fft.rfftfreq(columns, device=image.device)
    angle = (-2 * np.pi) * shift[:, None] * k[None, :]  # [y] and [x // 2 + 1] → [y, x // 2 + 1]
    ramp = torch.polar(torch.ones_like(angle), angle)
    spectrum = multiply(torch.fft.rfft(image, dim=1), ramp)  # [y, x] → [y, x // 2 + 1]
    return inverse_real(spectrum, (columns,))
