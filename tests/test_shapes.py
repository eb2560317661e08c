from pathlib import Path
from typing import Any

import pytest
import torch
from jaxtyping import Float, TypeCheckError
from torch import Tensor

from overpaint.controls.mutual import Mutual
from overpaint.controls.replace import CrossReplace
from overpaint.path import Prediction
from tests.shapes import has_shapes, shaped

Latent = Float[Tensor, "rows c"]


def test_a_latent_of_a_wrong_shape_is_caught() -> None:
    flat = torch.zeros(4, 8, 8)
    with pytest.raises(TypeCheckError):
        Prediction(flat, flat)


def test_what_names_no_shape_is_left_alone() -> None:
    assert hasattr(Prediction.__init__, "__wrapped__") and hasattr(CrossReplace.probs, "__wrapped__")
    assert not hasattr(Mutual.where, "__wrapped__")


def f_of(text: str) -> Any:
    made = dict(globals())
    exec(text, made)
    return made["f"]


@pytest.mark.parametrize(
    ("text", "names_one"),
    [
        ("def f(x: Latent) -> int: ...", True),
        ("def f(x: int) -> list[Latent | None]: ...", True),
        ("def f(x: 'dict[str, Latent]') -> int: ...", True),
        ("def f(x: 'Float[Tensor, \"a b\"]') -> int: ...", True),
        ("from collections.abc import Callable\ndef f(x: Callable[[Latent], int]) -> int: ...", True),
        ("def f(x: Tensor, late: 'Later', y: list[int] | None) -> str: ...", False),
        ("def f(x, *args, **kwargs): ...", False),
        ("from dataclasses import dataclass\n@dataclass\nclass f:\n    x: 'Latent'", True),
        ("from dataclasses import dataclass\n@dataclass\nclass f:\n    x: int", False),
        ("class f:\n    x: Latent", False),
    ],
)
def test_a_shape_is_seen_wherever_it_stands(text: str, names_one: bool) -> None:
    assert has_shapes(f_of(text)) == names_one


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
