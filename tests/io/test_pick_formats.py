"""What a file of picks is, is told by its content; what is not read is refused by its name."""

import struct

import numpy as np
import pytest

from faket.errors import InputError
from faket.io.pick_formats import recognise

STAR = "\n# version 30001\n\ndata_particles\n\nloop_\n_rlnCoordinateX #1\n1\n"
TABLE = " ".join(["1"] * 26) + "\n"
EM = struct.pack("<4B3i", 6, 0, 0, 5, 20, 2, 1) + bytes(496) + np.ones(40, "<f4").tobytes()


@pytest.mark.parametrize("suffix", [".txt", ".coords", ".dat", ""])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (STAR, "star"),
        ("\ufeff" + STAR.replace("\n", "\r\n"), "star"),
        (TABLE, "dynamo"),
        (TABLE.replace(" ", ","), "dynamo"),
        ("# note\n1bxn 1 2 3\n", "text"),
        ("2 1 2 3\n", "text"),
        ("2 1 2 3 10 20 30\n", "text"),
        ("species,x_A,y_A,z_A\nring,1,2,3\n", "csv"),
        ("", "text"),
    ],
)
def test_content_tells_where_the_name_does_not(tmp_path, suffix, text, kind):
    path = tmp_path / f"picks{suffix}"
    path.write_bytes(text.encode())
    assert recognise(path) == kind


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".star", "star"), (".csv", "csv"), (".tbl", "dynamo"), (".txt", "text")]
)
def test_an_empty_file_is_what_its_name_says(tmp_path, suffix, kind):
    (tmp_path / f"p{suffix}").write_text("\n# nothing\n")
    assert recognise(tmp_path / f"p{suffix}") == kind


@pytest.mark.parametrize("suffix", [".mod", ".txt", ".star", ".json", ""])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"IMODV1.2IMOD-NewModel\0\0", "imod"),
        (EM, "em"),
        (b'{\n "pickable_object_name": "ribosome",\n "points": []}', "copick"),
        (b'{"boxes_3d": [[1, 2, 3]]}', "eman"),
        (b'{\n "apix_unbin": 1.3,\n "boxes_3d": []\n}', "eman"),
        (b'{"type": "point", "location": {"x": 1, "y": 2, "z": 3}}\n', "portal"),
        (b'<objlist>\n <object x="1"/>\n</objlist>', "object list"),
    ],
)
def test_formats_of_other_programs_are_found_whatever_their_name(tmp_path, suffix, content, kind):
    path = tmp_path / f"picks{suffix}"
    path.write_bytes(content)
    assert recognise(path) == kind


@pytest.mark.parametrize("suffix", [".txt", ".star", ".csv", ".tbl", ".json", ".unknown"])
@pytest.mark.parametrize(
    ("content", "name"),
    [
        (bytes(208) + b"MAP " + bytes(812), "an MRC map"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x93NUMPY\x01\0", "a NumPy array"),
        (b"ring 1 2 3\0", "a binary file"),
        (b'{"pickable_objects": []}', "a project of copick"),
        (b'{"type": "point"}\n{"type": "point"}\n', "lines of JSON"),
        (b"[1, 2]", "a JSON file"),
        (b"<ParticleList>\n</ParticleList>", "PyTom's particle list"),
        (b"<?xml version='1.0'?>\n<a/>", "an XML file"),
    ],
)
def test_other_formats_are_refused_by_name(tmp_path, suffix, content, name):
    path = tmp_path / f"picks{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=name) as error:
        recognise(path)
    assert "species, x_A, y_A, z_A" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1 2 3", "3 numbers a line"),
        ("1,2,3", "3 numbers a line"),
        (" ".join("1" * 9), "9 numbers a line"),
        (" ".join(["0.5"] * 20), "motive list of TOM or AV3"),
        (",".join(["0.5"] * 20), "motive list of TOM or AV3"),
    ],
)
def test_numbers_without_names_are_not_guessed_at(tmp_path, line, words):
    (tmp_path / "p.txt").write_text(f"{line}\n{line}\n")
    with pytest.raises(InputError, match=words):
        recognise(tmp_path / "p.txt")
