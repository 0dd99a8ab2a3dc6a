"""Progress: few lines without a terminal, JSON for machines, an estimate, notices at once."""

import json
import logging

import pytest

from faket.cli.app import run
from faket.cli.messages import notice, speaking
from faket.cli.progress import (
    SECONDS_BETWEEN_LINES,
    SECONDS_BETWEEN_OBJECTS,
    Lines,
    Objects,
    Pace,
    TimeLeft,
    duration,
)


class Clock:
    """Seconds that pass as the test says."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def stopped(report):
    report("models", 0, 2)
    report("models", 2, 2)
    raise KeyboardInterrupt


def printed(capsys):
    return capsys.readouterr().err.splitlines()


def test_a_long_training_prints_a_line_every_half_minute(capsys, clock):
    """Whatever changes from step to step."""
    with Lines("train", clock=clock) as lines:
        for step in range(1, 1201):
            clock.now += 0.5
            lines.report(f"epoch {1 + step // 100}, loss {1 / step:.3f}", step, 1200)
    text = printed(capsys)
    assert len(text) <= 600 / SECONDS_BETWEEN_LINES + 2
    assert "[1/1200]" in text[0]
    assert "[1200/1200]" in text[-1]
    assert text[1].endswith("[61/1200], about 9 min left")


def test_the_estimate_counts_what_this_run_did(capsys, clock):
    """Of a run that goes on, what was finished before says nothing about the time."""
    with Lines("out", clock=clock) as lines:
        lines.report("models", 90, 100)
        clock.now += 600
        lines.report("models", 91, 100)
    assert printed(capsys)[-1] == "out: models [91/100], about 1 h 30 min left"


def test_another_stage_is_estimated_anew(capsys, clock):
    with Lines("style", clock=clock) as lines:
        lines.report("tilts", 0, 40)
        clock.now += 4000
        lines.report("tilts", 40, 40)
        lines.report("tilts", 0, 40)
        clock.now += 40
        lines.report("tilts", 4, 40)
    assert printed(capsys)[-1].endswith("[4/40], about 6 min left")


def test_notices_are_printed_at_once_in_the_words_of_the_command(capsys, clock):
    from faket.cli.app import _COMMANDS

    with Lines("noise", _COMMANDS["noise"], clock) as lines:
        for _ in range(3):
            lines.report("assumed; if you know it, give `dose_e_per_A2`", 0, 0)
    assert printed(capsys) == ["noise: assumed; if you know it, give --dose-e-per-A2"] * 3


def test_what_an_error_ended_is_not_reported_as_finished(capsys, clock):
    lines = Lines("out", clock=clock)
    with pytest.raises(KeyboardInterrupt), lines:
        stopped(lines.report)
    assert printed(capsys) == ["out: models [0/2]"]


def test_what_takes_longer_than_a_bar_remembers_has_an_estimate_which_runs_down(clock):
    pace = Pace(clock)
    pace.see(0, 10)
    assert pace.seconds_left() is None
    clock.now = 600
    pace.see(1, 10)
    clock.now = 900
    pace.see(1, 10)  # another part of the second tomogram
    assert pace.seconds_left() == 9 * 600 - 300
    assert TimeLeft(pace).render(None).plain == "about 1 h 25 min left"
    clock.now = 2100
    assert pace.seconds_left() == 8 * 1500  # nine steps, one of them late already


def test_no_time_is_promised_that_has_passed(clock):
    """Short steps first, as data are made before trainings, then a long one."""
    pace = Pace(clock)
    pace.see(0, 3)
    clock.now = 10
    pace.see(2, 3)
    clock.now = 13
    assert pace.seconds_left() == 2
    clock.now = 1000  # the last one is late: nobody knows when it ends
    assert pace.seconds_left() is None
    assert TimeLeft(pace).render(None).plain == ""


def test_machines_get_objects(capsys, clock):
    """At most one a second of progress, every notice, and the error at the end."""
    with speaking(["train", "--log-json"]), Objects("train", clock=clock) as objects:
        for step in range(1, 101):
            clock.now += 0.1
            objects.report("epoch 1", step, 100)
        objects.report("`seed` is assumed", 0, 0)
        logging.getLogger("faket").warning("a.mrc: no voxel size")
        notice("spectra differ")
    told = [json.loads(line) for line in printed(capsys)]
    steps = [each for each in told if "done" in each]
    assert len(steps) <= 10 / SECONDS_BETWEEN_OBJECTS + 2
    assert {"what", "done", "total", "seconds_left", "time", "command"} == set(steps[1])
    assert (steps[-1]["done"], steps[-1]["total"], steps[-1]["command"]) == (100, 100, "train")
    notices = [each["notice"] for each in told if "notice" in each]
    assert notices == ["seed is assumed", "a.mrc: no voxel size", "spectra differ"]
    notice("plain again")
    assert printed(capsys) == ["plain again"]


@pytest.mark.parametrize("words", [["verify", "nowhere"], ["verify", "nowhere", "--nonsense"]])
def test_errors_are_objects_too(capsys, words):
    assert run([*words, "--log-json"]) == 2
    (line,) = printed(capsys)
    told = json.loads(line)
    assert (told["command"], told["exit_code"]) == ("verify", 2)
    assert "n" in told["error"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (600, "10 min"), (3600, "1 h 0 min"), (86400 * 2, "2 d 0 h")],
)
def test_durations_are_said_in_two_units(seconds, text):
    assert duration(seconds) == text
