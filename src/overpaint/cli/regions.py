"""``overpaint regions``: what is where in a picture, as a map to paint over."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from overpaint.cli.options import FILE, SEED, Common, common
from overpaint.cli.words import heard, one_line, say
from overpaint.errors import UsageError

if TYPE_CHECKING:
    from overpaint.images import Picture
    from overpaint.run.regions import Regions

Named = Sequence[tuple[str, str]]


@click.command(short_help="Write what is where in a picture, to be painted over.")
@click.argument("picture", type=FILE)
@click.option("--from", "given", type=FILE, help="A map of the picture that there is already.")
@click.option("--words", metavar="WORD,WORD", help="Of --source: each pixel is of the one that looks there.")
@click.option("--source", default="", help="What the picture shows, for --words.")
@click.option("--remove", metavar="NAME", multiple=True, help="As if it had never been there.")
@click.option("--move", metavar="NAME DX,DY", nargs=2, multiple=True, help="Pixels to the right and down.")
@click.option("--relabel", metavar="OLD=NEW", multiple=True, help="Something else in its place.")
@click.option("--add", metavar="NAME X,Y,W,H", nargs=2, multiple=True, help="Something more, in a box.")
@click.option(
    "--mask-of", metavar="NAME FILE", nargs=2, multiple=True, help="Also write where that is, for --mask."
)
@SEED
@common("model", "device", "dtype", "threads", "output", "overwrite", "fresh_name", "limits", "as_json")
def command(
    picture: Path,
    given: Path | None,
    words: str | None,
    source: str,
    remove: Sequence[str],
    move: Named,
    relabel: Sequence[str],
    add: Named,
    mask_of: Named,
    seed: int,
    common: Common,
) -> None:
    """Write a map of what is where in PICTURE; give it to: overpaint edit PICTURE --map MAP --target …

    Still Life's segmenter reads the picture; for others name words of --source. Paint regions over in any
    program, in the colours of the names, or change them here: --remove, then --move, --relabel and --add.
    """
    from overpaint.cli.early import check_early

    out = common.output or picture.with_name(f"{picture.stem}-map.png")
    check_early(common, picture, given, out=out)
    if given is not None and words is not None:
        raise UsageError("A map and words both say what is where; give one of them.")

    from overpaint.images import save_picture

    found = read(picture, given, words, source, seed, common)
    found = changed(found, remove, move, relabel, add)
    how: dict[str, Any] = {"overwrite": common.overwrite, "fresh_name": common.fresh_name}
    files = {"map": save_picture(found.picture, out, found.picture.info.text, **how)}
    for name, file in mask_of:
        files[f"mask of {name}"] = save_picture(white(found, name), file, **how)
    report(found, files, common)


def read(
    picture: Path, given: Path | None, words: str | None, source: str, seed: int, common: Common
) -> "Regions":
    """What is where, from whoever says so."""
    from overpaint.cli.answer import source_for
    from overpaint.cli.facts import limits
    from overpaint.cli.running import opened, quiet
    from overpaint.everyday import regions
    from overpaint.images import load_picture
    from overpaint.run.loading import threads
    from overpaint.run.regions import regions_in
    from overpaint.sides.segmenter import segmenter_of

    within = limits(common)
    with threads(common.threads), quiet():
        model = opened(common)
        if given is not None:
            reader = segmenter_of(model)
            return regions_in(load_picture(given, limits=within), None if reader is None else reader.palette)
        named = [word.strip() for word in (words or "").split(",") if word.strip()]
        said = source_for(picture, source, within) if named else ""
        return regions(picture, model=model, words=named, source=said, seed=seed, limits=within)


def changed(
    found: "Regions", remove: Sequence[str], move: Named, relabel: Sequence[str], add: Named
) -> "Regions":
    """The map with what was asked of it; things of Still Life take the shape of what they become."""
    from overpaint.images.canvas import box_in, box_mask
    from overpaint.stilllife.palette import PALETTE
    from overpaint.stilllife.scene import KINDS
    from overpaint.stilllife.silhouettes import box_of, inside, reshaped

    shaped = KINDS if found.palette == PALETTE else ()
    for name in remove:
        found = found.without(name)
    for name, by in move:
        found = found.moved(name, *pair(by))
    for both in relabel:
        old, _, new = both.partition("=")
        if not old or not new:
            raise UsageError(f"Another name is given as OLD=NEW, such as ball=cube, not {both[:40]!r}.")
        own = found.where(old)
        found = found.renamed(old, new, reshaped(old, new, own) if {old, new} <= set(shaped) else own)
    for name, said in add:
        box = box_mask(box_in(said), found.places.shape)[0].rgb[..., 0] > 0
        found = found.painted(name, inside(name, box_of(box), box.shape) if name in shaped else box)
    return found


def pair(said: str) -> tuple[int, int]:
    """Pixels to the right and down.

    Raises:
        UsageError: it is no pair of whole numbers.
    """
    try:
        dx, dy = (int(one) for one in said.split(","))
    except ValueError:
        raise UsageError(
            f"A move is dx,dy in whole pixels, such as 20,0 or -8,4, not {said[:40]!r}."
        ) from None
    return dx, dy


def white(found: "Regions", name: str) -> "Picture":
    """A region, white on black."""
    import numpy as np

    from overpaint.images import Picture

    return Picture(np.repeat(found.where(name)[..., None].astype(np.uint8) * 255, 3, 2))


def report(found: "Regions", files: Mapping[str, Path], common: Common) -> None:
    """Which names are where, and what was written."""
    shares = {name: float(found.where(name).mean()) for name in found.names}
    if common.as_json:
        told = {"files": {name: str(place) for name, place in files.items()}, "how": found.how}
        click.echo(json.dumps({**told, "shares": shares}))
        return
    for name, place in files.items():
        click.echo(
            one_line(f"Wrote {place} ({name}, {found.how})" if name == "map" else f"Wrote {place} ({name})")
        )
    for name, share in shares.items():
        click.echo(one_line(f"{share:6.1%}  {name}"))
    if not heard():
        say(f"Wrote {files['map']}")
