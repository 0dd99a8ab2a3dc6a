"""Fixtures that several rooms share."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from matplotlib.figure import Figure

# No test asserts wall time: on a busy machine any example may be slow.
settings.register_profile("faket", deadline=None)
settings.load_profile("faket")

# Programs that a shell starts in the background ignore Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real structures and maps; FAKET_TEST_DATA, or shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FAKET_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no folder of real structures (FAKET_TEST_DATA, or {beside.name} beside)")
    return folder


@pytest.fixture
def drawn(monkeypatch):
    """Keep each figure that is saved."""
    kept = []
    save = Figure.savefig

    def keep(figure, *arguments, **options):
        kept.append(figure)
        return save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return kept
