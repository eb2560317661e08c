import pytest
import torch

from overpaint.errors import OverpaintError
from overpaint.outcome import Outcome, outcome_of

ONE, TWO = torch.zeros(1, 4, 2, 2), torch.zeros(2, 4, 2, 2)
PIXELS = torch.zeros(1, 3, 4, 4)


def test_a_latent_is_an_outcome_of_one() -> None:
    made = outcome_of(ONE)
    assert [x is ONE for x in made.latents] == [True] and not made.pixels
    assert outcome_of(made) is made


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (TWO, "2 results in one tensor"),
        (Outcome((TWO,)), "2 results in one tensor"),
        (Outcome(), "latents or pixels"),
        (Outcome((ONE,), (PIXELS,)), "latents or pixels"),
        (Outcome((ONE, ONE), scores={"clip": [0.5]}), "'clip' must have a value for each of the 2"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(wrong: torch.Tensor | Outcome, sentence: str) -> None:
    with pytest.raises(OverpaintError, match=sentence):
        outcome_of(wrong)
