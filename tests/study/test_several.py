"""Several studies in one folder: begun, continued, reported."""

import pytest

from faket.errors import InputError
from faket.study.layout import open_study
from faket.study.settings import PRESETS, SEVERAL
from faket.study.several import open_studies, write_reports


def test_a_preset_of_several_is_a_folder_of_studies_that_go_on(tmp_path):
    out = tmp_path / "s"
    begun = open_studies(out, preset="foreign", changes={"steps": 50}, seeds=2)
    assert [study.folder for study in begun] == [out / n for n in ("alder", "birch", "hazel")]
    for study, name in zip(begun, SEVERAL["foreign"], strict=True):
        assert study.settings.microscope == PRESETS[name].settings.microscope
        assert (study.settings.steps, study.settings.tests) == (50, 2)
        study.save()
    assert open_studies(out) == begun
    assert open_studies(out, preset="foreign", changes={"steps": 50}) == begun
    more = open_studies(out, modalities=["coloured"])
    assert all(study.seeds["coloured"] == 2 for study in more)
    with pytest.raises(InputError, match="expected the studies alder, birch, hazel"):
        open_studies(out, preset="small")


def test_one_study_is_one_study(tmp_path):
    assert open_studies(tmp_path / "s", preset="tiny") == (
        open_study(tmp_path / "s", preset="tiny"),
    )
    open_study(tmp_path / "s", preset="tiny").save()
    with pytest.raises(InputError, match="expected an empty folder for several studies"):
        open_studies(tmp_path / "s", preset="foreign")
    with pytest.raises(InputError, match="found none"):
        open_studies(tmp_path / "nothing", begin=False)


def test_the_page_over_all_names_what_was_held_out(tmp_path):
    studies = open_studies(tmp_path / "s", preset="foreign")
    for study in studies:
        study.save()
    path = write_reports(studies)
    assert path == tmp_path / "s" / "study.md"
    lines = path.read_text().splitlines()
    (held_out,) = (line for line in lines if "held out" in line)
    assert held_out.startswith("- [hazel](hazel/study.md)")
    assert "| style | – | – | – |" in lines
    assert (tmp_path / "s" / "birch" / "study.md").exists()
    single = open_studies(tmp_path / "one", preset="foreign-alder")
    assert write_reports(single) == tmp_path / "one" / "study.md"


def test_template_matching_needs_a_recorded_ctf(tmp_path):
    with pytest.raises(InputError, match="no template matching with foreign:alder") as error:
        open_study(tmp_path / "s", preset="foreign-alder", modalities=["tm"])
    assert "\n" not in str(error.value)
