import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kit import SOURCE, TARGET
from tests.kit import shared
from tests.web.kit import QUICK, Client, events, png, serving, slowly, until, white

import overpaint
from overpaint.images import decode_picture, load_picture
from overpaint.images.recipe import parse_recipe


def test_an_edit_is_queued_done_and_given_back_to_the_byte(client: Client, tmp_path: Path) -> None:
    answer = client.post("/api/edits", client.asked())
    assert answer.status_code == 202 and answer.headers["location"] == f"/api/edits/{answer.json()['id']}"
    done = client.until(answer.json()["id"])
    assert done["result"]["figures"]["rows"] == 2 and done["request"]["target"] == TARGET
    image = client.get(f"/api/edits/{done['id']}/image")
    assert image.headers["content-type"] == "image/png"
    again = client.get(f"/api/edits/{done['id']}/again").json()
    assert again["command"].startswith("overpaint edit PICTURE --method sdedit --source ")
    assert "options={'steps': 2}" in again["python"]
    alone = overpaint.edit(
        png(), source=SOURCE, target=TARGET, method="sdedit", model=shared(), look=False, **QUICK
    )
    assert image.content == alone.save(tmp_path / "alone.png").read_bytes()


def test_a_form_with_files_and_base64_say_the_same_as_ids(idle: Client) -> None:
    said = {"source": SOURCE, "target": TARGET, "method": "sdedit", "seed": "3", "options": json.dumps(QUICK)}
    files = {"image": ("../../x.png", png()), "mask": ("m.png", white())}
    form = idle.http.post("/api/edits", data=said, files=files)
    assert form.status_code == 202, form.text
    inside = {"image": base64.b64encode(png()).decode(), "mask": base64.b64encode(white()).decode()}
    sent = idle.post("/api/edits", {**said, **inside, "seed": 3, "options": QUICK})
    same = ("image", "mask", "request", "options", "method")
    assert [form.json()[name] for name in same] == [sent.json()[name] for name in same]
    address = f"data:image/png;base64,{inside['image']}"
    assert idle.post("/api/edits", idle.asked(image=address)).json()["image"] == form.json()["image"]
    assert form.json()["before"] == 0 and sent.json()["before"] == 1


def test_the_same_key_is_the_same_work(idle: Client) -> None:
    said, key = idle.asked(), {"Idempotency-Key": "one"}
    first, second = (idle.post("/api/edits", said, headers=key).json()["id"] for _ in range(2))
    assert first == second and idle.post("/api/edits", said).json()["id"] != first
    other = idle.post("/api/edits", {**said, "seed": 5}, headers=key)
    assert other.status_code == 400 and "used for other work" in other.json()["error"]


def test_masks_maps_and_further_pictures_of_a_result(client: Client) -> None:
    done = client.done(mask=client.picture(white()), method="p2p", maps=True, options={"steps": 2})
    words = client.get(f"/api/edits/{done['id']}/maps").json()
    assert [one["word"] for one in words] == list(dict.fromkeys(TARGET.split()))
    shown = client.get(f"/api/pictures/{words[0]['picture']}/view")
    assert shown.content[:4] == b"\x89PNG" and done["result"]["mask"]
    runs = base64.b64encode(json.dumps([0, 100]).encode()).decode()
    assert client.done(mask=runs)["result"]["mask"]


def test_an_inversion_is_made_once_and_named_by_edits(client: Client) -> None:
    image = client.picture()
    asked = {"image": image, "source": SOURCE, "options": {"steps": 2}, "look": False}
    made = client.until(client.post("/api/invert", asked).json()["id"])
    assert made["kind"] == "invert" and made["result"]["figures"]["psnr"] is not None
    told = {"inversion": made["id"], "target": TARGET, "method": "ddim", "look": False}
    first = client.post("/api/edits", told)
    assert first.status_code == 202, first.text
    done = client.until(first.json()["id"])
    assert done["image"] == image and done["request"]["source"] == SOURCE and done["options"]["steps"] == 2
    bare = client.done(image=image, method="ddim", options={"steps": 2})
    assert done["result"]["figures"]["rows"] < made["result"]["figures"]["rows"] + 4
    assert done["result"]["picture"] and bare["result"]["picture"]
    for wrong, words in (
        ({**told, "method": "sdedit"}, "takes no inversion"),
        ({**told, "inversion": bare["id"]}, "is no inversion"),
        ({**told, "image": client.picture(png(24, 24))}, "belongs to its picture"),
    ):
        assert words in client.post("/api/edits", wrong).json()["error"]


def test_pictures_are_made_from_prompts(client: Client) -> None:
    asked = {"target": SOURCE, "options": {"steps": 1}, "seed": 4}
    done = client.until(client.post("/api/generate", asked).json()["id"])
    picture = client.get(f"/api/pictures/{done['result']['picture']}").json()
    assert picture["says"] == SOURCE and picture["recipe"]["request"]["seed"] == 4
    assert picture["recipe"]["method"] == "generate"


def test_methods_are_compared(client: Client) -> None:
    asked = {"image": client.picture(), "source": SOURCE, "target": TARGET, "methods": ["sdedit", "ddim"]}
    done = client.until(client.post("/api/compare", {**asked, "options": {"steps": 2}}).json()["id"])
    cells = done["result"]["cells"]
    assert {cell["method"] for cell in cells} == {"sdedit", "ddim"} and all(cell["picture"] for cell in cells)
    report = client.get(f"/api/edits/{done['id']}/report")
    assert report.headers["content-disposition"].startswith("attachment") and b"<html" in report.content
    assert client.get(f"/api/edits/{done['id']}/image").status_code == 404
    own = client.studio.ledger.own(done["id"])
    until(lambda: own.exists(), lambda there: not there)
    own.mkdir(parents=True)
    other = client.studio.ledger.own("gone")
    other.mkdir()
    client.http.delete(f"/api/edits/{done['id']}")
    assert not own.exists() and other.exists()
    client.studio.ledger.prune()
    assert not other.exists()


def test_the_news_of_an_edit_are_told_until_it_is_over(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(monkeypatch)
    id = client.edit(method="ddim", options={"steps": 3})
    told = events(client.get(f"/api/edits/{id}/events").text)
    kinds = [kind for kind, _ in told]
    assert kinds[0] == kinds[-1] == "state" and {"step", "preview"} <= set(kinds)
    assert told[-1][1]["state"] == "done" and told[-1][1]["result"]["picture"]
    shares = [facts["share"] for kind, facts in told if kind == "step"]
    assert shares == sorted(shares) and 0 < shares[-1] <= 1
    previews = [facts["image"] for kind, facts in told if kind == "preview"]
    assert previews[-1].startswith("data:image/png;base64,")
    again = events(client.get(f"/api/edits/{id}/events").text)
    assert [kind for kind, _ in again] == ["state"]


def test_work_is_cancelled_tried_again_moved_and_removed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(monkeypatch)
    first = client.edit(method="ddim", options={"steps": 50})
    client.until(first, "running")
    second, third = client.edit(seed=2), client.edit(seed=3)
    assert client.post(f"/api/edits/{third}/move", {"first": True}).json()["before"] == 0
    waiting = client.get("/api/queue").json()["waiting"]
    assert [one["id"] for one in waiting] == [third, second]
    assert client.http.delete(f"/api/edits/{second}").json()["state"] == "cancelled"
    running = client.http.delete(f"/api/edits/{first}").json()
    assert running["cancelling"] or running["state"] == "cancelled"
    client.until(first, "cancelled")
    assert client.get(f"/api/edits/{first}/image").status_code == 409
    assert client.post(f"/api/edits/{second}/retry").json()["state"] == "queued"
    done = client.until(second)
    picture = done["result"]["picture"]
    assert client.http.delete(f"/api/edits/{second}").status_code == 200
    assert client.get(f"/api/edits/{second}").status_code == 404
    assert client.get(f"/api/pictures/{picture}").status_code == 404, "its file is gone too"


def test_a_pause_lets_nothing_begin(client: Client) -> None:
    assert client.post("/api/queue/pause").json()["paused"] is True
    id = client.edit()
    assert client.get("/api/queue").json()["counts"] == {"queued": 1}
    assert client.post("/api/queue/resume").json()["paused"] is False
    client.until(id)


def test_the_history_is_searched_page_by_page(idle: Client) -> None:
    image = idle.picture()
    ids = [idle.edit(image=image, target=f"a dog {n} 100%") for n in range(5)]
    first = idle.get("/api/edits", params={"limit": 3}).json()
    second = idle.get("/api/edits", params={"limit": 3, "before": first["next"]}).json()
    assert [one["id"] for one in first["items"] + second["items"]] == ids[::-1] and second["next"] is None
    found = idle.get("/api/edits", params={"words": "DOG 3"}).json()["items"]
    assert [one["id"] for one in found] == [ids[3]]
    assert len(idle.get("/api/edits", params={"words": "100%"}).json()["items"]) == 5
    assert idle.get("/api/edits", params={"words": "50%"}).json()["items"] == []
    assert idle.get("/api/edits", params={"state": "done"}).json()["items"] == []


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "no picture": ({"image": ""}, 400, "No picture was sent"),
    "no base64": ({"image": "!!"}, 400, "neither the id of a picture here nor one in base64"),
    "no picture in base64": ({"image": base64.b64encode(b"hello").decode()}, 400, "is not a picture"),
    "an unknown picture": ({"image": "0" * 64}, 404, "There is no such picture"),
    "an unknown method": ({"method": "p2q"}, 400, "did you mean 'p2p'"),
    "an unknown option": ({"options": {"stepz": 2}}, 400, "did you mean 'steps'"),
    "a value out of range": ({"options": {"strength": 9}}, 400, "'strength' must be"),
    "an unknown model": ({"model": "/etc/passwd"}, 400, "has no model '/etc/passwd'"),
    "an unknown field": ({"colour": "red"}, 422, "'colour' is wrong"),
    "a seed that is none": ({"seed": -1}, 422, "'seed' is wrong"),
    "control characters": ({"target": "a\u0007"}, 400, "control characters"),
    "a long prompt": ({"target": "a " * 3000}, 422, "'target' is wrong"),
    "two masks": ({"mask_box": "1,1,9,9", "mask_words": "cat"}, 400, "both say where"),
    "a box that is none": ({"mask_box": "here"}, 400, "A box is x,y,w,h"),
    "making": ({"method": "generate"}, 400, "is no method of editing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_sentence_at_once(asleep: Client, name: str) -> None:
    more, status, words = WRONG[name]
    answer = asleep.post("/api/edits", asleep.asked(**more))
    assert answer.status_code == status and words in answer.json()["error"], answer.text
    assert asleep.get("/api/queue").json()["waiting"] == []


def test_what_fails_on_the_way_says_why(client: Client) -> None:
    asked = client.asked(method="p2p", source="", options=QUICK)
    failed = client.until(client.post("/api/edits", asked).json()["id"], "failed")
    assert "what the picture shows" in failed["error"]


def test_a_server_started_anew_goes_on(tmp_path: Path) -> None:
    with serving(tmp_path / "serve", devices=()) as first:
        id = first.edit()
    with serving(tmp_path / "serve") as second:
        assert second.until(id)["result"]["picture"]


def test_a_second_server_on_the_same_folder_is_refused(client: Client) -> None:
    from overpaint.web.app import guarded

    client.studio.claim()
    with pytest.raises(overpaint.UsageError, match="Another server works in"):
        guarded(client.studio.serving)


def test_what_is_sent_as_something_else_is_told(idle: Client) -> None:
    answer = idle.http.post("/api/edits", content=b"<xml/>", headers={"content-type": "text/xml"})
    assert answer.status_code == 415 and "Send JSON" in answer.json()["error"]
    for body in (b"{", b"[]", b'"x"', b"null", b"\xff"):
        answer = idle.http.post("/api/edits", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422 and answer.json()["error"].startswith("The request is wrong")
    files = {"image": ("x.png", png())}
    wrong = idle.http.post("/api/edits", files=files, data={"options": "{", "target": "x"})
    assert "'options' must be JSON" in wrong.json()["error"]
    twice = idle.http.post("/api/edits", files=[("image", ("a", png())), ("image", ("b", png()))])
    assert "two fields called 'image'" in twice.json()["error"]


def test_the_result_opens_as_a_picture_of_overpaint(client: Client, tmp_path: Path) -> None:
    done = client.done(seed=9)
    data = client.get(f"/api/edits/{done['id']}/image").content
    (tmp_path / "x.png").write_bytes(data)
    assert parse_recipe(load_picture(tmp_path / "x.png"), "x").request["seed"] == 9
    assert decode_picture(data, "x").size == (32, 32)
    assert until(lambda: client.studio.rows, lambda rows: rows > 0)
