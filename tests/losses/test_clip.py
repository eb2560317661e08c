"""Distances on the sphere, directions, templates and ranks."""

import math

import pytest
import torch
from tests.kit import draw, gap

from overpaint.families.clip import ClipEye
from overpaint.losses.clip import (
    TEMPLATES,
    apart,
    arc,
    best_first,
    between,
    directional,
    distances,
    sentences,
    understood,
)


@pytest.fixture(scope="module")
def eye() -> ClipEye:
    return ClipEye.load()


def test_the_arc_runs_from_nothing_to_half_the_square_of_a_half_turn() -> None:
    a = draw(3, 8)
    assert float(arc(a, a).max()) < 1e-6
    assert float((arc(a, -a) - math.pi**2 / 2).abs().max()) < 5e-3
    assert gap(arc(a, draw(3, 8, seed=1)), arc(5 * a, draw(3, 8, seed=1) / 3)) < 1e-5


def test_the_arc_is_half_the_squared_angle() -> None:
    a, b = draw(3, 8), draw(3, 8, seed=1)
    angle = torch.cosine_similarity(a, b).acos()
    assert gap(arc(a, b), angle.square() / 2) < 1e-5


def test_the_gradient_of_the_arc_is_a_number_where_both_are_the_same() -> None:
    a = draw(2, 8).requires_grad_()
    (grad,) = torch.autograd.grad(arc(a, a.detach()).sum(), a)
    assert bool(torch.isfinite(grad).all())


def test_a_change_along_the_way_costs_nothing_and_one_against_it_two() -> None:
    before, way = draw(2, 8), draw(1, 8, seed=1)
    assert float(directional(before, before + 3 * way, way).abs().max()) < 1e-5
    assert float((directional(before, before - way, way) - 2).abs().max()) < 1e-5
    assert gap(apart(before, way), 1 - torch.cosine_similarity(before, way)) == 0


def test_templates_hold_the_thing_and_only_words_the_model_was_taught() -> None:
    assert len(sentences("ice")) == len(TEMPLATES) == 14
    assert all("ice" in one for one in sentences("ice"))
    assert understood(()) == TEMPLATES
    assert understood({"a", "Photo", "of"}, ("a photo of {}", "the {}")) == ("a photo of {}", "{}")


def test_the_way_between_two_things_has_length_one_and_turns_round(eye: ClipEye) -> None:
    there, back = between(eye, "a red ball", "a blue ball"), between(eye, "a blue ball", "a red ball")
    assert float(there.square().sum()) == pytest.approx(1, abs=1e-5)
    assert gap(there, -back) < 1e-5


def test_ranks_are_a_permutation_with_the_nearest_first(eye: ClipEye) -> None:
    pictures = [draw(1, 3, 40, 40, seed=k).clamp(-1, 1) for k in range(3)]
    scores = distances(eye, pictures, "a red ball")
    order = best_first(scores)
    assert sorted(order) == [0, 1, 2]
    assert [scores[k] for k in order] == sorted(scores)
    assert best_first([1.0, 3.0, 2.0], least=False) == [1, 2, 0]


def test_what_the_eye_embeds_is_what_it_looks_at_before_it_has_length_one(eye: ClipEye) -> None:
    picture = draw(1, 3, 40, 40).clamp(-1, 1)
    for unit, raw in (
        (eye.look(picture), eye.embed(picture)),
        (eye.read(["a ball"]), eye.embed_text(["a ball"])),
    ):
        assert gap(unit, torch.nn.functional.normalize(raw, dim=-1)) < 1e-6
