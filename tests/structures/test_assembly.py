"""Assemblies, models and NCS: what is expanded, and that nothing else is named so."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faket.errors import InputError
from faket.io.molecules import load_species
from faket.structures.assembly import in_same_place, is_motion
from faket.structures.mmcif_format import expand_expression
from faket.structures.symmetry import point_group

AWAY = np.column_stack([np.eye(3), [60.0, 0, 0]])
FAR = np.column_stack([np.eye(3), [0, 60.0, 0]])
SAME = np.eye(3, 4)


def load(path, text, **options):
    path.write_text(text)
    return load_species(path, voxel_size_A=10.0, **options)


def copies(species, one):
    return round(species.mass_kDa / one.mass_kDa, 6)


@pytest.fixture
def one(mol, tmp_path):
    return load(tmp_path / "one.pdb", mol.pdb(mol.helix()))


def test_mmcif_with_waters_expands_like_its_pdb_file(mol, tmp_path, one):
    """The asym ids of waters are in the assembly's list; waters are no atoms of the molecule."""
    water = [("O", "O", "HOH", "W", i, (3.0 * i, 20, 20)) for i in range(5)]
    tables = mol.cif_operators({"1": SAME, "2": AWAY}) + mol.cif_assembly([("1", "1,2", "A,W")])
    text = mol.mmcif([*mol.helix(), *water], tables)
    two = load(tmp_path / "a.cif", text)
    assert copies(two, one) == 2
    assert two.report.facts["waters_and_ions_left_out"] == 5
    same = load(tmp_path / "b.pdb", mol.pdb(mol.helix(), mol.remark_350([SAME, AWAY])))
    np.testing.assert_allclose(two.potential, same.potential, atol=1e-4)


def test_chains_that_are_absent_are_named_and_the_others_expanded(mol, tmp_path, one):
    pdb = mol.pdb(mol.helix(), mol.remark_350([SAME, AWAY], chains="A, B"))
    tables = mol.cif_operators({"1": SAME, "2": AWAY}) + mol.cif_assembly([("1", "1,2", "A,B,C")])
    for name, text in (("a.pdb", pdb), ("a.cif", mol.mmcif(mol.helix(), tables))):
        found = load(tmp_path / name, text)
        assert copies(found, one) == 2
        assert any("chains B" in notice for notice in found.report.notices)
    renamed = load(tmp_path / "c.pdb", mol.pdb(mol.helix(), mol.remark_350([SAME, AWAY], "X, Y")))
    assert copies(renamed, one) == 1
    assert "assembly" not in renamed.source
    assert any("X, Y" in notice for notice in renamed.report.notices)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1", [("1",)]),
        ("1,3,P", [("1",), ("3",), ("P",)]),
        ("(1-3)", [("1",), ("2",), ("3",)]),
        ("(1-2)(4-5)", [("1", "4"), ("1", "5"), ("2", "4"), ("2", "5")]),
        ("(X0)(1-2,5)", [("X0", "1"), ("X0", "2"), ("X0", "5")]),
        ("X0(1, 2)", [("X0", "1"), ("X0", "2")]),
        ("1-2", [("1",), ("2",)]),
        ("P-1", [("P-1",)]),
        ("", []),
    ],
)
def test_expressions_of_operators(expression, expected):
    assert expand_expression(expression, set(), "x") == expected
    assert expand_expression("1-2", {"1-2"}, "x") == [("1-2",)]  # a name that looks like a range


def test_products_apply_the_last_operator_first(mol, tmp_path, one):
    """Turning and then moving is another place than moving and then turning."""
    turn = np.column_stack([Rotation.from_euler("z", 90, degrees=True).as_matrix(), [0, 0, 0]])
    operators = mol.cif_operators({"1": SAME, "P": AWAY, "X0": turn})
    tables = operators + mol.cif_assembly([("1", "(X0)(1,P)", "A")])
    found = load(tmp_path / "a.cif", mol.mmcif(mol.helix(), tables))
    plain = operators + mol.cif_assembly([("1", "1,P", "A")])
    unturned = load(tmp_path / "b.cif", mol.mmcif(mol.helix(), plain))
    assert copies(found, one) == 2
    np.testing.assert_allclose(
        found.potential, np.rot90(unturned.potential, axes=(2, 1)), atol=0.15
    )
    for wrong in ("(1-99999999)", "(1-9999)(1-9999)", "(9-1)"):
        with pytest.raises(InputError, match="operators"):
            expand_expression(wrong, set(), "x")


def test_generators_of_an_assembly_add_up(mol, tmp_path, one):
    """A capsid's rows: some operators for one chain, others for another."""
    atoms = mol.helix() + mol.helix(chain="B", shift=(5, 40, 0))
    operators = {str(n): np.column_stack([np.eye(3), [60.0 * n, 0, 0]]) for n in range(4)}
    tables = mol.cif_operators(operators) + mol.cif_assembly(
        [("1", "(0-3)", "A"), ("1", "0", "B"), ("2", "0", "B")]
    )
    path = tmp_path / "a.cif"
    assert copies(load(path, mol.mmcif(atoms, tables)), one) == 5
    assert copies(load_species(path, voxel_size_A=10, assembly="2"), one) == 1
    assert copies(load_species(path, voxel_size_A=10, assembly="deposited"), one) == 2
    with pytest.raises(InputError, match="found 1, 2; choose"):
        load_species(path, voxel_size_A=10, assembly="3")
    with pytest.raises(InputError, match="found none"):
        load(tmp_path / "b.pdb", mol.pdb(atoms), assembly="1")


def test_operators_that_cannot_be_used_are_refused_with_a_way_out(mol, tmp_path, one):
    tables = mol.cif_operators({"1": SAME}) + mol.cif_assembly([("1", "1,2", "A")])
    (tmp_path / "a.cif").write_text(mol.mmcif(mol.helix(), tables))
    for shift in (1e38, 1e300, np.nan):
        lines = mol.remark_350([SAME, np.column_stack([np.eye(3), [0, 0, 0]])])
        lines[-1] = f"REMARK 350   BIOMT3   2  0.000000  0.000000  1.000000 {shift:g}"
        (tmp_path / f"{shift}.pdb").write_text(mol.pdb(mol.helix(), lines))
    scaled = mol.remark_350([SAME, 2 * SAME])
    mirrored = mol.remark_350([SAME, np.diag([1.0, 1, -1, 1])[:3]])
    cut = mol.remark_350([SAME, AWAY])[:-1]
    for name, lines in (("s", scaled), ("m", mirrored), ("c", cut)):
        (tmp_path / f"{name}.pdb").write_text(mol.pdb(mol.helix(), lines))
    for path in sorted(tmp_path.glob("*.*")):
        if path.name == "one.pdb":
            continue
        with pytest.raises(InputError, match="deposited") as error:
            load_species(path, voxel_size_A=10.0)
        assert "\n" not in str(error.value)
        assert copies(load_species(path, voxel_size_A=10, assembly="deposited"), one) == 1


def test_models_in_different_places_are_parts_and_others_are_states(mol, tmp_path, one):
    def models(*shifts):
        parts = [mol.pdb(mol.helix(shift=shift))[:-4] for shift in shifts]
        texts = [f"MODEL     {n:4d}\n{part}ENDMDL\n" for n, part in enumerate(parts, 1)]
        return "".join(texts) + "END\n"

    parts = load(tmp_path / "p.pdb", models((5, 0, 0), (65, 0, 0), (5, 60, 0)))
    assert copies(parts, one) == 3
    assert "3 models as parts" in parts.source
    states = load(tmp_path / "s.pdb", models((5, 0, 0), (5.3, 0.2, 0), (4.8, 0, 0.4)))
    assert copies(states, one) == 1
    assert any("1 of 3" in notice for notice in states.report.notices)
    drifting = [(5 + 4 * n, 0, 0) for n in range(30)]  # the last does not touch the first
    assert copies(load(tmp_path / "d.pdb", models(*drifting)), one) == 1
    # Without MODEL, with END or ENDMDL between: files joined end to end, and trajectories.
    joined = mol.pdb(mol.helix()) + mol.pdb(mol.helix(shift=(65, 0, 0)))
    assert copies(load(tmp_path / "j.pdb", joined), one) == 2
    rows = [mol.mmcif(mol.helix(shift=(x, 0, 0)), model=n) for n, x in ((1, 5), (2, 65))]
    both = (
        rows[0][:-2] + "\n".join(r for r in rows[1].splitlines() if r.startswith("ATOM")) + "\n#\n"
    )
    assert copies(load(tmp_path / "m.cif", both), one) == 2


def test_ncs_is_expanded_where_no_assembly_is_declared(mol, tmp_path, one):
    texts = {
        "a.pdb": mol.pdb(mol.helix(), mol.mtrix([SAME, AWAY, FAR])),
        "b.pdb": mol.pdb(mol.helix(), mol.mtrix([SAME], "1") + mol.mtrix([AWAY, FAR])),
        "c.cif": mol.mmcif(mol.helix(), mol.cif_operators(
            {"1": SAME, "2": AWAY, "3": FAR}, "_struct_ncs_oper", "generate")),
        "d.cif": mol.mmcif(mol.helix(), mol.cif_operators({"2": AWAY, "3": FAR},
                                                          "_struct_ncs_oper")),
    }  # fmt: skip
    for name, text in texts.items():
        found = load(tmp_path / name, text)
        assert copies(found, one) == 3, name
        assert "NCS" in found.source
    given = load(tmp_path / "g.pdb", mol.pdb(mol.helix(), mol.mtrix([SAME, AWAY], "1")))
    assert copies(given, one) == 1
    held = mol.helix() + mol.helix(chain="B", shift=(65, -3, 0))  # its copy without iGiven
    assert copies(load(tmp_path / "h.pdb", mol.pdb(held, mol.mtrix([SAME, AWAY]))), one) == 2
    both = mol.remark_350([SAME, AWAY]) + mol.mtrix([SAME, FAR])
    assert copies(load(tmp_path / "i.pdb", mol.pdb(mol.helix(), both)), one) == 2


def test_short_tables_of_assemblies_are_enough(mol, tmp_path, one):
    """Without _pdbx_struct_assembly, or asym ids, or with NULL for a blank chain."""
    operators = mol.cif_operators({"1": SAME, "2": AWAY})
    rows = (
        "_pdbx_struct_assembly_gen.assembly_id 1\n_pdbx_struct_assembly_gen.oper_expression 1,2\n"
    )
    assert copies(load(tmp_path / "a.cif", mol.mmcif(mol.helix(), operators + rows)), one) == 2
    for chains, chain in (("NULL", " "), ("ALL", "A"), ("", "A"), ("A,", "A")):
        text = mol.pdb(mol.helix(chain=chain), mol.remark_350([SAME, AWAY], chains))
        assert copies(load(tmp_path / "b.pdb", text), one) == 2


def test_nothing_that_was_not_expanded_is_called_an_assembly(mol, tmp_path, one):
    assert "as deposited" in one.source
    assert "assembly 1" not in one.source
    two = load(tmp_path / "a.pdb", mol.pdb(mol.helix(), mol.remark_350([SAME, AWAY], name="2")))
    assert "assembly 2" in two.source  # the first that is declared


def test_an_atom_on_an_axis_is_there_once(mol, tmp_path):
    """With occupancy 1/2 as crystallographers write it, or 1: repeated operators add nothing."""
    half_turn = np.column_stack([np.diag([-1.0, -1, 1]), [0, 0, 0]])
    ion = [("ZN", "ZN", "ZN", "A", 999, (0.0, 0.05, 10.0))]
    chain = mol.pdb(mol.helix(shift=(20, 0, 0)), mol.remark_350([SAME, half_turn]))
    found = {}
    for occupancy in ("  0.50", "  1.00"):
        line = mol.pdb_line(*ion[0], occupancy=occupancy, record="HETATM")
        found[occupancy] = load(tmp_path / "a.pdb", chain.replace("END", line + "\nEND"))
    without = load(tmp_path / "b.pdb", chain)
    zinc_kDa = 0.06538
    for species in found.values():
        assert species.mass_kDa - without.mass_kDa == pytest.approx(zinc_kDa, rel=1e-3)
        assert species.report.facts["symmetry_of_operators"] == "C2"
    repeated = mol.remark_350([SAME, half_turn, SAME])
    again = load(tmp_path / "c.pdb", mol.pdb(mol.helix(shift=(20, 0, 0)), repeated))
    assert again.mass_kDa == pytest.approx(without.mass_kDa)
    assert any("repeat" in notice for notice in again.report.notices)


def test_a_capsid_of_many_chains_and_one_that_is_too_large(mol, tmp_path, one, monkeypatch):
    """Chains beyond 62 need no names; atoms are counted before memory is taken."""
    group = Rotation.create_group("I").as_matrix()
    operators = [np.column_stack([matrix, [0, 0, 0]]) for matrix in group]
    chains = [mol.helix(4, chain=c, shift=(60 + 12 * i, 0, 50)) for i, c in enumerate("ABC")]
    text = mol.pdb(
        [atom for chain in chains for atom in chain], mol.remark_350(operators, "A, B, C")
    )
    found = load(tmp_path / "a.pdb", text)
    assert copies(found, one) == pytest.approx(180 * 4 / 30)
    assert found.report.facts["symmetry_of_operators"] == "I"
    monkeypatch.setattr("faket.structures.atoms._MOST_ATOMS", 1000)
    with pytest.raises(InputError, match="60 copies; choose a smaller assembly"):
        load_species(tmp_path / "a.pdb", voxel_size_A=10.0)


@pytest.mark.parametrize("group", ["C1", "C2", "C3", "C7", "C12", "D2", "D3", "D6", "T", "O", "I"])
def test_point_groups_in_any_frame(group):
    frame = Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    centre = np.array([10.0, -20, 30])
    turns = [frame @ matrix @ frame.T for matrix in Rotation.create_group(group).as_matrix()]
    operators = [np.column_stack([turn, centre - turn @ centre]) for turn in turns]
    assert point_group(operators) == group
    if len(operators) > 2:
        assert point_group(operators[:-1]) == "C1"


def test_a_helix_of_operators_is_no_point_group():
    turn = Rotation.from_euler("z", 60, degrees=True).as_matrix()
    rise = [np.column_stack([np.linalg.matrix_power(turn, n), [0, 0, 8.0 * n]]) for n in range(6)]
    assert point_group(rise) == "C1"
    assert is_motion(rise[3])
    assert not is_motion(np.full((3, 4), np.nan))
    assert not is_motion(np.zeros((3, 4)))


def test_touching_is_not_the_same_place():
    grid = np.stack(np.meshgrid(*[np.arange(8) * 3.8] * 3), -1).reshape(-1, 3)
    assert not in_same_place(grid, grid + [8 * 3.8, 0, 0])
    assert in_same_place(grid, grid + [0.5, 0, 0])
    assert not in_same_place(grid[:0], grid)
