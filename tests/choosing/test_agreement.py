"""Of several edits the one most like the others."""

import pytest
import torch

from overpaint.choosing.agreement import CELLS, apart, likest, reduced


def test_distances_are_between_pictures_whatever_their_number() -> None:
    flat = [torch.full((1, 3, 8, 8), value) for value in (0.0, 0.5, -1.0)]
    found = apart(flat)
    assert torch.equal(found.diagonal(), torch.zeros(3)) and torch.equal(found, found.T)
    assert torch.allclose(found[0], torch.tensor([0, 0.5, 1.0]))
    assert torch.equal(apart(flat[:1]), torch.zeros(1, 1))


def test_the_likest_lies_in_the_middle_and_one_far_off_is_never_taken() -> None:
    edits = [torch.full((1, 3, 8, 8), value) for value in (0.9, 0.1, 0.0, -0.1, 0.9)]
    assert likest(apart(edits[:4])) == 1 and likest(apart(edits[1:4])) == 1
    assert likest(torch.zeros(3, 3)) == 0, "of equal ones the first"


def test_large_pictures_are_held_against_each_other_small() -> None:
    assert reduced(torch.zeros(1, 3, 512, 64)).shape == (1, 3, CELLS, 64)
    noisy = torch.zeros(1, 3, 512, 512)
    noisy[..., ::2, ::2] = 1.0
    assert float(apart([noisy, torch.full_like(noisy, 0.25)]).max()) == pytest.approx(0, abs=1e-6)
