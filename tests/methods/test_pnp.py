"""Plug-and-Play: what it becomes with closed windows, what open ones hold, its rows, what it refuses."""

from statistics import fmean
from typing import Any

import pytest
import torch
from tests.kit import gap, precise

import overpaint
from overpaint.bench.case import Case
from overpaint.bench.still_life import cases
from overpaint.contract.checks import EXACT
from overpaint.contract.trial import SIZE, picture, run
from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG, Plain
from overpaint.guides.fading import Fade
from overpaint.inversions import DDIM, NAMES, Direct
from overpaint.meter import Meter
from overpaint.methods.pnp import PlugAndPlay, controls, walked_with
from overpaint.model import Branch, Line, Model
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.task import Request, Task

STEPS = 4
SOURCE, TARGET, NEGATIVE = "a photo of a cat", "a photo of a dog", "a red bird"
MIXED: dict[str, Any] = {"negative": NEGATIVE, "fade": {"alpha": 0.5, "schedule": "linear"}}
OFFSET = {"name": "direct", "form": "offset"}
CLOSED: dict[str, Any] = {"features": 0.0, "self_replace": 0.0}
TUNED = ("null-text", "prompt-tuning", "style")
"""Inversions that take long unless they are told to make one update."""


def task(source: str = SOURCE, target: str = TARGET, shape: Shape = "sd1") -> Task:
    card, request = PlugAndPlay.card, Request(source=source, target=target)
    return Task.of(precise(shape), request, card.needs, picture(), SIZE, optional=card.optional)


def method(**options: Any) -> PlugAndPlay:
    return PlugAndPlay.model_validate({"steps": STEPS, "layer": 1, **options})


def made(given: Task, meter: Meter | None = None, shape: Shape = "sd1", **options: Any) -> Latent:
    return run(precise(shape), method(**options), given, meter).latents[0]


def away(mine: Latent, other: Latent) -> float:
    """How far apart, as a share of the largest value."""
    return gap(mine, other) / float(other.abs().max())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("negative", ["", NEGATIVE])
def test_with_closed_windows_it_is_the_guided_walk_from_the_same_noise(shape: Shape, negative: str) -> None:
    given, model = task(shape=shape), precise(shape)
    path, null = model.path(STEPS), given.text(negative) if negative else given.null
    with torch.no_grad():
        traj = Direct()(model, path, given.x0, CFG(given.null, given.null), given.noise)
        plain = denoise(model, path, {"tgt": traj.start}, [Branch("tgt", CFG(given.target, null, 7.5))])[
            "tgt"
        ]
    assert away(made(given, shape=shape, negative=negative, **CLOSED), plain) <= EXACT
    for window in ("features", "self_replace"):
        options: dict[str, Any] = {**CLOSED, window: 0.5, "negative": negative}
        assert away(made(given, shape=shape, **options), plain) > 1e-3, window


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_that_are_told_the_same_find_home(shape: Shape) -> None:
    """Guidance 0 tells the target nothing, like the source: from the trajectory it goes the source's way."""
    given, model = task(shape=shape), precise(shape)
    with torch.no_grad():
        path = model.path(STEPS)
        traj = DDIM()(model, path, given.x0, CFG(given.null, given.null), given.noise)
        home = denoise(model, path, {"src": traj.start}, [Branch("src", Plain(given.null))])["src"]
    closed = made(given, shape=shape, guidance=0.0, inversion="ddim", **CLOSED)
    opened = made(given, shape=shape, guidance=0.0, inversion="ddim")
    assert away(closed, home) <= EXACT
    assert away(opened, closed) <= EXACT, "what is taken over is what was there"


def test_the_pictures_row_is_told_nothing_wherever_its_noise_comes_from() -> None:
    given, model, o = task(), precise(), method(encode="source")
    assert walked_with(o, given) is given.source and walked_with(method(), given) is given.null
    path, texts = model.path(STEPS), (given.source, given.target, given.null)
    with torch.no_grad():
        pinned = o.inversion.walk(model, path, given.x0, texts, 7.5, given.noise).untold(given.null)
        free = method(inversion="ddim").inversion.walk(model, path, given.x0, texts, 7.5, given.noise)
    assert pinned.branches[0].guide.lines(0)[0].text is given.null
    assert free.untold(given.null) is free, "it would not find home"
    assert away(made(given, encode="source"), made(given)) > 1e-3


def test_a_generated_picture_is_walked_with_its_prompt() -> None:
    given = task()
    assert walked_with(method(inversion="recorded"), given) is given.source
    assert walked_with(method(inversion="recorded", encode="nothing"), given) is given.null


def test_a_finer_way_to_noise_ends_at_the_same_levels() -> None:
    given, model = task(), precise()
    meter = Meter()
    fine = made(given, meter, inversion_steps=8)
    assert meter.rows == 8 + 3 * STEPS
    path, finer = model.path(STEPS), model.path(8)
    with torch.no_grad():
        traj = Direct()(model, finer, given.x0, CFG(given.null, given.null), given.noise).on(path)
        walk = Direct().walk(
            model, path, given.x0, (given.null, given.target, given.null), 7.5, given.noise, finer=finer
        )
    assert torch.equal(walk.trajectory.latents, traj.latents)
    assert away(fine, made(given)) > 1e-3
    assert torch.equal(made(given, inversion_steps=STEPS), made(given))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("inversion", ["direct", "ddim"])
def test_a_share_of_the_empty_prompt_that_stays_at_one_leaves_no_negative_prompt(
    shape: Shape, inversion: str
) -> None:
    given, options = task(shape=shape), dict[str, Any](inversion=inversion, negative=NEGATIVE)
    plain = made(given, shape=shape, inversion=inversion)
    whole = made(given, shape=shape, fade={"alpha": 1}, **options)
    assert away(whole, plain) <= EXACT
    assert away(made(given, shape=shape, **options), plain) > 1e-3
    for schedule in ("linear", "exp"):
        fade = {"alpha": 1, "schedule": schedule}
        assert away(made(given, shape=shape, fade=fade, **options), plain) > 1e-3


def test_both_prompts_are_mixed_as_published() -> None:
    """``eps = e + s (eps_target - e)`` with ``e = a eps_empty + (1 - a) eps_negative``, written out."""
    given, model, fade = task(), precise(), Fade(alpha=0.75, schedule="linear")
    path, null, negative = model.path(STEPS), given.null, given.text(NEGATIVE)
    x = Direct()(model, path, given.x0, CFG(null, null), given.noise).start
    shares = [0.75, 0.5, 0.25, 0.0]
    with torch.no_grad():
        for i, a in enumerate(shares):
            lines = [Line(str(k), text) for k, text in enumerate((null, negative, given.target))]
            p = model.rows(x.expand(3, -1, -1, -1), i, path, ["0", "1", "2"], lines)
            base = a * p.eps[:1] + (1 - a) * p.eps[1:2]
            eps = base + 7.5 * (p.eps[2:] - base)
            x = path.alpha[i + 1] * (x - path.sigma[i] * eps) / path.alpha[i] + path.sigma[i + 1] * eps
    mine = made(given, negative=NEGATIVE, fade=fade, **CLOSED)
    assert away(mine, x) <= EXACT
    assert away(made(given, negative=NEGATIVE, fade=fade), mine) > 1e-3, "all rows take what is held"


def test_every_row_of_the_target_takes_over_what_is_held() -> None:
    assert all(one.writes == {"tgt-", "tgt+"} for one in controls(method(fade={"alpha": 1})))
    assert all(one.writes == {"tgt-", "tgt+", "tgt!"} for one in controls(method(**MIXED)))


@pytest.mark.sample(7)
@pytest.mark.parametrize("more", [{}, MIXED], ids=["", "mixed"])
@pytest.mark.parametrize("inversion", NAMES)
@pytest.mark.parametrize("encode", ["source", "nothing"])
def test_rows_are_those_of_the_card_over_every_inversion(
    inversion: str, encode: str, more: dict[str, Any]
) -> None:
    own = {"name": inversion, **({"inner": 1} if inversion in TUNED else {})}
    options: dict[str, Any] = {"inversion": own, "encode": encode, "negative": NEGATIVE, **more}
    meter, (low, high) = Meter(), method(**options).card.cost(method(**options)).rows
    made(task(), meter, **options)
    assert low <= meter.rows <= high


def test_its_rows_at_the_defaults() -> None:
    """50 to the noise, and calls of three on the way back; the published inversion takes 999."""
    assert PlugAndPlay.card.cost(PlugAndPlay()).rows == (200, 200)
    assert PlugAndPlay.card.cost(PlugAndPlay(inversion_steps=999)).rows == (1149, 1149)
    assert PlugAndPlay.card.cost(PlugAndPlay.model_validate(MIXED)).rows == (250, 250)
    assert PlugAndPlay.card.cost(PlugAndPlay(fade=Fade(alpha=1))).rows == (200, 200)


@pytest.mark.parametrize(
    ("options", "given", "sentence"),
    [
        ({"layer": 4}, {}, "The decoder of this model attends up to its layer 3"),
        ({"encode": "source"}, {"source": ""}, "give the source prompt"),
        ({"negative": "tiger " * 20}, {}, "shorten it"),
        ({"inversion_steps": 3}, {}, "does not visit level"),
        ({"inversion_steps": 8, "inversion": "edict"}, {}, "'edict' belongs to its own steps"),
        ({"inversion_steps": 8, "inversion": OFFSET}, {}, "direct that overwrites"),
    ],
)
def test_what_cannot_act_is_a_sentence(options: dict[str, Any], given: dict[str, Any], sentence: str) -> None:
    meter = Meter()
    with pytest.raises(UsageError, match=sentence):
        made(task(**given), meter, **options)
    assert meter.calls == 0


@pytest.mark.slow
def test_more_injected_steps_keep_more_of_the_layout() -> None:
    """On average, as the authors see it: the structure distance to the picture does not rise."""
    model = overpaint.load("still-life", device="cpu")
    few = cases(types=["object", "material", "colour"], limit=3)
    none, half, whole = (fmean(layout_lost(model, case, share) for case in few) for share in (0.0, 0.5, 1.0))
    assert none > half > whole > 0


def layout_lost(model: Model, case: Case, share: float) -> float:
    """How far an edit is from the picture in structure, with what is held for such a share of the steps."""
    source, options = case.pictures().source, {"features": share, "self_replace": share}
    edit = overpaint.edit(
        source,
        source=case.source_prompt,
        target=case.target_prompt,
        method="pnp",
        model=model,
        options={"steps": 8, "layer": 1, **options},
    )
    return overpaint.measure(source, edit.picture)["structure"]
