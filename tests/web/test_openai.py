"""The addresses that clients of OpenAI's pictures ask, as they ask them."""

import base64
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tests.cli.kit import SOURCE, TARGET
from tests.web.kit import Client, png

from overpaint.images import decode_picture
from overpaint.images.recipe import parse_recipe
from overpaint.run.inputs import CAPTION
from overpaint.web.openai import Asked, edits_of

FAST = {"options": '{"steps": 2}'}


def alpha_mask(side: int = 32) -> bytes:
    """A mask of theirs: transparent in its left half."""
    pixels = np.zeros((side, side, 4), np.uint8)
    pixels[:, side // 2 :, 3] = 255
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def decoded(answer: Any) -> list[Any]:
    return [decode_picture(base64.b64decode(one["b64_json"]), "x") for one in answer.json()["data"]]


def test_pictures_from_a_prompt_with_seeds_that_follow(client: Client) -> None:
    said = {
        "prompt": SOURCE,
        "n": 2,
        "size": "48x24",
        "model": "dall-e-2",
        "options": {"steps": 1},
        "seed": 5,
    }
    answer = client.post("/v1/images/generations", {**said, "user": "x", "quality": "hd"})
    assert answer.status_code == 200, answer.text
    pictures = decoded(answer)
    assert [picture.size for picture in pictures] == [(24, 48)] * 2
    assert [parse_recipe(picture, "x").request["seed"] for picture in pictures] == [5, 6]


def test_an_edit_inside_what_is_transparent_in_their_mask(client: Client) -> None:
    files = {"image": ("a.png", png()), "mask": ("m.png", alpha_mask())}
    answer = client.http.post("/v1/images/edits", data={"prompt": TARGET, **FAST}, files=files)
    assert answer.status_code == 200, answer.text
    (picture,) = decoded(answer)
    before = decode_picture(png(), "x")
    assert (picture.rgb[:, 16:] == before.rgb[:, 16:]).all() and (
        picture.rgb[:, :16] != before.rgb[:, :16]
    ).any()
    assert parse_recipe(picture, "x").method == "inpaint"


@pytest.mark.parametrize(
    ("source", "method"), [("", "sdedit"), (SOURCE, "p2p")], ids=["says nothing", "is described"]
)
def test_the_method_follows_from_what_is_given(client: Client, source: str, method: str) -> None:
    data = {"prompt": TARGET, "source": source, "response_format": "url", "output_format": "png", **FAST}
    answer = client.http.post("/v1/images/edits", data=data, files={"image": ("a.png", png())})
    (one,) = answer.json()["data"]
    assert one["url"].startswith("http://127.0.0.1:8787/api/edits/")
    image = client.get(one["url"].removeprefix("http://127.0.0.1:8787"))
    assert parse_recipe(decode_picture(image.content, "x"), "x").method == method


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_other_formats(client: Client, kind: str) -> None:
    said = {"prompt": SOURCE, "output_format": kind, "options": {"steps": 1}}
    (picture,) = decoded(client.post("/v1/images/generations", said))
    assert picture.info.format.lower() == kind


WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], int, str]] = {
    "no picture": ({}, {"prompt": TARGET}, 400, "There is no picture"),
    "no prompt": ({"image": ("a", png())}, {"n": "1"}, 422, "'prompt' is wrong"),
    "a mask without transparency": (
        {"image": ("a", png()), "mask": ("m", png())},
        {"prompt": TARGET},
        400,
        "has no transparency",
    ),
    "a mask of another size": (
        {"image": ("a", png()), "mask": ("m", alpha_mask(16))},
        {"prompt": TARGET},
        400,
        "make them equal",
    ),
    "too many": ({"image": ("a", png())}, {"prompt": TARGET, "n": "99"}, 422, "'n' is wrong"),
    "a size that is none": ({"image": ("a", png())}, {"prompt": TARGET, "size": "big"}, 422, "'size'"),
    "no JSON": ({"image": ("a", png())}, {"prompt": TARGET, "options": "{"}, 400, "must be JSON"),
    "an unknown method": ({"image": ("a", png())}, {"prompt": TARGET, "method": "x"}, 400, "no method 'x'"),
    "no picture at all": ({"image": ("a", b"x")}, {"prompt": TARGET}, 400, "is not a picture"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_have_the_form_their_clients_read(asleep: Client, name: str) -> None:
    files, data, status, words = WRONG[name]
    answer = asleep.http.post("/v1/images/edits", data=data, files=files or {"other": ("a", b"x")})
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert words in error["message"] and error["type"] == "invalid_request_error"


def test_several_pictures_are_edited_each_by_itself(client: Client) -> None:
    files = [("image[]", ("a.png", png())), ("image[]", ("b.png", png(24, 40)))]
    answer = client.http.post("/v1/images/edits", data={"prompt": TARGET, "n": "2", **FAST}, files=files)
    assert [one.size for one in decoded(answer)] == [(32, 32), (32, 32), (24, 40), (24, 40)]
    many = client.http.post("/v1/images/edits", data={"prompt": TARGET, "n": "6", **FAST}, files=files)
    assert many.status_code == 400 and "more than 10 results" in many.json()["error"]["message"]


def test_work_that_fails_is_an_error(client: Client) -> None:
    data = {"prompt": TARGET, "method": "p2p", **FAST}
    answer = client.http.post("/v1/images/edits", data=data, files={"image": ("a.png", png())})
    assert answer.status_code == 400 and "source prompt" in answer.json()["error"]["message"]
    large = {"prompt": SOURCE, "size": "4000x4000", "options": {"steps": 1}}
    answer = client.post("/v1/images/generations", large)
    assert answer.status_code == 400 and "too large" in answer.json()["error"]["message"]


def test_what_cannot_be_done_whole_is_not_begun(idle: Client) -> None:
    said = {"prompt": SOURCE, "n": 2}
    idle.studio.serving = replace(idle.studio.serving, most_waiting=1)
    assert idle.post("/v1/images/generations", said).status_code == 429
    assert idle.studio.ledger.counts() == {"cancelled": 1}
    for odd in ({"size": "00x10"}, {"options": dict.fromkeys(map(str, range(201)), 1)}):
        assert idle.post("/v1/images/generations", {**said, **odd}).status_code == 422


def test_a_picture_may_say_much_of_itself(idle: Client) -> None:
    text = PngInfo()
    text.add_text(CAPTION, "a cat " * 1000)
    out = BytesIO()
    Image.open(BytesIO(png())).save(out, "PNG", pnginfo=text)
    (work,) = edits_of(idle.studio, Asked(prompt=TARGET), [out.getvalue()], None)
    assert work["method"] == "p2p"
