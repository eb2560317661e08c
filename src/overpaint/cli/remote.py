"""The same command against a machine that serves: the same recipe, the same bytes."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from overpaint.cli.facts import limits
from overpaint.cli.options import Common
from overpaint.cli.running import Done, report, write
from overpaint.cli.words import duration
from overpaint.errors import UsageError
from overpaint.files.sizes import amount
from overpaint.images import decode_picture, load_picture
from overpaint.images.reading import read_bytes
from overpaint.images.recipe import KEY, ControlRecord, Recipe, SourceRecord, parse_recipe
from overpaint.run.result import Edit, Figures
from overpaint.run.sided import parsed
from overpaint.sides.options import Control
from overpaint.web.client import Remote, packed

HERE = (
    *("loras", "embeddings", "prediction", "tokenizer", "download", "device", "dtype", "threads", "memory"),
    *("offload", "control_out", "maps", "all_out", "layers_out", "strip", "preview"),
)
"""Options that say how this machine works, or want more than a server gives."""


@dataclass(frozen=True)
class Asked:
    """What was said on the command line."""

    picture: Path
    source: str
    target: str
    method: str
    seed: int
    options: Mapping[str, Any]
    onto: Path | None = None


def check_remote(common: Common) -> None:
    """Refuse options that a server does not take.

    Raises:
        UsageError: there is one.
    """
    usual = Common()
    for name in HERE:
        if getattr(common, name) != getattr(usual, name):
            flag = {"loras": "lora", "embeddings": "embedding"}.get(name, name)
            raise UsageError(
                f"--{flag.replace('_', '-')} cannot be used with --server; leave it out, or edit here."
            )


def edit(asked: Asked, common: Common, server: str, out: Path) -> None:
    """Ask the server, write what comes back, and report."""
    remote, within = Remote.of(server), limits(common)
    data = read_bytes(asked.picture, within)
    decode_picture(data, str(asked.picture), limits=within)
    said: dict[str, Any] = {
        "image": packed(data),
        "source": asked.source,
        "target": asked.target,
        "method": asked.method,
        "seed": asked.seed,
        "options": dict(asked.options),
        "look": common.look,
        "model": common.model or "",
        **common.framing,
        **where(common),
        "control": [control(text, common) for text in common.controls],
    }
    if asked.onto is not None:
        said["onto"] = packed(read_bytes(asked.onto, within))
    if common.dry_run:
        click.echo("\n".join(estimate(remote.told("POST", "/api/estimate", said))))
        return
    try:
        with bar() as progress:
            work, image = remote.edit(said, progress)
    except KeyboardInterrupt:
        raise click.Abort() from None
    report(write(Done(edited(image, work, asked, common), {}), common, out), common)


def where(common: Common) -> dict[str, Any]:
    """Where the picture may change, as a request says it."""
    found: dict[str, Any] = {}
    for name, file in (("mask", common.mask), ("map", common.map)):
        if file is not None:
            found[name] = packed(read_bytes(file, limits(common)))
    for name in ("mask_box", "mask_words", "mask_diff"):
        if getattr(common, name):
            found[name] = getattr(common, name)
    return found


def control(text: str, common: Common) -> dict[str, Any]:
    """A side network as a request names it, with the picture that it looks at.

    Raises:
        UsageError: it says where a CLIP lies, which is for this machine.
    """
    how = parsed(text)
    if how.clip:
        raise UsageError("A server finds its own CLIP; leave clip out of --control, or edit here.")
    said = how.model_dump(mode="json", exclude={"clip", "picture"}, exclude_defaults=True)
    seen = condition(how)
    if seen is None:
        return {**said, "made": how.picture}
    return {**said, "picture": packed(read_bytes(seen, limits(common)))}


def condition(how: Control) -> Path | None:
    """The file that a side network looks at, if it is one."""
    place = Path(how.picture).expanduser()
    return place if place.is_file() else None


@contextmanager
def bar() -> Generator[Callable[[float], None], None, None]:
    """A bar on the error stream, where somebody watches."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("edit", total=1.0)

        def told(share: float) -> None:
            shown.update(task, completed=share)

        yield told


def edited(image: bytes, work: Mapping[str, Any], asked: Asked, common: Common) -> Edit:
    """What came back as an edit that was made here: large pictures are named by where they lie."""
    picture = decode_picture(image, "The answer of the server")
    recipe = at_home(parse_recipe(picture, "The answer of the server"), asked, common)
    text = {**picture.info.text, KEY: recipe.model_dump_json()}
    result = work["result"]
    return Edit(
        picture=replace(picture, info=replace(picture.info, text=text)),
        latents=(),
        recipe=recipe,
        figures=Figures.model_validate(result["figures"]),
        source=load_picture(asked.picture, limits=limits(common)),
        warnings=tuple(result["warnings"]),
    )


def at_home(recipe: Recipe, asked: Asked, common: Common) -> Recipe:
    """The recipe with the places of the files that were sent."""
    seen = [condition(parsed(text)) for text in common.controls]
    beside = {f"control:{k}": one for k, one in enumerate(seen, 1)}
    places = {"source": asked.picture, "mask": common.mask, "onto": asked.onto, **beside}

    def placed(name: str, records: tuple[SourceRecord, ...]) -> Iterator[SourceRecord]:
        for one in records:
            place = places.get(name)
            lies = one.png is None and place is not None
            yield one.model_copy(update={"path": str(Path(place).absolute())}) if lies and place else one

    pictures = {name: tuple(placed(name, records)) for name, records in recipe.pictures.items()}
    both = zip_longest(recipe.controls, seen[: len(recipe.controls)])  # a map adds one of its own
    controls = tuple(one if place is None else looking_at(one, place) for one, place in both)
    return recipe.model_copy(update={"pictures": pictures, "controls": controls})


def looking_at(one: ControlRecord, place: Path) -> ControlRecord:
    """A side network that looks at a file of this machine."""
    return one.model_copy(update={"options": {**one.options, "picture": str(place.absolute())}})


def estimate(found: Mapping[str, Any]) -> Iterator[str]:
    """What the work would take there, a line each."""
    yield f"Rows through the network: {' to '.join(map(str, sorted({*found['rows']})))}"
    if found["seconds"] is not None:
        yield f"Time on the server: about {' to '.join(map(duration, sorted({*found['seconds']})))}"
    if found["memory"] is not None:
        yield f"Memory there: about {amount(found['memory'])}"
