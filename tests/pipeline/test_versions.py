"""What another version, or another number of threads, has made."""

import json

import pytest
import torch

from faket.errors import InputError
from faket.pickers.stamp import LAST, check_place, claim, training_stamp
from faket.picking import TrainingSettings
from faket.pipeline.versions import THREADS, check_versions, software_and_threads


def test_other_threads_are_said_and_no_refusal(tmp_path, monkeypatch):
    def stamp():
        return training_stamp(TrainingSettings(), 0, [], False, None)

    (tmp_path / LAST).write_bytes(b"")
    claim(tmp_path, stamp())
    assert json.loads(stamp())["software"][THREADS] == str(torch.get_num_threads())
    said = []
    check_place(tmp_path, stamp(), lambda what, *_: said.append(what))
    assert said == []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    check_place(tmp_path, stamp(), lambda what, *_: said.append(what))
    assert len(said) == 1
    assert "now 77" in said[0]


def test_what_is_not_known_of_earlier_software_is_no_difference(tmp_path):
    said = []
    check_versions({tmp_path: {}}, lambda what, *_: said.append(what))
    assert said == []
    with pytest.raises(InputError, match=r"0\.0\.0"):
        check_versions({tmp_path: {**software_and_threads(), "faket": "0.0.0"}}, print)
