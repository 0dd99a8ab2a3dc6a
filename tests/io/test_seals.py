"""A hash of content within the content."""

from faket.io.seals import is_intact, sealed

CONTENT = {"seconds": 1.5, "stages": {"painting": 2}}


def test_what_was_sealed_is_intact_and_what_changed_is_not():
    whole = sealed(CONTENT)
    assert is_intact(whole)
    assert not is_intact({**whole, "seconds": 1.6})


def test_content_whose_seal_is_gone_or_has_another_name_is_damaged():
    seal = sealed(CONTENT)["sha256"]
    assert not is_intact(CONTENT)
    assert not is_intact({**CONTENT, "sha257": seal})
