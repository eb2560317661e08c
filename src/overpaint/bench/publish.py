"""Results as something to keep and to look at: compact lines, tables, a page with pictures.

Such a folder is itself a folder of results: what is the same in all lines of a row stands once, in a file of
its own, and `Results.read` puts both together again. Publishing to a folder adds to what is there.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from PIL import Image

from overpaint.bench.case import Case
from overpaint.bench.combinations import everything
from overpaint.bench.figures import FIGURES, SHARES
from overpaint.bench.results import FILE, LISTED, NAMES, PICTURES, ROWS, SHARED, Line, Results, row_key
from overpaint.bench.table import OVERALL, Row, as_csv, rows, shown, types_of
from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.images import load_picture
from overpaint.images.sheets import flat
from overpaint.pages.page import page

TABLE, CSV, PAGE = "table.md", "table.csv", "index.html"
MACHINE = ("device", "dtype", "threads")
"""What a line says of how it was computed."""
DIGITS = 5
CELL, QUALITY = 128, 80
"""Pixels of a picture on the page, and how well they are kept."""


def publish(results: Results, folder: Path, cases: Sequence[Case] = ()) -> list[Path]:
    """Write what a folder of results holds to another one, beside what is there; the files that were written.

    ``cases`` are those whose pictures are shown, the first of each type; a row's strip is made anew where
    the results have its pictures.

    Raises:
        UsageError: the folder cannot be written, or is that of the results.
    """
    check_place(results.folder, folder)
    there = Results.read(folder).lines if (folder / FILE).exists() else {}
    lines = [short(line) for line in {**there, **results.lines}.values()]
    try:
        (folder / PICTURES).mkdir(parents=True, exist_ok=True)
        found = sorted(rows(lines), key=rank)
        drawn = {
            key for key in map(row_key, (row.line for row in found)) if strip(results, key, cases, folder)
        }
        files = {
            **compact(lines),
            TABLE: everything(found),
            CSV: as_csv(found),
            PAGE: whole(found, cases, drawn),
        }
        for name, text in files.items():
            atomic.write(folder / name, text if isinstance(text, bytes) else text.encode())
    except OSError as error:
        raise UsageError(
            f"The folder {folder} cannot be written to ({error.strerror or error}); choose another."
        ) from None
    return [folder / name for name in files]


def rank(row: Row) -> tuple[bool, float]:
    """References first, then by successes, the most first; where none are told, as they came."""
    came = row.values("success")
    return not row.line["reference"], -sum(came) / len(came) if came else 0.0


def check_place(results: Path, folder: Path) -> None:
    """Refuse to publish to the folder of the results, or to one that holds somebody else's file of a name.

    Raises:
        UsageError: it is one of these.
    """
    if folder.resolve() == results.resolve():
        raise UsageError(f"The folder {folder} holds the results themselves; publish them to another one.")
    taken = next((name for name in (TABLE, CSV, PAGE) if (folder / name).exists()), None)
    if taken is not None and not (folder / ROWS).exists():
        raise UsageError(f"The folder {folder} holds {taken}, which was not published here; choose another.")


def compact(lines: Sequence[Line]) -> dict[str, str]:
    """Lines without what they share with others of their row and without names of figures; and the rows."""
    by_row = dict[str, list[Line]]()
    for line in sorted(lines, key=lambda one: (not one["reference"], row_key(one))):
        by_row.setdefault(row_key(line), []).append(line)
    shared, own = list[Line](), list[Line]()
    for name, of_row in by_row.items():
        first, parts, names = of_row[0], common(of_row), listed(of_row)
        told = {part: first[part] for part in (*SHARED, *parts) if part in first}
        shared.append({"row": name, **told, NAMES: names})
        for line in of_row:
            left = {part: value for part, value in line.items() if part not in (*SHARED, *parts)}
            lists = {part: [left[part].get(one) for one in names[part]] for part in names if part in left}
            own.append({"row": name, **left, **lists})
    return {ROWS: written(shared), FILE: written(own)}


def listed(lines: Sequence[Line]) -> dict[str, list[str]]:
    """The names of all figures, and of all signals, that any line of a row has."""
    every = {part: [one for line in lines for one in line.get(part, {})] for part in LISTED}
    return {part: list(dict.fromkeys(names)) for part, names in every.items() if names}


def common(lines: Sequence[Line]) -> list[str]:
    """Parts of the machine that all lines of a row say the same of."""
    first = lines[0]
    return [part for part in MACHINE if all(part in one and one[part] == first[part] for one in lines)]


def short(line: Line) -> Line:
    """A line with what was measured rounded; what it is known by stays."""
    return {part: value if part in SHARED else rounded(value) for part, value in line.items()}


def rounded(value: Any) -> Any:
    """Numbers with as many digits as are worth keeping, wherever they stand."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {name: rounded(one) for name, one in cast("Mapping[str, Any]", value).items()}
    return value


def written(lines: Sequence[Line] | Any) -> str:
    """JSON, a line each."""
    return "".join(json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n" for line in lines)


def strip(results: Results, row: str, cases: Sequence[Case], folder: Path) -> bool:
    """Put the pictures of a row side by side in a file; whether there is one, also of an earlier time."""
    place = folder / PICTURES / f"{row}.webp"
    own = [results.picture(case.name, row) for case in cases]
    if any(file.exists() for file in own):
        paper = Image.new("RGB", (CELL * len(own), CELL), (128, 128, 128))
        for k, file in enumerate(own):
            if file.exists():
                picture = flat(load_picture(file))
                paper.paste(picture.resize((CELL, CELL), Image.Resampling.BICUBIC), (CELL * k, 0))
        data = BytesIO()
        paper.save(data, "WEBP", quality=QUALITY, method=6)
        atomic.write(place, data.getvalue())
    return place.exists()


def whole(found: Sequence[Row], cases: Sequence[Case], drawn: Collection[str]) -> bytes:
    """The page."""
    kinds = types_of(found)
    data = {
        "types": [OVERALL, *kinds],
        "figures": [
            {"name": name, "title": f.title, "better": f.better, "digits": f.digits, "meaning": f.meaning}
            for name, f in FIGURES.items()
            if any(row.values(name) for row in found)
        ],
        "shares": list(SHARES),
        "cases": [
            {"name": one.name, "source": one.source_prompt, "target": one.target_prompt} for one in cases
        ],
        "rows": [row_of_page(row, kinds, drawn) for row in found],
    }
    return page("overpaint bench", "bench", data, ("common", "bench"), beside=True)


def row_of_page(row: Row, kinds: Sequence[str], drawn: Collection[str]) -> Mapping[str, Any]:
    """A row as the page's program takes it."""
    name = row_key(row.line)
    return {
        "title": row.title,
        "reference": bool(row.line["reference"]),
        "cases": len(row.lines),
        "failed": sum("error" in line for line in row.lines),
        "code": row.line["code"],
        "strip": f"{PICTURES}/{name}.webp" if name in drawn else None,
        "came": {
            str(line["case"]): bool(line["figures"]["success"])
            for line in row.lines
            if "success" in line.get("figures", {})
        },
        "values": {kind: dict(values(row, kind)) for kind in (OVERALL, *kinds)},
    }


def values(row: Row, kind: str) -> Iterator[tuple[str, tuple[float, str]]]:
    """Every figure of a type: the number, and as it is shown."""
    for name in FIGURES:
        mean = row.mean(name, kind)
        if mean is not None:
            yield name, (round(mean.value, 6), shown(mean, name))
