"""What asks the program to end: one line, the shells' exit code, nothing half-written."""

import signal

import pytest

from faket.cli import app, signals


def command_that(action):
    def command(*arguments, **options):
        action()
        raise AssertionError("it was not stopped")

    return command


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_every_signal_ends_in_one_line(capsys, monkeypatch, number, code):
    import faket.pipeline

    before = signal.getsignal(number)
    stop = command_that(lambda: signal.raise_signal(number))
    monkeypatch.setattr(faket.pipeline, "example_recipe", stop)
    assert app.run(["simulate", "--example"]) == code
    said = capsys.readouterr().err
    assert said.startswith("faket: interrupted; run the same command again to continue")
    assert said.count("\n") == 1
    assert signal.getsignal(number) == before


def test_the_same_wish_twice_does_not_disturb_the_tidying_up():
    tidied = []

    def stopped_while_tidying():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            tidied.append(True)

    with pytest.raises(signals.Stopped), signals.stopping():
        stopped_while_tidying()
    assert tidied


def test_what_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as by nohup
    try:
        with signals.stopping():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_only_what_continues_says_so(capsys, monkeypatch, tmp_path):
    """A command that keeps no finished parts starts again from the beginning."""
    from faket.io import mrc

    monkeypatch.setattr(
        mrc, "read_volume", command_that(lambda: signal.raise_signal(signal.SIGINT))
    )
    assert app.run(["project", str(tmp_path), str(tmp_path / "out.mrc")]) == 130
    assert "no unfinished file was left" in capsys.readouterr().err
