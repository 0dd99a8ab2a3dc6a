"""Where the subunits of a filament lie on its axis: helices of one or several strands."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from faket.data import DoubleArray

_REVERSED = np.diag([1.0, -1.0, -1.0])  # half a turn about x: the plus end is where z came from


@dataclass(frozen=True)
class Lattice:
    """A helix of subunits. Subunit k of strand i lies at k rise + i stagger along the axis.

    Attributes
    ----------
    rise_A, twist_deg : float
        From a subunit of a strand to the next.
    radius_A : float
        From the axis to the subunit's origin, its centre of mass; its frame's x points outwards
        and its z along the filament, to the plus end.
    strands : int
        Evenly spaced around the axis, strand by strand clockwise as seen from the plus end, so
        that a positive stagger gives left-handed helices of subunits side by side.
    stagger_A : float
        From a subunit to that beside it on the next strand.
    persistence_A : float
    """

    rise_A: float
    twist_deg: float
    radius_A: float
    strands: int
    stagger_A: float
    persistence_A: float

    def turns_rad(self, rows: DoubleArray, strands: DoubleArray) -> DoubleArray:
        """Return the angles of subunits about the axis."""
        return math.radians(self.twist_deg) * rows - (2 * math.pi / self.strands) * strands


# Actin: the usual rise of 27.6 Å and twist of -166.6° (in muscle its left-handed helix has a pitch
# of 59 Å at a rise of 27.3 Å, Ma and Irving, Int. J. Mol. Sci. 23, 3052 (2022): 360 x 27.3 / 59 =
# 166.6); it persists over 17 ± 2 µm (van Mameren et al., J. Phys. Chem. B 113, 3837 (2009), BNID
# 105505). The radius is chosen for the embedded subunit, so that the filament is 80 Å wide.
# Microtubules: 13 protofilaments of dimers, 82 Å long (as in MiRP, a pipeline for them), whose
# centres lie 90 Å from the axis; neighbours form a left-handed helix that rises by 3 monomers in a
# turn (UCSF Chimera, microtubule.py): 3 x 41 / 13 Å from one to the next, and a seam.
# In cells they bend as if they persisted over 30 µm (Mahadevan and Weitz, Harvard MRSEC); alone in
# water it is 4 to 8 mm (van den Heuvel et al., PNAS 105, 7941 (2008)).
KINDS: Mapping[str, Lattice] = MappingProxyType(
    {
        "actin": Lattice(27.6, -166.6, 17.0, 1, 0.0, 170_000.0),
        "microtubule": Lattice(82.0, 0.0, 90.0, 13, 3 * 41.0 / 13, 300_000.0),
    }
)


@dataclass(frozen=True, eq=False)
class Path:
    """The axis of a filament.

    Attributes
    ----------
    nodes : ndarray, shape (n, 3), float64
        Å, x y z.
    frames : ndarray, shape (n, 3, 3), float64
        z along the axis, x and y without twist.
    lengths_A : ndarray, shape (n,), float64
        Position of the nodes along the axis.
    """

    nodes: DoubleArray
    frames: DoubleArray
    lengths_A: DoubleArray

    def beside(self, offset_A: DoubleArray) -> "Path":
        """Return the axis that runs beside this one, at ``offset_A`` (x y) in its frame.

        Distances along it are those of the curve itself, counted from the same node.
        """
        nodes = self.nodes + self.frames[:, :, :2] @ offset_A
        steps = np.linalg.norm(np.diff(nodes, axis=0), axis=1)
        lengths_A = np.concatenate([[0.0], np.cumsum(steps)])
        origin = np.searchsorted(self.lengths_A, 0.0)
        return Path(nodes, self.frames, lengths_A - lengths_A[origin])


@dataclass(frozen=True, eq=False)
class Subunits:
    """Poses of a filament's subunits, from its minus end on.

    Attributes
    ----------
    positions_A : ndarray, shape (n, 3), float64
    rotations : ndarray, shape (n, 3, 3), float64
        Take the subunit's frame to the tomogram's.
    """

    positions_A: DoubleArray
    rotations: DoubleArray

    def __len__(self) -> int:
        """Return the number of subunits."""
        return len(self.positions_A)


def subunits_on(
    path: Path, lattice: Lattice, phase_rad: float, polarity: int, low_A: float, high_A: float
) -> Subunits:
    """Return the subunits between two distances along a path.

    Parameters
    ----------
    path : Path
    lattice : Lattice
    phase_rad : float
        Turn of the whole filament about its axis.
    polarity : 1 or -1
        Whether the plus end lies along the path or against it.
    low_A, high_A : float
        On the path, half open; both within it.
    """
    along_A, turns_rad = _lattice_points(lattice, *sorted((polarity * low_A, polarity * high_A)))
    place = polarity * along_A
    index = np.clip(
        np.searchsorted(path.lengths_A, place, side="right") - 1, 0, len(path.nodes) - 2
    )
    start, end = path.nodes[index], path.nodes[index + 1]
    step = path.lengths_A[index + 1] - path.lengths_A[index]
    part = (place - path.lengths_A[index]) / step
    frames = path.frames[index] if polarity > 0 else path.frames[index] @ _REVERSED
    rotations = frames @ _about_z(turns_rad + phase_rad)
    centres = start + part[:, None] * (end - start)
    return Subunits(centres + lattice.radius_A * rotations[:, :, 0], rotations)


def _lattice_points(
    lattice: Lattice, low_A: float, high_A: float
) -> tuple[DoubleArray, DoubleArray]:
    """Return distances along the axis, in ascending order, and angles of the subunits there."""
    first = math.floor((low_A - lattice.strands * abs(lattice.stagger_A)) / lattice.rise_A)
    last = math.ceil((high_A + lattice.strands * abs(lattice.stagger_A)) / lattice.rise_A)
    grid = np.meshgrid(
        np.arange(first, last + 1.0), np.arange(float(lattice.strands)), indexing="ij"
    )
    rows, strands = grid[0].ravel(), grid[1].ravel()
    along_A = rows * lattice.rise_A + strands * lattice.stagger_A
    kept = np.flatnonzero((along_A >= low_A) & (along_A < high_A))
    kept = kept[np.argsort(along_A[kept], kind="stable")]
    return along_A[kept], lattice.turns_rad(rows[kept], strands[kept])


def _about_z(angles_rad: DoubleArray) -> DoubleArray:
    cosine, sine = np.cos(angles_rad), np.sin(angles_rad)
    zero, one = np.zeros_like(cosine), np.ones_like(cosine)
    rows = [[cosine, -sine, zero], [sine, cosine, zero], [zero, zero, one]]
    return np.moveaxis(np.array(rows), 2, 0)  # [3, 3, n] → [n, 3, 3]


def hexagonal(n: int, spacing_A: float) -> DoubleArray:
    """Return n points [n, 2] of a hexagonal lattice, those nearest to its middle first."""
    reach = math.ceil(math.sqrt(n)) + 1
    i, j = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1), indexing="ij")
    points = np.stack([i + j / 2, j * math.sqrt(3) / 2], axis=-1).reshape(-1, 2)
    turn = np.arctan2(points[:, 1], points[:, 0])
    order = np.lexsort((np.round(turn, 9), np.round((points**2).sum(axis=1), 9)))
    return np.asarray(points[order[:n]] * spacing_A)
