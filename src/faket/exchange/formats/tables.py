"""faket's own table of each tomogram's particles, which every command that takes picks reads."""

from pathlib import Path

from faket.exchange.face import Format
from faket.exchange.source import SourceTomogram
from faket.io.picks import write_picks


def _write(tomogram: SourceTomogram, folder: Path) -> None:
    write_picks(
        folder / f"{tomogram.name}.csv",
        tomogram.particles(),
        tomogram.shape,
        tomogram.voxel_size_A,
    )


FORMAT = Format(write=_write)
