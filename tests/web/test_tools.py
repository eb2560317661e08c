"""The tools for assistants, called as an assistant calls them: with the client of the protocol's package."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from tests.cli.kit import SOURCE, TARGET
from tests.kit import shared
from tests.web.kit import png

from overpaint.images import load_picture
from overpaint.images.recipe import parse_recipe
from overpaint.web.tools import Tools, assistant

QUICK = {"steps": 2}


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Any]:
    """Call a tool in a folder with one picture; what comes back."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "cat.png").write_bytes(png())
    (tmp_path / "secret.png").write_bytes(png())

    def called(name: str, **said: Any) -> Any:
        async def once() -> Any:
            async with Client(assistant(Tools(tmp_path / "in", shared))) as client:
                return await client.call_tool(name, said)

        return asyncio.run(once())

    return called


def test_an_assistant_edits_inverts_and_compares(ask: Callable[..., Any], tmp_path: Path) -> None:
    names = {one["name"]: one for one in json.loads(ask("methods").content[0].text)}
    assert names["p2p"]["needs"] == ["image", "source", "target"] and "generate" not in names
    said = {"image": "cat.png", "source": SOURCE, "target": TARGET, "method": "sdedit", "options": QUICK}
    for name in ("cat-edited.png", "cat-edited-2.png"):
        facts, view = ask("edit", **said, seed=5).content
        assert json.loads(facts.text)["file"] == name, "nothing is written over"
        assert view.mime_type == "image/png" and json.loads(facts.text)["figures"]["rows"] > 0
    assert parse_recipe(load_picture(tmp_path / "in" / "cat-edited.png"), "x").request["seed"] == 5
    facts, _ = ask("invert", image="cat.png", source=SOURCE, options=QUICK).content
    assert json.loads(facts.text)["figures"]["psnr"] > 0
    asked = {**said, "methods": ["sdedit", "ddim"]}
    del asked["method"]
    several = ask("compare", **asked)
    told = [json.loads(one.text) for one in several.content if one.type == "text"]
    assert {one["method"] for one in told} == {"sdedit", "ddim"} and all(one["file"] for one in told)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"image": "../secret.png"}, "lies outside"),
        ({"image": "/etc/passwd"}, "lies outside"),
        ({"image": "cats.png"}, "there are: cat.png"),
        ({"mask": "../secret.png"}, "lies outside"),
        ({"method": "p2q"}, "did you mean 'p2p'"),
        ({"options": {"stepz": 2}}, "did you mean 'steps'"),
        ({"method": "imagic", "options": {"learned": "/etc/passwd"}}, "names a file or folder"),
    ],
)
def test_what_is_wrong_is_a_sentence(ask: Callable[..., Any], said: dict[str, Any], words: str) -> None:
    answer = ask("edit", **{"image": "cat.png", "source": SOURCE, "target": TARGET, **said})
    assert answer.is_error and words in answer.content[0].text


def test_over_standard_input_and_output(tmp_path: Path) -> None:
    async def once() -> list[str]:
        how = StdioServerParameters(
            command=sys.executable,
            args=["-m", "overpaint", "mcp", "--folder", str(tmp_path)],
            env=dict(os.environ),
        )
        async with Client(stdio_client(how)) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert asyncio.run(once()) == ["methods", "edit", "invert", "compare"]
