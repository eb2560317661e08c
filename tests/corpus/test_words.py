"""Prompts and numbers as nobody meant them."""

import pytest

from tests.corpus.kit import Case, Fine, Place, verify

PROMPTS: dict[str, Case] = {
    "control characters": (lambda p: p.edit(target="a \x1b[31mdog\x07"), "control characters"),
    "zero byte": (lambda p: p.edit(target="a\x00dog"), "control characters"),
    "only blanks of other scripts": (lambda p: p.edit(target="\u2003\u00a0\u3000"), "give the target prompt"),
    "ten thousand words": (lambda p: p.edit(target="dog " * 10_000), "shorten it"),
    "one word of a million letters": (lambda p: p.edit(target="d" * 1_000_000), "shorten it"),
    "no words": (lambda p: p.edit(target=""), "give the target prompt"),
    "only punctuation": (lambda p: p.edit("--kind", "refine", target="?!"), Fine),
    "another script": (lambda p: p.edit("--kind", "refine", target="собака"), Fine),
    "right to left": (lambda p: p.edit("--kind", "refine", target="كلب"), Fine),
    "emoji": (lambda p: p.edit("--kind", "refine", target="a 🐕"), Fine),
    "half a character": (lambda p: p.edit(target="a \ud83d dog"), "bytes that are no text"),
    "line breaks": (lambda p: p.edit(target="a photo\nof a\tdog"), Fine),
    "marks of the tokenizer": (lambda p: p.edit("--kind", "refine", target="<|endoftext|> dog"), Fine),
    "an option for a prompt": (lambda p: p.edit(target="--overwrite"), Fine),
    "a word behind a comma": (lambda p: p.edit("--reweight", "dog=2", target="a photo of a dog, wet"), Fine),
    "a word in capitals": (lambda p: p.edit("--reweight", "DOG=2"), Fine),
    "a word with a possessive": (lambda p: p.edit("--reweight", "dog=2", target="a dog's toy"), Fine),
    "an accent apart from its letter": (
        lambda p: p.edit("--kind", "refine", "--reweight", "cafe\u0301=2", target="a caf\u00e9"),
        Fine,
    ),
    "signs of stress": (lambda p: p.edit(target="a photo of a dog++"), Fine),
    "a weight of other programs": (lambda p: p.edit(target="a (blue:1.3) dog"), '--reweight "blue=1.3"'),
    "a weight in square brackets": (lambda p: p.edit(target="a [blue:0.3] dog"), '--reweight "blue=0.3"'),
    "a LoRA of other programs": (
        lambda p: p.edit(target="a dog <lora:pixel:0.8>"),
        "--lora pixel.safetensors:0.8",
    ),
    "a taught word of other programs": (
        lambda p: p.edit(target="a dog, embedding:mydog"),
        "--embedding mydog.safetensors",
    ),
    "a script without blanks": (
        lambda p: p.edit("--kind", "refine", "--reweight", "狗=2", target="一只狗"),
        "put blanks around '狗'",
    ),
    "the same word in capitals": (lambda p: p.edit("--reweight", "dog=2,Dog=3"), "name every word once"),
    "a word twice": (lambda p: p.edit("--reweight", "dog=2,dog=3"), "name every word once"),
}
NUMBERS: dict[str, Case] = {
    "a word": (lambda p: p.edit("--guidance", "seven"), "'guidance' must be a number"),
    "not a number": (lambda p: p.edit("--guidance", "nan"), "'guidance' must be a number"),
    "infinite": (lambda p: p.edit("--guidance", "-inf"), "'guidance' must be a number"),
    "too large for a float": (lambda p: p.edit("--guidance", "1e400"), "'guidance' must be a number"),
    "negative": (lambda p: p.edit("--guidance", "-1"), "'guidance' must be a number from 0 to 30"),
    "empty": (lambda p: p.edit("--guidance", ""), "'guidance' must be a number"),
    "a comma": (lambda p: p.edit("--guidance", "7,5"), "'guidance' must be a number"),
    "half a step": (lambda p: p.edit("--steps", "2.5"), "must be a whole number"),
    "a seed with a fraction": (lambda p: p.edit("--seed", "0.5"), "not a valid integer"),
    "a seed of other digits": (lambda p: p.edit("--seed", "٣"), Fine),
    "a seed as a formula": (lambda p: p.edit("--seed", "__import__('os')"), "not a valid integer"),
    "a million steps": (lambda p: p.edit("--steps", "1000000"), "must be a whole number from 1 to 1000"),
    "a window beyond its end": (lambda p: p.edit("--cross-replace", "0:2"), "cross_replace"),
    "a weight that is infinite": (lambda p: p.edit("--reweight", "dog=inf"), "reweight"),
    "a threshold that is no number": (lambda p: p.edit("--blend-threshold", "nan"), "blend_threshold"),
}
OPTIONS: dict[str, Case] = {
    "parts that wait where they work": (
        lambda p: p.edit("--device", "cpu", "--offload"),
        "offload would save nothing",
    ),
    "near miss of a command": (lambda p: ["edti", p.picture], "did you mean 'edit'?"),
    "near miss of an option": (lambda p: p.edit("--stpes", "3"), "did you mean --steps?"),
    "no option at all like it": (lambda p: p.edit("--xyzzy", "3"), "There is no option --xyzzy"),
    "option without a value": (lambda p: [*p.edit(), "--steps"], "--steps"),
    "two pictures": (lambda p: p.edit(p.picture), "argument"),
    "no picture": (lambda p: ["edit", "--target", "a dog"], "PICTURE"),
    "option of another method": (lambda p: p.edit("--strength", "0.5"), "--strength"),
    "shell text in a name": (lambda p: p.edit("--method", "p2p; rm -rf /"), "There is no method"),
    "path for a method": (lambda p: p.edit("--method", "../../etc/passwd"), "There is no method"),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_prompt(name: str, place: Place) -> None:
    verify(PROMPTS[name], place)


@pytest.mark.parametrize("name", NUMBERS)
def test_number(name: str, place: Place) -> None:
    verify(NUMBERS[name], place)


@pytest.mark.parametrize("name", OPTIONS)
def test_option(name: str, place: Place) -> None:
    verify(OPTIONS[name], place)
