"""Choosing the method: several are planned in the place of one, and run until one is likely to have come off.

Nobody knows the right answer of a user's edit. But on edits whose answer is known it was learned which
methods do best on which type of edit (`overpaint.choosing.choices`) and what tells that one came off
(`overpaint.choosing.score`). The likeliest methods share one inversion where they can, so that the second
costs less than the first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from time import perf_counter

from overpaint.choosing.agreement import FEWEST, apart, likest
from overpaint.choosing.choices import USUAL, Choice, Choices, Type, type_of
from overpaint.choosing.choices import shipped as shipped_choices
from overpaint.choosing.early import Watch, at_of
from overpaint.choosing.score import EXPECTED, LIKELY, Score
from overpaint.choosing.score import shipped as shipped_score
from overpaint.choosing.signals import LEVELS, ROWS, STEPS, Ground, ground, signals
from overpaint.choosing.telling import STALE, stale
from overpaint.errors import UsageError, sentence
from overpaint.images import Picture, fit
from overpaint.images.fitting import Placement
from overpaint.masks.disagreement import asking_cost
from overpaint.meter import Cancelled, Meter, part
from overpaint.methods.auto import Auto
from overpaint.model import Model
from overpaint.network import Pixels
from overpaint.options import Options
from overpaint.run.asked import asked as asked_for
from overpaint.run.memory import run_patiently
from overpaint.run.own_noise import inversion_of
from overpaint.run.plan import Job, grain, plan
from overpaint.run.request import EditRequest, told
from overpaint.run.resolve import resolve
from overpaint.run.result import Chosen, Edit, Figures, Tried

FAILED = (
    "None of the {} edits that were tried is likely to have come off (at best {}); other words, a mask "
    "or another method may help."
)


def planned(asked: EditRequest, model: Model) -> Job:
    """The plan of a request; where the method is to be chosen, of the best one with the others behind it.

    Raises:
        UsageError: it cannot be done as asked; of several methods, none of them can.
    """
    if asked.kind is not Auto:
        return plan(asked, model)
    own = resolve(Auto, asked.options, {}, asked.title)
    edit_type, notes = own.type or kind_of_edit(asked, model), stale_notes(model)
    jobs, refused = list[Job](), dict[str, UsageError]()
    for choice in choices(model, edit_type)[: own.candidates]:
        if jobs and not comparable(model):
            break
        try:
            odds = expected(asked, model, choice.title, edit_type)
            one = plan(by(asked, choice), model)
            chosen = replace(one, expected=odds, type=edit_type, walks=choice.steps)
            jobs.append(replace(chosen, notes=(*one.notes, *notes)))
        except UsageError as error:
            refused[choice.title] = error
    if not jobs:
        raise next(iter(refused.values()))
    said = tuple(f"{title}: {error}" for title, error in refused.items())
    rows = judging(asked, model, len(jobs))
    return replace(jobs[0], others=tuple(jobs[1:]), auto=True, refused=said, judging=rows)


def judging(asked: EditRequest, model: Model, edits: int) -> tuple[int, int]:
    """Rows that tell how likely so many edits came off: at least those for the first, at most for all."""
    if score_of(model) is None or not asked.request.source.split():
        return 0, 0
    return looks_of(1)[0], looks_of(edits)[1]


def looks_of(edits: int) -> tuple[int, int]:
    """Rows that find the signals of edits: once those of the picture, then those of each."""
    least, shared = 2 * len(LEVELS), asking_cost(STEPS).rows[1]
    return shared + least * edits, shared + ROWS * edits


def by(asked: EditRequest, choice: Choice) -> EditRequest:
    """The request with a method that was chosen for it.

    Raises:
        UsageError: there is no such method.
    """
    kind, said = told(choice.method, choice.said)
    return replace(asked, kind=kind, options=said)


def kind_of_edit(asked: EditRequest, model: Model, share: float | None = None) -> Type:
    """The type of edit that the two prompts ask for, and where they leave it open the size of the region.

    ``share`` is that size, where the region itself is not there yet.
    """
    kinds = asked_for(asked.request.source, asked.request.target, model.suits.words)
    return type_of(kinds, share_of(asked) if share is None else share)


def share_of(asked: EditRequest) -> float | None:
    """The share of what the model is shown that may change; nothing where nobody says, or not yet."""
    if asked.mask is None or asked.seek is not None:
        return None
    may = asked.mask.weights > 0
    return float((may if asked.part is None else may[asked.part.window]).mean())


def choices(model: Model, kind: Type) -> Sequence[Choice]:
    """What to try, best first."""
    known = learned(model)
    return USUAL if known is None else known.by.get(kind, USUAL)


def comparable(model: Model) -> bool:
    """Whether anything would tell which of several edits is better; where nothing does, one is made."""
    return score_of(model) is not None or together(model)


def stale_notes(model: Model) -> tuple[str, ...]:
    """That what was learned with a model is older than what finds signals, if it is."""
    known = [one.telling for one in (learned(model), score_of(model)) if one is not None]
    return (STALE,) if stale(*known) else ()


def expected(asked: EditRequest, model: Model, title: str, kind: Type | None = None) -> float:
    """The odds (logarithm) that an edit comes off, by its method and type alone; even if nothing is known."""
    known = learned(model)
    return 0.0 if known is None else known.expected(title, kind or kind_of_edit(asked, model))


def learned(model: Model) -> Choices | None:
    """What was learned with this model, if anything was."""
    known = shipped_choices()
    return known if known is not None and known.model == model.fingerprint else None


def score_of(model: Model) -> Score | None:
    """The trusted score of this model, if there is one."""
    score = shipped_score()
    return score if score is not None and score.model == model.fingerprint else None


def carried(job: Job, meter: Meter) -> Edit:
    """Run a job; one whose method was to be chosen until an edit is likely to have come off.

    A method that fails is no end of it, whatever it fails of.

    Raises:
        Cancelled: the meter was told to stop.
        OverpaintError: it failed; of several, all of them did.
    """
    if not job.auto:
        return run_patiently(job, meter)
    before, began = meter.rows, perf_counter()
    meter.total = before + job.cost.rows[1]
    found, failed = list[tuple[Edit, Tried]](), list[tuple[Job, Exception]]()
    on = None if score_of(job.model) is None else grounded(job)
    others = [replace(one, at_once=job.at_once, seen=job.seen) for one in job.others]
    for left, one in zip(range(len(others), -1, -1), (job, *others), strict=True):
        watch = early_look(one, on) if found or left else None
        try:
            edit = run_patiently(one, part(meter, watch))
            found.append((edit, judged(one, edit, on)))
        except Cancelled:
            raise
        except Exception as error:  # a mistake in one method must not take what others made
            failed.append((one, error))
            continue
        if sure(job.model, found[-1][1]):
            break
    if not found:
        raise failed[-1][1]
    meter.total = meter.rows
    told = [f"{title_of(one)}: {sentence(error)}" for one, error in failed]
    said = [*job.refused, *told]
    return best(job, found, said, Work(rows=meter.rows - before, seconds=perf_counter() - began))


class Work(Options):
    """What all that was tried took together."""

    rows: int
    seconds: float


def together(model: Model) -> bool:
    """Whether all that is tried is made, to be held against one another."""
    known = learned(model)
    return known is not None and known.together


def sure(model: Model, one: Tried) -> bool:
    """Whether no further method need be tried."""
    known = learned(model)
    return known is not None and not known.together and one.chance is not None and one.chance >= known.enough


def early_look(job: Job, on: Ground | None) -> Watch | None:
    """What gives an edit up that is going elsewhere; nothing where nobody knows when or what to look for."""
    known = learned(job.model)
    if on is None or known is None or known.early is None or not job.walks:
        return None
    return Watch(on, known.early, at_of(job.walks))


def grounded(job: Job) -> Ground | None:
    """What the signals of all edits share; nothing where there is no source prompt to hold them against."""
    request = job.asked.request
    if job.fitted is None or not request.source.split():
        return None
    return ground(job.model, job.fitted.tensor, request.source, request.target)


def judged(job: Job, edit: Edit, on: Ground | None) -> Tried:
    """What can be said of an edit without knowing the right answer."""
    title, score = title_of(job), score_of(job.model)
    found = {} if on is None else signals(job.model, on, as_seen(job, edit.picture))
    chance = None if score is None else score.of({**found, EXPECTED: job.expected})
    return Tried(title, chance, found, picture=edit.picture)


def title_of(job: Job) -> str:
    """The method, and its inversion, where it has one that is not the method itself."""
    method, inversion = job.method.card.name, inversion_of(job.method)
    name = "" if inversion is None else inversion.called
    return method if name in ("", method) else f"{method} {name}"


def framed(model: Model, picture: Picture, how: str = "pad", part: Placement | None = None) -> Pixels:
    """A picture, or a part of it, as the model sees it."""
    return fit(picture, model.family.side, grain(model), how, part).tensor


def as_seen(job: Job, picture: Picture) -> Pixels:
    """A picture as the model saw the one that was edited."""
    return framed(job.model, picture, job.asked.request.fit, job.asked.part)


def worth(one: Tried) -> tuple[float, ...]:
    """By the trusted score; where there is none, the first was the only one."""
    return (-1.0 if one.chance is None else one.chance,)


def best(job: Job, found: Sequence[tuple[Edit, Tried]], failed: Sequence[str], work: Work) -> Edit:
    """The likeliest edit, with why it was taken and what all of them took."""
    agree = together(job.model) and len(found) >= FEWEST
    edit, one = found[agreed(job, found)] if agree else max(found, key=lambda pair: worth(pair[1]))
    why = "as it is less like the others" if agree else "as it is less likely to have come off"
    every = [other if other is one else replace(other, dropped=why) for _, other in found]
    tried = tuple(sorted(every, key=worth, reverse=True))
    said = " ".join(reasons(one, len(found), len(failed), job, agree=agree))
    most = max((other.chance for _, other in found if other.chance is not None), default=LIKELY)
    warnings = (FAILED.format(len(found), chance_of(job.model, most)),) if most < LIKELY else ()
    figures: Figures = edit.figures.model_copy(update={"rows": work.rows, "seconds": work.seconds})
    chosen = Chosen(said, tried, tuple(failed))
    return replace(edit, figures=figures, chosen=chosen, warnings=(*edit.warnings, *warnings))


def agreed(job: Job, found: Sequence[tuple[Edit, Tried]]) -> int:
    """Which of several edits is most like the others, as the model sees them."""
    return likest(apart([as_seen(job, edit.picture) for edit, _ in found]))


def chance_of(model: Model, chance: float) -> str:
    """A chance for people, with its interval."""
    score = score_of(model)
    return f"{chance:.0%}" if score is None else score.told(chance)


def reasons(one: Tried, tried: int, failed: int, job: Job, *, agree: bool = False) -> Iterator[str]:
    """Why an edit was taken."""
    best = "the one most like the others" if agree else "the likeliest"
    others = "the first that was tried" if tried == 1 else f"{best} of {tried} that were tried"
    chance = ""
    if one.chance is not None:
        chance = f", with a chance of {chance_of(job.model, one.chance)} to have come off"
    yield f"Took {one.title}, {others} for an edit of the type {job.type!r}{chance}."
    if one.chance is None and not agree:
        yield "No score was learned with this model, so no others were tried."
    if failed:
        yield f"{failed} more could not be done or were given up on the way."
