"""The calls as tools for assistants: what they read and write lies in one folder, nothing is written over.

An assistant acts on text that others wrote. So a tool opens no file outside the folder it was given, and what
it makes gets a name of its own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

import overpaint
from overpaint import registry
from overpaint.errors import OverpaintError, UsageError
from overpaint.images import Picture, to_pil
from overpaint.model import Model
from overpaint.near import nearest
from overpaint.run.result import Edit
from overpaint.web.confined import check_all_confined, check_confined

SMALL = 384
"""Pixels of the longer side of what an assistant is shown."""
MOST = 50
"""Names that a sentence lists."""
ABOUT = """Edits of pictures with the published Stable Diffusion editing methods. Pictures are named by
their place in one folder; results are written beside them and never over anything. Describe a picture in
source, and say in target the same sentence with what should change."""
Tool = Callable[..., Any]


def plainly(tool: Tool) -> Tool:
    """A tool whose errors are their sentences."""

    @wraps(tool)
    def told(**named: Any) -> Any:
        try:
            return tool(**named)
        except OverpaintError as error:
            raise ToolError(str(error)) from None

    return told


@dataclass(frozen=True)
class Tools:
    """What an assistant may do in a folder, with a model."""

    folder: Path
    load: Callable[[], Model]
    """Gives the model, loaded once."""

    def place(self, name: str) -> Path:
        """A file of the folder.

        Raises:
            UsageError: it lies elsewhere, or there is none.
        """
        root = self.folder.resolve()
        found = (root / name).resolve()
        if not found.is_relative_to(root):
            raise UsageError(f"{name!r} lies outside the folder of this server, {root}.")
        if not found.is_file():
            there = [one.name for one in root.iterdir() if one.is_file()]
            raise UsageError(
                f"There is no picture {name!r} in the folder; {nearest(name, sorted(there)[:MOST])}"
            )
        return found

    def methods(self) -> str:
        """The editing methods: what each does and needs."""
        cards = registry.read_summary().items()
        return json.dumps(
            [
                {"name": name, "idea": card["idea"], "needs": card["needs"]}
                for name, card in cards
                if "image" in card["needs"]
            ]
        )

    def edit(
        self,
        image: str,
        target: str,
        source: str = "",
        method: str = "p2p",
        options: dict[str, Any] | None = None,
        mask: str = "",
        mask_words: str = "",
        seed: int = 0,
    ) -> list[Any]:
        """Edit a picture.

        image: its name in the folder. target: what it should show. source: what it shows now. method: one of
        methods. options: the method's, such as {"steps": 20}. mask: a picture, white where it may change.
        mask_words: what may change, in words. Gives the name of the result, its figures, and a small view.
        """
        place = self.place(image)
        check_confined(method, options or {})
        edit = overpaint.edit(
            place,
            source=source,
            target=target,
            method=method,
            model=self.load(),
            seed=seed,
            mask=self.place(mask) if mask else None,
            mask_words=mask_words or None,
            options=options or {},
        )
        return self.told(edit, place.with_name(f"{place.stem}-edited.png"))

    def invert(
        self, image: str, source: str = "", options: dict[str, Any] | None = None, seed: int = 0
    ) -> list[Any]:
        """Turn a picture to noise and back, and say how well that goes: whether edits of it can be good.

        image: its name in the folder. source: what it shows. options: steps, and inversion by its name.
        """
        place = self.place(image)
        check_confined("invert", options or {})
        edit = overpaint.invert(place, source=source, model=self.load(), seed=seed, options=options or {})
        return self.told(edit, place.with_name(f"{place.stem}-inverted.png"))

    def compare(
        self,
        image: str,
        target: str,
        source: str = "",
        methods: list[str] | None = None,
        options: dict[str, Any] | None = None,
        seed: int = 0,
    ) -> list[Any]:
        """Try several methods on one picture, and give each result with its figures, the likeliest first.

        image: its name in the folder. target, source, options: as for edit. methods: names; by itself
        two quick ones.
        """
        place, said, methods = self.place(image), list[Any](), methods or ["sdedit", "p2p"]
        check_all_confined(methods, options or {}, {})
        found = overpaint.compare(
            place,
            source=source,
            target=target,
            methods=methods,
            model=self.load(),
            seed=seed,
            check=False,
            options=options or {},
        )
        for cell in found.cells:
            if cell.edit is None:
                said.append(json.dumps({"method": cell.method, "error": cell.error}))
            else:
                score = None if cell.score is None else cell.score[0]
                name = place.with_name(f"{place.stem}-{cell.method.replace('+', 'p')}.png")
                said += self.told(cell.edit, name, method=cell.method, likely=score)
        return said

    def told(self, edit: Edit, place: Path, **more: Any) -> list[Any]:
        """Where a result was written, what there is to say of it, and a small view."""
        written = edit.save(place, fresh_name=True)
        figures = edit.figures.model_dump(mode="json", exclude_none=True)
        name = str(written.relative_to(self.folder.resolve()))
        facts = {"file": name, **more, "figures": figures, "warnings": list(edit.warnings)}
        return [json.dumps(facts), small(edit.picture)]


def small(picture: Picture) -> Image:
    """A picture as an assistant sees it."""
    image, out = to_pil(picture), BytesIO()
    image.thumbnail((SMALL, SMALL))
    image.save(out, "PNG")
    return Image(data=out.getvalue(), format="png")


def assistant(tools: Tools) -> MCPServer[Any]:
    """The server that speaks to an assistant."""
    server = MCPServer[Any]("overpaint", instructions=ABOUT, version=overpaint.__version__)
    offered: tuple[Tool, ...] = (tools.methods, tools.edit, tools.invert, tools.compare)
    for tool in offered:
        server.add_tool(plainly(tool), structured_output=False)
    return server
