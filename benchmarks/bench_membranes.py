"""Membranes: seconds for a 1024 x 1024 x 360 specimen of 5 Å voxels with five organelles.

Run: python benchmarks/bench_membranes.py   (wall time and CPU seconds of two threads; on a busy
machine the CPU seconds tell more). A double membrane, a tubule, a field, a budding vesicle and a
plain one, placed, painted and labelled, without molecules.
"""

import time

import numba

from faket.specimen import SpecimenConfig, build_specimen
from faket.specimen.membrane_settings import MembraneSettings

SIZES_A = {"double": 1500.0, "tubule": 2500.0, "field": 1300.0, "budding": 1000.0, "vesicle": 900.0}
KINDS = tuple(
    MembraneSettings(shape=shape, name=shape, size_A=(size_A, 1.1 * size_A))
    for shape, size_A in SIZES_A.items()
)


def config(size_voxels, membranes):
    return SpecimenConfig(
        size_voxels=size_voxels, particles=(0, 0), vesicles=(0, 0), gold=(0, 0), membranes=membranes
    )


def main() -> None:
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    wall = time.perf_counter()
    small = MembraneSettings(shape="budding", size_A=(300, 300))
    build_specimen(config((120, 120, 120), (small,)), [], seed=0)
    build_specimen(config((120, 120, 120), (MembraneSettings(shape="sheet"),)), [], seed=0)
    print(f"kernels compiled or loaded in {time.perf_counter() - wall:.1f} s")
    wall, cpu = time.perf_counter(), time.process_time()
    specimen = build_specimen(config((1024, 1024, 360), KINDS), [], seed=1)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"1024 x 1024 x 360 voxels of 5 Å: {wall:.1f} s, {cpu:.1f} CPU seconds")
    for one in specimen.membranes:
        print(
            f"  {one.name}: area {one.area_A2 / 1e8:.3f} µm², mean curvature 1 / "
            f"{1 / one.mean_curvature_per_A:.0f} Å, Euler characteristic {one.euler_characteristic}"
        )


if __name__ == "__main__":
    main()
