"""What Imagic makes of a few pictures: ``python -m tests.eta_gallery FILE.webp``.

Draws the first cases of some types of the benchmark, whatever they look like: the picture, results on the way
from the learned text to the target's, the true answer; and prints what the judge says. It is no test: nothing
here is collected by pytest.
"""

import sys
from pathlib import Path

from overpaint import edit, load
from overpaint.bench.judging import verdict
from overpaint.bench.still_life import cases
from overpaint.images import Picture, save_picture
from tests.cells import sheet_of

TYPES, ETAS, CELL = ("object", "pose", "material", "background"), (0.0, 0.4, 0.7, 1.0, 1.3), 128


def drawn() -> Picture:
    """The sheet; a learning is done once for all of a picture's results."""
    model, cells = load("still-life", device="cpu"), list[tuple[Picture, str]]()
    for case in cases(types=TYPES, limit=len(TYPES)):
        shown = case.pictures()
        if shown.truth is None or case.scenes is None:
            continue
        said = list[str]()
        cells.append((shown.source, case.source_prompt))
        for eta in ETAS:
            made = edit(
                shown.source,
                target=case.target_prompt,
                method="imagic",
                model=model,
                cache=True,
                look=False,
                eta=eta,
            ).picture
            found = verdict(made, *case.scenes)
            said.append("both" if found.changed and found.kept else "changed" if found.changed else "not")
            cells.append((made, f"eta {eta:g}"))
        cells.append((shown.truth, case.target_prompt))
        print(f"| {case.name} | " + " | ".join(said) + " |", flush=True)
    return sheet_of(cells, len(ETAS) + 2, CELL)


if __name__ == "__main__":
    save_picture(drawn(), Path(sys.argv[1]), {}, overwrite=True)
