"""Recipes that were damaged, invented, or belong to another picture."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from overpaint.images.recipe import KEY, read_recipe
from tests.cli.kit import overpaint
from tests.corpus.kit import Args, Case, Fine, Place, verify


def genuine(model: Path, folder: Path) -> str:
    """The recipe of an edit that was really made; the source picture travels inside."""
    place = Place(folder, folder / "cat.png", model)
    said = overpaint(*place.edit("-o", folder / "genuine.png"))
    assert said.code == 0, said.err
    recipe = read_recipe(folder / "genuine.png")
    (folder / "genuine.png").unlink()
    return recipe.model_dump_json()


def carrying(p: Place, text: str, name: str = "told.png") -> Path:
    """The good picture with a recipe of any text."""
    notes = PngInfo()
    notes.add_text(KEY, text)
    with Image.open(p.picture) as image:
        image.save(p.tmp / name, pnginfo=notes)
    return p.tmp / name


def told(change: Callable[[dict[str, Any]], object]) -> Callable[[Place], Args]:
    """A rerun of a true recipe in which something was changed."""

    def make(p: Place) -> Args:
        recipe = json.loads(genuine(p.model, p.tmp))
        change(recipe)
        return ["rerun", carrying(p, json.dumps(recipe)), "-o", p.tmp / "out.png"]

    return make


def text(what: str) -> Callable[[Place], Args]:
    return lambda p: ["rerun", carrying(p, what), "-o", p.tmp / "out.png"]


def source_of(told: dict[str, Any]) -> dict[str, Any]:
    """The record of the picture the edit began with."""
    return told["pictures"]["source"][0]


def elsewhere(path: str) -> Callable[[dict[str, Any]], object]:
    """The source picture is said to lie at another place."""
    return lambda r: source_of(r).update(png=None, path=path)


CASES: dict[str, Case] = {
    "its own": (told(lambda r: None), Fine),
    "no JSON": (text("{half a recipe"), "damaged"),
    "JSON of another kind": (text("[1, 2, 3]"), "damaged"),
    "a number too large": (text('{"version": 1e400}'), "damaged"),
    "ten thousand brackets": (text("[" * 10_000), "damaged"),
    "nothing": (text(""), "recipe"),
    "of a newer layout": (told(lambda r: r.update(version=99)), "newer overpaint"),
    "of layout zero": (told(lambda r: r.update(version=0)), "damaged"),
    "a method that is not there": (told(lambda r: r.update(method="telepathy")), "There is no method"),
    "a command that is not there": (told(lambda r: r.update(command="format")), "damaged"),
    "an option that is not there": (told(lambda r: r["options"].update(strength=1)), "strength"),
    "a value out of range": (told(lambda r: r["options"].update(steps=10**9)), "steps"),
    "an option of another kind": (told(lambda r: r["options"].update(guidance=[7.5])), "guidance"),
    "a prompt that is a list": (told(lambda r: r["request"].update(target=["a"])), "target"),
    "a model that is not there": (told(lambda r: r["model"].update(name="/nowhere")), "There is no model"),
    "a model that is an address": (
        told(lambda r: r["model"].update(name="https://example.org/m")),
        "There is no model",
    ),
    "threads beyond reason": (told(lambda r: r["environment"].update(threads=0)), "damaged"),
    "a device that is not there": (told(lambda r: r["environment"].update(device="cuda:9")), "device"),
    "a type that is not there": (told(lambda r: r["environment"].update(dtype="int3")), "type"),
    "a source that is damaged": (told(lambda r: source_of(r).update(png="!!!")), "damaged"),
    "a source that is another": (told(lambda r: source_of(r).update(pixels="0" * 64)), "is not the one"),
    "a source that has gone": (told(elsewhere("/nowhere/cat.png")), "There is no file"),
    "a source that is a secret": (told(elsewhere("/etc/hostname")), "is not a picture"),
    "a source that is a device": (told(elsewhere("/dev/zero")), "is not a file"),
    "no source": (told(lambda r: r.update(pictures={})), "give"),
    "another picture's, to cite": (
        lambda p: ["cite", carrying(p, genuine(p.model, p.tmp))],
        Fine,
    ),
    "another picture's, to edit by": (
        lambda p: p.of(carrying(p, genuine(p.model, p.tmp))),
        Fine,
    ),
    "its own, with something added to its model": (
        lambda p: [*told(lambda r: None)(p), "--lora", p.file("l.safetensors", b"")],
        "name a model with --model",
    ),
    "of a picture without one": (lambda p: ["rerun", p.picture], "carries no recipe"),
}


@pytest.mark.parametrize("name", CASES)
def test_recipe(name: str, place: Place) -> None:
    verify(CASES[name], place)
