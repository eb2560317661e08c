"""Data sets on disk: PIE-Bench, the TI2I mapping of the same layout, and plain folders.

Nothing is shipped. What is wrong with an entry is a sentence with its name, and the other entries are used.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from overpaint.bench.case import Case, Figures, Pictures
from overpaint.bench.pie.masks import check, decoded
from overpaint.errors import UsageError
from overpaint.files.fingerprint import file_hash
from overpaint.images import Picture, load_picture, mask_of

PIE, TI2I = "mapping_file.json", "mapping_file_ti2i_benchmark.json"
IMAGES = "annotation_images"
SOURCES, MASKS, TABLES = "source", "masks", ("prompts.csv", "prompts.json")
TYPES = (
    *("random", "object", "add", "delete", "content", "pose", "colour", "material", "background", "style"),
)
"""The ten types, in the order of their numbers."""
DRAWN = "drawn"
"""What an entry says that was drawn, so that it is not taken for one of the published data; and its set."""
OTHER = "edit"
"""The type of what has none."""
Entry = Mapping[str, Any]
Measure = Callable[[Pictures, Picture, str, str], Figures]
"""The figures of an edit, from the pictures of a case, the edit and both prompts."""


@dataclass(frozen=True)
class Found:
    """The cases of a folder, and what is wrong with others."""

    cases: tuple[Case, ...]
    problems: tuple[tuple[str, str], ...] = ()
    """Names and sentences."""


def read(
    folder: Path, measure: Measure, mapping: str | None = None, networks: Mapping[str, str] | None = None
) -> Found:
    """The cases of a folder; their pictures are read when it is their turn.

    ``networks`` are those that measure, with a hash of each.

    Raises:
        UsageError: it is none of the three layouts, or its list cannot be read.
    """
    file = mapping_of(folder, mapping)
    cases, problems = list[Case](), list[tuple[str, str]]()
    for name, entry in entries(file):
        try:
            cases += cases_of(file, name, entry, measure)
        except UsageError as error:
            problems.append((name, str(error)))
    found = (replace(case, networks=networks or {}) for case in apart(cases))
    return Found(tuple(found), tuple(problems))


def apart(cases: Sequence[Case]) -> Iterator[Case]:
    """The cases, each with a name of its own: tables may name one picture in several lines."""
    given = set[str]()
    for case in cases:
        names = (case.name, *(f"{case.name}-{n}" for n in range(2, len(cases) + 2)))
        name = next(one for one in names if one not in given)
        given.add(name)
        yield replace(case, name=name)


def mapping_of(folder: Path, mapping: str | None) -> Path:
    """The file that lists the cases.

    Raises:
        UsageError: there is none.
    """
    for name in (mapping,) if mapping else (PIE, TI2I, *TABLES):
        if (folder / name).is_file():
            return folder / name
    wanted = mapping or f"{PIE}, {TI2I}, {TABLES[0]} or {TABLES[1]}"
    raise UsageError(
        f"The folder {folder} holds no {wanted}; give the folder of PIE-Bench, or one with {SOURCES}/ and a "
        "list of prompts."
    )


def entries(file: Path) -> Iterator[tuple[str, Entry]]:
    """The entries of a list by name.

    Raises:
        UsageError: it cannot be read, or is no list of cases.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix == ".csv":
            rows = cast("list[Entry]", list(csv.DictReader(text.splitlines())))
            yield from ((str(row.get("name") or row.get("file") or k), row) for k, row in enumerate(rows))
            return
        told = json.loads(text)
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        what = getattr(error, "strerror", None) or error
        raise UsageError(f"The list {file} cannot be read ({what}); mend it or get it anew.") from None
    match told:
        case dict():
            yield from ((str(name), one) for name, one in cast("dict[str, Entry]", told).items())
        case list():
            several = cast("list[Any]", told)
            yield from ((named(one, k), one) for k, one in enumerate(several))
        case _:
            raise UsageError(f"The list {file} holds no cases; get it anew.")


def named(entry: Any, number: int) -> str:
    """The name of an entry of a list without names."""
    told = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    return str(told.get("name") or told.get("file") or number)


def first(entry: Entry, *names: str) -> Any:
    """The first of some fields that is there."""
    return next((entry[name] for name in names if entry.get(name) not in (None, "", [])), None)


def cases_of(file: Path, name: str, entry: object, measure: Measure) -> list[Case]:
    """The cases of an entry: one for each target prompt.

    Raises:
        UsageError: something is missing or wrong.
    """
    if not isinstance(entry, dict):
        raise UsageError("It is no entry with fields.")
    told = cast("Entry", entry)
    source, target = (
        first(told, "original_prompt", "source_prompt", "source"),
        first(told, "editing_prompt", "target_prompts", "target_prompt", "target"),
    )
    targets = cast("list[Any]", target) if isinstance(target, list) else [target]
    for what, prompt in (("source", source), *(("target", one) for one in targets)):
        if not isinstance(prompt, str) or not bare(prompt).split():
            raise UsageError(f"It has no {what} prompt.")
    picture = place_of(file, told)
    runs = runs_of(told)
    mask = mask_place(file, picture)
    found = list[Case]()
    for k, one in enumerate(targets):
        prompts = bare(source), bare(one)
        found.append(
            Case(
                name=safe(name if len(targets) == 1 else f"{name}-{k}"),
                kind=type_of(told),
                source_prompt=prompts[0],
                target_prompt=prompts[1],
                pictures=partial(pictures_of, picture, runs, mask),
                words=words_of(told),
                measure=partial(measured, measure, *prompts),
                collection=DRAWN if told.get(DRAWN) is True else file.stem,
                mark=mark_of(picture, mask, [*prompts, words_of(told), runs]),
            )
        )
    return found


def mark_of(picture: Path, mask: Path | None, said: Sequence[Any]) -> str:
    """What a case is known by beside its name: what is said of it, and what its files hold.

    Raises:
        UsageError: they cannot be read.
    """
    try:
        held = [file_hash(one) for one in (picture, mask) if one is not None]
    except OSError as error:
        raise UsageError(f"Its pictures cannot be read ({error.strerror or error}).") from None
    return sha256(json.dumps([*said, *held]).encode()).hexdigest()[:12]


def measured(measure: Measure, source: str, target: str, pictures: Pictures, edit: Picture) -> Figures:
    """The figures of an edit."""
    return measure(pictures, edit, source, target)


def bare(prompt: str) -> str:
    """A prompt without the brackets around the words that change."""
    return prompt.replace("[", "").replace("]", "").strip()


def safe(name: str) -> str:
    """A name as that of a file."""
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip(".")
    return kept[:100] or "case"


def place_of(file: Path, entry: Entry) -> Path:
    """Where the source picture of an entry lies.

    Raises:
        UsageError: nowhere.
    """
    said = first(entry, "image_path", "init_img", "file", "image")
    if not isinstance(said, str):
        raise UsageError("It names no picture.")
    relative = Path(said)
    for base in (file.parent / IMAGES, file.parent / SOURCES, file.parent):
        place = base / relative
        with suppress(OSError):  # a name that no file can have
            if place.is_file() and place.resolve().is_relative_to(file.parent.resolve()):
                return place
    raise UsageError(f"There is no picture {said[:200]}.")


def runs_of(entry: Entry) -> tuple[int, ...] | None:
    """The runs of the mask of an entry; nothing where it has none.

    Raises:
        UsageError: they are no runs.
    """
    runs = entry.get("mask")
    if runs is None or runs == "":
        return None
    several: list[Any] = cast("list[Any]", runs) if isinstance(runs, list) else [None]
    if len(several) % 2 or any(type(one) is not int or one < 0 for one in several):
        raise UsageError("Its mask is no list of beginnings and lengths.")
    return tuple(several)


def mask_place(file: Path, picture: Path) -> Path | None:
    """A picture of where the source may change, in a plain folder."""
    place = file.parent / MASKS / f"{picture.stem}.png"
    return place if place.is_file() else None


def type_of(entry: Entry) -> str:
    """The type of an entry, by name."""
    found = first(entry, "editing_type_id", "type")
    said = OTHER if found is None else str(found)
    return TYPES[int(said)] if said.isdecimal() and int(said) < len(TYPES) else safe(said)


def words_of(entry: Entry) -> str:
    """The words to blend, as a local blend takes them: ``cat=>dog``; nothing unless there are two."""
    said = str(first(entry, "blended_word", "words") or "")
    if "=>" in said:
        return said
    words = said.split()
    return "=>".join(words) if len(words) == 2 else ""


def pictures_of(place: Path, runs: tuple[int, ...] | None, mask: Path | None) -> Pictures:
    """The source and the region.

    Raises:
        UsageError: the picture cannot be read, or the mask does not fit it.
    """
    source, region = load_picture(place), None
    if runs is not None:
        check(runs, source.size)
        region = decoded(runs, source.size)
    elif mask is not None:
        region = mask_of(load_picture(mask), source.size).weights > 127
    return Pictures(source, None, region)
