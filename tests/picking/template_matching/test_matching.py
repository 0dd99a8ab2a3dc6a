"""From tilt-series to particles: place, class and orientation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from faket.data import TiltSeries, Volume
from faket.errors import InputError
from faket.picking.template_matching import (
    TM_F,
    Matcher,
    TemplateMatching,
    match_templates,
    prepare_template,
    uniform_rotations,
)
from faket.projection import project
from faket.reconstruction import reconstruct
from faket.structures import synthetic_species

STEP = 30.0
# Parts of a particle resemble parts of a template: half as far again as the particle's radius.
COARSE = TemplateMatching(angular_step_deg=STEP, exclusion=1.5)


@pytest.fixture(scope="module")
def scene(geometry, kit):
    """Four particles of two species in one noisy tomogram."""
    rng = np.random.default_rng(8)
    species = [synthetic_species(name, voxel_size_A=10.0) for name in ("syn-hook", "syn-dimer")]
    shape = (26, 40, 40)
    centres = np.array([[13, 12, 12], [13, 12, 27], [12, 27, 28], [13, 28, 12]])
    rotations = Rotation.random(4, random_state=rng)
    volume = np.zeros(shape, np.float32)
    for kind in (0, 1):
        volume += kit.planted(shape, species[kind], centres[kind::2], rotations[kind::2])
    images = -project(volume, geometry.angles_deg)
    images += rng.standard_normal(images.shape).astype(np.float32) * images.std()
    tomogram = reconstruct(TiltSeries(images, geometry), depth=shape[0])
    return species, centres, rotations, tomogram


@pytest.mark.parametrize(
    "settings",
    [
        COARSE,
        replace(COARSE, whitening=TM_F.whitening, low_pass_A=25.0, high_pass_A=400.0),
        replace(COARSE, wedge="binary"),
    ],
    ids=["TM", "TM-F", "binary wedge"],
)
def test_planted_particles_are_found_named_and_oriented(scene, settings, geometry):
    species, centres, rotations, tomogram = scene
    picks = match_templates(tomogram, species, geometry, settings=settings, device="cpu")
    best = picks.particles.positions_A[:4]
    assert len(best) == 4
    assert (np.diff(picks.scores) <= 0).all()
    for i, centre in enumerate(centres):
        apart = np.linalg.norm(best - centre[::-1] * 10.0, axis=1)
        nearest = int(apart.argmin())
        assert apart[nearest] < 5.0
        kind = species[i % 2]
        assert picks.particles.species[nearest] == kind.name
        found = picks.particles.rotations[nearest]
        alike = rotations[i] * Rotation.create_group(kind.symmetry)
        error = np.degrees((alike.inv() * found).magnitude().min())
        assert error < 1.1 * STEP  # the list's largest gap


def test_without_noise_the_orientation_is_the_lists_nearest(geometry, kit):
    species = synthetic_species("syn-elbow", voxel_size_A=10.0)
    truth = Rotation.from_rotvec([0.9, -0.5, 1.4])
    volume = -kit.planted((34, 34, 34), species, [[17, 16, 18]], [truth])
    settings = TemplateMatching(angular_step_deg=STEP, wedge="none")
    picks = match_templates(Volume(volume, 10.0), [species], geometry, settings=settings)
    errors = np.degrees((truth.inv() * uniform_rotations(STEP)).magnitude())
    found = np.degrees((truth.inv() * picks.particles.rotations[0]).magnitude())
    assert found < errors.min() + 6
    np.testing.assert_allclose(picks.particles.positions_A[0], [180, 160, 170], atol=3)
    assert picks.correlations[0] > 0.9


def test_bright_protein_needs_saying_so(geometry, kit, hook):
    volume = Volume(kit.planted((30, 30, 30), hook, [[15, 15, 15]], [kit.identity[0]]), 10.0)
    volume.data[...] += 0.02 * np.random.default_rng(0).standard_normal((30, 30, 30))
    settings = TemplateMatching(angular_step_deg=45.0, wedge="none")
    dark = match_templates(volume, [hook], geometry, settings=settings)
    bright = match_templates(volume, [hook], geometry, settings=replace(settings, protein="bright"))
    assert bright.correlations[0] > 0.7
    assert len(dark) == 0 or dark.correlations[0] < bright.correlations[0] - 0.2


def test_a_symmetry_that_is_not_there_is_refused(geometry, hook):
    rng = np.random.default_rng(0)
    tomogram = Volume(rng.standard_normal((24, 24, 24)).astype(np.float32), 10.0)
    matcher = Matcher(tomogram, geometry, settings=TemplateMatching(angular_step_deg=45.0))
    with pytest.raises(InputError, match="symmetry C6"):
        matcher.candidates(hook, symmetry="C6")
    ring = synthetic_species("syn-ring", voxel_size_A=10.0)
    whole = matcher.candidates(ring, symmetry="C1")
    assert matcher.candidates(ring).cutoff < whole.cutoff  # fewer orientations, fewer chances


def test_unusable_input_is_one_line(geometry, hook):
    noise = np.random.default_rng(0).standard_normal((24, 24, 24)).astype(np.float32)
    tomogram = Volume(noise, 10.0)
    wrong = [
        lambda: match_templates(tomogram, [], geometry),
        lambda: match_templates(tomogram, [hook, hook], geometry),
        lambda: match_templates(Volume(noise, 5.0), [hook], geometry),
        lambda: match_templates(Volume(noise * np.nan, 10.0), [hook], geometry),
        lambda: match_templates(Volume(noise[0], 10.0), [hook], geometry),
        lambda: match_templates(tomogram, [hook], geometry, region=np.zeros((24, 24, 24), bool)),
        lambda: match_templates(tomogram, [hook], geometry, region=np.ones((4, 4, 4), bool)),
        lambda: prepare_template(replace(hook, envelope=0 * hook.envelope), 10.0, TM_F),
        lambda: TemplateMatching(mask="square"),
        lambda: TemplateMatching(angular_step_deg=0.0),
        lambda: TemplateMatching(low_pass_A=50.0, high_pass_A=40.0),
    ]
    for call in wrong:
        with pytest.raises(InputError) as error:
            call()
        assert "\n" not in str(error.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
def test_cuda_finds_what_the_cpu_finds(scene, geometry):
    species, _, _, tomogram = scene
    settings = COARSE
    cpu, cuda = (
        match_templates(tomogram, species, geometry, settings=settings, device=device)
        for device in ("cpu", "cuda")
    )
    assert cpu.particles.species == cuda.particles.species
    np.testing.assert_allclose(cpu.scores, cuda.scores, rtol=1e-3)
    np.testing.assert_allclose(cpu.particles.positions_A, cuda.particles.positions_A, atol=0.1)
