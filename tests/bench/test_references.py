from dataclasses import replace

import numpy as np
from tests.bench.kit import first, known

from overpaint.bench.references import REFERENCES, references
from overpaint.model import Model

CASE, PICTURES = first("object")
TRUTH, _ = known(PICTURES)


def test_floor_and_ceilings(still_life: Model) -> None:
    made = {name: make(PICTURES, still_life) for name, make in REFERENCES.items()}
    assert made["source untouched"] is PICTURES.source and made["truth"] is TRUTH
    back = made["truth through the autoencoder"]
    assert back is not None and back.size == TRUTH.size
    error = np.square(back.rgb.astype(float) - TRUTH.rgb.astype(float)).mean()
    assert 0 < error < 255**2 / 10**2.5  # better than 25 dB, but no copy


def test_without_an_answer_there_is_no_ceiling(still_life: Model) -> None:
    unknown = replace(PICTURES, truth=None)
    made = [make(unknown, still_life) for make in REFERENCES.values()]
    assert made == [PICTURES.source, None, None]


def test_they_are_rows_of_their_own() -> None:
    assert [one.title for one in references()] == list(REFERENCES)
    assert all(one.reference for one in references())
