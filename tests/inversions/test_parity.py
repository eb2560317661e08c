"""Inversions against arrays of the published codes.

By default every file is checked around its first and last kept state, from stored latent to stored latent;
the marker ``every_step`` walks the whole way.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from tests.parity import Golden, compare, golden_model
from torch import Tensor

from overpaint.attention import Control
from overpaint.controls import CrossReplace, SelfReplace
from overpaint.guides import CFG, Plain
from overpaint.inversions import DDIM, Direct, Inversion, NegativePrompt, NullText, Trajectory, null_text
from overpaint.inversions.base import CONDITIONAL
from overpaint.meter import Meter
from overpaint.model import Branch, Model
from overpaint.network import Text
from overpaint.noise import Noise
from overpaint.path import Latent, Path
from overpaint.sample import Latents, compose, denoise
from overpaint.tune.fit import Misses, fit
from overpaint.words import refine, swap, weights, windows

DDIM_FILE, DIRECT, NULL = "inversions-ddim", "inversions-direct", "inversions-null-text"
NEGATIVE, PROXIMAL, PULL = "inversions-negative-prompt", "inversions-proximal", "inversions-proximal-pull"
NEGATIVES: dict[str, tuple[NegativePrompt, float, float]] = {
    NEGATIVE: (NegativePrompt(), 1e-4, 0.0),
    PROXIMAL: (NegativePrompt(proximal="l0", quantile=0.7, reconstruction_guidance=0.5), 2e-4, 5e-3),
    PULL: (NegativePrompt(proximal="l0", quantile=0.6, inversion_guidance=0.5, below=600), 2e-4, 1e-3),
}
"""Options as in the files' settings, tolerance, and the share of elements that may lie beyond it."""


def stored(name: str, what: str, k: int) -> Latent:
    """One latent of a trajectory (0 is the picture) or list of which some entries were stored."""
    golden = Golden.load(name)
    place = golden.numbers(f"{what}_at").index(k)
    return golden[what][place : place + 1]


def known(name: str, steps: int) -> Tensor:
    """A trajectory noise end first; NaN where nothing was stored, for nothing may look there."""
    latents = torch.full((steps + 1, 4, 64, 64), torch.nan)
    golden = Golden.load(name)
    for place, k in enumerate(golden.numbers("trajectory_at")):
        latents[steps - k] = golden["trajectory"][place]
    return latents


class Run:
    """One file's settings on the small checkpoint."""

    def __init__(self, name: str) -> None:
        self.name, self.golden = name, Golden.load(name)
        self.settings = self.golden.settings
        self.model: Model = golden_model()
        self.steps: int = self.settings["num_inference_steps"]
        self.scale: float = self.settings["guidance"]
        self.path: Path = self.model.path(self.steps)
        family = self.model.family
        self.source: Text = family.text(self.settings["source_prompt"])
        self.target: Text = family.text(self.settings["target_prompt"])
        self.null: Text = family.null()
        assert torch.equal(self.path.t, self.golden["timesteps"])

    @property
    def guide(self) -> CFG:
        return CFG(self.source, self.null, self.scale)

    def controls(self) -> list[Control]:
        """The file's Prompt-to-Prompt."""
        source, target = self.source.prompt, self.target.prompt
        align = swap if self.settings["editor"].endswith("replace") else refine
        table = windows(target, self.steps, self.settings["cross_replace_steps"], {})
        return [
            CrossReplace(align(source, target), table, weights(target, {})),
            SelfReplace(self.settings["self_replace_steps"], 32),
        ]

    def branches(self, inversion: Inversion, traj: Trajectory) -> list[Branch]:
        """Both prompts on the way back along a trajectory that is known already."""
        home = inversion.home(self.path, traj, self.source, self.null, self.scale, CONDITIONAL)
        away = inversion.guide(self.path, traj, self.target, self.null, self.scale)
        return [Branch("src", home), Branch("tgt", away)]

    def stretch(self, branches: Sequence[Branch], rows: Tensor, start: int, stop: int) -> Tensor:
        """A part of the way back, from stored rows on; ``stop`` is the last step taken."""
        xs: Latents = {"src": rows[:1], "tgt": rows[1:]}
        with self.model.control(*self.controls()):
            for i in range(start, stop + 1):
                ps = self.model.predict(xs, i, self.path, branches)
                xs = {name: self.path.at(p, i + 1) for name, p in ps.items()}
        return torch.cat([xs["src"], xs["tgt"]])

    def edit(self, inversion: Inversion, x0: Latent) -> tuple[Trajectory, list[Tensor]]:
        """The whole way: inversion, then the edit; returns both rows after every step."""
        texts = self.source, self.target, self.null
        walk = inversion.walk(self.model, self.path, x0, texts, self.scale, Noise(0))
        states: list[Tensor] = []

        def keep(i: int, xs: Latents) -> Latents:
            states.append(torch.cat([xs["src"], xs["tgt"]]))
            return xs

        with self.model.control(*self.controls()):
            denoise(self.model, self.path, walk.xs, walk.branches, after=compose(walk.after, keep))
        return walk.trajectory, states

    def check(self, what: str, mine: Tensor, theirs: Tensor, tolerance: float, allowed: float = 0.0) -> None:
        compare(self.name, what, mine, theirs, tolerance, allowed)


def only(path: Path, i: int) -> Path:
    """The path of one step."""
    return replace(path, t=path.t[i : i + 1], alpha=path.alpha[i : i + 2], sigma=path.sigma[i : i + 2])


def test_ddim_parity_at_both_ends() -> None:
    run = Run(DDIM_FILE)
    for i, k in ((9, 0), (0, 9)):
        x = stored(DDIM_FILE, "trajectory", k)
        mine = DDIM().run(run.model, only(run.path, i), x, run.guide, Noise(0)).start
        run.check(f"trajectory {k + 1}", mine, stored(DDIM_FILE, "trajectory", k + 1), 1e-4)


@pytest.mark.every_step
def test_ddim_parity_whole() -> None:
    run = Run(DDIM_FILE)
    walk = DDIM().walk(
        run.model,
        run.path,
        stored(DDIM_FILE, "trajectory", 0),
        (run.source, run.target, run.null),
        run.scale,
        Noise(0),
    )
    for k in run.golden.numbers("trajectory_at"):
        run.check("trajectory whole", walk.trajectory.level(10 - k), stored(DDIM_FILE, "trajectory", k), 1e-4)
    plain = Branch("src", Plain(run.source))
    back = denoise(run.model, run.path, {"src": walk.trajectory.start}, [plain])["src"]
    run.check("reconstruction", back, run.golden["reconstruction_w1"], 1e-4)
    both = denoise(run.model, run.path, walk.xs, walk.branches)
    run.check("sampled", torch.cat([both["src"], both["tgt"]]), run.golden["sampled"], 1e-4)


def test_direct_parity_of_the_offsets_at_both_ends() -> None:
    run = Run(DIRECT)
    branches = [Branch("src", run.guide), Branch("tgt", CFG(run.target, run.null, run.scale))]
    for place, i in enumerate((0, 7)):
        x, goal = (stored(DIRECT, "trajectory", 8 - i - step) for step in (0, 1))
        ps = run.model.predict({"src": x, "tgt": x}, i, run.path, branches)
        mine = {name: goal - run.path.at(p, i + 1) for name, p in ps.items()}
        run.check(f"source offset {i}", mine["src"], stored(DIRECT, "offsets_source", i), 2e-4)
        theirs = run.golden["offsets_target_first_last"][place : place + 1]
        run.check(f"target offset {i}", mine["tgt"], theirs, 2e-4)


@pytest.mark.every_step
def test_direct_parity_whole() -> None:
    run = Run(DIRECT)
    traj, states = run.edit(Direct(), stored(DIRECT, "trajectory", 0))
    for k in run.golden.numbers("trajectory_at"):
        run.check("trajectory", traj.level(8 - k), stored(DIRECT, "trajectory", k), 2e-4)
    run.check("edited", states[-1], run.golden["edited"], 2e-4)


class Losses:
    """Stands in for `fit` and writes down the loss before every update."""

    def __init__(self) -> None:
        self.of: list[list[float]] = []

    def __call__(
        self, meter: Meter, misses: Misses, start: Tensor, updates: int, rate: float, enough: float
    ) -> Tensor:
        own: list[float] = []
        self.of.append(own)

        def noted(states: Tensor) -> Tensor:
            found = misses(states)
            own.append(float(found.detach().square().mean()))
            return found

        return fit(meter, noted, start, updates, rate, enough)


def test_null_text_parity_of_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    run, losses = Run(NULL), Losses()
    monkeypatch.setattr(null_text, "fit", losses)
    x = stored(DIRECT, "trajectory", 7)
    traj = NullText(inner=5, stop=0.002).run(run.model, only(run.path, 0), x, run.guide, Noise(0))
    assert traj.nulls is not None
    run.check("losses 0", torch.tensor(losses.of[0]), run.golden["losses"][0], 1e-3)
    run.check("null embedding 0", traj.nulls[0], run.golden["null_embeddings"][0], 2e-2)


@pytest.mark.every_step
def test_null_text_parity_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    run, losses = Run(NULL), Losses()
    monkeypatch.setattr(null_text, "fit", losses)
    traj, states = run.edit(NullText(inner=5, stop=0.002), stored(DIRECT, "trajectory", 0))
    assert traj.nulls is not None
    assert [len(own) for own in losses.of] == run.golden.numbers("inner_steps")
    run.check("losses", torch.tensor(losses.of), run.golden["losses"], 1e-3)
    for i, null in enumerate(traj.nulls):
        run.check("null embeddings", null, run.golden["null_embeddings"][i], 2e-2)
    branch = Branch("src", CFG(run.source, traj.null(run.null), run.scale))
    back = denoise(run.model, run.path, {"src": traj.start}, [branch])["src"]
    run.check("reconstruction", back, run.golden["reconstruction"], 5e-3)
    run.check("edited", states[-1], run.golden["edited"], 5e-3)


def kept(run: Run, inversion: NegativePrompt, place: str) -> tuple[Tensor, Tensor]:
    """What comes of the stretch up to the first kept state or from the last on, and what was stored."""
    picture = known(run.name if run.name == PULL else DDIM_FILE, run.steps)
    branches = run.branches(inversion, Trajectory(run.path.t, picture, run.source.states))
    first, last = run.golden.numbers("kept_steps")
    if place == "first":
        start = picture[:1].expand(2, -1, -1, -1)
        return run.stretch(branches, start, 0, first), run.golden["edited_steps"][0]
    return run.stretch(branches, run.golden["state"], last + 1, run.steps - 1), run.golden["edited"]


@pytest.mark.parametrize(
    "name, place", [(NEGATIVE, "first"), (PROXIMAL, "last"), (PULL, "first"), (PULL, "last")]
)
def test_negative_prompt_parity_at_the_ends(name: str, place: str) -> None:
    run, (inversion, tolerance, allowed) = Run(name), NEGATIVES[name]
    run.check(f"edited, {place} kept", *kept(run, inversion, place), tolerance, allowed)


@pytest.mark.every_step
@pytest.mark.parametrize("name", NEGATIVES)
def test_negative_prompt_parity_whole(name: str) -> None:
    run, (inversion, tolerance, allowed) = Run(name), NEGATIVES[name]
    x0 = stored(name if name == PULL else DDIM_FILE, "trajectory", 0)
    traj, states = run.edit(inversion, x0)
    assert traj.nulls is not None
    if name == NEGATIVE:
        run.check("null embedding", traj.nulls, run.golden["null_embedding"], tolerance)
    for place, i in enumerate(run.golden.numbers("kept_steps")):
        run.check(f"edited, step {i}", states[i], run.golden["edited_steps"][place], tolerance, allowed)
    run.check("edited", states[-1], run.golden["edited"], tolerance, allowed)
