"""Methods asked for what they cannot do, concepts and directions as nobody meant them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from overpaint.families.tiny import Shape, tiny
from overpaint.meter import Meter, Work
from overpaint.tune.direction import Direction
from tests.cli.kit import SCHEDULER, save_folder
from tests.corpus.kit import SOURCE, Args, Case, Fine, Place, verify

SENTENCES = "a big cat\na small cat\na cat in the snow\n"


def concept(*said: str) -> Callable[[Place], Args]:
    """An edit of the good picture along concepts."""
    flags = [one for line in said for one in ("--concept", line)]
    return lambda p: ["edit", p.picture, "--method", "ledits++", "--model", p.model, "--steps", "2", *flags]


def by(method: str, *more: str | Path) -> Callable[[Place], Args]:
    """An edit of the good picture by a method, with nothing but what is said."""
    return lambda p: ["edit", p.picture, "--method", method, "--model", p.model, "--steps", "2", *more]


def on(shape: Shape, method: str) -> Callable[[Place], Args]:
    """An edit of the good picture by a method and a model that do not go together."""

    def make(p: Place) -> Args:
        model = save_pixel(p.tmp / shape) if shape == "pixel" else save_folder(p.tmp / shape, shape)
        prompts = ("--source", SOURCE, "--target", "a dog")
        return ["edit", p.picture, "--method", method, "--model", model, "--steps", "2", *prompts]

    return make


def save_pixel(folder: Path) -> Path:
    """A network on pixels as diffusers writes it."""
    net: Any = tiny("pixel").net
    net.save_pretrained(folder / "unet")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    return folder


def sentences(one: str | bytes, other: str | bytes = SENTENCES) -> Callable[[Place], Args]:
    """A direction from two files of sentences."""

    def make(p: Place) -> Args:
        texts = [text.encode() if isinstance(text, str) else text for text in (one, other)]
        files = [p.file(name, text) for name, text in zip(("a.txt", "b.txt"), texts, strict=True)]
        told = ("--source-sentences", files[0], "--target-sentences", files[1])
        return ["direction", "cat", "dog", *told, "--model", p.model, "-o", p.tmp / "c.safetensors"]

    return make


def direction(**changed: Any) -> Callable[[Place], Args]:
    """An edit along a direction of the model that is used, or of one that differs in something."""

    def make(p: Place) -> Args:
        own = tiny().family
        told: dict[str, Any] = {"states": own.text("a dog").states - own.text("a cat").states, **changed}
        Direction(**told, model="another", sentences=(2, 2)).save(p.tmp / "d.safetensors")
        return given(p, p.tmp / "d.safetensors")

    return make


def given(p: Place, file: Path) -> Args:
    """An edit along what is in a file."""
    return [*by("pix2pix-zero", "--source", SOURCE, "--direction", file)(p)]


def bytes_of(data: bytes) -> Callable[[Place], Args]:
    """Something else in the place of a direction."""
    return lambda p: given(p, p.file("x.safetensors", data))


UNSUITED: dict[str, Case] = {
    "a method without its source prompt": (
        by("p2p", "--target", "a dog"),
        "or choose 'pnp', which does without",
    ),
    "a method without its target prompt": (
        by("p2p", "--source", SOURCE),
        "give the target prompt, or choose",
    ),
    "a method without its mask": (
        by("blended-latent", "--source", SOURCE, "--target", "a dog"),
        "white where it may, or choose 'p2p'",
    ),
    "a method that edits no picture": (by("generate", "--target", "a dog"), "use it without one; '"),
    "several targets of a method that takes one": (
        by("masactrl", "--target", "a dog", "--target", "a bird"),
        "that takes several: p2p",
    ),
    "a word for a picture of a method that looks at none": (
        by("p2p", "--source", SOURCE, "--target", "a dog", "--examples", "x.png"),
        "There is no option --examples",
    ),
    "a method of other families": (
        on("pixel", "p2p"),
        "'p2p' does not work on pixel models; it works on: sd1, sd2, sdxl",
    ),
    "a method of networks that are told regions": (
        on("sd1", "spatext"),
        "'spatext' needs a network that is told regions, and this model's is none",
    ),
    "a method that gives no mask to an inpainting network": (
        on("sd1-inpaint", "p2p"),
        "'p2p' gives no mask to an inpainting network, and this model's is one; take the method 'inpaint'",
    ),
}
CONCEPTS: dict[str, Case] = {
    "one with sign and strength": (concept("+sunglasses:3"), Fine),
    "two of them": (concept("+dog:3", "-grass:2"), Fine),
    "none": (concept(), "There is no concept"),
    "no sign": (concept("sunglasses:3"), "has no sign; write +sunglasses:3 to add it, -sunglasses:3 to"),
    "no strength": (concept("+sunglasses"), "has no strength; write it behind a colon: +sunglasses:5"),
    "neither": (concept("sunglasses"), "has no sign"),
    "no words": (concept("+:3"), "has no words"),
    "nothing at all": (concept(""), "has no words"),
    "a sign alone": (concept("+"), "has no words"),
    "a strength of nothing": (concept("+dog:0"), "must be a number above 0"),
    "a strength below nothing": (concept("+dog:-2"), "its sign stands in front"),
    "a strength that is a word": (concept("+dog:much"), "must be a number above 0"),
    "a strength that is no number": (concept("+dog:nan"), "must be a number above 0"),
    "a strength without end": (concept("+dog:inf"), "at most 50"),
    "something else behind it": (concept("+dog:3;colour=red"), "behind a semicolon goes one of"),
    "a hundred words": (concept(f"+{'dog ' * 100}:3"), "shorten it"),
    "the second one wrong": (concept("+dog:3", "cat"), "the concept 'cat' has no sign"),
}
DIRECTIONS: dict[str, Case] = {
    "its own": (direction(), Fine),
    "of a model of another width": (
        direction(states=torch.zeros(1, 16, 32)),
        "has 16 x 32 numbers, but prompts of this model have 16 x 24",
    ),
    "of a model with other prompts": (
        direction(states=torch.zeros(1, 77, 24)),
        "made with a model of another kind",
    ),
    "of a model with a pooled text": (
        direction(pooled=torch.zeros(1, 16)),
        "made with a model of another kind",
    ),
    "of another model of the same width": (
        direction(probe=torch.ones(1, 16, 24)),
        "was made with another, whose text encoder reads prompts in another way",
    ),
    "that is no number": (
        direction(states=torch.full((1, 16, 24), float("nan"))),
        "is no direction of an edit",
    ),
    "a picture": (lambda p: given(p, p.picture), "is no direction of an edit"),
    "weights of something else": (bytes_of(save({"states": torch.zeros(1, 16, 24)})), "is no direction"),
    "nothing": (bytes_of(b""), "is no direction of an edit"),
    "half a file": (bytes_of(save({"states": torch.zeros(1, 16, 24)})[:90]), "is no direction of an edit"),
    "a folder": (lambda p: given(p, p.tmp), "cannot be read"),
    "one that is not there": (lambda p: given(p, p.tmp / "no.safetensors"), "cannot be read"),
    "beside a target prompt": (
        lambda p: [*direction()(p), "--target", "a dog"],
        "leave one of them out",
    ),
    "from files of sentences": (sentences(SENTENCES), Fine),
    "from the same sentence many times": (sentences("a cat\n" * 20), Fine),
    "from more than ten thousand": (sentences("a cat\n" * 10_001), "10001 sentences, more than 10000"),
    "from one sentence": (sentences("a cat\n"), "holds one sentence"),
    "from no sentence": (sentences("\n \n"), "holds no sentence"),
    "from an empty file": (sentences(b""), "holds no sentence"),
    "from one sentence on the other side": (sentences(SENTENCES, "a dog"), "b.txt holds one sentence"),
    "from bytes that are no text": (sentences(b"\xff\xfe a cat\n a dog\n"), "is no text"),
    "from a sentence that never ends": (sentences(f"a cat\n{'cat ' * 200}\n"), "is too long for a direction"),
    "from a line of a million letters": (sentences(f"a cat\n{'c' * 1_000_000}\n"), "Sentence 2 of"),
    "from control characters": (sentences("a cat\na \x1b[31mcat\n"), "Sentence 2 of"),
}


@pytest.mark.parametrize("name", UNSUITED)
def test_method_that_does_not_suit(name: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    whole = Meter.tick

    def tick(meter: Meter, work: Work, n: int = 1) -> None:
        calls.append(n)
        whole(meter, work, n)

    monkeypatch.setattr(Meter, "tick", tick)
    verify(UNSUITED[name], place)
    assert not calls, "no network is asked"


@pytest.mark.parametrize("name", CONCEPTS)
def test_concept(name: str, place: Place) -> None:
    verify(CONCEPTS[name], place)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_direction(name: str, place: Place) -> None:
    verify(DIRECTIONS[name], place)
