"""A server on a port, asked by what people have: the client of OpenAI, the command line, a raw socket."""

import base64
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.cli.kit import SOURCE, TARGET, overpaint, save_picture
from tests.kit import shared
from tests.web.kit import png
from tests.web.live import live
from tests.web.test_openai import alpha_mask

import overpaint as package
from overpaint.cli import serving as starting
from overpaint.errors import UsageError
from overpaint.images import Picture, decode_picture, encode_png, load_picture
from overpaint.images.recipe import parse_recipe
from overpaint.web import server as module
from overpaint.web.client import Remote
from overpaint.web.server import bound
from overpaint.web.serving import Serving
from overpaint.web.studio import Studio

TOKEN = "a-long-token-that-nobody-guesses"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Studio]]:
    with pytest.MonkeyPatch.context() as patch:
        from tests.web.kit import on_the_tiny_model

        on_the_tiny_model(patch)
        with live(tmp_path_factory.mktemp("live") / "serve", token=TOKEN, patience=1.5) as made:
            yield made


def test_the_client_of_openai_makes_and_edits_pictures(server: tuple[str, Studio]) -> None:
    openai: Any = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=f"{server[0]}/v1", api_key=TOKEN, max_retries=0)
    made = client.images.generate(
        model="dall-e-2", prompt=SOURCE, n=2, size="256x256", extra_body={"seed": 3}
    )
    sizes = [decode_picture(base64.b64decode(one.b64_json), "x").size for one in made.data]
    assert sizes == [(256, 256)] * 2 and made.created > 0
    more, first, second = {"options": '{"steps": 2}'}, ("a.png", png()), ("m.png", alpha_mask())
    edited = client.images.edit(
        image=first,
        mask=second,
        prompt=TARGET,
        response_format="url",
        extra_body=more,
    )
    assert edited.data[0].url.startswith(server[0])
    several = client.images.edit(image=[first], prompt=TARGET, model="gpt-image-1", extra_body=more)
    picture = decode_picture(base64.b64decode(several.data[0].b64_json), "x")
    assert parse_recipe(picture, "x").method == "sdedit"
    with pytest.raises(openai.BadRequestError, match="no method 'x'"):
        client.images.edit(image=("a.png", png()), prompt=TARGET, extra_body={"method": "x"})
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{server[0]}/v1", api_key="no", max_retries=0).images.generate(prompt=SOURCE)


@pytest.mark.parametrize("side", [32, 400])
def test_the_command_line_writes_the_same_bytes_as_without_a_server(
    server: tuple[str, Studio], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    place = tmp_path / "cat.png"
    if side > 100:
        import numpy as np

        noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
        place.write_bytes(encode_png(Picture(noise)))
    else:
        save_picture(place)
    own = (
        "--source",
        SOURCE,
        "--target",
        TARGET,
        "--method",
        "ddim",
        "--steps",
        "2",
        "--seed",
        "3",
        "--no-look",
    )
    where = ("--mask-box", "2,2,20,20", "--seed", "3")
    there = overpaint(
        "edit", place, *own, *where, "--server", f"{server[0]}/?token={TOKEN}", "-o", tmp_path / "there.png"
    )
    assert there.code == 0, there.err
    assert f"Wrote {tmp_path}/there.png" in there.out and "rows in" in there.out
    here = package.edit(
        place, source=SOURCE, target=TARGET, method="ddim", model=shared(), seed=3, mask_box="2,2,20,20",
        look=False, cache=False, options={"steps": 2},
    )  # fmt: skip
    here.save(tmp_path / "here.png")
    assert (tmp_path / "here.png").read_bytes() == (tmp_path / "there.png").read_bytes()
    source = parse_recipe(load_picture(tmp_path / "there.png"), "x").source
    assert source is not None and (source.path == str(place) if side > 100 else source.png is not None)


def test_what_a_server_does_not_take_is_told_and_nothing_is_sent(tmp_path: Path) -> None:
    place = save_picture(tmp_path / "cat.png")
    own = ("edit", place, "--source", SOURCE, "--target", TARGET)
    for more, words in (
        (("--server", "http://127.0.0.1:9", "--dtype", "float16"), "--dtype cannot be used with --server"),
        (("--server", "http://127.0.0.1:9", "--target", "x"), "one picture at a time"),
        (("--server", "ftp://x"), "is no address of a server"),
        (("--server", "http://"), "is no address of a server"),
        (("--server", "http://127.0.0.1:9"), "cannot be reached"),
    ):
        said = overpaint(*own, *more)
        assert said.code == 2 and words in said.err, said.err


def test_errors_of_a_server_are_its_own_sentences(server: tuple[str, Studio], tmp_path: Path) -> None:
    place = save_picture(tmp_path / "cat.png")
    address = f"{server[0]}/?token={TOKEN}"
    own = ("edit", place, "--source", SOURCE, "--target", TARGET, "--server", address)
    said = overpaint(*own, "--model", "sdxl")
    assert said.code == 2 and "This server has no model 'sdxl'" in said.err
    said = overpaint(*own, "--dry-run", "--steps", "10")
    assert said.code == 0 and "Rows through the network: 40" in said.out
    said = overpaint(*own[:-1], server[0])
    assert said.code == 2 and "wants its token" in said.err
    assert not (tmp_path / "cat-edited.png").exists()


def raw(address: str, data: bytes, wait: float = 10.0) -> bytes:
    """What comes back over a socket until it is closed."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=wait) as one:
        one.sendall(data)
        found = b""
        while piece := one.recv(65536):
            found += piece
    return found


def test_slow_and_broken_requests_are_ended(server: tuple[str, Studio]) -> None:
    address = server[0]
    assert raw(address, b"") == b"" and raw(address, b"GET / HT") == b"", "a head that does not come"
    assert b"400" in raw(address, b"\x16\x03\x01 not http\r\n\r\n").partition(b"\r\n")[0]
    host = address.removeprefix("http://").encode()
    head = b"POST /api/edits HTTP/1.1\r\nhost: " + host + b"\r\nauthorization: Bearer " + TOKEN.encode()
    slow = raw(address, head + b"\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{")
    assert slow.startswith(b"HTTP/1.1 408") and b"took too long" in slow
    large = raw(address, b"GET / HTTP/1.0\r\nhost: " + host + b"\r\nx: " + b"y" * 100_000 + b"\r\n\r\n")
    assert large.startswith(b"HTTP/1.1 4")
    two = raw(address, b"GET / HTTP/1.1\r\nhost: " + host + b"\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert two.startswith(b"HTTP/1.1 400")
    both = b"\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n"
    assert raw(address, b"POST / HTTP/1.1\r\nhost: " + host + both).startswith(b"HTTP/1.1 400")
    assert httpx2.get(f"{address}/healthz").status_code == 200


def test_a_second_request_must_come_whole_in_time_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE", 0.2)
    with live(tmp_path / "serve", devices=(), patience=0.6) as (address, _):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as line:
            ask = f"GET /healthz HTTP/1.1\r\nhost: {host}\r\n".encode()
            line.sendall(ask + b"\r\n")
            answer = line.recv(65536)
            while not answer.endswith(b"}"):  # head and body may come one after the other
                answer += line.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            line.sendall(ask)
            assert line.recv(65536) == b"", "half a head is not waited for without end"


def test_an_address_that_no_request_can_have_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="cannot be reached"):
        Remote.of("http://127.0.0.1/a b").told("GET", "/healthz")


def test_eight_clients_at_once_get_each_their_own(server: tuple[str, Studio]) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}

    def ask(seed: int) -> int:
        with httpx2.Client(base_url=server[0], headers=headers, timeout=120) as client:
            said = {"prompt": SOURCE, "seed": seed, "options": {"steps": 1}}
            answer = client.post("/v1/images/generations", json=said)
            assert answer.status_code == 200, answer.text
            picture = decode_picture(base64.b64decode(answer.json()["data"][0]["b64_json"]), "x")
            return int(str(parse_recipe(picture, "x").request["seed"]))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == list(range(8))


def test_a_port_that_cannot_be_had_is_a_sentence(server: tuple[str, Studio]) -> None:
    port = int(server[0].rpartition(":")[2])
    with pytest.raises(UsageError, match=f"The port {port} is in use"):
        bound("127.0.0.1", port)
    with pytest.raises(UsageError, match="is no address here"):
        bound("no.such.host.invalid", 0)
    with pytest.raises(UsageError, match="cannot be listened on"):
        bound("203.0.113.1", 0)


def test_starting_says_where_it_serves_and_makes_a_token_where_others_can_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = list[Serving]()

    def run(serving: Serving, listener: socket.socket) -> None:
        started.append(serving)

    monkeypatch.setattr(starting, "run", run)
    said = overpaint("serve", "--port", "0", "--folder", tmp_path / "s", "--max-pixels", "1M")
    assert said.code == 0 and "Serving at http://127.0.0.1:" in said.err and "token" not in said.err
    assert started[-1].limits.pixels == 1_000_000 and started[-1].token == ""
    said = overpaint("serve", "--port", "0", "--host", "0.0.0.0", "--device", "cpu,cpu")
    assert f"?token={started[-1].token}" in said.err and len(started[-1].token) >= 32
    assert "not encrypted" in said.err and started[-1].devices == ("cpu", "cpu")
    for more, words in (
        (("--token", "short"), "A token has 16"),
        (("--models", "no-such-model"), "There is no model"),
        (("--models", ","), "No model is named"),
        (("--keep", "much"), "is no amount of memory"),
    ):
        said = overpaint("serve", "--port", "0", *more)
        assert said.code == 2 and words in said.err
    logging.getLogger("overpaint.serve").setLevel(logging.NOTSET)
