"""How far two arrays differ, and what a stated tolerance allows."""

import math

import pytest
import torch

from tests.parity.figures import Row, Tolerance, Unknown, difference, outliers

ARRAYS = (
    "losses",
    "null_embeddings",
    "reconstruction",
    "edited",
    "result",
    "latent",
    "decoder_conv_in_weight",
)


def test_difference_is_a_share_of_the_largest_value_or_of_the_norm() -> None:
    stored, mine = torch.tensor([3.0, -4.0]), torch.tensor([3.0, -3.0])
    assert difference(mine, stored) == 0.25
    assert difference(mine, stored, "norm") == 0.2
    assert difference(torch.zeros(2), torch.zeros(2)) == 0


def test_what_is_no_number_is_far() -> None:
    assert outliers(torch.tensor([1.0, math.nan]), torch.ones(2), 0.5) == 0.5
    assert Row("file", "array", 1e-4, math.nan, outliers(torch.tensor([math.nan]), torch.ones(1), 1)).failed


def test_other_shapes_are_no_comparison() -> None:
    with pytest.raises(Unknown, match="shape"):
        difference(torch.ones(2), torch.ones(3))


@pytest.mark.parametrize(
    ("text", "name", "bound", "allowed"),
    [
        ("0.0001 (max |a-b| / max |b| per tensor; at most 9.0e-06)", "edited", 1e-4, 0),
        ("1e-8 (max |a-b| / max |b| per tensor; at most 1.9e-15)", "edited", 1e-8, 0),
        (
            "2e-4 (max). A latent next to a threshold may flip: a 0.1 % outlier allowance",
            "edited",
            2e-4,
            0.001,
        ),
        ("2e-4 (|a-b|) for at least 99.5 % of the elements: a fraction 0.0e+00", "edited", 2e-4, 0.005),
        (
            "losses 1e-3 relative; null_embeddings 2e-2, reconstruction and edited 5e-3 (max)",
            "losses",
            1e-3,
            0,
        ),
        (
            "losses 1e-3 relative; null_embeddings 2e-2, reconstruction and edited 5e-3 (max)",
            "edited",
            5e-3,
            0,
        ),
        ("losses 1e-3 relative; null_embeddings 2e-2", "inverted", 1e-3, 0),
        ("5e-4 relative per array (1e-5 if stored); observed: within 9e-06", "edited", 5e-4, 0),
        (
            "losses and result 5e-4 relative, trained decoder tensors 1e-5 relative, latent 1e-4",
            "decoder_conv_in_weight",
            1e-5,
            0,
        ),
    ],
)
def test_stated_tolerances_are_read(text: str, name: str, bound: float, allowed: float) -> None:
    found = Tolerance.read(text, ARRAYS)
    assert (found.of(name), found.allowed) == (bound, pytest.approx(allowed))


def test_a_tolerance_without_a_number_is_named() -> None:
    with pytest.raises(Unknown, match="has no number"):
        Tolerance.read("bit for bit", ARRAYS)
