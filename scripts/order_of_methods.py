"""Whether two pickers put the methods in the same order: one table from two studies.

    faket study deepfinder --preset small --modalities benchmark,spectral,coloured,noisy \
        --seeds 1 --steps 2000 --workers 2
    mkdir unet; cp -r deepfinder/study.json deepfinder/recipes deepfinder/data unet
    faket study unet --picker unet --workers 2
    python scripts/order_of_methods.py deepfinder unet

Means over seeds and test tomograms, and the place of each method. Below, the pairs of methods whose
order differs, with the difference of each picker's F1.
"""

import argparse
import csv
from collections import defaultdict
from itertools import combinations
from pathlib import Path

SCORES = {"localisation_f1": "localisation F1", "f1_macro_with_background": "classification F1"}


def means(folder: Path, score: str) -> dict[str, float]:
    """Return the mean of a score for each method of a study."""
    values = defaultdict(list)
    with (folder / "study.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            values[row["modality"]].append(float(row[score]))
    return {method: sum(each) / len(each) for method, each in values.items()}


def table(studies: dict[str, dict[str, float]]) -> list[str]:
    """Return a table of studies (name to method to score) and, below it, what differs."""
    methods = [name for name in next(iter(studies.values()))
               if all(name in scores for scores in studies.values())]  # fmt: skip
    lines = ["| trained on | " + " | ".join(studies) + " |", "|---" * (len(studies) + 1) + "|"]
    for method in methods:
        cells = []
        for scores in studies.values():
            place = 1 + sum(scores[other] > scores[method] for other in methods)
            cells.append(f"{scores[method]:.3f} ({place})")
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return [*lines, "", *(differences(studies, methods) or ["The order is the same."])]


def differences(studies: dict[str, dict[str, float]], methods: list[str]) -> list[str]:
    """Return a line for each two methods that not all pickers put in the same order."""
    lines = []
    for one, other in combinations(methods, 2):
        apart = {name: scores[one] - scores[other] for name, scores in studies.items()}
        if min(apart.values()) < 0 < max(apart.values()):
            shown = ", ".join(f"{name} {value:+.3f}" for name, value in apart.items())
            lines.append(f"The order differs: {one} less {other}: {shown}.")
    return lines


def main() -> None:
    """Print a table for each score."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("studies", nargs="+", type=Path, help="folders of studies")
    for score, title in SCORES.items():
        print(f"\n{title}\n")
        studies = {path.name: means(path, score) for path in parser.parse_args().studies}
        print("\n".join(table(studies)))


if __name__ == "__main__":
    main()
