"""Run every command of docs/first-hour.md, one after another, and make the page's pictures.

    python scripts/first_hour.py FOLDER [--pictures docs/images]

Prints what each command took: wall seconds, and CPU seconds of it and its workers. Pictures need a
Chromium in the path. FOLDER must be empty.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "first-hour.md"
_BLOCK = re.compile(r"```(sh|toml)\n(.*?)```", re.DOTALL)
_WIDTH = 1280  # CSS pixels of the pages that are photographed


def main() -> None:
    """Run the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=Path, default=None)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for kind, text in _BLOCK.findall(PAGE.read_text()):
        if kind == "toml":
            name = text.split("\n", 1)[0].removeprefix("# ").split()[0]
            (given.folder / name).write_text(text)
            continue
        for line in text.splitlines():
            run(line.split("#")[0].strip(), given.folder)
    if given.pictures is not None:
        pictures(given.folder, given.pictures)


def run(command: str, folder: Path) -> None:
    """Run a line of the page and print what it took; `make demo` is run as its command."""
    if not command or command.startswith("source"):
        return
    command = command.replace("make demo", "faket demo demo")
    script = Path(sys.executable).parent / "faket"
    command = re.sub(r"^faket", str(script), command)
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, shell=True, cwd=folder, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"== {command}: {time.perf_counter() - start:.0f} s, {cpu:.0f} CPU s", flush=True)


def pictures(folder: Path, out: Path) -> None:
    """Make the pictures of the page from what its commands wrote."""
    from PIL import Image

    sys.path.insert(0, str(ROOT / "tests"))
    from headless_browser import Browser

    out.mkdir(parents=True, exist_ok=True)
    with Image.open(folder / "demo" / "demo.png") as picture:
        picture.thumbnail((1200, 1200))
        picture.convert("RGB").save(out / "first-hour-demo.webp", quality=70)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(Path(profile))
        for page, section in (("demo.html", "viewer"), ("demo.html", "tilts"),
                              ("demo.html", "thon"), ("picks.html", "viewer")):  # fmt: skip
            browser.size(_WIDTH, 900)
            browser.open((folder / page).resolve())
            browser.wait("document.getElementById('viewer-caption').textContent")
            shot = folder / "shot.png"
            browser.screenshot(shot, section)
            with Image.open(shot) as picture:
                name = f"first-hour-{Path(page).stem}-{section}.webp"
                picture.convert("RGB").save(out / name, quality=60)
            shot.unlink()
        browser.close()


if __name__ == "__main__":
    main()
