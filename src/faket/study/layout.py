"""The folder of a study: training tomograms, pickers and scores of every modality.

```
OUT/study.json                 settings; the modalities and the number of seeds of each
OUT/recipes/<data>.toml        recipes, as for `faket simulate`
OUT/data/<data>/model_<i>/     0 … n−1 training, n validation; in benchmark, n+1 … are the tests
OUT/runs/<modality>/seed_<s>/  training/, picks.csv (picks_2.csv, …), result.json
OUT/study.md, study.csv        the page and all its runs
```

Specimen i is the same in all data. The reference of data that need one is the simulated tilt-series
of another training specimen; nothing of the test tomograms is an input.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from faket.data import plain_record
from faket.errors import InputError
from faket.io.atomic import atomic_path
from faket.io.leftovers import holds_nothing
from faket.io.model_folder import ALL_MODELS, model_name
from faket.io.records import read_record
from faket.pipeline.foreign_microscope import PREFIX
from faket.study.modalities import DATA, MODALITIES, NEEDS_VGG19, DataKind, Modality
from faket.study.records import RESULT, read_run, trained_of
from faket.study.settings import PRESETS, StudySettings
from faket.study.weights import available_modalities

STAMP = "study.json"
_OTHER_FOLDER = "correct the file, or choose another folder"
_MOST_SEEDS = 10_000  # chosen, because no study trains as many


@dataclass(frozen=True)
class _Stamp:
    """The content of study.json."""

    settings: StudySettings
    seeds: dict[str, int] | int
    # Metadata: only files from before 2026-11-23 have it (see faket.io.records).
    modalities: tuple[str, ...] = field(default=(), metadata={"until": "2026-11-23"})


@dataclass(frozen=True)
class Run:
    """One row's training (or matching) with one seed, and its scores."""

    modality: Modality
    seed: int

    @property
    def name(self) -> str:
        """Return its name in progress reports."""
        return self.modality.key if self.modality.matching else f"{self.modality.key} {self.seed}"

    @property
    def record_name(self) -> str:
        """Return the name of its record of progress."""
        return f"{self.modality.key}_seed_{self.seed}"


@dataclass(frozen=True)
class Study:
    """A study: its folder, settings and rows.

    Attributes
    ----------
    folder : Path
    settings : StudySettings
    seeds : mapping of str to int
        Number of trainings of every row ever requested in this folder, in the table's order.
    """

    folder: Path
    settings: StudySettings
    seeds: Mapping[str, int]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Keys of the rows."""
        return tuple(self.seeds)

    def save(self) -> None:
        """Write study.json, which makes the folder this study's.

        If it has more steps than before, all fine-tunings are removed, because they start from
        the end of the trainings that become longer.
        """
        stamp = _read_stamp(self.folder)
        if stamp and stamp["settings"].steps != self.settings.steps:
            for row in MODALITIES.values():
                if row.parent:
                    shutil.rmtree(self.folder / "runs" / row.key, ignore_errors=True)
        content = {"settings": plain_record(self.settings), "seeds": dict(self.seeds)}
        with atomic_path(self.folder / STAMP) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n")

    def model(self, data: str, index: int) -> Path:
        """Return the folder of a tomogram."""
        return self.folder / "data" / data / model_name(index)

    def run_folder(self, run: Run) -> Path:
        """Return the folder of a run."""
        return self.folder / "runs" / run.modality.key / f"seed_{run.seed}"

    def is_finished(self, run: Run) -> bool:
        """Return whether a run has its result in all tests after the wanted number of steps."""
        return self.tests_done(run) >= self.settings.tests

    def tests_done(self, run: Run) -> int:
        """Return in how many test tomograms a run has its result, by what it is to be trained."""
        path = self.run_folder(run) / RESULT
        if not path.exists() or not self._is_trained(run):
            return 0
        return 1 + len(read_run(path).further_scores)

    def _is_trained(self, run: Run) -> bool:
        """Return whether a run was trained for the wanted number of steps, or needs no training."""
        path = self.run_folder(run) / RESULT
        if run.modality.matching or not path.exists():
            return path.exists()
        if run.modality.parent:
            return self._is_trained(Run(MODALITIES[run.modality.parent], run.seed))
        trained = trained_of(path)
        wanted = self.settings.training_settings(trained.objects, self.settings.steps)
        return trained.epochs == wanted.epochs

    def recipe_path(self, data: str) -> Path:
        """Return the file of a recipe."""
        return self.folder / "recipes" / f"{data}.toml"

    def data_kinds(self) -> tuple[DataKind, ...]:
        """Return the data that the rows need, benchmark first, because others are made like it."""
        needed = {"benchmark", *(MODALITIES[key].data for key in self.modalities)}
        return tuple(kind for key, kind in DATA.items() if key in needed)

    def runs(self) -> tuple[Run, ...]:
        """Return all runs: every row with seed 0, then with seed 1, …; matching has only one."""
        return tuple(
            Run(MODALITIES[key], seed)
            for seed in range(max(self.seeds.values()))
            for key, n in self.seeds.items()
            if seed == 0 or (seed < n and MODALITIES[key].matching is None)
        )

    def training_models(self, modality: Modality) -> tuple[tuple[Path, ...], Path]:
        """Return the folders that a row is trained on, and the one it is validated on."""
        n = self.settings.few if modality.few else self.settings.training
        trained = tuple(self.model(modality.data, i) for i in range(n))
        return trained, self.model(modality.data, self.settings.validation_model)

    def test_models(self, modality: Modality) -> tuple[Path, ...]:
        """Return the folders of the tomograms in which a row is tested."""
        return tuple(self.model(modality.test, i) for i in self.settings.test_models)


def open_study(
    folder: Path,
    *,
    preset: str | None = None,
    changes: Mapping[str, Any] | None = None,
    modalities: Sequence[str] | None = None,
    seeds: int | None = None,
    begin: bool = True,
) -> Study:
    """Begin a study, or continue that of the folder; rows, seeds and steps may be added.

    Parameters
    ----------
    folder : Path
    preset : str, optional
        By default the settings in the folder, or "small" in a new one.
    changes : mapping, optional
        Settings that replace these, by name. In a study that has begun only more ``steps`` or
        ``tests``, and another ``picker`` while it has data but no runs.
    modalities : sequence of str, optional
        Rows to add, or to get more seeds; by default those of the folder, or those of the preset
        that need no missing weights. Rows from which they are fine-tuned are added too.
    seeds : int, optional
        Least number of seeds of these rows; by default as many as a row had, or as the others.
    begin : bool
        Whether a new study may be begun.

    Raises
    ------
    InputError
        If a name is unknown, the folder contains other files or a study with other settings, or
        there is no study to continue.
    """
    stamp = _read_stamp(folder)
    if stamp is None and not begin:
        raise InputError(f"{folder}: expected a study to report on, found none; check the path")
    chosen = PRESETS[preset or "small"]
    base = chosen.settings if stamp is None or preset else stamp["settings"]
    settings = replace(base, **(changes or {}))
    begun = any(folder.glob(f"data/*/{ALL_MODELS}"))  # before that, settings may still change
    if stamp is not None and begun:
        _check_same(
            stamp["settings"],
            settings,
            folder,
            free=(
                *(() if {*NEEDS_VGG19} & {*stamp["seeds"]} else ("vgg19_weights",)),
                *(() if any(folder.glob("runs/*/*")) else ("picker",)),  # data do not depend on it
            ),
        )
    before: dict[str, int] = stamp["seeds"] if stamp else {}
    if modalities is None:
        modalities = tuple(before) or available_modalities(settings, chosen.modalities)
    if not (before or modalities):
        raise InputError(
            f"`modalities`: expected some of {', '.join(MODALITIES)}, found none; name at least one"
        )
    rows = dict(before)
    usual = max(before.values(), default=chosen.seeds)
    for key in modalities:
        _check_known(key)
        rows[key] = max(before.get(key, 0), seeds or before.get(key, usual))
        if parent := MODALITIES[key].parent:
            rows[parent] = max(rows.get(parent, 0), rows[key])
    _check_matching(settings, tuple(rows))
    return Study(folder, settings, {key: rows[key] for key in MODALITIES if key in rows})


def _check_matching(settings: StudySettings, modalities: Sequence[str]) -> None:
    """Refuse template matching under a foreign microscope, whose true CTF is not recorded."""
    matching = [key for key in modalities if MODALITIES[key].matching]
    if matching and settings.microscope.startswith(PREFIX):
        raise InputError(
            f"`modalities`: expected no template matching with {settings.microscope}, whose CTF is "
            f"not recorded, found {', '.join(matching)}; leave it out"
        )


def _check_known(key: str) -> None:
    if key not in MODALITIES:
        raise InputError(
            f"`modalities`: expected some of {', '.join(MODALITIES)}, found {key!r}; correct it"
        )


def _read_stamp(folder: Path) -> dict[str, Any] | None:
    stamp = folder / STAMP
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: expected a folder, found a file; choose another name")
    if not stamp.exists():
        if folder.exists() and not holds_nothing(folder):
            raise InputError(
                f"{folder}: expected an empty folder or the folder of a study, found other files; "
                "choose another folder"
            )
        return None
    begun = read_record(stamp, _Stamp, what="the settings of a study", remedy=_OTHER_FOLDER)
    seeds = begun.seeds
    if isinstance(seeds, int):  # one number for all rows, as before 2026-11-23
        seeds = dict.fromkeys(begun.modalities, seeds)
    if not (seeds and all(k in MODALITIES and 0 < n <= _MOST_SEEDS for k, n in seeds.items())):
        raise InputError(
            f"{stamp}: expected the number of seeds of each known row, found {seeds}; "
            f"{_OTHER_FOLDER}"
        )
    return {"settings": begun.settings, "seeds": seeds}


def _check_same(
    begun: StudySettings, settings: StudySettings, folder: Path, free: Sequence[str]
) -> None:
    """Refuse settings that would change existing data or trainings."""
    wanted = plain_record(settings)
    for name, old in plain_record(begun).items():
        new = wanted[name]
        # A training whose learning rate has fallen to zero cannot be continued.
        open_end = name == "tests" or (name == "steps" and settings.schedule == "constant")
        more = open_end and isinstance(old, int) and new >= old
        if old != new and not more and name not in free:
            raise InputError(
                f"{folder}: expected the settings with which the study was begun, {name} = {old!r}"
                f"{' or more' if open_end else ''}, found {new!r}; choose another folder, "
                "or leave the settings out to continue"
            )
