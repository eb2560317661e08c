"""One sheet of kept results: a case a line, a method a column, the picture first and the true answer last."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from PIL import Image, ImageDraw, ImageFont

from overpaint import registry
from overpaint.bench.case import Case
from overpaint.bench.drawing import TYPES
from overpaint.bench.publish import CELL as STRIP
from overpaint.bench.results import PICTURES, Line, Results, row_key
from overpaint.bench.table import Row, rows, title_of
from overpaint.errors import UsageError
from overpaint.images import Picture, load_picture
from overpaint.images.picture import from_pil
from overpaint.images.sheets import INK, PAPER, flat, font_height, scaled, wrapped
from overpaint.inversions.choice import NAMES
from overpaint.run.settings import name_of

CELL = 112
"""Pixels of a picture's height; the labels beside it are half as wide again."""
GAP, FRAME = 6, 3
GOOD, BAD = (46, 125, 80), (200, 60, 50)
"""Around what came off by the judge, and around what did not."""
BLANK = (232, 232, 232)
"""Where nothing was made yet, or where it failed."""
SOURCE, TRUTH = "picture", "true answer"


def result_sheet(
    results: Results, cases: Sequence[Case], methods: Sequence[str] = (), cell: int = CELL
) -> Picture:
    """What methods with their options as they come made of cases, in the order of the list of methods.

    Args:
        results: a folder of results with its pictures.
        cases: the lines.
        methods: the columns, as a table names them or by method; without any, all over their own inversion.
        cell: pixels of a picture's height.

    Raises:
        UsageError: there is no such column, or no picture at all.
    """
    columns = chosen(results, cases, methods)
    heads = (SOURCE, *columns, TRUTH)
    font = ImageFont.load_default(max(11, cell // 9))
    label, line = cell * 3 // 2, font_height(font)
    lines = max(len(wrapped(words, font, cell)) for words in heads)
    step, top = cell + GAP, lines * line + 2 * GAP
    size = label + 2 * GAP + step * len(heads), top + step * len(cases)
    paper = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(paper)
    for x, words in enumerate(heads):
        write(draw, (label + 2 * GAP + step * x, GAP), wrapped(words, font, cell), font)
    for y, case in enumerate(cases):
        height = top + step * y
        write(draw, (GAP, height), wrapped(f"{case.kind}: {change(case)}", font, label)[: cell // line], font)
        for x, (image, frame) in enumerate(images(results, case, columns.values(), cell)):
            left = label + 2 * GAP + step * x
            paper.paste(image, (left, height))
            if frame is not None:
                draw.rectangle((left, height, left + cell - 1, height + cell - 1), outline=frame, width=FRAME)
    return from_pil(paper)


def chosen(results: Results, cases: Sequence[Case], methods: Sequence[str]) -> Mapping[str, Row]:
    """The columns by title: of several versions of the code that with the most cases."""
    names, best = {case.name for case in cases}, dict[str, Row]()
    lines = [line for line in results.lines.values() if line["case"] in names]
    for row in sorted(rows(lines), key=lambda row: -len(row.lines)):
        if not row.line["reference"] and not row.line["said"]:
            best.setdefault(title_of(row.line), row)
    wanted = {title: row for title, row in best.items() if wished(row.line, methods)}
    for name in methods:
        if not any(wished(row.line, [name]) for row in wanted.values()):
            raise UsageError(
                f"The results in {results.folder} hold none of {name!r} on these cases; make some with: "
                f"overpaint bench still-life --methods {name.split()[0]} --out {results.folder}"
            )
    if not wanted:
        raise UsageError(f"The results in {results.folder} hold no method on these cases.")
    heads = dict[str, Row]()
    for row in sorted(wanted.values(), key=place):
        heads.setdefault(head(row.line), row)
    return heads


def wished(line: Line, methods: Sequence[str]) -> bool:
    """Whether a column is among those named, or without names its method's own inversion is the default."""
    if methods:
        return bool({title_of(line), head(line)} & {*methods}) or (line["method"] in methods and own(line))
    return own(line)


def own(line: Line) -> bool:
    """Whether a method worked over the inversion that it takes by default, or that it chose itself."""
    usual = name_of(registry.find(line["method"])().model_dump().get("inversion"))
    return line["inversion"] in ("", usual)


def head(line: Line) -> str:
    """What stands above a column."""
    inversion = "" if own(line) else f" {line['inversion']}"
    return f"{line['method']}{inversion}"


def place(row: Row) -> tuple[int, int]:
    """Where a column stands: as methods and inversions are listed."""
    listed, known = list(registry.places()), list(NAMES)
    method, inversion = str(row.line["method"]), str(row.line["inversion"])
    return (
        listed.index(method) if method in listed else len(listed),
        known.index(inversion) if inversion in known else -1,
    )


def images(
    results: Results, case: Case, columns: Iterable[Row], cell: int
) -> list[tuple[Image.Image, tuple[int, int, int] | None]]:
    """The pictures of a line, each with the colour of its frame."""
    pictures = case.pictures()
    made = [drawn(results, case, row, cell) for row in columns]
    truth = pictures.truth or pictures.source
    return [(fitted(pictures.source, cell), None), *made, (fitted(truth, cell), None)]


def drawn(
    results: Results, case: Case, row: Row, cell: int
) -> tuple[Image.Image, tuple[int, int, int] | None]:
    """What a method made of a case, or a blank."""
    line = next((line for line in row.lines if line["case"] == case.name), None)
    picture = None if line is None else kept(results, case, row_key(row.line))
    if line is None or picture is None:
        return Image.new("RGB", (cell, cell), BLANK), None
    success = line.get("figures", {}).get("success")
    return fitted(picture, cell), None if success is None else GOOD if success else BAD


def kept(results: Results, case: Case, row: str) -> Picture | None:
    """The picture of a result, or its part of the strip that results are published with."""
    home, place = results.folder / PICTURES, list(TYPES).index(case.kind)
    try:
        if (home / case.name).is_dir():
            return load_picture(results.picture(case.name, row))
        strip = load_picture(home / f"{row}.webp")
        return Picture(strip.rgb[:, place * STRIP : (place + 1) * STRIP])
    except UsageError:
        return None


def fitted(picture: Picture, cell: int) -> Image.Image:
    """A picture as a square cell, its middle where it is none."""
    image = scaled(flat(picture), cell)
    left = (image.width - cell) // 2
    return image.crop((left, 0, left + cell, cell))


def change(case: Case) -> str:
    """The words that differ: ``red => blue``; what is only added or taken away has a sign."""
    before, after = case.source_prompt.split(), case.target_prompt.split()
    said = list[str]()
    for what, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        old, new = " ".join(before[a:b]), " ".join(after[c:d])
        if what != "equal":
            said.append(f"{old} => {new}" if old and new else f"+ {new}" if new else f"- {old}")
    return ", ".join(said)


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    lines: Sequence[str],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """Lines of words, from a corner."""
    for k, text in enumerate(lines):
        draw.text((at[0], at[1] + k * font_height(font)), text, fill=INK, font=font)
