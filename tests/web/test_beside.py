"""Side networks and maps over HTTP and on the page, on the shipped model, which has them."""

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any, get_args

import numpy as np
import pytest
from tests.cli.kit import overpaint
from tests.pages.kit import browser
from tests.web.browser import chromium, face, shot
from tests.web.kit import Client, serving, until
from tests.web.live import live

from overpaint.errors import UsageError
from overpaint.images import Picture, decode_picture, encode_png, from_tensor, load_picture
from overpaint.images.recipe import parse_recipe
from overpaint.sides.conditions import MADE, READ
from overpaint.sides.file import SideFile
from overpaint.stilllife.edits import pairs
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME
from overpaint.web.client import Remote, packed
from overpaint.web.controlling import named
from overpaint.web.schemas import Condition

CASE = pairs(0, "colour")


@pytest.fixture(autouse=True)
def tiny() -> None:
    """Not the tiny model here."""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with serving(tmp_path / "serve") as made:
        yield made


def picture() -> bytes:
    return encode_png(from_tensor(render([CASE.source], FRAME) * 2 - 1))


def asked(client: Client, **more: Any) -> dict[str, Any]:
    return {"source": CASE.source_prompt, "target": CASE.target_prompt, "look": False, **more}


def test_side_networks_and_a_painted_map_are_heard(client: Client) -> None:
    image = client.picture(picture())
    path = f"/api/pictures/{image}/regions"
    found = until(lambda: client.get(path).json(), lambda one: not one["busy"])
    colours = {one["name"]: one["colour"] for one in found["names"]}
    there = [one["name"] for one in found["names"] if one["share"] > 0]
    assert len(there) >= 2 and abs(sum(one["share"] for one in found["names"]) - 1) < 1e-6
    plan = decode_picture(client.get(f"/api/pictures/{found['map']}/view").content, "x").rgb.copy()
    plan[20:40, 20:40] = colours[there[1]]
    data = client.picture(encode_png(Picture(plan)))
    (model,) = until(lambda: client.get("/api/models").json(), lambda found: found[0]["loaded"])
    assert {"canny", "depth", "segmentation"} <= set(model["controls"]) and model["regions"]
    said = {"method": "sdedit", "image": image, "options": {"steps": 2}}
    control = [{"net": "canny", "scale": 0.5, "stop": 0.6}]
    work = client.until(client.edit(**asked(client), **said, map=data, control=control))
    made = decode_picture(client.get(f"/api/edits/{work['id']}/image").content, "x")
    recipe = parse_recipe(made, "x")
    assert [one.options["net"] for one in recipe.controls] == ["canny", "segmentation"]
    changed = (made.rgb != decode_picture(picture(), "x").rgb).any(-1)
    assert work["result"]["mask"] and changed[25:35, 25:35].any() and not changed[-8:, -8:].any()
    again = client.get(f"/api/edits/{work['id']}/again").json()
    assert "--control canny:0.5@0-0.6" in again["command"] and "--map MAP" in again["command"]
    for bad, words in (({"control": [{"net": "/etc/passwd"}]}, "no side network"), ({"map": "x"}, "map")):
        answer = client.post("/api/edits", {**asked(client), **said, **bad})
        assert answer.status_code == 400 and words in answer.json()["error"], answer.text


def test_a_painted_map_gives_the_same_bytes_there_and_here(tmp_path: Path) -> None:
    place, plan = tmp_path / "x.png", tmp_path / "map.png"
    place.write_bytes(picture())
    read = overpaint("regions", place, "-o", plan)
    assert read.code == 0, read.err
    painted = load_picture(plan).rgb.copy()
    painted[20:60, 20:60] = painted[0, 0]
    painted[60:90, 60:90] = painted[-1, -1]
    plan.write_bytes(encode_png(Picture(painted)))
    said = ("edit", place, "--source", CASE.source_prompt, "--target", CASE.target_prompt, "--map", plan)
    how = ("--method", "sdedit", "--steps", "2", "--no-look")
    with live(tmp_path / "serve") as (home, _):
        there = overpaint(*said, *how, "--server", home, "-o", tmp_path / "there.png")
    assert there.code == 0, there.err
    here = overpaint(*said, *how, "-o", tmp_path / "here.png")
    assert here.code == 0, here.err
    assert (tmp_path / "there.png").read_bytes() == (tmp_path / "here.png").read_bytes()
    recipe = parse_recipe(load_picture(tmp_path / "here.png"), "x")
    assert [one.options["net"] for one in recipe.controls] == ["segmentation"]


def test_side_networks_of_the_owner_s_are_named_and_give_the_bytes_of_one_here(tmp_path: Path) -> None:
    own, place, seen = tmp_path / "nets" / "contours", tmp_path / "x.png", tmp_path / "lines.png"
    copytree(SideFile.of("canny").place, own)
    place.write_bytes(picture())
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[8:40, 20] = lines[8, 20:40] = 255
    seen.write_bytes(encode_png(Picture(lines)))
    prompts = ("--source", CASE.source_prompt, "--target", CASE.target_prompt)
    said = ("edit", place, *prompts, "--method", "sdedit", "--steps", "2", "--no-look")
    beside = ("--control", f"depth={seen}:0.7", "--mask-box", "8,8,40,40", "--onto", place)
    net = "{}=canny:0.5@0-0.6,only_mid=true".format
    with live(tmp_path / "serve", controls=dict([named(f"contours={own}")])) as (home, _):
        far = ("--control", net("contours"), "--server", home, "-o", tmp_path / "there.png")
        there = overpaint(*said, *far, *beside)
        assert there.code == 0, there.err
        here = overpaint(*said, "--control", net(own), "-o", tmp_path / "here.png", *beside)
        assert here.code == 0, here.err
        assert (tmp_path / "there.png").read_bytes() == (tmp_path / "here.png").read_bytes()
        elsewhere = overpaint(*said, "--control", net(own), "--server", home, "-o", tmp_path / "no.png")
        assert elsewhere.code == 2 and "There is no side network" in elsewhere.err
        remote = Remote.of(home)
        (model,) = json.loads(remote.asked("GET", "/api/models"))
        assert "contours" in model["controls"] and str(tmp_path) not in str(model)
        control = [{"net": "contours", "picture": packed(seen.read_bytes()), "scale": 0.5}]
        asked = {"target": CASE.target_prompt, "options": {"steps": 2}, "seed": 3}
        work = remote.told("POST", "/api/generate", {**asked, "control": control})
        path = f"/api/edits/{work['id']}"
        work = until(lambda: remote.told("GET", path), lambda one: one["state"] == "done")
        made = decode_picture(remote.asked("GET", f"{path}/image"), "x")
        plain = ("generate", CASE.target_prompt, "--steps", "2", "--seed", "3", "-o", tmp_path / "made.png")
        assert overpaint(*plain, "--control", f"{own}={seen}:0.5").code == 0
        assert (made.rgb == load_picture(tmp_path / "made.png").rgb).all()
        assert remote.told("GET", f"{path}/again")["command"].endswith(
            "--control contours=CONDITION:0.5 --steps 2"
        )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("contours", "write NAME=FILE"),
        ("a b=x", "write NAME=FILE"),
        ("canny=x", "comes with overpaint"),
        ("edges=/nowhere", "nowhere"),
    ],
)
def test_side_networks_that_cannot_be_named_are_refused_at_the_start(said: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        named(said)


def test_conditions_that_are_made_have_their_names_in_the_schema() -> None:
    assert set(get_args(Condition)) == {"auto", *MADE, *READ}


LAG = """async () => {
    const canvas = document.getElementById("canvas"), box = canvas.getBoundingClientRect(), took = [];
    const usual = { pointerId: 1, button: 0, buttons: 1, clientY: box.top + box.height / 2, bubbles: true };
    const at = (x) => ({ ...usual, clientX: box.left + x });
    const send = (kind, x) => canvas.dispatchEvent(new PointerEvent(kind, at(x)));
    canvas.setPointerCapture = () => {};
    send("pointerdown", box.width / 4);
    for (let k = 0; k < 60; k++) {
        const began = performance.now();
        send("pointermove", box.width / 4 + 4 * k);
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        took.push(performance.now() - began);
    }
    send("pointerup", box.width / 2);
    took.sort((a, b) => a - b);
    return { half: took[30], most: took[57] };
}"""


@pytest.mark.slow
@browser
def test_they_are_on_the_page_and_a_picture_of_8_k_does_not_lag(tmp_path: Path) -> None:
    with live(tmp_path / "serve") as (home, studio), chromium() as window:
        one = face(window, home)
        one.drop(picture())
        page = one.page
        page.fill("#source", CASE.source_prompt)
        page.fill("#target", CASE.target_prompt)
        one.seen("#controls-row")
        page.check("#control-canny")
        one.until(lambda: not page.locator("#where-map").is_hidden())
        page.click("#where-map")
        one.seen("#plan-names button")
        page.locator("#plan-names button").nth(1).click()
        one.stroke((-60, 0), (0, 10), (60, 30))
        assert one.faults() == []
        shot(one, tmp_path / "map.png")
        page.click("#method")
        page.click("#cards .card button:has(b:text-is('p2p'))")
        page.fill("#option-steps", "10")
        page.dispatch_event("#option-steps", "change")
        one.run()
        assert one.faults() == []
        shot(one, tmp_path / "made.png")
        page.click("#save")
        one.until(lambda: "--control canny:1 " in page.inner_text("#keep-command"))
        page.keyboard.press("Escape")
        page.click("#new")
        page.fill("#target", CASE.target_prompt)
        page.check("#control-canny")
        page.click("#run")
        one.until(lambda: "Edges needs a picture to look at" in page.inner_text("#error"))
        lines: Any = {"name": "lines.png", "mimeType": "image/png", "buffer": picture()}
        with page.expect_file_chooser() as chosen:
            page.click("#controls .seen")
        chosen.value.set_files(lines)
        one.seen("#controls .seen img")
        shot(one, tmp_path / "words.png")
        page.click("#run")
        one.seen("#work")
        made = studio.ledger.entries("done")[-1].work
        assert made["kind"] == "generate" and made["control"][0]["picture"] is not None
        assert one.wrong == []
        large = face(window, home)
        y, x = np.mgrid[0:4320, 0:7680]
        pixels = np.stack([x % 256, y % 256, (x + y) % 256], -1).astype(np.uint8)
        large.drop(encode_png(Picture(pixels)))
        large.page.click("[data-where=paint]")
        lag = large.page.evaluate(LAG)
        print(f"a move of the brush on 7680 x 4320: {lag['half']:.0f} ms, at most {lag['most']:.0f} ms")
        shot(large, tmp_path / "large.png")
        assert lag["half"] < 100 and large.wrong == []
