"""Trying everything, cheapest first: each edit is on disk as soon as it is done, and is not done again."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from overpaint.bench.results import Line, Results
from overpaint.bench.run import by_itself, rounded
from overpaint.choosing.choices import choice_of
from overpaint.choosing.score import EXPECTED, Score
from overpaint.choosing.signals import Ground, signals
from overpaint.comparing.candidate import Candidate, command
from overpaint.comparing.seeing import seen
from overpaint.comparing.trying import Try, bounded
from overpaint.errors import UsageError, sentence, unforeseen
from overpaint.files.fingerprint import tensor_hash
from overpaint.images import Picture, load_picture, pixels_hash, save_picture
from overpaint.images.picture import from_pil
from overpaint.images.recipe import KEY, parse_recipe, trusted_recipe
from overpaint.images.sheets import flat, overlay
from overpaint.meter import Cancelled, Meter, part
from overpaint.model import Model
from overpaint.run.auto import as_seen, expected, grounded
from overpaint.run.memory import run_patiently
from overpaint.run.plan import Job
from overpaint.run.request import EditRequest
from overpaint.run.result import Edit, Figures
from overpaint.run.unasked import nothing_asked, unasked

PICTURES = "pictures"
CHEAP = 6.0
"""Seconds of an edit up to which it is also seen what the method changes with nothing asked."""
STOPPED = "Not begun: the comparison was stopped."
WAITING = "Not done yet."
Note = Callable[[Try, Line | None], None]


@dataclass(eq=False)
class Comparing:
    """What is tried on which picture, and where that is kept."""

    asked: EditRequest
    tries: Sequence[Try]
    model: Model
    results: Results
    meter: Meter = field(default_factory=Meter)
    budget: float | None = None
    """Seconds after which nothing more is begun."""
    check: bool = True
    """Whether cheap methods are also asked for nothing."""
    words: tuple[str, ...] = ()
    """Words whose attention is kept."""
    score: Score | None = None
    memory: str | int | None = None
    """What it may take."""
    began: float = field(default_factory=perf_counter)
    left: dict[str, str] = field(default_factory=dict[str, str])
    """Why something was not begun, by key."""

    @cached_property
    def case(self) -> str:
        """What the picture and all that is asked of it are known by."""
        picture, mask = self.asked.picture, self.asked.mask
        parts = [
            "" if picture is None else pixels_hash(picture),
            "" if mask is None else tensor_hash(torch.tensor(mask.weights)),
            json.dumps(self.asked.request.model_dump(mode="json"), sort_keys=True),
            json.dumps([*self.words, *(one.how.model_dump_json() for one in self.asked.controls)]),
            *beside(self.asked),
        ]
        return "compare-" + sha256(" ".join(parts).encode()).hexdigest()[:12]

    def line(self, one: Try) -> Line | None:
        """The result there is."""
        return self.results.lines.get((self.case, one.key))

    def place(self, one: Try, what: str = "") -> Path:
        """Where the picture of a result is kept, or another one that belongs to it."""
        return self.results.folder / PICTURES / self.case / f"{one.key}{what}.png"

    @property
    def missing(self) -> list[Try]:
        """What is still to be done; what failed for want of memory or by a mistake is tried again."""
        return [one for one in self.tries if one.job is not None and not whole(self, one)]

    @property
    def waiting(self) -> list[Try]:
        """What nothing is known of yet, neither an edit nor why there is none."""
        tried = (one for one in self.tries if one.job is not None)
        return [one for one in tried if self.line(one) is None and one.key not in self.left]

    def over(self, seconds: float) -> bool:
        """Whether work of so many seconds does not fit into the budget any more."""
        return self.budget is not None and perf_counter() - self.began + seconds > self.budget


def beside(asked: EditRequest) -> Iterator[str]:
    """What an edit looks at beside the picture and its mask, each by its content; nothing for most."""
    if asked.picture is not None and trusted_recipe(asked.picture) is not None:
        yield asked.picture.info.text[KEY]  # an edit may go on from the noise it speaks of
    if asked.onto is not None:
        yield f"onto {pixels_hash(asked.onto[0])}"
    for name, several in asked.further.items():
        yield from (f"{name} {pixels_hash(one)}" for one, _ in several)
    for one in asked.controls:
        seen = "" if one.picture is None else pixels_hash(one.picture[0])
        yield f"control {one.file.fingerprint} {seen}"


def whole(comparing: Comparing, one: Try) -> bool:
    """Whether there is a result, and its picture where it has one."""
    line = comparing.line(one)
    return line is not None and "error" not in line and read_of(comparing.place(one)) is not None


def read_of(place: Path) -> Picture | None:
    """A picture that was kept; nothing where it is gone or damaged, so that it is made again."""
    try:
        return load_picture(place)
    except UsageError:
        return None


def run(comparing: Comparing, note: Note = lambda one, line: None) -> None:
    """Do what is missing: all edits, then what methods do with nothing asked.

    Raises:
        Cancelled: the meter was told to stop; what was finished is on disk.
        UsageError: another process compares the same there, or nothing can be written.
    """
    with comparing.results.claimed(comparing.case) as ours, comparing.model.lock:
        if not ours:
            raise UsageError(
                f"Another process compares edits of this picture in {comparing.results.folder}; wait for it, "
                "or choose another folder with -o."
            )
        (comparing.results.folder / PICTURES / comparing.case).mkdir(parents=True, exist_ok=True)
        for one in comparing.missing:
            if one.job is None:
                continue
            if comparing.over(one.seconds):
                comparing.left[one.key] = (
                    f"Not begun: it takes about {one.seconds:.0f} s, and the budget was nearly spent."
                )
            else:
                comparing.results.add(done(comparing, one, one.job))
            note(one, comparing.line(one))
        if comparing.check:
            check(comparing, note)


def check(comparing: Comparing, note: Note) -> None:
    """Ask cheap methods for nothing, and add what they change to their lines."""
    for one in comparing.tries:
        line = comparing.line(one)
        todo = line is not None and "error" not in line and "unasked" not in line
        if line is None or not todo or one.seconds > CHEAP or comparing.over(one.seconds):
            continue
        note(one, None)
        comparing.results.add({**line, "unasked": changed(comparing, one)})


def changed(comparing: Comparing, one: Try) -> Mapping[str, Any] | None:
    """What a method changes where nothing is asked; nothing where that cannot be asked of it, or it fails."""
    if one.job is None:
        return None
    try:
        twin = bounded(nothing_asked(one.job.asked, comparing.model), comparing.memory)
        return rounded(unasked(twin, part(comparing.meter)).facts)
    except Cancelled:
        raise
    except Exception as error:  # a mistake in one method must not end the comparison
        unforeseen(error)  # which shows where, if somebody wants to see it
        return None


def done(comparing: Comparing, one: Try, job: Job) -> Line:
    """The line of a cell: its figures, or the sentence that says why there are none."""
    line: dict[str, Any] = {"case": comparing.case, "type": "", **one.row}
    if comparing.meter.cancelled:
        raise Cancelled("The comparison was stopped.")
    try:
        watch = bool(comparing.words)
        job = replace(job, asked=replace(job.asked, watch=watch))
        edit = run_patiently(job, part(comparing.meter))
        return {**line, **kept(comparing, one, job, edit)}
    except Cancelled:
        raise
    except Exception as error:  # a mistake in one method must not end the comparison
        return line | {"error": sentence(error)}


def kept(comparing: Comparing, one: Try, job: Job, edit: Edit) -> Line:
    """Write the pictures of an edit down; what there is to say of it."""
    edit.save(comparing.place(one), overwrite=True)
    if edit.mask is not None:
        save_picture(edit.mask, comparing.place(one, ".mask"), {}, overwrite=True)
    found = [(word, grid) for word, grid in edit.words if plain(word) in comparing.words]
    for k, (_, grid) in enumerate(found):
        shown = from_pil(overlay(flat(edit.picture), grid.detach().cpu().float().numpy()))
        save_picture(shown, comparing.place(one, f".word{k}"), {}, overwrite=True)
    work, bare = edit.figures, bare_of(job, edit)
    figures = {"seconds": work.seconds, "rows": float(work.rows), **seen(job, edit, bare)}
    costs = by_itself(job.cost, work.rows, work.backwards, work.seconds)
    figures |= {f"{name}_alone": value for name, value in costs.items()}
    return {
        "figures": rounded(figures),
        "signals": rounded(told_by(job, edit.picture)),
        "work": work.model_dump(mode="json"),
        "words": [word for word, _ in found],
        "warnings": list(edit.warnings),
    }


def plain(word: str) -> str:
    """A word as it is known by, however it is written and whatever stands behind it."""
    return word.strip(".,;:!?").lower()


def bare_of(job: Job, edit: Edit) -> Picture:
    """The picture before the outside of a mask was put back."""
    if job.asked.mask is None or not edit.latents:
        return edit.picture
    with job.model.lock, torch.no_grad():
        pixels = job.model.family.decode(edit.latent)
    return replace(job, asked=replace(job.asked, mask=None)).placed(pixels)


LAST: dict[str, Ground] = {}
"""The ground of the picture that was looked at last."""


def told_by(job: Job, picture: Picture) -> dict[str, float]:
    """The signals of an edit, found as where the method is chosen; none without two prompts."""
    told = job.asked.request
    if job.fitted is None or not told.source.split() or not told.target.split():
        return {}
    name = f"{job.model.fingerprint} {tensor_hash(job.fitted.tensor)} {told.source}\n{told.target}"
    if name not in LAST and (on := grounded(job)) is not None:
        LAST.clear()
        LAST[name] = on
    return signals(job.model, LAST[name], as_seen(job, picture))


def candidates(comparing: Comparing, why: str = STOPPED) -> list[Candidate]:
    """What there is of everything: the likeliest to have come off first, then what failed.

    ``why`` says of what is left why that is so.
    """
    found = [candidate(comparing, one, why) for one in comparing.tries]
    return sorted(found, key=rank, reverse=True)


def rank(one: Candidate) -> tuple[float, ...]:
    """By the trusted score; without one by whether the network believes it, then by what stayed elsewhere."""
    believed = float(one.signals.get("belief", 0.0) > 0)
    chance = -1.0 if one.score is None else one.score[0]
    return (float(one.edit is not None), chance, believed, one.signals.get("kept_elsewhere", 0.0))


def candidate(comparing: Comparing, one: Try, why: str = STOPPED) -> Candidate:
    """What there is of one."""
    line, picture = comparing.line(one), read_of(comparing.place(one))
    if line is None or "error" in line or picture is None:
        failed = one.error or (line or {}).get("error") or comparing.left.get(one.key)
        return Candidate(one.title, one.cell.method, error=failed or why)
    recipe = parse_recipe(picture, "The picture")
    edit = Edit(
        picture,
        (),
        recipe,
        Figures.model_validate(line["work"]),
        source=comparing.asked.picture,
        warnings=tuple(line["warnings"]),
        mask=read_of(comparing.place(one, ".mask")),
    )
    by_score, told = comparing.score, line.get("signals", {})
    chance = None if by_score is None else by_score.of({**told, EXPECTED: expected_of(comparing, one)})
    nothing = line.get("unasked")
    figures = {**line["figures"], **({"unasked": nothing["psnr"]} if nothing else {})}
    said = command(recipe, one.cell.said, comparing.asked, comparing.memory)
    score = None if chance is None or by_score is None else (chance, *by_score.between(chance))
    words = tuple(overlays(comparing, one, line["words"]))
    return Candidate(one.title, one.cell.method, edit, "", figures, told, score, words, nothing, said)


def expected_of(comparing: Comparing, one: Try) -> float:
    """The odds that it comes off by its method and the type of edit alone."""
    return expected(comparing.asked, comparing.model, choice_of(one.row).title)


def overlays(comparing: Comparing, one: Try, words: Sequence[str]) -> Iterator[tuple[str, Picture]]:
    """Where words look, as it was kept."""
    for k, word in enumerate(words):
        picture = read_of(comparing.place(one, f".word{k}"))
        if picture is not None:
            yield word, picture
