"""A folder as a data set: what stands in its list, checked line by line.

``images/``, ``conditions/`` and ``captions.jsonl`` or ``captions.csv``, a picture a line.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from overpaint.errors import OverpaintError, UsageError
from overpaint.images import load_picture
from overpaint.near import nearest
from overpaint.train.sides.plan import What

LISTS = ("captions.jsonl", "captions.csv")
IMAGES, CONDITIONS = "images", "conditions"
COLUMNS: Mapping[What, tuple[str, ...]] = {
    "controlnet": ("image", "condition", "text"),
    "t2i-adapter": ("image", "condition", "text"),
    "cyclenet": ("image", "source", "target"),
}
FREE = ("condition",)
"""What a line may leave out: the condition then has the picture's name."""
OTHER_SHAPE = 0.02
"""How much the proportion of a condition's sides may differ from that of its picture."""
SHOWN = 5
NO_JSON = "it is no JSON"


@dataclass(frozen=True)
class Row:
    """One picture of a data set."""

    place: str
    """The file and the line it stands in."""
    image: Path
    condition: Path | None
    texts: Mapping[str, str]


def rows_of(home: Path, what: What) -> tuple[list[Row], list[str]]:
    """What a folder lists, and what is wrong with it, a sentence for each line.

    Raises:
        UsageError: there is no such folder, or no list in it.
    """
    if not home.is_dir():
        raise UsageError(f"There is no folder {home}; give one with images, conditions and captions.jsonl.")
    file = next((home / name for name in LISTS if (home / name).is_file()), None)
    if file is None:
        raise UsageError(
            f"The folder {home} has neither captions.jsonl nor captions.csv, which say what pictures show."
        )
    good, faults = list[Row](), list[str]()
    for number, told in lines_of(file):
        place = f"{file.name}, line {number}"
        try:
            good.append(row_of(home, place, told, what))
        except UsageError as error:
            faults.append(f"{place}: {error}")
    if not good and not faults:
        faults.append(f"{file.name}: there is no picture in it.")
    return good, faults


def lines_of(file: Path) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Every line with its number, as values by name; a text where it is none."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read ({error}); it must be text in UTF-8.") from None
    if file.suffix == ".csv":
        reader = csv.DictReader(text.splitlines())
        for told in reader:
            yield reader.line_num, "it has too many values" if None in told else told
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                told = json.loads(line)
            except (ValueError, RecursionError):
                told = NO_JSON
            good = isinstance(told, dict) or told == NO_JSON
            yield number, cast("Mapping[str, Any] | str", told) if good else "it is no object"


def row_of(home: Path, place: str, told: Mapping[str, Any] | str, what: What) -> Row:
    """One line, its files found.

    Raises:
        UsageError: it lacks something, or has something that nobody knows.
    """
    if isinstance(told, str):
        raise UsageError(f"{told}; write one object with {', '.join(COLUMNS[what])}.")
    known = COLUMNS[what]
    for name in told:
        if name not in known:
            raise UsageError(f"there is no {str(name)[:40]!r}; {nearest(str(name), known)}")
    said = {name: value.strip() for name, value in told.items() if isinstance(value, str) and value.strip()}
    lacking = [name for name in known if name not in said and name not in FREE]
    if lacking:
        raise UsageError(f"it has no {lacking[0]}.")
    image, named = _file(home, IMAGES, said["image"]), said.get("condition")
    texts = {name: said[name] for name in known if name not in ("image", "condition")}
    if "condition" not in known:
        return Row(place, image, None, texts)
    return Row(place, image, _beside(home, image) if named is None else _file(home, CONDITIONS, named), texts)


def _file(home: Path, folder: str, name: str) -> Path:
    """A file of the folder, by its name there or from the data set's own folder."""
    for place in (home / folder / name, home / name):
        if place.is_file():
            if home.resolve() not in place.resolve().parents:
                raise UsageError(f"{name[:80]} lies outside the data set.")
            return place
    raise UsageError(f"there is no file {name[:80]} in {folder}.")


def _beside(home: Path, image: Path) -> Path:
    """The condition that has the name of a picture."""
    folder = home / CONDITIONS
    found = [folder / image.name, *sorted(folder.glob(f"{image.stem}.*"))]
    place = next((one for one in found if one.is_file()), None)
    if place is None:
        raise UsageError(f"there is no condition {image.stem} in {CONDITIONS}.")
    return place


def looked_at(rows: Sequence[Row]) -> Iterator[str]:
    """What is wrong with the files themselves, a sentence for each line; every picture is read."""
    for row in rows:
        try:
            image = load_picture(row.image)
            if row.condition is not None:
                check_shape(load_picture(row.condition).size, image.size, row.condition)
        except OverpaintError as error:
            yield f"{row.place}: {error}"


def check_shape(condition: tuple[int, int], image: tuple[int, int], name: Path) -> None:
    """Refuse a condition of another shape than its picture.

    Raises:
        UsageError: it is.
    """
    (a, b), (height, width) = condition, image
    if abs(a * width / (b * height) - 1) > OTHER_SHAPE:
        raise UsageError(
            f"The condition {name.name} has {b} x {a} pixels and its picture {width} x {height}, which is "
            "another shape."
        )


def refused(home: Path, faults: Sequence[str]) -> UsageError:
    """The error for a data set with faults."""
    first = "; ".join(one.rstrip(".") for one in faults[:SHOWN])
    more = f"; and {len(faults) - SHOWN} more, which --check lists" if len(faults) > SHOWN else ""
    return UsageError(f"The data set {home} cannot be trained on: {first}{more}.")
