from base64 import b64encode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from tests.cli.kit import SOURCE
from tests.run.kit import learned
from tests.web.kit import Client, png, until, white

from overpaint import __version__, registry
from overpaint.images import decode_picture


def test_pictures_are_known_by_their_content_and_shown_upright(idle: Client) -> None:
    out, exif = BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(out, "JPEG", exif=exif)
    id = idle.picture(out.getvalue())
    assert idle.picture(out.getvalue()) == id
    told = idle.get(f"/api/pictures/{id}").json()
    assert (told["height"], told["width"], told["says"], told["recipe"]) == (30, 20, "", None)
    shown = idle.get(f"/api/pictures/{id}/view")
    assert decode_picture(shown.content, "x").size == (30, 20)
    assert "immutable" in shown.headers["cache-control"]
    small = idle.get(f"/api/pictures/{id}/view", params={"side": 16})
    assert max(decode_picture(small.content, "x").size) == 16
    assert idle.get(f"/api/pictures/{id}/view", params={"side": 99999}).status_code == 422
    assert idle.get(f"/api/pictures/{'0' * 64}/view").status_code == 404
    assert idle.get("/api/pictures/..%2f..%2fetc").status_code in (404, 422)
    transparent = idle.picture(png(mode="RGBA"))
    assert decode_picture(idle.get(f"/api/pictures/{transparent}/view").content, "x").alpha is not None


def test_what_is_no_picture_is_not_kept(idle: Client) -> None:
    for data, words in ((b"hello", "is not a picture"), (b"", "is empty"), (png()[:60], "damaged")):
        answer = idle.http.post("/api/pictures", files={"file": ("x.png", data)})
        assert answer.status_code == 400 and words in answer.json()["error"]
    assert not list(idle.studio.ledger.results.glob("*/*"))


def test_every_method_is_told_with_its_settings(idle: Client) -> None:
    told = idle.get("/api/methods").json()
    assert [one["name"] for one in told] == ["auto", *registry.places()]
    p2p = idle.get("/api/methods/p2p").json()
    settings = {one["name"]: one for one in p2p["settings"]}
    assert settings["steps"]["kind"] == "integer" and settings["steps"]["wanted"].startswith("a whole number")
    assert {one["name"] for one in settings["inversion"]["parts"]["null-text"]} >= {"inner"}
    assert p2p["json_schema"]["properties"]["steps"] and p2p["papers"][0]["title"]
    missing = idle.get("/api/methods/p2q")
    assert missing.status_code == 400 and "did you mean 'p2p'" in missing.json()["error"]


def test_models_and_what_an_edit_would_take(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def models() -> list[dict[str, object]]:
        return client.get("/api/models").json()

    (model,) = until(models, lambda found: bool(found[0]["loaded"]))
    assert model["name"] == "still-life" and model["family"] == "sd1" and model["side"] == 32
    id = client.picture()
    strange = client.picture(png(48, 64))
    look = until(lambda: client.get(f"/api/pictures/{strange}/look").json(), lambda found: not found["busy"])
    assert look["far"] and "autoencoder" in look["words"] and look["distance"] is None
    said = {"image": id, "target": SOURCE, "method": "ddim", "options": {"steps": 10}}
    found = client.post("/api/estimate", said).json()
    assert found["rows"] == [30, 30] and found["seconds"][0] > 0 and found["memory"] > 0
    more = client.post("/api/estimate", {**said, "options": {"steps": 20}}).json()
    assert more["rows"] == [60, 60] and more["seconds"][0] > found["seconds"][0]
    several = {**said, "source": SOURCE, "method": "auto", "options": {"candidates": 2}}
    least, most = client.post("/api/estimate", several).json()["rows"]
    assert 0 < least == most, "with nothing learned, the first alone is tried"
    learned(monkeypatch, natural=5.0)
    both = client.post("/api/estimate", several).json()
    least, most = both["rows"]
    assert 0 < least < most and both["judging"] == [24, 60]
    assert client.post("/api/estimate", {**said, "method": "x"}).status_code == 400
    assert client.post("/api/estimate", {"target": SOURCE, "method": "ddim"}).status_code == 200


def test_a_price_reads_the_type_of_edit_as_the_edit_does(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: client.get("/api/models").json(), lambda found: bool(found[0]["loaded"]))
    learned(monkeypatch, natural=5.0)  # for things that are exchanged, with two steps; else what is usual
    several: dict[str, object] = {"image": client.picture(), "source": SOURCE, "method": "auto"}
    several["target"] = "a blue dog in the snow, at night"

    def most(**more: object) -> int:
        return client.post("/api/estimate", {**several, **more}).json()["rows"][1]

    usual, exchanged = most(), most(options={"type": "object"})
    assert exchanged < usual == most(mask=client.picture(white()))
    small = {"mask_box": "0,0,8,8"}
    assert most(**small) == exchanged == most(share=0.1), "in a small part a thing is exchanged"
    assert most(**small, context=0) == usual == most(share=1.0), "the model is shown that part alone"
    assert most(**small, options={"type": "style"}) == usual, "what is said wins"
    assert most(mask=b64encode(white()).decode()) == usual
    answer = client.post("/api/estimate", {**several, "mask": client.picture(white(48, 64))})
    assert answer.status_code == 400 and "make them equal" in answer.json()["error"], answer.text


def test_health_figures_and_the_page(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "workers": 1, "version": __version__}
    client.done()
    figures = client.get("/metrics").text
    assert 'overpaint_work{state="done"} 1.0' in figures and "overpaint_workers 1.0" in figures
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert client.get("/", headers={"if-none-match": page.headers["etag"]}).status_code == 304
    assert client.get("/page/no.js").status_code == 404
    for path in ("/page/..%2fstudio.py", "/docs", "/redoc", "/page/index.html", "/x"):
        assert client.get(path).status_code in (404, 422)
    assert "There is nothing at this address" in client.get("/api/nothing").json()["error"]
    assert "is asked in another way" in client.get("/api/queue/pause").json()["error"]


def test_the_schema_is_complete(idle: Client) -> None:
    schema = idle.get("/api/openapi.json").json()
    paths = schema["paths"]
    assert {"/api/edits", "/api/compare", "/api/invert", "/v1/images/edits", "/healthz"} <= set(paths)
    body = paths["/api/edits"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"]["examples"] and "multipart/form-data" in body
    for path, methods in paths.items():
        for method, told in methods.items():
            assert told["responses"] and (told.get("description") or told["summary"]), (path, method)
