"""The study's page: numbers from what was run, and nothing for what was not."""

from dataclasses import replace

import numpy as np
import pytest

from faket.evaluation import Scores, classification_scores
from faket.evaluation.classification import recall_precision_f1
from faket.evaluation.f_beta import f_beta_of_counts
from faket.evaluation.scores import Localisation
from faket.study.figures import StudyRow, study_figures
from faket.study.page import write_study_page
from faket.study.several import joint_tables

LABELS = ("background", "ball", "box")


def scored(right, wrong, missed, surplus):
    """Scores with so many of each class right, taken for the other, missed; and wrong picks."""
    confusion = np.array([[0, 0, 0], [missed, right, wrong], [missed, wrong, right]])
    found = 2 * (right + wrong)
    n_objects, n_picks = found + 2 * missed, found + surplus
    recall, precision, f1 = recall_precision_f1(found, n_objects, n_picks)
    place = Localisation(
        n_picks=n_picks, n_objects=n_objects, found=found, missed=2 * missed, on_background=surplus,
        on_excluded=0, repeated=0, outside=0, recall=recall, precision=precision, f1=f1,
        mean_distance_A=None,
    )  # fmt: skip
    return Scores(place, classification_scores(LABELS, confusion), (), (), ())


COST = {"seconds": 20.0, "cpu_seconds": 12.0, "peak_rss_MB": 300}
BENCHMARK = StudyRow(
    "benchmark", "BENCHMARK", "physics", 2, (scored(8, 2, 0, 5), scored(6, 4, 0, 5)), (0, 1),
    curves=(((2, 4), (0.1, 0.5)), ((2, 4), (0.2, 0.6))), run_costs=(COST, COST),
    data_costs=({"seconds": 2.5, "peak_rss_MB": 100}, {"seconds": 3.5, "peak_rss_MB": 120}),
    steps=(100, 100),
)  # fmt: skip
STYLE = StudyRow(
    "style", "style", "ours", 2, (scored(7, 3, 0, 5),), (1,), curves=(((2, 4), (0.3, 0.4)),)
)
MISSING = StudyRow("noisy", "NOISY", "white | noise", 2)


def page_of(tmp_path, rows, figures=None):
    path = write_study_page(tmp_path / "study.md", rows, ["- A fact."], figures or {})
    return path.read_text()


def cells_of(page, start):
    """Return the cells of every table line whose first cell begins so."""
    lines = [line for line in page.splitlines() if line.startswith(f"| {start}")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_scores_are_means_over_test_tomograms_and_ratios_pair_them(tmp_path):
    easy, hard = scored(8, 2, 0, 5), scored(4, 6, 0, 5)
    base = replace(BENCHMARK, scores=(easy, hard, easy, hard), tests=2)
    other = replace(STYLE, scores=(hard, scored(2, 8, 0, 5)), tests=2)
    matching = StudyRow("tm", "TM", "templates", 1, (easy, hard), tests=2)
    page = page_of(tmp_path, [base, other, matching])
    (own,), (half,), (same,) = (
        cells_of(page, f"**{row.title}**") for row in (base, other, matching)
    )
    assert (own[1], half[1], same[1]) == ("2 of 2", "1 of 2", "1 of 1")
    assert float(own[5]) == pytest.approx((0.8 + 0.4) * 2 / 3 / 2, abs=1e-4)  # and background's 0
    assert half[-1].startswith("0.500 [")  # both tomograms, so there is an interval
    assert same[-1].split()[0] == "1.000"
    (classes,) = cells_of(page, "ball")
    assert classes[1] == "20"  # objects in both
    assert "over seeds and tomograms" in page
    assert "over tomograms" in page


def test_studies_stand_side_by_side():
    lines = list(joint_tables({"one": [BENCHMARK, STYLE], "two": [BENCHMARK, MISSING]}))
    page = "\n".join(lines)
    styles = cells_of(page, "style")
    assert len(styles) == 2  # localisation and classification
    assert styles[0] == ["style", "0.889; 1.000", "–"]
    assert styles[1][1].endswith("; 1.167")  # 0.7 and 0.6 with the same seed
    assert cells_of(page, "NOISY") == [["NOISY", "–", "–"]] * 2


def test_it_is_seen_whether_trainings_have_settled():
    settled = ((1, 2, 3, 4), (0.2, 0.6, 0.7, 0.7))
    rising = ((1, 2, 3, 4), (0.2, 0.6, 0.5, 0.8))
    assert replace(STYLE, curves=(settled,)).late_gain == pytest.approx(0)
    assert replace(STYLE, curves=(settled, rising)).late_gain == pytest.approx(0.1)
    assert MISSING.late_gain is None


def test_means_and_ratios_are_those_of_the_runs(tmp_path):
    page = page_of(tmp_path, [BENCHMARK, STYLE, MISSING])
    (base,), (style,) = cells_of(page, "**BENCHMARK**"), cells_of(page, "**style**")
    # 20 objects, 25 picks, all objects found: recall 1, precision 0.8, F1 8/9.
    assert base[1:5] == ["2 of 2", "1.0000", "0.8000", "0.8889"]
    # Class F1 of both classes is right / 10: 0.8 and 0.6, and 0.7 for style.
    assert base[5:7] == [f"{2 * 0.7 / 3:.4f}", "0.7000"]
    assert style[1:7] == ["1 of 2", "1.0000", "0.8000", "0.8889", f"{2 * 0.7 / 3:.4f}", "0.7000"]
    # Style has seed 1 alone, in which BENCHMARK has 0.6: seeds are compared with themselves.
    assert base[8:] == ["1.000", "1.000"]
    assert style[8:] == ["1.000", f"{0.7 / 0.6:.3f}"]
    assert "style (over particles)" in page
    assert "BENCHMARK (over seeds)" in page
    # Two seeds resampled: the 95 % interval reaches both values.
    assert "[0.6000, 0.8000]" in cells_of(page, "BENCHMARK (over seeds)")[0]


def test_weighted_f_beta_is_the_mean_of_the_runs_that_have_it(tmp_path):
    def hit(right, missed):
        score = f_beta_of_counts(["ball"], [30.0], [1.0], np.array([[right, 0, missed]]))
        return replace(scored(8, 2, 0, 5), f_beta=score)

    row = replace(STYLE, scores=(hit(1, 0), hit(1, 1)), seeds=(0, 1))
    page = page_of(tmp_path, [row, BENCHMARK])  # of an earlier version: without F-beta
    assert cells_of(page, "**style**")[0][7] == f"{(1 + 17 / 33) / 2:.4f}"
    assert cells_of(page, "**BENCHMARK**")[0][7] == "–"


def test_what_was_not_run_has_no_number(tmp_path):
    page = page_of(tmp_path, [BENCHMARK, MISSING])
    assert "white \\| noise" in page
    lines = [line for line in page.splitlines() if "NOISY" in line]
    assert len(lines) == 3
    assert all("not run" in line for line in lines)
    assert not any(character.isdigit() for line in lines for character in line)


def test_nothing_run_is_a_page_still(tmp_path):
    page = page_of(tmp_path, [MISSING])
    assert study_figures([MISSING], {}, tmp_path) == {}
    assert "not run" in page
    assert "![" not in page


def test_without_the_benchmark_there_is_no_ratio(tmp_path):
    page = page_of(tmp_path, [STYLE])
    assert cells_of(page, "**style**")[0][7:] == ["–", "–", "–"]


def test_ratios_have_intervals_over_the_seeds(tmp_path):
    both = replace(STYLE, scores=(scored(4, 6, 0, 5), scored(6, 4, 0, 5)), seeds=(0, 1))
    matching = StudyRow("tm", "TM", "templates", 1, (scored(7, 3, 0, 5),))
    page = page_of(tmp_path, [BENCHMARK, both, matching])
    # The four draws of two seeds: (0, 0) 0.4 / 0.8, (1, 1) 0.6 / 0.6, and (0, 1) twice.
    assert cells_of(page, "**style**")[0][9] == f"{1 / 1.4:.3f} [0.500, 1.000]"
    # Template matching is one run, whichever seed BENCHMARK has.
    assert cells_of(page, "**TM**")[0][9] == f"1.000 [{0.7 / 0.8:.3f}, {0.7 / 0.6:.3f}]"


def test_rows_without_a_seed_in_common_have_no_ratio(tmp_path):
    page = page_of(tmp_path, [BENCHMARK, replace(STYLE, seeds=(5,))])
    assert cells_of(page, "**style**")[0][7:] == ["–", "–", "–"]


def test_costs_are_means_and_largest_memory(tmp_path):
    page = page_of(tmp_path, [BENCHMARK])
    assert cells_of(page, "BENCHMARK")[-1] == ["BENCHMARK", "3.0", "120", "100", "12", "20", "300"]


def test_every_class_has_its_objects_and_its_f1(tmp_path):
    page = page_of(tmp_path, [BENCHMARK, STYLE])
    assert cells_of(page, "ball") == [["ball", "10", "0.700", "0.700"]]


def test_figures_are_drawn_and_linked(tmp_path):
    rows = [BENCHMARK, STYLE, MISSING]
    drawn = study_figures(rows, {}, tmp_path / "figures")
    assert set(drawn) == {"classes", "epochs", "confusion benchmark", "confusion style"}
    assert all(path.stat().st_size > 1000 for path in drawn.values())
    page = page_of(tmp_path, rows, drawn)
    for path in drawn.values():
        assert f"(figures/{path.name})" in page


@pytest.mark.parametrize("curves", [((), ()), (((), ()),)])
def test_rows_without_validations_have_no_curve(tmp_path, curves):
    row = StudyRow("a", "A", "", 1, (scored(1, 0, 0, 0),), curves=curves if curves[0] else ())
    assert "epochs" not in study_figures([row], {}, tmp_path)


def test_seeds_with_other_epochs_are_left_out_of_the_curve(tmp_path):
    row = StudyRow(
        "a", "A", "", 2, (scored(1, 0, 0, 0),) * 2, curves=(((1, 2), (0.1, 0.2)), ((1,), (0.1,)))
    )
    assert "epochs" in study_figures([row], {}, tmp_path)
