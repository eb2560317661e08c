"""Files that are not there: said before the network libraries are imported, which takes seconds."""

from collections.abc import Iterable
from pathlib import Path

from overpaint.cli.facts import limits
from overpaint.cli.options import Common
from overpaint.errors import UsageError
from overpaint.families.locate import place_of
from overpaint.files.provenance import Origin
from overpaint.images import check_output, check_quality
from overpaint.images.reading import check_file
from overpaint.images.recipe import Recipe


def check_early(common: Common, *pictures: Path | None, out: Path | None = None, results: int = 1) -> None:
    """Refuse files to read that are not there, and names that cannot be written.

    What is in the files is looked at later.

    Raises:
        UsageError: a picture, the mask, the model or something to be added to it cannot be found, or a file
            cannot be written.
    """
    check_files(common, out, results)
    for picture in (*pictures, common.mask, common.map):
        if picture is not None:
            check_file(picture, limits(common))
    origin = Origin.said(common.loras, common.embeddings, common.prediction, common.tokenizer, common.force)
    check_there(Path(one.file) for one in (*origin.loras, *origin.embeddings))
    if common.model is not None and not common.download:
        place_of(common.model)


def check_there(files: Iterable[Path]) -> None:
    """Refuse files that are not there.

    Raises:
        UsageError: one is not.
    """
    for file in files:
        if not file.exists():
            raise UsageError(f"There is no file {file}.")


def check_sources(told: Recipe, common: Common) -> None:
    """Refuse to run a recipe again whose model and pictures are neither inside it nor where they were.

    Raises:
        UsageError: one is not.
    """
    if common.model is None:
        origin = told.model.origin
        place_of(told.model.name)
        check_there(Path(one.file) for one in (*origin.loras, *origin.embeddings))
    for several in told.pictures.values():
        for record in several:
            if record.png is None and record.path is not None:
                check_file(Path(record.path), limits(common))


def numbered(place: Path, number: int) -> Path:
    """The file of one of several results: the first has the plain name, the second ends in ``-2``."""
    return place if number == 1 else place.with_name(f"{place.stem}-{number}{place.suffix}")


def single_files(common: Common, out: Path | None, results: int = 1) -> list[Path]:
    """The files to write that are known before a method is, of so many results."""
    own = (numbered(p, k) for p in (out, common.maps, common.mask_out) if p for k in range(1, results + 1))
    return [*own, *(place for place in (common.control_out, common.strip, common.preview) if place)]


def check_files(common: Common, out: Path | None, results: int = 1) -> None:
    """Refuse names that cannot be written before any work is done."""
    if common.dry_run:
        return
    places = single_files(common, out, results)
    for place in places:
        check_output(place, overwrite=common.overwrite, fresh_name=common.fresh_name)
    # Two spellings of one folder are one folder; a link that is a file itself is replaced, not followed.
    if len({place.parent.resolve() / place.name for place in places}) < len(places):
        raise UsageError("Two of the files to write have the same name; choose others.")
    if out is not None:
        check_quality(out, common.quality)
