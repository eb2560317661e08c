"""Several methods on one picture in one call, and what came out as a list that shows itself."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, overload

from overpaint.api import kept_in, of_name
from overpaint.bench.results import FILE as RESULTS
from overpaint.bench.results import Line, Results
from overpaint.card import Need
from overpaint.choosing.score import Score
from overpaint.comparing import report as page
from overpaint.comparing.candidate import Candidate
from overpaint.comparing.cells import cells
from overpaint.comparing.run import STOPPED, WAITING, Comparing, Note, candidates, plain, run
from overpaint.comparing.seeing import missing
from overpaint.comparing.trying import Try, tries
from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.files.sizes import bytes_of
from overpaint.files.times import seconds_of
from overpaint.images import Limits, encode_png, save_picture
from overpaint.inversions.cache import Cache
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.neutral import neutral
from overpaint.run.auto import score_of, stale_notes
from overpaint.run.inputs import Given
from overpaint.run.notebook import table
from overpaint.run.request import EditRequest, edit_request
from overpaint.run.result import Edit
from overpaint.run.sided import Settings, Wanted
from overpaint.run.where import Where

STANDING = "sdedit"
"""Any method will do to read a request with before its methods are known; this one needs no source prompt."""
PAUSE, SHARE = 3.0, 20.0
"""Seconds between two reports of a comparison that runs, at the least and for each second of writing one."""
UNFINISHED = (
    "{} edits are not done yet. While the comparison runs, load this page again to see more; if it was "
    "ended, the same command goes on."
)


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Sequence[Edit]):
    """The edits of a comparison, the likeliest to have come off first; a notebook shows them beside figures.

    ``cells`` holds those that failed too, with their sentences.
    """

    cells: Sequence[Candidate]
    asked: EditRequest
    model: Model
    score: Score | None = None
    notes: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """Where the report and the sheet lie, if a folder was given."""

    @property
    def edits(self) -> list[Edit]:
        """What came out."""
        return [one.edit for one in self.cells if one.edit is not None]

    @overload
    def __getitem__(self, index: int) -> Edit: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Edit]: ...
    def __getitem__(self, index: int | slice) -> Edit | Sequence[Edit]:
        """An edit, or several."""
        return self.edits[index]

    def __len__(self) -> int:
        """How many came out."""
        return len(self.edits)

    def __repr__(self) -> str:
        """One line."""
        failed = len(self.cells) - len(self)
        more = f", {failed} failed" if failed else ""
        return f"<Comparison of {len(self)} edits{more}>"

    @property
    def html(self) -> bytes:
        """The report, one page that needs nothing else."""
        return page.report(self.asked, self.model, self.cells, self.score, self.notes)

    def _repr_html_(self) -> str:
        """What a notebook shows: the contact sheet, and a table of figures."""
        sheet = encode_png(page.contact(self.asked, self.cells))
        names = [name for name in page.OWN if any(name in one.figures for one in self.cells)]
        head = ["", *(["likely"] if self.score else []), *(page.OWN[name].title for name in names)]
        lines = [
            [one.title, *([one.chance] if self.score else []), *(figure(one, name) for name in names)]
            for one in self.cells
        ]
        failed = [f"{one.title}: {one.error}" for one in self.cells if one.edit is None]
        return table(repr(self), sheet, head, lines, [*self.notes, *failed])


def figure(one: Candidate, name: str) -> str:
    """A figure for people."""
    return f"{one.figures[name]:.{page.OWN[name].digits}f}" if name in one.figures else ""


@neutral()
def compare(
    image: Given,
    *,
    source: str = "",
    target: str = "",
    methods: str | Sequence[str] = "all",
    grid: Mapping[str, Sequence[Any]] | None = None,
    budget: float | str | None = None,
    model: str | Model = "still-life",
    seed: int = 0,
    mask: Given | None = None,
    onto: Given | None = None,
    control: Settings | Sequence[Wanted] = (),
    feather: int = 0,
    fit: str = "pad",
    alpha: str = "keep",
    background: str = "white",
    limits: Limits | None = None,
    words: Sequence[str] = (),
    check: bool = True,
    folder: str | Path | None = None,
    overwrite: bool = False,
    sure: bool = False,
    memory: str | int | None = None,
    cache: bool | None = None,
    meter: Meter | None = None,
    options: Mapping[str, Any] | None = None,
    **named: Any,
) -> Comparison:
    """Edit one picture by several methods, the cheapest first, all that can on one inversion.

    Args:
        image, source, target, model, seed, mask, onto, control, feather, fit, alpha, background, limits,
            memory, meter: as for `overpaint.edit`.
        methods: names, or ``"all"`` for those that edit with what is given.
        grid: values of options that are tried in every combination: ``{"steps": [20, 50]}``; an option is
            set wherever there is one of that name.
        budget: seconds after which nothing more is begun (or ``"60s"``, ``"5min"``).
        words: of the target prompt; where they look is recorded.
        check: also see what cheap methods change where nothing is asked.
        folder: where pictures, ``report.html`` and ``sheet.png`` are written; another call with the same
            folder goes on where one was stopped. Without one nothing is kept.
        overwrite: replace a report in that folder that is not ours.
        sure: a grid of more than 200 edits is meant.
        cache: keep inversions on disk for later edits; by itself as for `overpaint.edit`.
        options: of the methods, set wherever there is one of that name.
        named: the same, as keywords.

    Raises:
        UsageError: anything about the request is wrong, or none of the methods can do it; one that cannot is
            a cell with its sentence.
        Cancelled: the meter was told to stop; what was finished is in the folder.
    """
    request = {"source": source, "target": target, "seed": seed, "feather": feather}
    request |= {"fit": fit, "alpha": alpha, "background": background}
    asked = asking(image, request, where=Where(mask), control=control, onto=onto, limits=limits)
    names = [name.strip() for name in methods.split(",")] if isinstance(methods, str) else methods
    said = {**(options or {}), **named}
    loaded = of_name(model)
    wanted = Compared(names, grid or {}, said, budget, tuple(words), check, sure, memory)
    with settled(folder, overwrite) as place, loaded.lock:
        kept = kept_in(loaded, cache, isinstance(model, str)) if cache is not False else None
        with loaded.keeping(kept or Cache(place / "inversions")):
            comparing = prepared(asked, loaded, wanted, place, meter or Meter())
            lasting = None if folder is None else place
            try:
                run(comparing, growing(comparing, lasting))
            except (Cancelled, KeyboardInterrupt):
                finished(comparing, lasting)
                raise
            return finished(comparing, lasting)


@dataclass(frozen=True)
class Compared:
    """What is compared, as somebody said it."""

    methods: Sequence[str]
    grid: Mapping[str, Sequence[Any]]
    options: Mapping[str, Any]
    budget: float | str | None = None
    words: tuple[str, ...] = ()
    check: bool = True
    sure: bool = False
    memory: str | int | None = None


def asking(image: Given, request: Mapping[str, Any], **more: Any) -> EditRequest:
    """The request that all methods share, checked as far as that goes without them.

    Raises:
        UsageError: the picture or the mask cannot be read, or there is no target.
    """
    asked = edit_request("edit", STANDING, image, request, {}, **more)
    if not asked.request.target.split():
        raise UsageError("What the picture should show is not said; give the target prompt.")
    return asked


def given_in(asked: EditRequest) -> frozenset[Need]:
    """What a request brings."""
    there = {
        Need.IMAGE: asked.picture is not None,
        Need.SOURCE: bool(asked.request.source.split()),
        Need.TARGET: bool(asked.request.target.split()),
        Need.MASK: asked.mask is not None,
        Need.CONTROL: bool(asked.controls),
    }
    return frozenset(need for need, given in there.items() if given)


def prepared(
    asked: EditRequest, model: Model, wanted: Compared, folder: Path, meter: Meter, dry: bool = False
) -> Comparing:
    """Everything planned; nothing has run. ``dry`` only looks what is done in the folder.

    Raises:
        UsageError: an unknown method or option, too many edits, or nothing that can be done.
    """
    budget = None if wanted.budget is None else seconds_of(wanted.budget)
    if wanted.memory is not None:
        bytes_of(wanted.memory)
    words = looked_for(wanted.words, asked.request.target)
    family, given = model.family.name, given_in(asked)
    bounded = wanted.sure or budget is not None
    chosen = cells(wanted.methods, wanted.grid, wanted.options, family, given, bounded)
    found = tries(asked, chosen, model, wanted.memory)
    return Comparing(
        asked,
        found,
        model,
        there(folder) if dry else Results.opened(folder),
        meter,
        budget,
        wanted.check and bool(asked.request.source.split()),
        words,
        score_of(model),
        wanted.memory,
    )


def looked_for(words: Sequence[str], target: str) -> tuple[str, ...]:
    """Words of the target prompt whose attention is wanted, each by itself and once.

    Raises:
        UsageError: one is not in it.
    """
    names = {plain(word) for word in target.split()}
    for word in words:
        if not word.split() or not {plain(one) for one in word.split()} <= names:
            raise UsageError(f"The word {word!r} is not in the target prompt, so nothing looks for it.")
    return tuple(dict.fromkeys(plain(one) for word in words for one in word.split()))


def there(folder: Path) -> Results:
    """The results that a folder holds, if any; nothing is written."""
    return Results.read(folder) if (folder / RESULTS).is_file() else Results(folder)


@contextmanager
def settled(folder: str | Path | None, overwrite: bool = False) -> Generator[Path, None, None]:
    """The folder, or one for the length of the ``with``.

    Raises:
        UsageError: it is a file, or holds a report that is not from a comparison.
    """
    with ExitStack() as stack:
        if folder is None:
            yield Path(stack.enter_context(TemporaryDirectory(prefix="overpaint-compare-")))
            return
        place = Path(folder)
        if place.is_file():
            raise UsageError(
                f"A comparison is written to a folder, and {place} is a file; choose another name."
            )
        ours = (place / RESULTS).exists()
        taken = [name for name in (page.FILE, page.SHEET) if (place / name).exists()]
        if taken and not ours and not overwrite:
            raise UsageError(
                f"The folder {place} holds a {taken[0]} that no comparison made; choose another folder, or "
                "say --overwrite."
            )
        yield place


def growing(comparing: Comparing, folder: Path | None, note: Note = lambda one, line: None) -> Note:
    """The same notes, and the report is written anew where an edit is done, so that a kill leaves one.

    Not after each: a report holds every picture, and writing it may take a small share of the time alone.
    """
    due = 0.0

    def noted(one: Try, line: Line | None) -> None:
        nonlocal due
        note(one, line)
        if folder is None or line is None:
            return
        began, left = perf_counter(), len(comparing.waiting)
        if began >= due if left else comparing.check:
            finished(comparing, folder, left)
            ended = perf_counter()
            due = ended + max(PAUSE, SHARE * (ended - began))

    return noted


def finished(comparing: Comparing, folder: Path | None, left: int = 0) -> Comparison:
    """What there is, and its report and sheet where a folder was given; ``left`` edits are still to come."""
    found, notes = candidates(comparing, WAITING if left else STOPPED), notes_of(comparing)
    notes = (UNFINISHED.format(left), *notes) if left else notes
    asked, model, score = comparing.asked, comparing.model, comparing.score
    files = dict[str, Path]()
    if folder is not None:
        files = {"report": folder / page.FILE, "sheet": folder / page.SHEET}
        try:
            atomic.write(files["report"], page.report(asked, model, found, score, notes))
        except OSError as error:
            raise UsageError(
                f"The report {files['report']} cannot be written ({error.strerror or error}); choose another "
                "folder."
            ) from None
        save_picture(page.contact(asked, found), files["sheet"], {}, overwrite=True)
    return Comparison(found, asked, model, score, notes, files)


def notes_of(comparing: Comparing) -> tuple[str, ...]:
    """What should be known of all edits, a sentence each."""
    jobs = [one.job for one in comparing.tries if one.job is not None]
    told = missing(comparing.model), *stale_notes(comparing.model)
    said = [*told, *(note for job in jobs for note in job.notes)]
    return tuple(dict.fromkeys(filter(None, said)))
