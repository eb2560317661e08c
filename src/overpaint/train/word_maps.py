"""Where words look, and which tokens carry what a word says.

Where the thing is that a word speaks of is known for a drawn picture. Its latent is noised to a few levels
and the denoiser asked about it; then either the cross-attention of every word is held against that place, or
one word is changed, and the states that this changes are handed over place by place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from overpaint.attention import Moment, Site, Tap
from overpaint.controls.keep import Keep, near_side
from overpaint.families.sites import sites_of
from overpaint.stilllife.captions import Caption, Role, describe
from overpaint.stilllife.edits import EditCase, pairs
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, SCENE_VALUES, THING_VALUES, Scene
from overpaint.stilllife.tokenizer import BOS_ID, EOS_ID
from overpaint.stilllife.truth import NAMES, truth
from overpaint.train.data import held_out, token_batch
from overpaint.train.nets import LATENT
from overpaint.train.sampling import Painter, grid_of, level_of

LEVELS = (10, 20, 30, 40)
"""Steps of `WALK` at whose noise words are watched."""
WALK = 50
CHUNK = 20
USED = "used"
"""The layers that edits look at."""
Maps = Mapping[str, Float[Tensor, "b side side tokens"]]
"""By layers, at the latent's cells."""
Share = dict[str, float]


def pointing(
    painter: Painter, count: int = 200, *, levels: Sequence[int] = LEVELS, alone: bool = False
) -> dict[str, dict[str, Share]]:
    """By layers and by what a word states: how its attention lies on what the word speaks of.

    "peak": how often the cell that looks at it most is one of that thing's; "chance": how often a cell picked
    at random would be. "other": how often that cell is another thing's. "mass": the share of its attention
    there; "even": the share there if it were spread evenly. Words of the ground should be looked at from the
    ground, those of time and style from anything that is no thing. With `alone` the state of every such word
    is made without the rest of its sentence.
    """
    scenes = held_out(count, start=950_000)
    found: dict[str, dict[str, list[Share]]] = defaultdict(lambda: defaultdict(list))
    for start in range(0, count, CHUNK):
        part = scenes[start : start + CHUNK]
        said = [describe(scene) for scene in part]
        states = states_of(painter, said, alone)
        x0 = painter.encode(render(part, FRAME, painter.device))
        for layers, maps in watched(painter, x0, states, levels, start).items():
            for attribute, share in _shares(maps, part, said):
                found[layers][attribute].append(share)
    return {layers: {name: _mean(each) for name, each in by.items()} for layers, by in found.items()}


def states_of(painter: Painter, said: Sequence[Caption], alone: bool) -> Float[Tensor, "b tokens d"]:
    """States of sentences; with `alone` words that state something know but themselves and their place."""
    tokens = token_batch([caption.text for caption in said]).to(painter.device)
    with torch.no_grad():
        states = painter.tower(input_ids=tokens).last_hidden_state
        if alone:
            rows, places = zip(*((b, k) for b, c in enumerate(said) for k, _ in _stating(c)), strict=True)
            where = torch.tensor(rows, device=tokens.device), torch.tensor(places, device=tokens.device)
            both = torch.stack([torch.full_like(where[0], BOS_ID), tokens[where]], 1)
            at = torch.stack([torch.zeros_like(where[1]), where[1]], 1)
            states[where] = painter.tower(input_ids=both, position_ids=at).last_hidden_state[:, 1]
    return states


def _stating(caption: Caption) -> Iterator[tuple[int, Role]]:
    """Places and roles of the tokens that state an attribute."""
    for place, role in enumerate(caption.words, start=1):
        if role is not None and role.attribute != "relation":
            yield place, role


@torch.no_grad()
def watched(
    painter: Painter, x0: Tensor, states: Tensor, levels: Sequence[int] = LEVELS, seed: int = 0
) -> Maps:
    """The maps of every token, averaged over levels and heads, for the layers of each place and side."""
    tap = Tap(sites_of(painter.unet))
    roles = tuple(f"{k}+" for k in range(len(x0)))
    keeps = {layers: Keep(names, frozenset(roles)) for layers, names in _layers(tap.sites).items()}
    with tap.control(*keeps.values()):
        for i in levels:
            x, t = noised(x0, i, seed)
            with tap.call(Moment(i, WALK, roles, LATENT, LATENT)):
                painter.unet(x, t, states)
    return {layers: _spread(torch.stack([keep.mean(r) for r in roles])) for layers, keep in keeps.items()}


def noised(x0: Tensor, i: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Latents at the noise of a step, and the level that the network is told."""
    rng = torch.Generator().manual_seed(1_000 * seed + i)
    t = grid_of(WALK)[i]
    alpha, sigma = level_of(t)
    noise = torch.randn(x0.shape, generator=rng).to(x0)
    return alpha * x0 + sigma * noise, torch.tensor(t, device=x0.device)


def _layers(sites: Sequence[Site]) -> dict[str, frozenset[str]]:
    """Names of cross-attention layers: those that edits use, and all by place and side."""
    out = {USED: near_side(sites, LATENT, LATENT)}
    for site in sites:
        if site.kind == "cross":
            label = f"{site.place} {LATENT // site.stride}"
            out[label] = out.get(label, frozenset()) | {site.name}
    return out


def _spread(maps: Float[Tensor, "b h w tokens"]) -> Float[Tensor, "b side side tokens"]:
    size = (LATENT, LATENT)
    return interpolate(maps.movedim(3, 1), size, mode="bilinear", align_corners=False).movedim(1, 3)


def _shares(maps: Tensor, scenes: Sequence[Scene], said: Sequence[Caption]) -> Iterator[tuple[str, Share]]:
    """What is found for each word."""
    known = truth(scenes, FRAME, maps.device)
    things = adaptive_avg_pool2d(known.masks.float(), LATENT)
    ground = adaptive_avg_pool2d((known.segments == NAMES.index("ground")).float(), LATENT)
    for b, caption in enumerate(said):
        for place, role in _stating(caption):
            every = things[b].sum(0)
            around = ground[b] if role.attribute == "ground" else 1 - every
            own = things[b, role.thing] if role.thing >= 0 else around
            other = every - own if role.thing >= 0 else every
            yield role.attribute, share_of(maps[b, ..., place], own, other)


def share_of(
    one: Float[Tensor, "side side"], own: Float[Tensor, "side side"], other: Float[Tensor, "side side"]
) -> Share:
    """What `pointing` says of one map: `own` and `other` are how much of each cell those things cover."""
    inside = own >= own.max() / 2  # a ring fills no cell, so the fullest cells are the measure
    peak = int(one.argmax())
    return {
        "peak": float(inside.flatten()[peak]),
        "chance": float(inside.float().mean()),
        "other": float(other.flatten()[peak] > max(0.25, float(own.flatten()[peak]))),
        "mass": float((one * own).sum() / one.sum()),
        "even": float(own.mean()),
    }


def _mean(each: Sequence[Share]) -> Share:
    return {name: round(sum(one[name] for one in each) / len(each), 4) for name in each[0]}


CARRIERS = ("itself", "its noun", "other words", "end")
"""Groups of tokens: the changed word, the noun of its thing, other words, the tokens after the last word."""


@torch.no_grad()
def carried(
    painter: Painter, count: int = 60, *, levels: Sequence[int] = LEVELS
) -> dict[str, dict[str, float]]:
    """By what a changed word states: which share of its effect each group of tokens brings about by itself.

    The sentence of a scene and one with another word give two predictions. Then only the states of one group
    are taken from the second sentence; the share is that of the whole difference which this brings about
    (projected onto it). Shares need not sum to one.
    """
    return {what: _carried(painter, what, count, levels) for what in (*THING_VALUES, *SCENE_VALUES)}


def _carried(painter: Painter, what: str, count: int, levels: Sequence[int]) -> dict[str, float]:
    cases = [pairs(3_000_000 + k, what) for k in range(count)]
    tokens = [token_batch([getattr(c, name) for c in cases]) for name in ("source_prompt", "target_prompt")]
    before, after = (painter.tower(input_ids=t.to(painter.device)).last_hidden_state for t in tokens)
    groups = groups_of(tokens[0], tokens[1], [_roles(case) for case in cases]).to(painter.device)
    x0 = painter.encode(render([case.source for case in cases], FRAME, painter.device))
    sums = torch.zeros(len(CARRIERS) + 1)
    for i in levels:
        x, t = noised(x0, i)
        still = painter.unet(x, t, before).sample
        whole = painter.unet(x, t, after).sample - still
        sums[-1] += float(whole.square().sum())
        for n in range(len(CARRIERS)):
            states = torch.where((groups == n).unsqueeze(2), after, before)
            sums[n] += float(((painter.unet(x, t, states).sample - still) * whole).sum())
    return {name: round(float(sums[n] / sums[-1]), 4) for n, name in enumerate(CARRIERS)}


def _roles(case: EditCase) -> Sequence[Role | None]:
    """The roles of the words of a source sentence; none where it leaves something unsaid."""
    full = describe(case.source)
    return full.words if full.text == case.source_prompt else ()


def groups_of(
    before: Int[Tensor, "b tokens"], after: Int[Tensor, "b tokens"], said: Sequence[Sequence[Role | None]]
) -> Int[Tensor, "b tokens"]:
    """The group of every token of sentences in which words were changed, as its place in `CARRIERS`."""
    out = torch.full(before.shape, CARRIERS.index("other words"))
    out[before == EOS_ID] = CARRIERS.index("end")
    changed = before != after
    for b, words in enumerate(said):
        role = words[int(changed[b].int().argmax()) - 1] if words else None
        nouns = [k for k, one in enumerate(words, 1) if role and one == Role(role.thing, "kind")]
        out[b, nouns] = CARRIERS.index("its noun")
        out[b, changed[b]] = CARRIERS.index("itself")
    return out


def tables(painter: Painter, count: int = 200, note: Callable[[str], None] = lambda _: None) -> str:
    """Everything measured here, as Markdown."""
    there, alone = pointing(painter, count), pointing(painter, count, alone=True)
    note("where words look")
    names = list(there[USED])
    keys = ("peak", "chance", "other", "mass", "even")
    rows = [
        (
            name,
            *(there[USED][name][key] for key in keys),
            *(alone[USED][name][key] for key in ("peak", "mass")),
        )
        for name in names
    ]
    head = ("word", "peak", "chance", "other thing", "mass", "even", "peak, alone", "mass, alone")
    layers = [(layer, *(by[name]["peak"] for name in names)) for layer, by in there.items()]
    effects = [(what, *by.values()) for what, by in carried(painter, max(2, count // 4)).items()]
    note("what carries their meaning")
    parts = (head, rows), (("peak, by layers", *names), layers), (("effect of a word", *CARRIERS), effects)
    return "\n\n".join(_markdown(top, each) for top, each in parts)


def _markdown(head: Sequence[str], rows: Sequence[tuple[str, *tuple[float, ...]]]) -> str:
    lines = [f"| {name} | " + " | ".join(f"{100 * x:.0f}" for x in values) + " |" for name, *values in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *lines])
