"""Every edit is made from the original again, also where masks came before."""

from typing import Any

import numpy as np
import pytest
from tests.cli.kit import SOURCE, TARGET
from tests.kit import shared
from tests.run.kit import learned
from tests.web.kit import Client, png

import overpaint
from overpaint.errors import UsageError
from overpaint.images import Picture, decode_picture, encode_png
from overpaint.web.layers import carried, changed, works

BALL, BLUE, SAND = "a red ball on grass", "a blue ball on grass", "a blue ball on sand"


@pytest.mark.parametrize(
    ("text", "before", "after", "found"),
    [
        (BALL, BLUE, SAND, "a red ball on sand"),
        (BALL, BLUE, "a dark blue ball on grass at night", "a dark red ball on grass at night"),
        (BALL, BLUE, "a green ball on grass", "a green ball on grass"),
        ("a red ball with a hat on grass", BALL, "a red cube on grass", "a red cube with a hat on grass"),
        (BALL, "a red ball with a hat on grass", "a red ball with a hat on sand", "a red ball on sand"),
        ("x y", "a b", "c d", "c d"),
        ("", "", "a ball", "a ball"),
        (BALL, BALL, BALL, BALL),
    ],
)
def test_words_that_changed_are_carried_to_another_text(
    text: str, before: str, after: str, found: str
) -> None:
    assert changed(text, before, after) == found


def test_edits_inside_masks_stay_out_of_what_the_whole_picture_is_told() -> None:
    both = "a {} ball and a {} cube{}".format
    texts = [both("red", "red", ""), both("blue", "red", ""), both("blue", "red", " at night")]
    texts += [both("blue", "pink", " at night"), both("blue", "pink", " in snow at night")]
    masked = [True, False, True, False]
    assert carried(texts, masked, 0) == both("red", "red", " in snow at night")
    assert carried(texts, masked, 1) == both("blue", "red", " in snow at night")
    assert carried(texts, masked, 3) == texts[4]


def square(top: int, left: int) -> bytes:
    """A mask of 32 pixels, white in a square of twelve."""
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[top : top + 12, left : left + 12] = 255
    return encode_png(Picture(pixels))


def rgb(client: Client, id: str) -> Any:
    return decode_picture(client.get(f"/api/edits/{id}/image").content, "x").rgb


def test_what_is_inside_each_mask_is_made_from_the_original_and_all_else_stays(client: Client) -> None:
    image, masks = client.picture(), [square(2, 2), square(8, 8), square(18, 18)]
    path, first = list[dict[str, Any]](), decode_picture(png(), "x").rgb
    below, union = first, np.zeros((32, 32), bool)
    for seed, mask in enumerate(masks):
        inside = decode_picture(mask, "x").rgb[..., 0] == 255
        more = {"onto": path[-1]["result"]["picture"], "parent": path[-1]["id"]} if path else {}
        work = client.done(image=image, mask=client.picture(mask), seed=seed, **more)
        bare = client.done(image=image, seed=seed)
        made, union = rgb(client, work["id"]), union | inside
        assert np.array_equal(made[~inside], below[~inside]), "what was accepted stays, to the pixel"
        alone = client.done(image=image, mask=client.picture(mask), seed=seed)
        assert np.array_equal(made[inside], rgb(client, alone["id"])[inside]), "as if it were the first"
        assert not np.array_equal(made[inside], first[inside]) and bare["state"] == "done"
        path, below = [*path, work], made
    assert np.array_equal(below[~union], first[~union])
    again = overpaint.rerun(client.get(f"/api/edits/{path[-1]['id']}/image").content, model=shared())
    assert np.array_equal(again.picture.rgb, below)

    target = f"{TARGET} at night"
    way = [{"work": one["id"]} for one in path]
    said = client.asked(image=image, target=target, seed=9, way=way)
    rows = client.post("/api/estimate", said).json()["rows"]
    whole = client.done(image=image, target=target, seed=9, way=way, parent=path[-1]["id"])
    assert whole["result"]["figures"]["rows"] == rows[1] and whole["request"]["target"] == target
    laid = overpaint.edit(
        png(), source=SOURCE, target=f"{SOURCE} at night", method="sdedit", seed=9, steps=2, model=shared()
    )
    for seed, mask in enumerate(masks):
        again_said: dict[str, Any] = {"source": SOURCE, "target": target, "seed": seed, "steps": 2}
        laid = overpaint.edit(png(), method="sdedit", mask=mask, onto=laid, model=shared(), **again_said)
    made = rgb(client, whole["id"])
    assert np.array_equal(made, laid.picture.rgb)
    again = overpaint.rerun(client.get(f"/api/edits/{whole['id']}/image").content, model=shared())
    assert np.array_equal(again.picture.rgb, made)
    told = client.get(f"/api/edits/{whole['id']}/again").json()
    assert told["command"].count("overpaint edit PICTURE") == 4 and "--mask MASK-3" in told["command"]
    assert told["python"].count("onto=edit") == 3
    compile(told["python"], "again.py", "exec")


def test_a_whole_edit_and_one_of_a_comparison_are_on_the_way_too(client: Client) -> None:
    image, mask = client.picture(), client.picture(square(4, 4))
    asked = client.asked(image=image, mask=mask, methods=["sdedit", "ddim"])
    said = {name: asked[name] for name in ("image", "source", "target", "options", "mask", "methods", "look")}
    compared = client.until(client.post("/api/compare", said).json()["id"])
    cells = compared["result"]["cells"]
    k = next(k for k, one in enumerate(cells) if one["method"] == "ddim")
    plain = client.done(image=image, seed=3)
    way = [{"work": compared["id"], "cell": k}, {"work": plain["id"]}]
    whole = client.done(image=image, seed=4, way=way)
    inside = decode_picture(square(4, 4), "x").rgb[..., 0] == 255
    cell = decode_picture(client.get(f"/api/pictures/{cells[k]['picture']}/view").content, "x").rgb
    made = rgb(client, whole["id"])
    assert np.array_equal(made[inside], cell[inside])
    bare = client.done(image=image, seed=4, target=SOURCE)  # the words changed inside the mask alone
    assert np.array_equal(made[~inside], rgb(client, bare["id"])[~inside])
    for bad, words in (
        ([{"work": compared["id"]}], "say which one in cell"),
        ([{"work": "0" * 16}], "was deleted"),
    ):
        answer = client.post("/api/edits", client.asked(image=image, way=bad))
        assert answer.status_code == 400 and words in answer.json()["error"], answer.text
    answer = client.post("/api/edits", client.asked(image=image, mask=mask, way=way))
    assert answer.status_code == 400 and "as onto" in answer.json()["error"]


def test_what_was_chosen_inside_a_mask_is_made_again_by_the_method_that_was_taken(client: Client) -> None:
    image, mask = client.picture(), client.picture(square(4, 4))
    chosen = client.done(image=image, mask=mask, method="auto", options={})
    whole = client.until(
        client.edit(image=image, seed=4, method="auto", options={}, way=[{"work": chosen["id"]}])
    )
    (layer,) = client.studio.entry(whole["id"]).work["layers"]
    assert layer["method"] == "p2p" and layer["options"]["steps"] and whole["method"] == "auto"
    assert "Took p2p" in whole["result"]["chosen"] and whole["progress"] == 1


def test_what_was_tried_and_not_taken_is_kept_and_can_be_gone_on_from(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned(monkeypatch, natural=5.0)
    image, mask = client.picture(), client.picture(square(4, 4))
    chosen = client.done(image=image, mask=mask, method="auto", options={})
    result = chosen["result"]
    cells = result["cells"]
    assert [one["score"] for one in cells] == sorted((one["score"] for one in cells), reverse=True)
    assert cells[0]["picture"] == result["picture"] and cells[0]["dropped"] == "" and len(cells) == 3
    k = next(k for k, one in enumerate(cells) if one["method"] == "ddim")
    assert cells[k]["title"] == "ddim" and "less likely" in cells[k]["dropped"]
    made = client.get(f"/api/edits/{chosen['id']}/image", params={"cell": k}).content
    assert np.array_equal(decode_picture(made, "x").rgb, overpaint.rerun(made, model=shared()).picture.rgb)
    assert client.get(f"/api/edits/{chosen['id']}/image", params={"cell": 3}).status_code == 404
    whole = client.until(client.edit(image=image, seed=4, way=[{"work": chosen["id"], "cell": k}]))
    (layer,) = client.studio.entry(whole["id"]).work["layers"]
    assert layer["method"] == "ddim" and whole["result"]["cells"] == []


def test_without_a_mask_or_of_another_size_nothing_is_laid_on_it() -> None:
    said: dict[str, Any] = {"target": TARGET, "method": "sdedit", "model": shared(), "steps": 2}
    with pytest.raises(UsageError, match="give a mask too"):
        overpaint.edit(png(), onto=png(), **said)
    with pytest.raises(UsageError, match="40 x 32 pixels and the result 32 x 32"):
        overpaint.edit(png(), onto=png(32, 40), mask=square(2, 2), **said)


def test_work_by_itself_is_one_edit() -> None:
    work = {"request": {"target": "a"}, "method": "p2p"}
    assert list(works(work)) == [work]
