"""Finding molecules: files, folders, cache, and a server that is absent or wrong."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from faket.errors import InputError
from faket.io import structure_files
from faket.io.structure_files import find_structure

CIF = gzip.compress(b"data_1ABC\nloop_\n_atom_site.id\n1\n")
CORRUPT = CIF[:10] + b"\xff" * 8  # a block of no known type: zlib.error


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "structures"


@pytest.fixture
def server(monkeypatch):
    """A server with one entry, one truncated, one that is a page; asked for anything else: 404."""
    answers = {"/1abc.cif.gz": CIF, "/2cut.cif.gz": CIF[:-9], "/3web.cif.gz": b"<html>"}
    answers |= {"/5bad.cif.gz": CORRUPT, "/6len.cif.gz": CIF}
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = answers.get(self.path)
            if self.path == "/7not.cif.gz":
                self.wfile.write(b"this is no HTTP\n")
                return
            self.send_response(200 if body else 404)
            if self.path == "/6len.cif.gz":  # promises more than it sends
                self.send_header("Content-Length", str(len(CIF) + 50))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{http.server_port}/{{id}}.cif.gz"
        monkeypatch.setattr(structure_files, "DOWNLOAD_URL", url)
        yield asked
        http.shutdown()
        thread.join()


def test_a_file_is_itself(tmp_path, cache):
    path = tmp_path / "odd name.pdb"
    path.write_text("x")
    assert find_structure(path) == path


@pytest.mark.parametrize("name", ["1ABC.pdb", "1abc.cif.gz", "pdb1abc.ent.gz", "1abc.mrc"])
def test_an_id_is_found_in_a_folder(tmp_path, cache, name):
    (tmp_path / name).write_text("x")
    (tmp_path / "1abd.pdb").write_text("x")
    assert find_structure("1abc", folders=[tmp_path], download=False) == tmp_path / name


def test_folders_may_be_text_and_a_folder_is_no_structure(tmp_path, cache):
    (tmp_path / "1abc.cif").mkdir()
    (tmp_path / "1abc.pdb").write_text("x")
    found = find_structure("1abc", folders=[str(tmp_path)], download=False)
    assert found == tmp_path / "1abc.pdb"


def test_a_cache_that_cannot_be_is_one_line(tmp_path, monkeypatch, server):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("FAKET_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError) as error:
        find_structure("1abc")
    assert "\n" not in str(error.value)


def test_an_id_is_downloaded_once(cache, server):
    path = find_structure("1ABC")
    assert path == cache / "1abc.cif.gz"
    assert path.read_bytes() == CIF
    assert find_structure("1abc") == path
    assert len(server) == 1


@pytest.mark.parametrize("pdb_id", ["2cut", "3web", "4non", "5bad", "6len", "7not"])
def test_wrong_answers_leave_nothing_behind(cache, server, pdb_id):
    with pytest.raises(InputError, match=pdb_id) as error:
        find_structure(pdb_id)
    assert "\n" not in str(error.value)
    assert not cache.exists() or not list(cache.iterdir())


def test_no_network_is_one_line_with_the_way_out(cache, monkeypatch):
    monkeypatch.setattr(structure_files, "DOWNLOAD_URL", "http://127.0.0.1:9/{id}.cif.gz")
    with pytest.raises(InputError, match=r"put 1abc.cif.gz into .*structures") as error:
        find_structure("1abc")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["", "nofile.pdb", "abcd", "12345", "a" * 5000, "~nobody/x"])
def test_what_is_neither_file_nor_id_is_refused(cache, name):
    with pytest.raises(InputError, match="neither"):
        find_structure(name)
