"""Clusters of dask: site files, and what is looked at before work begins."""

import pytest

from faket.errors import InputError
from faket.pipeline import clusters
from faket.pipeline.clusters import read_site
from faket.pipeline.dataset import generate
from faket.pipeline.recipe import parse_recipe


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("system =", "expected TOML"),
        ('system = "slrum"', "one of slurm, pbs, lsf, sge, local, found 'slrum'"),
        ("[settings]\ncores = 2", "system: expected one of"),
        ('system = "slurm"\nqueue = "main"', r"into \[settings\]"),
    ],
)
def test_a_wrong_site_file_is_one_line(tmp_path, text, match):
    path = tmp_path / "site.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=match) as error:
        read_site(path)
    assert "\n" not in str(error.value)


def test_a_site_files_settings_are_passed_on(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text('system = "slurm"\n[settings]\nqueue = "main"\ncores = 4\n')
    assert read_site(path) == ("slurm", {"queue": "main", "cores": 4})


@pytest.mark.parametrize(
    ("cluster", "match"),
    [
        ("missing.toml", "missing.toml: .*no such file"),
        ("site.toml", r"system: expected one of slurm, pbs, lsf, sge, local, found 'slrum'"),
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1: expected a scheduler of dask, found no answer"),
    ],
)
def test_a_cluster_is_looked_at_before_anything_is_measured(tmp_path, monkeypatch, cluster, match):
    pytest.importorskip("distributed", reason="needs dask: pip install 'faket[cluster]'")
    monkeypatch.setattr(clusters, "_CONNECT_S", 0.3)
    (tmp_path / "site.toml").write_text('system = "slrum"')
    place = cluster if "://" in cluster else str(tmp_path / cluster)
    said = []
    with pytest.raises(InputError, match=match):
        generate(
            parse_recipe('species = ["synthetic:syn-block"]'),
            tmp_path / "out",
            executor="dask",
            cluster=place,
            report=lambda what, done, total: said.append(what),
        )
    assert said == []
    assert not list((tmp_path / "out").glob("reference*"))
