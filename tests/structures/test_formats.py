"""Coordinate files as they come: any bytes give a molecule or one line."""

import gzip
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faket.errors import InputError
from faket.io.molecules import load_species

AWAY = np.column_stack([np.eye(3), [60.0, 0, 0]])


def load(path, content, **options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_species(path, voxel_size_A=20.0, **options)


@pytest.fixture
def one(mol, tmp_path):
    return load(tmp_path / "one.pdb", mol.pdb(mol.helix()))


def test_marks_line_ends_and_names_do_not_matter(mol, tmp_path, one):
    pdb, cif = mol.pdb(mol.helix()), mol.mmcif(mol.helix())
    for name, content in {
        "bom.pdb": b"\xef\xbb\xbf" + pdb.encode(),
        "bom.cif": b"\xef\xbb\xbf" + cif.encode(),
        "wide.pdb": pdb.encode("utf-16"),
        "dos.pdb": pdb.replace("\n", "\r\n"),
        "mac.pdb": pdb.replace("\n", "\r"),
        "lower.pdb": pdb.replace("ATOM  ", "atom  "),
        "accents.pdb": "AUTHOR    É. ÅNGSTRÖM\n" + pdb,
        "zero.pdb": pdb.replace("ATOM      1", "ATOM     \0 "),
        "really.cif.pdb": cif,
        "really_pdb.cif": pdb,
        "packed.pdb": gzip.compress(pdb.encode()),
        "no_end.pdb": pdb.replace("END\n", ""),
        "chainless.pdb": "\n".join(line[:21] + " " + line[22:] for line in pdb.splitlines()),
        "short.pdb": "\n".join(line[:54] for line in pdb.splitlines()),
        "charge.pdb": pdb.replace("           C\n", "           C?9\n"),
    }.items():
        found = load(tmp_path / name, content)
        assert found.mass_kDa == pytest.approx(one.mass_kDa), name


def test_column_21_is_of_the_chain_or_of_a_long_residue_name(mol, tmp_path, one):
    """Chains of two letters in large complexes; NSER of AMBER, TIP3 of CHARMM."""
    lines = mol.pdb(
        mol.helix(residue="HIS"), mol.remark_350([np.eye(3, 4), AWAY], "AX")
    ).splitlines()
    long = [line[:20] + "AX" + line[22:] if line.startswith("ATOM") else line for line in lines]
    found = load(tmp_path / "a.pdb", "\n".join(long))
    assert found.report.facts["operators"] == 2
    named = mol.helix(1, residue="NSER") + mol.helix()[6:]
    assert load(tmp_path / "b.pdb", mol.pdb(named)).mass_kDa == pytest.approx(one.mass_kDa)


def test_coordinates_that_do_not_fit_are_refused_unless_they_are_water(mol, tmp_path, one):
    lines = mol.pdb(mol.helix()).splitlines()
    for bad in ("********", " 1 2.345", "        ", "   1e300", "     nan"):
        broken = [*lines[:4], lines[4][:30] + bad + lines[4][38:], *lines[5:]]
        with pytest.raises(InputError, match=r"line 5|finite") as error:
            load(tmp_path / "a.pdb", "\n".join(broken))
        assert "\n" not in str(error.value)
    water = mol.pdb_line("OW", "O", "SOL", "W", 1, (0, 0, 0))
    far = water[:30] + "********" + water[38:]
    found = load(tmp_path / "b.pdb", "\n".join([*lines[:-1], far, "END"]))
    assert found.mass_kDa == pytest.approx(one.mass_kDa)
    atoms = mol.helix()
    for bad in ("?", "1e38", "nan", "text"):
        text = mol.mmcif(atoms).replace(f"{atoms[3][5][0]:.3f}", bad, 1)
        with pytest.raises(InputError, match="finite"):
            load(tmp_path / "a.cif", text)


def test_mmcif_of_few_columns_or_several_blocks(mol, tmp_path, one):
    bare = mol.mmcif(mol.helix(), columns=("type_symbol", "label_alt_id", "group_PDB", "id",
                                           "occupancy", "pdbx_PDB_model_num"))  # fmt: skip
    assert load(tmp_path / "a.cif", bare).mass_kDa == pytest.approx(one.mass_kDa)
    headed = "data_global\n_journal.name x\n" + mol.mmcif(mol.helix())
    assert load(tmp_path / "b.cif", headed).mass_kDa == pytest.approx(one.mass_kDa)
    twice = mol.mmcif(mol.helix()) + mol.mmcif(mol.helix(9)).replace("data_x", "data_y")
    found = load(tmp_path / "c.cif", twice)
    assert found.mass_kDa == pytest.approx(one.mass_kDa)
    assert any("2 data blocks" in notice for notice in found.report.notices)


@pytest.mark.parametrize("text", ["", " ", "\n", "data_x\n", "data_x\nloop_\n", "<html>404</html>",
                                  "HEADER\nEND\n", "data_x\n_atom_site.Cartn_x ?\n"])  # fmt: skip
@pytest.mark.parametrize("suffix", ["pdb", "cif", "ent", "mmcif", "pdb.gz"])
def test_files_without_atoms_are_one_line(tmp_path, text, suffix):
    with pytest.raises(InputError, match="atoms") as error:
        load(tmp_path / f"a.{suffix}", text)
    assert "\n" not in str(error.value)


def test_a_small_file_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("faket.structures.text._MOST_BYTES", 10_000)
    with pytest.raises(InputError, match="2 GB"):
        load(tmp_path / "a.pdb.gz", gzip.compress(b" " * 20_000))


def test_bytes_do_not_depend_on_the_allocator(mol, tmp_path, one):
    """What is read after it was freed shows when freed memory is overwritten."""
    path = tmp_path / "one.pdb"
    code = (
        "import hashlib, pathlib, sys\nfrom faket.structures.atoms import species_from_atoms\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "species = species_from_atoms(path, voxel_size_A=20.0, name='a')\n"
        "print(hashlib.sha256(species.potential.tobytes()).hexdigest())"
    )
    environment = {**os.environ, "MALLOC_PERTURB_": "165"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=environment, capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == hashlib.sha256(one.potential.tobytes()).hexdigest()


TOKENS = [b"nan", b"-1", b"1e38", b"1e300", b"********", b"?", b".", b"(1-60)(61-88)", b"'", b'"',
          b";", b"\n", b"loop_", b"data_", b"\0", b"\xff", b"MODEL", b"END", b"REMARK 350",
          b"9" * 40, b" ", b"\t", b"\r", b"#", b"save_", b"A,B"]  # fmt: skip
EDIT = st.tuples(
    st.floats(0, 1), st.sampled_from([0, 1, 8, 80]), st.one_of(st.sampled_from(TOKENS), st.binary())
)


@pytest.mark.parametrize("kind", ["pdb", "cif"])
def test_any_damage_gives_a_molecule_or_one_line(mol, tmp_path, kind):
    atoms = mol.helix(4) + [("O", "O", "HOH", "W", 1, (3.0, 20, 20))]
    operators = {"1": np.eye(3, 4), "2": AWAY}
    if kind == "pdb":
        before = [*mol.remark_350(operators.values()), *mol.mtrix(operators.values())]
        text = "MODEL        1\n" + mol.pdb(atoms, before)
    else:
        ncs = mol.cif_operators(operators, "_struct_ncs_oper", "generate")
        assembly = mol.cif_operators(operators) + mol.cif_assembly([("1", "(1)(2)", "A,W")])
        text = mol.mmcif(atoms, assembly + ncs)
    path = tmp_path / f"a.{kind}"

    @settings(max_examples=80, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.lists(EDIT, min_size=1, max_size=4))
    def check(edits):
        content = text.encode()
        for place, length, new in edits:
            at = round(place * len(content))
            content = content[:at] + new + content[at + length :]
        try:
            species = load(path, content)
        except InputError as error:
            assert "\n" not in str(error)
            assert "expected" in str(error)
        else:
            assert np.isfinite(species.potential).all()
            assert 0 < species.mass_kDa < np.inf

    check()
