"""Manifests: the same run gives the same bytes; a changed file is found."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import faket
from faket.errors import InputError
from faket.io.content import sha256_of
from faket.io.manifest import read_manifest, run_path, verify_manifest, write_manifest
from faket.pipeline.clock import Clock


@dataclass(frozen=True)
class Settings:
    dose_e_per_A2: float = 120.0
    range_um: tuple[float, float] = (2.0, 5.0)
    source: Path = Path("/somewhere/on/this/machine/1bxn.pdb")


def make(folder: Path, **changes: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sub").mkdir(exist_ok=True)
    (folder / "sub" / "tomogram.mrc").write_bytes(b"voxels")
    (folder / "particles.csv").write_bytes(b"id\n")
    reference = folder.parent / "reference.mrc"
    reference.write_bytes(b"reference")
    arguments: dict[str, object] = {
        "kind": "tomogram",
        "settings": {"microscope": Settings(), "file": str(folder / "recipe.toml")},
        "seed": np.int64(7),
        "record": {"defocus_um": np.float32(2.5), "draws": np.arange(3), "missing": float("nan")},
        "inputs": [reference, folder / "particles.csv"],
        "outputs": [folder / "sub" / "tomogram.mrc", folder / "particles.csv"],
        **changes,
    }
    write_manifest(folder / "manifest.json", **arguments)
    return folder / "manifest.json"


def test_the_same_run_elsewhere_at_another_time_gives_the_same_bytes(tmp_path: Path) -> None:
    first = make(tmp_path / "a" / "run", run={"date": "Monday", "seconds": 1.5})
    second = make(tmp_path / "somewhere" / "else", run={"date": "Friday", "seconds": 2.5})
    assert first.read_bytes() == second.read_bytes()
    assert str(tmp_path) not in first.read_text()
    assert "/somewhere/on" not in first.read_text()
    run = json.loads(run_path(first).read_text())
    assert (run["date"], run["seconds"]) == ("Monday", 1.5)
    assert set(run["dates_ns"]) == {"sub/tomogram.mrc", "particles.csv"}
    assert run_path(first).name == "run.json"
    assert run_path("x/volume.mrc.json").name == "volume.mrc.run.json"


def test_a_manifest_says_what_was_done(tmp_path: Path) -> None:
    manifest = read_manifest(make(tmp_path / "a"))
    assert manifest["kind"] == "tomogram"
    assert manifest["seed"] == 7
    assert manifest["settings"] == {
        "microscope": {"dose_e_per_A2": 120.0, "range_um": [2.0, 5.0], "source": "1bxn.pdb"},
        "file": "recipe.toml",
    }
    assert manifest["record"] == {"defocus_um": 2.5, "draws": [0, 1, 2], "missing": "nan"}
    assert manifest["software"]["faket"] == faket.__version__
    assert manifest["software"]["numpy"] == np.__version__
    assert [entry["path"] for entry in manifest["inputs"]] == ["reference.mrc", "particles.csv"]
    tomogram = manifest["outputs"][0]
    assert tomogram["path"] == "sub/tomogram.mrc"
    assert tomogram["bytes"] == 6
    # echo -n voxels | sha256sum
    assert tomogram["sha256"] == sha256_of(tmp_path / "a" / "sub" / "tomogram.mrc")
    assert not (tmp_path / "a" / "run.json").exists()


def test_the_hash_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert sha256_of(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_verification_names_what_differs(tmp_path: Path) -> None:
    path = make(tmp_path / "a")
    tomogram = tmp_path / "a" / "sub" / "tomogram.mrc"
    assert verify_manifest(path) == ()
    tomogram.write_bytes(b"vOxels")
    assert verify_manifest(path) == ("sub/tomogram.mrc: the content differs from what was written",)
    tomogram.write_bytes(b"vox")
    assert verify_manifest(path) == ("sub/tomogram.mrc: expected 6 bytes, found 3",)
    tomogram.unlink()
    (tmp_path / "a" / "particles.csv").write_bytes(b"ID\n")
    assert verify_manifest(path) == (
        "sub/tomogram.mrc: missing",
        "particles.csv: the content differs from what was written",
        "particles.csv: the content differs from what was written",
    )


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    for changes, words in (
        ({"outputs": [tmp_path / "reference.mrc"]}, "below the manifest's folder"),
        ({"inputs": [tmp_path / "missing"]}, "no such file"),
        ({"record": {"what": object()}}, "cannot write <object .* as JSON"),
    ):
        with pytest.raises(InputError, match=words):
            make(tmp_path / "a", **changes)
    assert not (tmp_path / "a" / "manifest.json").exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "[" * 100_000, "1" * 10_000, '{"format": "other"}', "\0", '"faket-manifest-1"'],
)
def test_other_files_are_no_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(InputError, match="expected a manifest") as caught:
        read_manifest(tmp_path / "m.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["/etc/hostname", "../secret", "", "a/../../b", "x\0", 3])
def test_manifests_cannot_point_outside_their_folder(tmp_path: Path, path: object) -> None:
    file = make(tmp_path / "a")
    manifest = json.loads(file.read_text())
    manifest["outputs"][0]["path"] = path
    file.write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="outputs: expected files"):
        verify_manifest(file)
    del manifest["outputs"]
    file.write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="expected outputs in it"):
        read_manifest(file)


def test_inputs_of_many_manifests_are_read_once_until_they_change(tmp_path, monkeypatch):
    read = []
    digest = hashlib.file_digest
    monkeypatch.setattr(
        hashlib, "file_digest", lambda file, kind: read.append(file.name) or digest(file, kind)
    )
    given, made = tmp_path / "given", tmp_path / "made"
    given.write_bytes(b"one")
    made.write_bytes(b"out")

    def written():
        what = {"kind": "k", "settings": {}, "seed": None, "inputs": [given], "outputs": [made]}
        return write_manifest(tmp_path / "manifest.json", **what)

    assert written() == written()
    assert sorted(read) == [str(given), str(made), str(made)]
    given.write_bytes(b"two")  # as many bytes
    os.utime(given, ns=(1, 1))
    assert written()["inputs"][0]["sha256"] == sha256_of(given)


def test_time_to_hash_is_measured_before_the_facts_of_the_run_are_written(tmp_path):
    (tmp_path / "made").write_bytes(b"out")
    clock = Clock()
    write_manifest(
        tmp_path / "manifest.json", kind="k", settings={}, seed=None,
        outputs=[tmp_path / "made"], run={"stages": clock.stages}, hashing=clock.stage("hashes"),
    )  # fmt: skip
    stages = json.loads(run_path(tmp_path / "manifest.json").read_text())["stages"]
    assert stages == clock.stages
    assert stages.keys() == {"hashes"}
