"""Directions: what they are, how they are kept, and by whom they can be used."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import save
from tests.inversions.setting import setting
from tests.kit import gap, shared

from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape
from overpaint.files.weightfile import DIRECTION as KIND
from overpaint.files.weightfile import is_direction
from overpaint.inversions.cache import Cache
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.options import Suits
from overpaint.tune.direction import (
    Direction,
    DirectionFile,
    between,
    discovered,
    opened,
)

CATS, DOGS = ["a cat", "a photo of a cat", "the cat sleeps"], ["a dog", "a photo of a dog"]


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_difference_of_the_means(shape: Shape) -> None:
    model = shared(shape)
    found = discovered(model, (CATS, DOGS), ("cat", "dog"))
    means = [
        torch.cat([model.family.text(s).states for s in side]).mean(0, keepdim=True) for side in (CATS, DOGS)
    ]
    assert gap(found.states, means[1] - means[0]) < 1e-6
    assert found.sentences == (3, 2) and (found.pooled is None) == (shape != "sdxl")


def test_the_order_of_sentences_does_not_matter_and_the_way_back_is_its_opposite() -> None:
    there = discovered(shared(), (CATS, DOGS)).states
    assert gap(there, discovered(shared(), (CATS[::-1], DOGS[::-1])).states) < 1e-6
    assert gap(there, -discovered(shared(), (DOGS, CATS)).states) < 1e-6


@pytest.mark.parametrize("shape", SHAPES)
def test_the_prompts_alone_lead_from_one_to_the_other(shape: Shape) -> None:
    model = shared(shape)
    source, target = (model.family.text(prompt) for prompt in ("a cat on sand", "a red cat on sand"))
    way = between(model, "a cat on sand", "a red cat on sand", 1)
    there = way.added(source)
    assert gap(there.states, target.states) < 1e-5
    if target.pooled is not None and there.pooled is not None:
        assert gap(there.pooled, target.pooled) < 1e-5
    assert torch.equal(way.added(source, 0.0).states, source.states)


def test_sentences_that_the_model_cannot_read_are_left_out_in_pairs() -> None:
    # The tiny model reads fourteen tokens, most of them letters.
    way = between(shared(), "a cat", "a dog", 200)
    assert 0 < way.sentences[0] == way.sentences[1] < 200
    with pytest.raises(UsageError, match="too long for every sentence"):
        between(shared(), "a cat", "a dog with qqqq wwww zzzz xxxx", 200)
    with pytest.raises(UsageError, match="a cat with qqqq"):
        discovered(shared(), (CATS, ["a cat with qqqq wwww zzzz xxxx vvvv"]))
    with pytest.raises(UsageError, match="a sentence on either side"):
        discovered(shared(), ([], DOGS))


def test_a_models_own_sentences_are_taken() -> None:
    suits = Suits(sentences={"": ["{} here"]})
    model = replace(shared(), suits=suits)
    own = discovered(shared(), (["a cat here"], ["a dog here"])).states
    assert torch.equal(between(model, "a cat", "a dog", 200).states, own)


def read(model: Model) -> tuple[Direction, int]:
    meter = Meter()
    with model.metered(meter):
        return discovered(model, (CATS, DOGS), pairs=False), meter.items


def test_it_is_kept_and_told_apart(tmp_path: Path) -> None:
    model = setting().model
    model.cache = Cache(tmp_path)
    first, items = read(model)
    again, none = read(model)
    assert (items, none) == (5, 0) and torch.equal(first.states, again.states)
    assert first.sentences == again.sentences == (3, 2)
    model.cache = None
    assert torch.equal(read(model)[0].states, first.states)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_survives_a_file(shape: Shape, tmp_path: Path) -> None:
    file, model = tmp_path / "cat2dog.safetensors", shared(shape)
    way = discovered(model, (CATS, DOGS), ("cat", "dog"))
    way.save(file)
    again = Direction.load(file).fit(model, "It")
    assert torch.equal(way.states, again.states) and way.hash == again.hash
    for name in ("source", "target", "sentences", "model", "fingerprint"):
        assert getattr(way, name) == getattr(again, name)
    assert is_direction(file) and not is_direction(tmp_path / "none")
    with pytest.raises(FileExistsError):
        way.save(file)


OPTION: TypeAdapter[str] = TypeAdapter(DirectionFile)


def test_as_an_option_it_knows_its_file_and_what_was_in_it(tmp_path: Path) -> None:
    file = tmp_path / "a@b.safetensors"
    way = discovered(shared(), (CATS, DOGS))
    way.save(file)
    option = OPTION.validate_python(str(file))
    assert option == f"{file}@{way.hash}" == OPTION.validate_python(option)
    assert torch.equal(opened(option, shared()).states, way.states)
    assert OPTION.validate_python("") == ""
    discovered(shared(), (DOGS, CATS)).save(file, overwrite=True)
    with pytest.raises(UsageError, match="is not the one any more that the edit was made with"):
        OPTION.validate_python(option)


def spoilt(**changes: Any) -> bytes:
    tensors: dict[str, torch.Tensor] = {"states": torch.zeros(1, 4, 4), **changes.pop("tensors", {})}
    told: Mapping[str, str] = changes.pop("meta", {KIND: "{}"})
    return save(tensors, dict(told))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not at all",
        spoilt(),
        spoilt(meta={}),
        spoilt(
            meta={KIND: '{"source": "a", "target": "b", "sentences": [1], "model": "", "fingerprint": ""}'}
        ),
        spoilt(
            tensors={"states": torch.full((1, 4, 4), float("nan"))},
            meta={
                KIND: '{"source": "a", "target": "b", "sentences": [1, 1], "model": "", "fingerprint": ""}'
            },
        ),
    ],
)
def test_what_is_none_is_a_sentence(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(data)
    with pytest.raises(UsageError, match=r"is no direction of an edit; make one with: overpaint direction"):
        Direction.load(file)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        OPTION.validate_python(str(tmp_path / "none.safetensors"))
