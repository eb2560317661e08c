"""Running a benchmark: what is missing is done case by case, on one loaded model, a line each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from overpaint.bench.case import Case, Pictures
from overpaint.bench.figures import figures
from overpaint.bench.peak import Peak
from overpaint.bench.references import REFERENCES
from overpaint.bench.results import NETWORKS, Line, Results, replaced, row_key, row_of
from overpaint.bench.variant import BLEND, CONCEPT, CONTROL, Variant
from overpaint.card import Cost
from overpaint.choosing.early import STRAYED, Watch
from overpaint.choosing.signals import Ground, ground, signals
from overpaint.choosing.telling import telling
from overpaint.errors import UsageError, sentence
from overpaint.guides.concept import Concept
from overpaint.images import Picture, save_picture
from overpaint.meter import Cancelled, Meter, part
from overpaint.model import Model
from overpaint.run import auto
from overpaint.run.by_map import NET
from overpaint.run.estimate import BACKWARD, Estimate, estimate
from overpaint.run.plan import Job
from overpaint.run.request import edit_request
from overpaint.run.sided import Wanted
from overpaint.run.suiting import STRENGTH
from overpaint.run.where import Where
from overpaint.stilllife.palette import mapped

SEED = 0
"""Of every edit's random draws; what is drawn at random is the cases."""
PATIENCE = 1.0
"""Seconds between two looks whether another process is done with a case."""
MARK = "mark"
"""What of a line is the mark of its case."""
TRIES = 10
"""Cases that are looked at for one from which to tell how long an edit takes."""
Note = Callable[[Case, Variant, Line], None]


@dataclass(frozen=True, eq=False)
class Bench:
    """Which cases are edited by what, on which model, and where results go."""

    cases: Sequence[Case]
    variants: Sequence[Variant]
    model: Model
    results: Results
    again: bool = False
    """Whether what failed is tried again."""
    keep: bool = True
    """Whether the pictures are kept."""
    meter: Meter = field(default_factory=Meter)
    grounds: dict[str, Ground] = field(default_factory=dict[str, Ground])
    """What the signals of the case at hand share, under its name."""

    def row(self, variant: Variant) -> dict[str, Any]:
        """What lines of a variant have in common."""
        return row_of(variant, self.model.fingerprint)

    def line(self, case: Case, variant: Variant) -> Line | None:
        """The result there is; none that was made of other prompts or pictures under the same name.

        Nor one that other networks measured, unless its picture was kept to be measured again.
        """
        found = self.results.lines.get((case.name, row_key(self.row(variant))))
        if found is None or found.get(MARK, case.mark) != case.mark:
            return None
        lost = replaced(case.networks, found) and not self.picture(case, variant).exists()
        return None if lost else found

    def wanting(self, case: Case) -> list[Variant]:
        """What is still to be done with a case."""
        found = ((variant, self.line(case, variant)) for variant in self.variants)
        return [v for v, line in found if line is None or (self.again and "error" in line)]

    def missing(self) -> list[tuple[Case, list[Variant]]]:
        """What is still to be done."""
        return [(case, wanting) for case in self.cases if (wanting := self.wanting(case))]

    def picture(self, case: Case, variant: Variant) -> Path:
        """Where the picture of a result is kept."""
        return self.results.picture(case.name, row_key(self.row(variant)))


def run(bench: Bench, note: Note = lambda case, variant, line: None) -> None:
    """Do what is missing. Cases that another process works at come last, should that process not end them.

    Raises:
        Cancelled: the meter was told to stop; all that was finished is on disk.
    """
    with bench.model.lock:
        left = [case for case, _ in bench.missing() if not claimed(bench, case, note)]
        for case in left:
            while not claimed(bench, case, note, PATIENCE):
                check(bench.meter)


def claimed(bench: Bench, case: Case, note: Note, patience: float = 0.0) -> bool:
    """Do a case unless somebody else does."""
    with bench.results.claimed(case.name, patience) as ours:
        if ours:
            pictures = pictures_of(case)
            for variant in bench.wanting(case):
                check(bench.meter)
                line = result(bench, case, pictures, variant)
                bench.results.add(line)
                note(case, variant, line)
        return ours


def pictures_of(case: Case) -> Pictures | UsageError:
    """The pictures of a case, or what is wrong with them."""
    try:
        return case.pictures()
    except UsageError as error:
        return error


def check(meter: Meter) -> None:
    """Stop between two edits as well as in one.

    Raises:
        Cancelled: the meter was told to stop.
    """
    if meter.cancelled:
        raise Cancelled("The run was stopped.")


def result(bench: Bench, case: Case, pictures: Pictures | UsageError, variant: Variant) -> Line:
    """The line of one edit: its figures, or the sentence that says why there are none."""
    model = bench.model
    line = {"case": case.name, "type": case.kind, **bench.row(variant)}
    line |= {"set": case.collection} if case.collection else {}
    line |= {MARK: case.mark} if case.mark else {}
    line |= {NETWORKS: dict(case.networks)} if case.measure is not None else {}
    line |= machine(model)
    if isinstance(pictures, UsageError):
        return line | {"error": str(pictures)}
    try:
        watch = None if variant.reference else Watch(grounded(bench, case, pictures))
        made = edited(bench, case, pictures, variant, watch)
        found = {} if made is None else figures(case, pictures, made.picture)
        told = {} if made is None or watch is None else told_by(bench, watch, made)
    except Cancelled:
        raise
    except Exception as error:  # a mistake in one method must not end a run of hours
        return line | {"error": sentence(error)}
    if made is None:
        return line | {"figures": {}}
    if bench.keep:
        kept(made.picture, bench.picture(case, variant))
    wrong = found.pop("wrong", [])
    line |= {"signals": rounded(told), "telling": telling()} if told else {}
    return line | {"wrong": wrong, **made.said, "figures": {**rounded(found), **rounded(made.cost)}}


def machine(model: Model) -> dict[str, Any]:
    """What a line says of how it was computed."""
    dtype = str(model.dtype).removeprefix("torch.")
    return {"device": model.device.type, "dtype": dtype, "threads": torch.get_num_threads()}


def told_by(bench: Bench, watch: Watch, made: "Made") -> dict[str, float]:
    """The signals of an edit, finished and on the way, whose rows are not the method's."""
    found = signals(bench.model, watch.given, auto.framed(bench.model, made.picture))
    return {**found, **watch.signals, **made.seen}


def grounded(bench: Bench, case: Case, pictures: Pictures) -> Ground:
    """What the edits of the case at hand share, found once."""
    if case.name not in bench.grounds:
        bench.grounds.clear()
        bench.grounds[case.name] = ground_of(bench.model, case, pictures)
    return bench.grounds[case.name]


def ground_of(model: Model, case: Case, pictures: Pictures) -> Ground:
    """What the edits of a case share where their signals are found."""
    return ground(model, auto.framed(model, pictures.source), case.source_prompt, case.target_prompt)


def kept(picture: Picture, place: Path) -> None:
    """Keep a picture.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The folder {place.parent} cannot be made ({error.strerror or error}); choose another with "
            "--out."
        ) from None
    save_picture(picture, place, {}, overwrite=True)


@dataclass(frozen=True, eq=False)
class Made:
    """A picture, and what it cost."""

    picture: Picture
    cost: Mapping[str, float] = field(default_factory=dict[str, float])
    said: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seen: Mapping[str, float] = field(default_factory=dict[str, float])
    """Signals from the way there."""


def edited(
    bench: Bench, case: Case, pictures: Pictures, variant: Variant, watch: Watch | None
) -> Made | None:
    """The picture of a variant as the network left it; nothing where a reference needs an answer unknown."""
    if variant.reference:
        found = REFERENCES[variant.method](pictures, bench.model)
        return None if found is None else Made(found)
    job, peak = planned(bench.model, case, pictures, variant), Peak(bench.model.device)
    edit = auto.carried(job, part(bench.meter, watch))
    picture, work = edit.picture, edit.figures
    if job.asked.mask is not None:  # the product has pasted the outside back already
        with torch.no_grad():
            pixels = job.model.family.decode(edit.latent)
        picture = replace(job, asked=replace(job.asked, mask=None)).placed(pixels)
    cost = by_itself(job.cost, work.rows, work.backwards, work.seconds)
    memory = peak.megabytes
    cost |= {} if memory is None else {"memory": memory}
    walked = 0 if watch is None else len(watch.found)
    seen = {} if work.strayed is None else {STRAYED: work.strayed}
    return Made(picture, cost, {"found": work.rows < job.cost.rows[0], "walked": walked}, seen)


def planned(model: Model, case: Case, pictures: Pictures, variant: Variant) -> Job:
    """An edit as a user would ask for it, with the two prompts, the picture, and gifts if there are any.

    Raises:
        UsageError: it cannot be done as asked.
    """
    said: dict[str, Any] = {name: value for name, value in variant.said.items() if name != CONTROL}
    if variant.inversion:
        said["inversion"] = variant.inversion
    if "words" in variant.gifts and case.words and BLEND not in said:
        said[BLEND] = case.words
    mask = None
    if "region" in variant.gifts and pictures.region is not None:
        mask = (pictures.region * 255).astype("uint8")
    control: list[Wanted] = [*variant.controls]
    if "map" in variant.gifts and case.scenes is not None:
        control.append((NET, mapped(case.scenes[1])))
    request = {"source": case.source_prompt, "target": case.target_prompt, "seed": SEED}
    if "concepts" in variant.gifts:
        said[CONCEPT], request["target"] = concepts(case), ""
    asked = edit_request(
        "edit", variant.method, pictures.source, request, said, where=Where(mask), control=control
    )
    return auto.planned(asked, model)


def concepts(case: Case) -> tuple[Concept, ...]:
    """What is to be added and taken away: the two prompts, each as strongly as published."""
    more = Concept(text=case.target_prompt, sign="+", strength=STRENGTH)
    return more, Concept(text=case.source_prompt, sign="-", strength=STRENGTH)


def by_itself(cost: Cost, rows: int, backwards: int, seconds: float) -> dict[str, float]:
    """What an edit costs by itself: an inversion that an earlier one left in the cache is counted as if made.

    Its rows are known from the method's card, and its time is taken to be in proportion.
    """
    whole = float(max(rows, cost.rows[0]))
    work, real = whole + BACKWARD * max(backwards, cost.backwards[0]), rows + BACKWARD * backwards
    return {"rows": whole, "seconds": seconds * work / real if real else seconds}


def rounded(found: Mapping[str, Any]) -> dict[str, Any]:
    """Figures with as many digits as mean something."""
    return {name: round(v, 6) if isinstance(v, float) else v for name, v in found.items()}


def estimates(bench: Bench) -> Iterator[tuple[Variant, int, Estimate]]:
    """What each variant has to do and what one of its edits takes; nothing of one that must fail."""
    missing = bench.missing()
    for variant in bench.variants:
        cases = [case for case, wanting in missing if variant in wanting]
        if variant.reference or not cases:
            continue
        job = next(jobs(bench.model, cases, variant), None)
        if job is not None:
            yield variant, len(cases), estimate(job)


def jobs(model: Model, cases: Sequence[Case], variant: Variant) -> Iterator[Job]:
    """The first edits of a variant that can be done at all."""
    for case in cases[:TRIES]:
        with suppress(UsageError):
            yield planned(model, case, case.pictures(), variant)


def failures(bench: Bench) -> list[tuple[Case, Variant, str]]:
    """What failed, with the sentence."""
    lines = ((case, variant, bench.line(case, variant)) for case in bench.cases for variant in bench.variants)
    return [(case, variant, line["error"]) for case, variant, line in lines if line and "error" in line]
