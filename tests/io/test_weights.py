"""Weights: found, downloaded with a checksum from a server of our own, refused when damaged."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors.torch import save_file

from faket.errors import InputError
from faket.io.weights import VGG19_FILE, find_vgg19_weights, load_vgg19_weights

STATE = {
    "features.0.weight": torch.arange(27.0).reshape(1, 3, 3, 3),
    "features.0.bias": torch.ones(1),
    "classifier.0.weight": torch.zeros(5, 5),
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Empty caches, all below tmp_path."""
    monkeypatch.setenv("FAKET_CACHE", str(tmp_path / "faket"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


@pytest.fixture
def content(tmp_path):
    file = tmp_path / "made.pth"
    torch.save(STATE, file)
    return file.read_bytes()


@pytest.fixture
def server(content):
    """A server with the file under its right name, under a wrong one, and cut short."""
    digest = hashlib.sha256(content).hexdigest()[:8]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if "missing" in self.path:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:100] if "short" in self.path else content)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}", f"vgg19-{digest}.pth"
        httpd.shutdown()
        thread.join()


def test_download_is_checked_kept_and_found_again(cache, server, content):
    url, name = server
    seen = []
    path = find_vgg19_weights(
        base_url=url, file_name=name, progress=lambda done, total: seen.append((done, total))
    )
    assert path == cache / "faket" / name
    assert path.read_bytes() == content
    assert seen[-1] == (len(content), len(content))
    assert [file.name for file in path.parent.iterdir()] == [name]
    assert find_vgg19_weights(file_name=name, download=False) == path
    weights = load_vgg19_weights(path)
    assert sorted(weights) == ["features.0.bias", "features.0.weight"]
    assert torch.equal(weights["features.0.weight"], STATE["features.0.weight"])


@pytest.mark.parametrize(
    ("folder", "name", "word"),
    [
        ("", "vgg19-00000000.pth", "SHA-256"),
        ("/short", None, "bytes"),
        ("/missing", None, "404"),
    ],
)
def test_bad_downloads_leave_nothing_behind(cache, server, folder, name, word):
    url, good_name = server
    with pytest.raises(InputError, match=word) as error:
        find_vgg19_weights(base_url=url + folder, file_name=name or good_name)
    assert "\n" not in str(error.value)
    assert list((cache / "faket").iterdir()) == []


def test_without_network_the_error_says_where_to_put_the_file(cache):
    for options in ({"download": False}, {"base_url": "http://127.0.0.1:9", "timeout_s": 2}):
        with pytest.raises(InputError, match="by hand") as error:
            find_vgg19_weights(**options)
        assert str(cache / "faket") in str(error.value)
        assert VGG19_FILE in str(error.value)
        assert "\n" not in str(error.value)


def test_torchs_cache_and_explicit_paths(cache, monkeypatch):
    folder = cache / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / VGG19_FILE).write_bytes(b"")
    assert find_vgg19_weights(download=False) == folder / VGG19_FILE
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    assert find_vgg19_weights(download=False) == folder / VGG19_FILE
    mine = cache / "mine.pth"
    mine.write_bytes(b"")
    assert find_vgg19_weights(mine) == mine
    with pytest.raises(InputError, match=r"nowhere\.pth"):
        find_vgg19_weights(cache / "nowhere.pth")


def test_safetensors_are_read(tmp_path):
    save_file(STATE, tmp_path / "vgg19.safetensors")
    assert torch.equal(
        load_vgg19_weights(tmp_path / "vgg19.safetensors")["features.0.bias"], torch.ones(1)
    )


def test_damaged_and_foreign_files_are_refused_in_one_line(tmp_path, content):
    files = {
        "vgg19-0badf00d.pth": (content, "SHA-256"),
        "cut.pth": (content[: len(content) // 2], "cut.pth"),
        "empty.pth": (b"", "empty.pth"),
        "text.pth": (b"hello\n", "text.pth"),
        "cut.safetensors": (b"\x10\x00\x00", "cut.safetensors"),
    }
    for name, (data, word) in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=word) as error:
            load_vgg19_weights(tmp_path / name)
        assert "\n" not in str(error.value)
    torch.save({"conv1.weight": torch.ones(1)}, tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, word in (("other.pth", "conv1"), ("list.pth", "state dict"), ("none", "none at")):
        with pytest.raises(InputError, match=word):
            load_vgg19_weights(tmp_path / name)


def test_code_in_a_file_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",))

    torch.save({"features.0.weight": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(InputError, match=r"trap\.pth"):
        load_vgg19_weights(tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()
