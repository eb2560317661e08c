import asyncio
import json
import re
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from tests.web.kit import Client, png, serving

from overpaint.errors import UsageError
from overpaint.images import Limits, Picture, encode_png
from overpaint.web import safety
from overpaint.web.safety import COOKIE, GUESSES, Measured, Refused
from overpaint.web.serving import Serving, checked_models, is_loopback
from overpaint.web.studio import size_of

TOKEN = "a-long-token-that-nobody-guesses"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "192.168.1.5:8787", "[::2]"])
def test_a_name_bent_to_this_machine_is_refused(asleep: Client, host: str) -> None:
    answer = asleep.get("/api/queue", headers={"host": host})
    assert answer.status_code == 421 and "not the machine" in answer.json()["error"]


@pytest.mark.parametrize("host", ["localhost:8787", "127.0.0.1:8787", "[::1]:8787", "LOCALHOST"])
def test_names_of_this_machine_are_taken(asleep: Client, host: str) -> None:
    assert asleep.get("/api/queue", headers={"host": host}).status_code == 200


CROSS: dict[str, dict[str, str]] = {
    "another origin": {"origin": "https://evil.example"},
    "no origin to speak of": {"origin": "null"},
    "another port": {"origin": "http://127.0.0.1:9999"},
    "another site": {"sec-fetch-site": "cross-site"},
    "a neighbour": {"sec-fetch-site": "same-site"},
}


@pytest.mark.parametrize("name", CROSS)
def test_pages_of_others_neither_post_nor_read(asleep: Client, name: str) -> None:
    for answer in (
        asleep.post("/api/queue/pause", headers=CROSS[name]),
        asleep.get("/api/edits", headers=CROSS[name]),
        asleep.http.delete("/api/edits/0123456789abcdef", headers=CROSS[name]),
        asleep.http.options("/api/edits", headers={**CROSS[name], "access-control-request-method": "POST"}),
    ):
        assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers


def test_its_own_page_and_a_link_to_it_are_let_in(asleep: Client) -> None:
    own = {"origin": "http://127.0.0.1:8787", "sec-fetch-site": "same-origin"}
    assert asleep.post("/api/queue/pause", headers=own).status_code == 200
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert asleep.get("/", headers=link).status_code == 200
    assert asleep.get("/api/edits", headers=link).status_code == 403


def test_every_answer_carries_the_policy(asleep: Client) -> None:
    for path in ("/", "/api/queue", "/nothing", "/healthz"):
        headers = asleep.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in asleep.get("/").headers


def test_a_token_is_wanted_becomes_a_cookie_and_is_not_guessed(tmp_path: Path) -> None:
    with serving(tmp_path / "serve", devices=(), token=TOKEN) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/", "/api/queue", "/api/openapi.json", "/metrics", "/page/app.js"):
            assert client.get(path).status_code == 401
        bearer = {"authorization": f"Bearer {TOKEN}"}
        assert client.get("/api/queue", headers=bearer).status_code == 200
        assert client.get("/api/queue", headers={"authorization": f"Basic {TOKEN}"}).status_code == 401
        opened = client.get(f"/?token={TOKEN}", follow_redirects=False)
        cookie = opened.headers["set-cookie"]
        assert opened.status_code == 303 and opened.headers["location"] == "/"
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and COOKIE in cookie
        assert client.get("/").status_code == 200, "the cookie is sent by itself"
        client.http.cookies.clear()
        for _ in range(GUESSES):
            assert client.get("/api/queue", headers={"authorization": "Bearer no"}).status_code == 401
        assert client.get("/api/queue", headers=bearer).status_code == 429


def test_a_token_in_the_address_of_anything_else_is_not_taken(tmp_path: Path) -> None:
    with serving(tmp_path / "serve", devices=(), token=TOKEN) as client:
        assert client.get(f"/api/queue?token={TOKEN}").status_code == 401
        assert client.get("/?token=wrong").status_code == 401


@pytest.mark.parametrize("value", ["\xff" * 30, '"', f'x="{TOKEN}', "=;=;", f"{COOKIE}=a; {COOKIE}=b"])
def test_odd_cookies_are_no_tokens(tmp_path: Path, value: str) -> None:
    with serving(tmp_path / "serve", devices=(), token=TOKEN) as client:
        assert client.get("/", headers={"cookie": value.encode("latin-1")}).status_code == 401


def test_a_body_is_refused_before_it_is_read_where_it_says_how_long_it_is(tmp_path: Path) -> None:
    with serving(tmp_path / "serve", devices=(), limits=Limits(bytes=1000)) as client:
        headers = {"content-length": "99999999", "content-type": "application/json"}
        answer = client.http.post("/api/edits", content=b"{}", headers=headers)
        assert answer.status_code == 413 and "larger than" in answer.json()["error"]

        def endless() -> Any:
            for _ in range(40):
                yield b"x" * 100_000

        answer = client.http.post(
            "/api/edits", content=endless(), headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413
        large = client.http.post("/api/pictures", files={"file": ("x.png", png(64, 64))})
        assert large.status_code == 400 and "larger than" in large.json()["error"]


def test_a_slow_body_is_given_up(tmp_path: Path) -> None:
    async def never() -> Any:
        await asyncio.sleep(60)

    async def slow() -> None:
        await Measured(never, Serving(tmp_path, patience=0.05))()

    with pytest.raises(Refused, match="took too long"):
        asyncio.run(slow())


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with serving(tmp_path / "serve", devices=(), limits=Limits(pixels=500)) as client:
        answer = client.http.post("/api/pictures", files={"file": ("x.png", png())})
        assert answer.status_code == 400 and "million pixels" in answer.json()["error"]


def test_a_client_may_have_only_so_much_waiting(tmp_path: Path) -> None:
    with serving(tmp_path / "serve", devices=(), most_waiting=2) as client:
        image = client.picture()
        for seed in range(2):
            client.edit(image=image, seed=seed)
        answer = client.post("/api/edits", client.asked(image=image, seed=9))
        assert answer.status_code == 429 and "let some end first" in answer.json()["error"]


def test_the_folder_may_hold_only_so_much(tmp_path: Path) -> None:
    with serving(tmp_path / "serve", devices=(), most_kept=2000) as client:
        client.picture(png(4, 4))
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        client.studio.counted = (0.0, 0)
        answer = client.http.post("/api/pictures", files={"file": ("x.png", encode_png(Picture(noise)))})
        assert answer.status_code == 507 and "no more room" in answer.json()["error"]


def test_streams_are_counted(tmp_path: Path) -> None:
    with serving(tmp_path / "serve", devices=(), most_streams=1) as client:
        id = client.edit()
        with client.studio.streaming("testclient"):
            assert client.get(f"/api/edits/{id}/events").status_code == 429
        client.http.delete(f"/api/edits/{id}")
        for _ in range(3):
            assert client.get(f"/api/edits/{id}/events").status_code == 200
        assert client.studio.streams == {}
        go_at_once(client, f"/api/edits/{id}/events")
        assert client.studio.streams == {}


def go_at_once(client: Client, path: str) -> None:
    """Ask, read nothing, and go before the answer has begun."""
    guard = cast(Any, client.http.app)
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": [(b"host", b"localhost")], "client": ("1.2.3.4", 5), "server": ("localhost", 80)}
    scope |= {"scheme": "http", "http_version": "1.1", "root_path": "", "asgi": {"spec_version": "2.3"}}

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        await asyncio.sleep(60)

    asyncio.run(guard(scope, receive, send))


def test_an_origin_that_is_no_address_is_a_stranger(asleep: Client) -> None:
    answer = asleep.get("/api/queue", headers={"origin": "http://[x"})
    assert answer.status_code == 403 and "other servers" in answer.json()["error"]


def test_what_is_counted_may_go_meanwhile(tmp_path: Path) -> None:
    assert size_of(tmp_path / "gone") == 0


HOSTILE = [
    '<img src=x onerror="alert(1)">',
    "'; DROP TABLE entries; --",
    "{{7*7}}",
    "%s%n",
    "\u202e\u0000"[:1],
    "💥",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_come_back_as_they_were_sent(asleep: Client, text: str) -> None:
    id = asleep.edit(target=text)
    assert asleep.get(f"/api/edits/{id}").json()["request"]["target"] == text
    assert asleep.get("/api/edits", params={"words": text}).status_code == 200


@pytest.mark.parametrize("id", ["..%2fledger", "0" * 17, "ABCDEF0123456789", "a" * 15 + "%00", "'", "*"])
def test_ids_are_ids_and_no_paths(asleep: Client, id: str) -> None:
    for path in (f"/api/edits/{id}", f"/api/edits/{id}/image", f"/api/pictures/{id}", f"/page/{id}"):
        assert asleep.get(path).status_code in (404, 405, 422)


NAMES = ["../../etc/passwd", "C:\\x.png", "x\x00.png", "<script>.svg", "a" * 3000, "file:///etc/passwd"]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_mean_nothing(asleep: Client, tmp_path: Path, name: str) -> None:
    before = {one for one in tmp_path.rglob("*") if one.is_file() and "serve" not in one.parts}
    answer = asleep.http.post("/api/pictures", files={"file": (name, png())})
    assert answer.status_code in (201, 400)
    files = list(asleep.studio.ledger.results.glob("*/*"))
    assert all(re.fullmatch(r"[0-9a-f]{64}\.picture", file.name) for file in files)
    assert before == {one for one in tmp_path.rglob("*") if one.is_file() and "serve" not in one.parts}


ADDRESSES = [
    "http://169.254.169.254/",
    "file:///etc/passwd",
    "s3://bucket/x.png",
    "/etc/passwd",
    "\\\\host\\x",
]


@pytest.mark.parametrize("field", ["image", "mask", "model", "method", "background", "mask_box", "extend"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_field_is_taken_for_an_address(
    asleep: Client, field: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def connected(*args: object) -> None:
        raise AssertionError("a connection was opened")

    said = asleep.asked()
    monkeypatch.setattr(socket, "create_connection", connected)
    answer = asleep.post("/api/edits", {**said, field: address})
    assert answer.status_code in (400, 404, 422), answer.text


OPTIONS: list[dict[str, Any]] = [
    {"inversion": "../../x"},
    {"learned": "/etc/passwd"},
    {"inversion": {"name": "direct", "__class__": "x"}},
    {"steps": 10**30},
    {"steps": "1e999"},
    {"guidance": {"$ref": "http://x"}},
    {"__proto__": {"x": 1}},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_odd_options_are_a_sentence(asleep: Client, options: dict[str, Any]) -> None:
    answer = asleep.post("/api/edits", asleep.asked(method="p2p", options=options))
    assert answer.status_code in (400, 422) and answer.json()["error"]


PLACES: list[tuple[str, dict[str, Any]]] = [
    ("imagic", {"learned": "SECRET"}),
    ("diffusion-clip", {"learned": ["SECRET"]}),
    ("diffusion-clip", {"learning.clip": "SECRET"}),
    ("pix2pix-zero", {"direction": "SECRET"}),
    ("cyclenet", {"net": "SECRET"}),
    ("blended-diffusion", {"clip": "SECRET"}),
    ("text2live", {"learning": {"clip": "SECRET"}}),
]


@pytest.mark.parametrize(("method", "options"), PLACES, ids=str)
def test_no_option_opens_a_file(
    asleep: Client, method: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.safetensors").write_text("secret")
    options = json.loads(json.dumps(options).replace("SECRET", str(tmp_path / "secret.safetensors")))
    said, opened = asleep.asked(method=method, options=options), list[str]()
    real: Any = Path.open

    def noted(self: Path, *args: Any, **named: Any) -> Any:
        opened.append(self.name)
        return real(self, *args, **named)

    monkeypatch.setattr(Path, "open", noted)
    compared = {**said, "methods": ["all"]}
    del compared["method"]
    for path, body in (("edits", said), ("estimate", said), ("compare", compared)):
        answer = asleep.post(f"/api/{path}", body)
        assert answer.status_code == 400 and "names a file or folder" in answer.json()["error"]
    grid = {name: [value] for name, value in options.items()}
    answer = asleep.post("/api/compare", {**compared, "options": {}, "grid": grid})
    assert answer.status_code == 400 and "names a file or folder" in answer.json()["error"]
    assert "secret.safetensors" not in opened
    names = {one["name"] for one in asleep.get(f"/api/methods/{method}").json()["settings"]}
    assert not names & {"learned", "direction", "net", "clip"}, "a form asks for none"


def test_what_looks_like_a_picture_and_something_else_is_given_back_as_pixels_alone(asleep: Client) -> None:
    data = png() + b"<script>alert(1)</script>PK\x03\x04"
    shown = asleep.get(f"/api/pictures/{asleep.picture(data)}/view")
    assert b"script" not in shown.content and shown.headers["content-type"] == "image/png"


def test_other_kinds_of_connection_are_not_answered(tmp_path: Path) -> None:
    async def never(*args: Any) -> Any:
        raise AssertionError("it was passed on")

    async def ask() -> None:
        guard: Any = safety.Guard(never, Serving(tmp_path))
        await guard({"type": "websocket"}, never, never)

    asyncio.run(ask())


def test_settings() -> None:
    assert is_loopback("localhost") and is_loopback("127.0.0.2") and is_loopback("::1")
    assert not is_loopback("0.0.0.0") and not is_loopback("example.org")
    assert checked_models(["a", " b", "a", ""]) == ("a", "b")
    with pytest.raises(UsageError, match="No model is named"):
        checked_models([" "])
    serving = Serving(Path("x"), host="0.0.0.0", names=("Box",))
    assert serving.is_open and {"box", "0.0.0.0", "localhost"} <= serving.hosts
    assert (
        serving.address == "http://127.0.0.1:8787/" and Serving(Path("x"), host="::1").address.count("[") == 1
    )
