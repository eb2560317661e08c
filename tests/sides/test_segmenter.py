"""The segmenter reads pictures of any size, and lies beside a model."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit import shared

from overpaint.errors import UsageError
from overpaint.sides.palette import Palette
from overpaint.sides.segmenter import FOLDER, Segmenter, load, overlap, segmenter_of
from overpaint.train.nets import seeded

PALETTE = Palette({"sky": (0, 0, 255), "ground": (90, 60, 20), "ball": (255, 0, 0)})


def small(seed: int = 0) -> Segmenter:
    with seeded(seed):
        return Segmenter(PALETTE, width=8, side=32).eval()


def kept(place: Path, net: Segmenter) -> Path:
    """A folder as the trainer writes it, but in float32."""
    place.mkdir(parents=True)
    (place / "config.json").write_text(json.dumps(net.told()))
    save: Any = import_module("safetensors.torch").save_file
    save({name: value.contiguous() for name, value in net.state_dict().items()}, place / "model.safetensors")
    return place


@pytest.mark.parametrize("size", [(32, 32), (48, 40), (16, 64)])
def test_it_reads_pictures_of_any_size(size: tuple[int, int]) -> None:
    seen = small().read(torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1)))
    assert seen.names.shape == (2, 3, *size) and seen.segments.shape == (2, *size)
    assert 0 <= float(seen.near.min()) <= float(seen.near.max()) <= 1
    assert float(seen.normals.square().sum(1).max()) <= 1 + 1e-5


def test_it_is_kept_and_read_again(tmp_path: Path) -> None:
    net = small()
    again = load(kept(tmp_path / "s", net))
    picture = torch.rand(1, 3, 32, 32)
    assert again.palette == PALETTE and torch.equal(again.read(picture).names, net.read(picture).names)


def test_it_lies_beside_its_model(tmp_path: Path) -> None:
    assert segmenter_of(replace(shared(), home=None)) is None
    assert segmenter_of(replace(shared(), home=tmp_path)) is None
    kept(tmp_path / FOLDER, small())
    model = replace(shared(), home=tmp_path)
    assert segmenter_of(model) is segmenter_of(model) is not None


def test_a_broken_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no segmenter in"):
        load(tmp_path)
    place = kept(tmp_path / "s", small())
    (place / "config.json").write_text('{"width": 8}')
    with pytest.raises(UsageError, match="cannot be read"):
        load(place)


def test_overlap() -> None:
    one = torch.tensor([[True, True], [False, False]])
    assert overlap(one, one) == 1 and overlap(one, ~one) == 0 and overlap(one & ~one, one & ~one) == 1
    assert overlap(one, torch.tensor([[True, False], [True, False]])) == pytest.approx(1 / 3)
