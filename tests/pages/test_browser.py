"""The page in a headless Chromium: it can be used, and it reports no error."""

import numpy as np
import pytest

from faket.io.model_folder import RECONSTRUCTION
from faket.pages.pick_files import read_pick_sets
from faket.pages.report import report_on_folder, report_on_picks
from headless_browser import CHROMIUM, Browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium in the path")


# Where on a canvas the bright pixels are, as fractions to the right and up; no scale bar.
_MIDDLE = """c => {
  const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  let sum = 0, x = 0, y = 0;
  for (let p = 0; p < d.length / 4 - 40 * c.width; p++) {
    if (d[4 * p] > 150) {
      sum++;
      x += p % c.width + 0.5;
      y += Math.floor(p / c.width) + 0.5;
    }
  }
  return [x / sum / c.width, 1 - y / sum / c.height];
}"""


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    one = Browser(tmp_path_factory.mktemp("browser"))
    yield one
    one.close()


@pytest.fixture
def browser(started):
    started.errors.clear()
    return started


def picture(browser, canvas):
    """Return a digest of what a canvas shows."""
    return browser.run(f"document.getElementById('{canvas}').toDataURL('image/jpeg')")


def put(browser, element, value):
    """Move a slider, or choose from a list, as a user's input would."""
    browser.run(
        f"(e => {{ e.value = '{value}'; e.dispatchEvent(new Event('input', {{bubbles: true}})); "
        f"}})(document.getElementById('{element}'))"
    )


def opened(browser, page, width=1280):
    browser.size(width, 800)
    browser.open(page)
    browser.wait("document.getElementById('viewer-caption').textContent")


def test_a_data_set(made_up, tmp_path, browser):
    page = report_on_folder(made_up(models=2), tmp_path / "page.html")
    opened(browser, page)
    shown = {axis: picture(browser, f"plane-{axis}") for axis in "zyx"}
    # A real key on a real slider moves its plane, and lines in the other two.
    browser.run("document.getElementById('slice-z').focus()")
    browser.press("ArrowRight")
    assert browser.run("document.getElementById('value-z').value") == "8 of 12 (7 nm)"
    assert picture(browser, "plane-z") != shown["z"]
    for control, value in (("slab", 0), ("contrast", 200), ("slice-x", 3), ("slice-y", 3)):
        before = [picture(browser, f"plane-{axis}") for axis in "zyx"]
        put(browser, control, value)
        assert [picture(browser, f"plane-{axis}") for axis in "zyx"] != before, control
    put(browser, "slice-z", 6)
    for click in ("#show-labels", "#show-true", "#legend input", "#layers label:last-child input"):
        before = picture(browser, "plane-z")
        browser.run(f"document.querySelector('{click}').click()")
        if click == "#legend input":  # labels and places are off: there is nothing to hide
            browser.run("document.querySelector('#show-labels').click()")
        assert picture(browser, "plane-z") != before, click
    tilt = browser.run("document.querySelector('#stacks canvas').toDataURL('image/jpeg')")
    put(browser, "tilt", 0)
    assert browser.run("document.querySelector('#stacks canvas').toDataURL('image/jpeg')") != tilt
    assert browser.run("document.querySelectorAll('#stacks figure').length") == 3
    curve = browser.run("document.querySelector('#spectrum path.curve').getAttribute('d')")
    browser.run("document.querySelector('input[value=mean]').click()")
    assert browser.run("document.querySelector('#spectrum path.curve').getAttribute('d')") != curve
    browser.run("document.getElementById('play').click()")
    browser.wait("document.getElementById('tilt').value !== '0'")
    browser.run("document.getElementById('play').click()")
    put(browser, "tomogram", 1)
    browser.wait("document.getElementById('viewer-caption').textContent.includes('model_1')")
    browser.run("document.getElementById('theme').click()")
    nameless = "[...document.querySelectorAll('input, select, canvas, button')].filter(e => "
    nameless += "!(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim()))"
    assert browser.run(f"{nameless}.map(e => e.outerHTML)") == []
    for width in (1280, 390):
        browser.size(width, 800)
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("document.getElementById('plane-z').clientWidth") > 200
    assert browser.errors == []


def test_planes_show_the_voxels(made_up, tmp_path, browser):
    """The brightest voxel of the potential is bright on the page, at its own place."""
    folder = made_up(particles=1)  # at voxel x 4, y 6, z 6
    opened(browser, report_on_folder(folder, tmp_path / "page.html"))
    for box in ("#show-labels", "#show-true", "#layers label:last-child input"):
        browser.run(f"document.querySelector('{box}').click()")
    for axis, place in (("z", 6), ("y", 6), ("x", 4)):
        put(browser, f"slice-{axis}", place)
    put(browser, "slab", 0)
    # (right, up) of the particle in each plane, in voxels of its width and height
    for axis, (right, up, width, height) in {
        "z": (4, 6, 32, 24), "y": (4, 6, 32, 12), "x": (6, 6, 12, 24),
    }.items():  # fmt: skip
        found = browser.run(f"({_MIDDLE})(document.getElementById('plane-{axis}'))")
        wanted = [(right + 0.5) / width, (up + 0.5) / height]
        assert np.allclose(found, wanted, atol=0.02), axis


def test_picks_are_drawn(made_up, tmp_path, browser):
    tomogram = made_up(species=("<script>",)) / "model_0" / RECONSTRUCTION
    picks = tmp_path / "picks.csv"
    picks.write_text("species,x_A,y_A,z_A\n<script>,40,60,60\n<img src=x>,200,200,60\n")
    sets = read_pick_sets(picks, tomogram)
    opened(browser, report_on_picks(sets, tomogram, tmp_path / "p.html"), 390)
    with_picks = picture(browser, "plane-z")
    put(browser, "picks", "")
    assert picture(browser, "plane-z") != with_picks
    names = browser.run("[...document.querySelectorAll('#legend .name')].map(e => e.textContent)")
    assert names == ["<script>", "<img src=x>"]
    assert browser.errors == []
