from pathlib import Path

import pytest
import torch
from jaxtyping import TypeCheckError

from overpaint.path import Prediction
from tests.shapes import shaped


def test_a_latent_of_a_wrong_shape_is_caught() -> None:
    flat = torch.zeros(4, 8, 8)
    with pytest.raises(TypeCheckError):
        Prediction(flat, flat)


def test_modules_with_their_own_shapes_or_a_named_one_are_checked(tmp_path: Path) -> None:
    source = tmp_path / "overpaint"
    source.mkdir()
    files = {
        "path.py": 'from jaxtyping import Float\nLatent = Float[Tensor, "rows c"]\nSize = tuple[int, int]\n',
        "named.py": "from overpaint.path import (\n    Latent,\n    Size,\n)\n",
        "plain.py": "from overpaint.path import Size\n# Latent\n",
    }
    for name, text in files.items():
        (source / name).write_text(text)
    assert shaped(source) == ["overpaint.named", "overpaint.path"]


def test_the_parts_that_compute_are_checked_and_the_books_are_not() -> None:
    found = shaped()
    assert {"overpaint.path", "overpaint.methods.p2p", "overpaint.controls.mutual"} <= set(found)
    assert not any(module.startswith("overpaint.ledger") for module in found)
