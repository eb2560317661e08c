"""Still Life's benchmark: 200 fixed cases, kept as data, and fresh ones by seed.

``python -m overpaint.bench.still_life`` makes the data anew; a test holds it against that.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, cast

from overpaint.bench.case import Case, Pictures, differing
from overpaint.bench.drawing import TYPES, blend_words, draw, known_type
from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.images import Picture, from_tensor
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, Scene, from_json, to_json

DATA = Path(__file__).with_name("still_life.json")
EACH = 20
"""Cases of each type."""
FIXED_SEED = -1
"""Fresh cases have seeds from 0 on."""
FRESH = "fresh:"
FIXED = "fixed"


def cases(seeds: str = FIXED, types: Sequence[str] = (), limit: int | None = None) -> list[Case]:
    """The cases in turn: the first of every type, then the second of every type, and so on.

    Args:
        seeds: ``"fixed"``, or ``"fresh:7"`` for 200 others of that seed.
        types: only these.
        limit: only so many.

    Raises:
        UsageError: an unknown type, or seeds that are neither.
    """
    wanted = [known_type(name) for name in types] or list(TYPES)
    records = stored() if seeds == FIXED else drawn(fresh_seed(seeds), f"fresh{fresh_seed(seeds)}-")
    chosen = (record for record in records if record["type"] in wanted)
    return [case_of(record) for record in islice(chosen, limit)]


def fresh_seed(seeds: str) -> int:
    """The number in ``fresh:7``.

    Raises:
        UsageError: there is none.
    """
    number = seeds.removeprefix(FRESH)
    if not seeds.startswith(FRESH) or not number.isdecimal() or len(number) > 9:
        raise UsageError(f"The cases {seeds!r} are neither {FIXED} nor fresh ones by a number: {FRESH}7.")
    return int(number)


def stored() -> list[dict[str, Any]]:
    """The fixed cases as data."""
    return cast("list[dict[str, Any]]", json.loads(DATA.read_text(encoding="utf-8")))


def drawn(seed: int, prefix: str = "") -> Iterator[dict[str, Any]]:
    """Cases as data, drawn one by one."""
    for number in range(EACH):
        for kind in TYPES:
            edit = draw(kind, seed, number)
            yield {
                "name": f"{prefix}{kind}-{number:02}",
                "type": kind,
                "source": edit.source_prompt,
                "target": edit.target_prompt,
                "words": blend_words(edit),
                "before": json.loads(to_json(edit.source)),
                "after": json.loads(to_json(edit.target)),
            }


def case_of(record: dict[str, Any]) -> Case:
    """A case from its data."""
    before, after = (from_json(json.dumps(record[name])) for name in ("before", "after"))
    return Case(
        name=record["name"],
        kind=record["type"],
        source_prompt=record["source"],
        target_prompt=record["target"],
        pictures=lambda: pictures_of(before, after),
        words=record["words"],
        scenes=(before, after),
    )


def pictures_of(before: Scene, after: Scene) -> Pictures:
    """Both scenes drawn, in eight-bit colours, and where they differ."""
    source, truth = (picture(scene) for scene in (before, after))
    return Pictures(source, truth, differing(source, truth))


def picture(scene: Scene) -> Picture:
    """A scene drawn."""
    return from_tensor(render([scene], FRAME) * 2 - 1)


def as_text() -> str:
    """What the data file must hold: one case a line."""
    lines = [json.dumps(record, separators=(",", ":")) for record in drawn(FIXED_SEED)]
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    atomic.write(DATA, as_text().encode())
