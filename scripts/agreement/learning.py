"""Whether octopi learns from our copick project, by the lines of docs/formats.md.

    python scripts/agreement/learning.py OUT PYTHON

PYTHON is of an environment with octopi. Six tomograms are simulated and exported; then each line
of the page is run. Between training and localization octopi's Predictor segments, on the CPU,
because `octopi segment` refuses to run without a GPU. Its scores must be better than none.
"""

import re
import subprocess
import sys
from pathlib import Path

from faket.exchange.find import find_tomograms
from faket.exchange.run import export
from faket.pipeline import generate, parse_recipe

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
RECIPE = """
tomograms = 6
method = "noisy"
species = [{ source = "synthetic:syn-lobes" }, { source = "synthetic:syn-rod" },
           { source = "synthetic:syn-barrel" }]
[specimen]
size_voxels = [160, 160, 72]
voxel_size_A = 10
particles = [30, 30]
[reconstruction]
binning = 1
"""
SEGMENT = """
import torch
from octopi.pytorch.inference import Predictor
torch.cuda.device_count = lambda: 1  # it asks, although the device is given
model = ("octopi-model/model_config.yaml", "octopi-model/best_model.pth")
predictor = Predictor("project/config.json", *model, device=torch.device("cpu"))
predictor.batch_predict(runIDs=["model_4", "model_5"], voxel_spacing=10, tomo_algorithm="wbp")
"""


def main(out, python):
    """Simulate, export and run the lines; return 1 if octopi finds nothing."""
    if not (out / "data").exists():
        generate(parse_recipe(RECIPE), out / "data")
    export(find_tomograms(out / "data"), out / "project", "copick")
    printed = ""
    for line in lines(PAGE.read_text()):
        if line.startswith("octopi localize"):
            subprocess.run([python, "-c", SEGMENT], cwd=out, check=True)
        program = Path(python).with_name("octopi")
        command = line.replace("octopi", str(program), 1)
        done = subprocess.run(
            command, shell=True, cwd=out, check=True, stdout=subprocess.PIPE, text=True
        )
        print(done.stdout, flush=True)
        printed += done.stdout
    score = float(re.search(r"Submission Score: ([\d.]+)", printed)[1])
    print(f"{'agrees' if score > 0 else 'DISAGREES'}: octopi's score is {score}")
    return int(score <= 0)


def lines(page):
    """Return the commands of octopi on a page."""
    code = next(text for text in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
                if text.startswith("octopi"))  # fmt: skip
    return code.replace("\\\n", " ").splitlines()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
