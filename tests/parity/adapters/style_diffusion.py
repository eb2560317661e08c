"""StyleDiffusion: maps of the inversion, losses, updates and networks of every step, way back, edit."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from overpaint.controls import Latest, near_side
from overpaint.guides import CFG
from overpaint.inversions import Style, Trajectory
from overpaint.inversions.style import SCALE, SHIFT, recorded
from overpaint.inversions.tuning import Step
from overpaint.methods.p2p import SOURCE_ROWS, parts
from overpaint.methods.style_diffusion import StyleDiffusion
from overpaint.model import Line
from overpaint.noise import Key, Noise, Replay
from overpaint.tune.mapping import GRAIN
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.adapters.editor import KINDS, factors, share, side_of, window
from tests.parity.figures import Row
from tests.parity.walking import Known, Taken, walked

LAYERS = {"start": "conv_start", "block": "conv_block.0.0", "norm": "conv_block.0.1", "end": "conv_end"}
KINDS_OF = ("weight", "bias")
FIRST, LAST = "map_first_layer_k1", "map_last_layer_k1"
RUNNING = ("num_batches_tracked", "running_mean", "running_var")
WEIGHTS = [f"net_init.{layer}.{kind}" for layer in LAYERS.values() for kind in KINDS_OF]
UNUSED = [f"net_init.{LAYERS['norm']}.{name}" for name in RUNNING]
STATED = {"map_": 1e-5, "losses": 1e-3}
"""The file says "maps" for what it calls ``map_...``."""
OTHERWISE = 5e-3


class Tokens:
    """An eye that sees what the file has in the place of CLIP's tokens."""

    fingerprint = "stored"

    def __init__(self, tokens: Tensor) -> None:
        self.stored = tokens

    def look(self, pixels: Tensor) -> Tensor:
        """Nothing asks for it."""
        raise NotImplementedError

    def read(self, prompts: Sequence[str]) -> Tensor:
        """Nothing asks for it."""
        raise NotImplementedError

    def tokens(self, pixels: Tensor, normed: bool = True) -> Tensor:
        """Whatever the picture is."""
        return self.stored


class StyleDiffusionFile(Adapter):
    """``style_diffusion``"""

    method = "style_diffusion"
    inputs = frozenset({"x0", "inverted", "mapping"})
    beside = frozenset(UNUSED)
    spared = frozenset({*WEIGHTS, *UNUSED, "image_tokens", "losses", FIRST, LAST})

    def read(self) -> None:
        """The tuning, the windows, the prompts."""
        s = self.settings
        s.must("local_blend", None)
        s.must("attention_loss", True)
        self.edit = StyleDiffusion.model_validate(
            {
                "steps": s.count("num_inference_steps"),
                "guidance": s.number("guidance"),
                "inversion": Style(
                    inner=s.count("num_inner_steps"),
                    stop=s.number("early_stop_epsilon"),
                    values=s.take("tau_v", share),
                ),
                "kind": s.one_of("edit", KINDS),
                "cross_replace": s.take("tau_c", window),
                "self_replace": s.take("tau_s", window),
                "unconditional_replace": s.take("tau_u", window),
                "reweight": s.take("equalizer", factors, None),
                "official": True,
            }
        )
        s.must("self_limit", "32x32")
        assert self.edit.editor.self_limit == side_of("32x32")
        self.path = self.path_of(self.edit.steps)
        self.source, self.target = self.text("source_prompt"), self.text("target_prompt")
        self.null = self.model.family.null()

    def bound(self, name: str) -> float:
        """What the file states for arrays of this name."""
        return next((bound for word, bound in STATED.items() if word in name), OTHERWISE)

    def rows(self, reach: Reach) -> int:
        """An update counts three; without the networks' weights there is nothing to tune."""
        n, tuned = self.edit.steps, reach == "whole" and WEIGHTS[0] in self.golden
        return 5 * n + (4 * n + 3 * self.edit.inversion.pace.total(n) if tuned else 0)

    def ends(self) -> Iterator[Row]:
        """The way back of both from the stored noise with the stored networks."""
        yield from self.levels(self.path)
        golden, n = self.golden, self.edit.steps
        latents = golden["inverted"].expand(n + 1, -1, -1, -1)
        scale, shift = golden["mapping"].chunk(2, 1)
        yield from self.edited(Trajectory(self.path.t, latents, more={SCALE: scale, SHIFT: shift}))

    def edited(self, traj: Trajectory) -> Iterator[Row]:
        """Source and target under all windows."""
        golden, o = self.golden, self.edit
        taken = self.walk(traj)
        if "reconstruction_steps" in golden:
            mine = {t.i: t.xs["src"][0] for t in taken}
            yield self.series("reconstruction_steps", mine)
        if "edited_mid" in golden:
            yield self.compare("edited_mid", taken[o.steps // 2].pair)
        if "edited" in golden:
            yield self.compare("edited", taken[-1].pair)

    def walk(self, traj: Trajectory) -> list[Taken]:
        """The edit from a known inversion."""
        o, x0 = self.edit, self.golden["x0"]
        controls, _ = parts(o.editor, self.model, self.task(x0, self.source, self.target))
        self.model.cache = Known(traj)
        texts = self.source, self.target, self.null
        walk = o.inversion.walk(self.model, self.path, x0, texts, o.guidance, Noise(0), SOURCE_ROWS)
        return walked(self.model, walk, *controls)

    def whole(self) -> Iterator[Row]:
        """Everything; in a small file, which has no weights to begin with, the same as next to the noise."""
        if WEIGHTS[0] not in self.golden:
            yield from self.ends()
            return
        yield from self.levels(self.path)
        golden, o, x0 = self.golden, self.edit, self.golden["x0"]
        tokens = Tokens(golden["image_tokens"])
        self.model = replace(self.model, open_eye=lambda: tokens)
        guide = CFG(self.source, self.null, o.guidance)
        with torch.no_grad():
            traj = o.inversion.run(self.model, self.path, x0, guide, self.begun())
        yield self.compare("inverted", traj.start)
        yield from self.maps(traj)
        notes = self.model.meter.notes
        yield self.exactly("inner_steps", torch.tensor(notes["updates"]))
        yield self.compare("losses", self.losses())
        both = torch.cat([traj.more[SCALE], traj.more[SHIFT]], 1)
        yield self.series("mapping", dict(enumerate(both)))
        yield from self.edited(traj)

    def begun(self) -> Replay:
        """The file's weights as the draws they would have been made of; those of the norm are not drawn."""
        draws = dict[tuple[Key, ...], Tensor]()
        for layer, name in LAYERS.items():
            weight, bias = (self.golden[f"net_init.{name}.{kind}"].double() for kind in KINDS_OF)
            if layer == "norm":
                assert bool((weight == 1).all()) and bool((bias == 0).all())
                continue
            for kind, own in zip(KINDS_OF, (weight[..., 0], bias), strict=True):
                draws["mapping", f"{layer}.{kind}"] = (own * weight.shape[1] ** 0.5 + 1) / 2 * GRAIN
        return Replay(draws)

    def maps(self, traj: Trajectory) -> Iterator[Row]:
        """What the last step holds on to: the inversion's maps at its own latent."""
        n = self.edit.steps
        latest = Latest(near_side(self.model.tap.sites, *traj.latents.shape[-2:]))
        step = Step(self.model, self.path, n - 1, traj.level(n - 1))
        found = list(recorded(step, traj.latents, Line("+", self.source), latest).values())
        for name, mine in ((FIRST, found[0]), (LAST, found[-1])):
            yield self.compare(name, mine.mean(0))

    def losses(self) -> Tensor:
        """By step and update: what the latent misses and what the maps do; -1 where it had stopped."""
        notes, o = self.model.meter.notes, self.edit
        table = torch.full((o.steps, o.inversion.inner, 2), -1.0)
        found = zip(notes["loss"], notes["loss beside"], strict=True)
        for i, count in enumerate(notes["updates"]):
            for j in range(int(count)):
                both, beside = next(found)
                table[i, j] = torch.tensor([both - beside, beside])
        return table
