"""Does every CUDA path give the CPU's result, and how fast? In minutes, without installation.

Run from the source tree: python scripts/gpu_check [--device cuda|cpu] [--small] [--minutes 8]
    [--out gpu-check] [--only PART ...]
It needs Python, torch, numpy, scipy, numba and safetensors. Each part runs in a process of its
own, is bounded in time and written to OUT/gpu_check.json and OUT/gpu_check.md when it is done; a
part that fails, hangs or crashes does not stop the next. ``--device cpu --small`` tries the check
itself, at toy size.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))
sys.path.insert(0, str(ROOT / "benchmarks"))


def main() -> int:
    arguments = parsed()
    if arguments.child:
        from child import run_parts

        run_parts(arguments)
        return 0
    import torch

    if arguments.device == "cuda" and not torch.cuda.is_available():
        print(
            "gpu_check: expected a CUDA GPU that torch can use, found none; to try the check "
            "itself give --device cpu --small",
            file=sys.stderr,
        )
        return 2
    from parent import run_check

    return run_check(arguments)


def parsed() -> argparse.Namespace:
    from parts import PARTS

    names = [part.name for part in PARTS]
    parser = argparse.ArgumentParser(prog="gpu_check", description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--small", action="store_true", help="toy sizes, in few processes")
    parser.add_argument("--minutes", type=float, default=8.0, help="bound of the whole check")
    parser.add_argument("--out", type=Path, default=Path("gpu-check"), help="folder of the results")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="PART")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=60.0, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
