"""A network kept as what it differs by from another: exact, checked, and a model of its own."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from tests.families.test_load import saved
from tests.kit import draw, gap
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.difference import BY, DOWN, UP, base_hash, restored, save_difference
from overpaint.families.listing import listed
from overpaint.families.tiny import tiny
from overpaint.run.loading import load

LOW = re.compile(r"attn1|resnets\.0\.conv1")


def differing(rank: int = 2) -> dict[str, Tensor]:
    """Of some layers factors, of the others a change as a whole, and a first layer for five channels more."""
    found = dict[str, Tensor]()
    for k, (name, value) in enumerate(cast(Any, tiny("sd1").net).named_parameters()):
        columns = value[0].numel()
        if name == "conv_in.weight":
            found[name + BY] = 0.1 * draw(len(value), 9, 3, 3, seed=k)
        elif value.ndim > 1 and LOW.search(name):
            found[name + UP] = 0.1 * draw(len(value), rank, seed=k)
            found[name + DOWN] = draw(rank, columns, seed=k + 1)
        elif k % 3 == 0:
            found[name + BY] = 0.1 * draw(*value.shape, seed=k)
    return found


def kept(home: Path) -> tuple[Path, Mapping[str, Tensor]]:
    """A model's folder with a difference inside."""
    folder, difference = saved(tiny("sd1"), home), differing()
    save_difference(difference, folder / "inpaint", base_hash(folder))
    return folder / "inpaint", {name: value.half().float() for name, value in difference.items()}


def test_what_is_restored_is_what_was_tuned_but_for_half_precision(tmp_path: Path) -> None:
    home, difference = kept(tmp_path / "toy")
    model, net = load(str(home), device="cpu"), cast(Any, tiny("sd1").net)
    restored(net, difference)
    x, states = draw(2, 9, 8, 8), draw(2, 16, 24, seed=1)
    one, other = (n(x, torch.tensor(7), states, return_dict=False)[0] for n in (net, cast(Any, model.net)))
    assert torch.equal(one, other)
    plain = cast(Any, tiny("sd1").net)
    weights = {k: v.flatten(1) if v.ndim > 1 else v for k, v in plain.named_parameters()}
    name = next(n for n in weights if LOW.search(n) and n.endswith("weight"))
    wanted = weights[name] + differing()[name + UP] @ differing()[name + DOWN]
    found = dict(cast(Any, model.net).named_parameters())[name].flatten(1)
    assert 0 < gap(found, wanted) < 2e-3 * float(wanted.abs().max())


def test_it_is_a_model_of_its_own_beside_its_base(tmp_path: Path) -> None:
    home, _ = kept(tmp_path / "toy")
    base, model = load(str(home.parent), device="cpu"), load(str(home), device="cpu")
    assert (model.family.name, model.name, model.home) == ("sd1-inpaint", "toy-inpaint", home)
    assert (base.family.name, base.name) == ("sd1", "toy")
    shutil.copy(home / "difference.safetensors", tmp_path / "kept")
    assert len({base.fingerprint, model.fingerprint}) == 2
    shutil.rmtree(home)
    assert load(str(tmp_path / "toy"), device="cpu").fingerprint == base.fingerprint


def test_it_is_listed_beside_its_base(tmp_path: Path) -> None:
    home, _ = kept(tmp_path / "toy")
    found = {one.name: one for one in listed([tmp_path])}
    assert found["toy-inpaint"].family == "sd1-inpaint" and found["toy"].family == "sd1"
    assert found["toy-inpaint"].size == (home / "difference.safetensors").stat().st_size


def test_another_base_is_refused(tmp_path: Path) -> None:
    home, _ = kept(tmp_path / "toy")
    file = next((home.parent / "unet").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    with pytest.raises(UsageError, match="tuned from other weights"):
        load(str(home), device="cpu")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("nothing.weight.by", (3,)),
        ("conv_out.weight.by", (1,)),
        ("conv_out.weight.up", (4, 2)),
        ("conv_out.weight.down", (2, 5)),
    ],
)
def test_what_does_not_fit_is_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=f"What differs \\({re.escape(name)}\\) does not fit"):
        restored(cast(Any, tiny("sd1").net), {name: torch.zeros(shape)})
