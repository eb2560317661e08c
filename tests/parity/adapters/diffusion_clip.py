"""DiffusionCLIP in pixel space: both grids, every mixture of networks, and the tuning in both modes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from overpaint.families.pixel import PixelFamily
from overpaint.files.store import NoDraft
from overpaint.losses.clip import between, directional
from overpaint.methods.diffusion_clip import DiffusionCLIP, begun, ended
from overpaint.model import Model
from overpaint.network import Residuals, Text
from overpaint.noise import Key, Replay
from overpaint.path import Schedule
from overpaint.task import Task
from overpaint.tune.asymmetric import grid, stairs
from overpaint.tune.diffusion_clip import DiffusionCLIPLearning
from overpaint.tune.patch import Weights
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.analytic import LINEAR, AnalyticEye, bars, waves
from tests.parity.figures import Row
from tests.parity.walking import watched

OPTIMISER = "Adam(0.9,0.999,eps 1e-8), no weight decay"
ABAR = bars(LINEAR).float()
SOURCE, TARGET = "the source", "the target"
THETA = 1e-3
"""Bound that the file states for what is tuned."""
BASE = (0.0, 0.0, 0.0, 0.15)


class Analytic(nn.Module):
    """The network of the notes: a picture in mind that is shifted by colour, and a ripple of some height."""

    def __init__(self, theta: Tensor) -> None:
        super().__init__()
        self.theta = nn.Parameter(theta.clone())

    def forward(self, x: Tensor, abar: Tensor) -> Tensor:
        """The noise."""
        centre = waves(*x.shape[-2:]) + self.theta[:3].view(3, 1, 1)
        ideal = (1 - abar).sqrt() * (x - abar.sqrt() * centre) / (0.2 * abar + 1 - abar)
        return ideal + self.theta[3] * (1.5 * x.roll((1, 2), (-2, -1))).sin()


@dataclass(frozen=True)
class AnalyticFamily(PixelFamily):
    """A pixel family around it."""

    def call(self, net: nn.Module, x: Tensor, t: Tensor, text: Text, more: Residuals) -> Tensor:
        """The network at a level."""
        return net(x, ABAR[int(t)])


class ResizingEye(AnalyticEye):
    """The analytic CLIP, which looks at whatever size and has read many sentences about either word."""

    def embed(self, pixels: Tensor) -> Tensor:
        """Vectors of pictures, resized first."""
        shown = interpolate((pixels + 1) / 2, (self.side, self.side), mode="bicubic", antialias=True)
        return self.bare((shown - self.mean) / self.spread)

    def embed_text(self, prompts: Sequence[str]) -> Tensor:
        """All that is stored of the word in them."""
        return self.said[SOURCE if any(SOURCE in one for one in prompts) else TARGET]


@dataclass
class Pages:
    """A draft that keeps what is tuned after every update."""

    thetas: list[Tensor] = field(default_factory=list[Tensor])

    def read(self) -> Mapping[str, Tensor]:
        """Nothing: all is learned here."""
        return {}

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """A page more."""
        if "network/value.theta" in found:
            self.thetas.append(found["network/value.theta"].clone())


class DiffusionClipFile(Adapter):
    """``diffusion_clip`` and ``diffusion_clip-finetune``"""

    method = "diffusion_clip"
    measure = "norm"
    inputs = frozenset(
        {
            *("source", "stochastic_noise", "theta_base", "theta_ft0", "theta_ft1", "theta_ft2"),
            *("images", "pair_target", "clip_image_weight", "text_features_source", "text_features_target"),
        }
    )

    def read(self) -> None:
        """Edits, or a learning."""
        s = self.settings
        s.must("beta_schedule", "linear 1e-4..0.02, 1000")
        self.level, self.to_noise = s.count("t_0"), s.count("n_inv_step")
        self.learns = "n_train_step" in s
        base = torch.tensor(BASE) if self.learns else self.golden["theta_base"]
        schedule = Schedule(bars(LINEAR), "epsilon", to_one=True)
        self.model = Model(Analytic(base), AnalyticFamily(schedule, 32), name="analytic")
        if self.learns:
            self.read_learning()
            return
        s.must("eta", 0.0)
        self.steps, self.share = s.count("n_test_step"), s.number("model_ratio")
        told = cast("dict[str, list[float]]", s.get("hybrid"))
        self.several = [f"{level}={','.join(map(str, own))}" for level, own in told.items()]
        random = s.part("stochastic")
        assert random is not None
        self.rounds = random.count("n_iter")
        random.must("noise_index", self.level - 1)
        s.label("inversion_grid", "generation_grid")  # which the arrays of that name are

    def read_learning(self) -> None:
        """How it is tuned, and what CLIP is."""
        s = self.settings
        s.must("optimiser", OPTIMISER)
        s.must("id_loss_w", 0.0)
        s.label("clip_resize", "inversion_grid", "train_grid")
        self.learning = DiffusionCLIPLearning(
            pictures=s.count("n_train_img"),
            level=self.level,
            to_noise=self.to_noise,
            back=s.count("n_train_step"),
            passes=s.count("n_iter"),
            rate=s.number("lr_clip_finetune"),
            rise=s.number("sch_gamma"),
            clip_weight=s.number("clip_loss_w"),
            l1_weight=s.number("l1_loss_w"),
            tune="full",
        )
        units, side = s.part("clip_normalisation"), s.count("clip_input_side")
        if units is None:
            raise s.odd("clip_normalisation", None)
        mean, spread = (torch.tensor(units.get(name)).view(1, 3, 1, 1) for name in ("mean", "std"))
        said = {word: self.golden[f"text_features_{word[4:]}"] for word in (SOURCE, TARGET)}
        self.eye = ResizingEye(self.golden["clip_image_weight"], said, side, mean, spread)
        self.model.open_eye = lambda: self.eye

    def bound(self, name: str) -> float:
        """What the files state."""
        return THETA if name.endswith("theta") else 1e-4

    def rows(self, reach: Reach) -> int:
        """A formula costs next to nothing."""
        return 1

    def ends(self) -> Iterator[Row]:
        """The walks are short: all of it."""
        return self.whole()

    def whole(self) -> Iterator[Row]:
        """Both ways in every form, or both ways of learning."""
        yield from self.learned() if self.learns else self.walked()

    def walked(self) -> Iterator[Row]:
        """To noise, and back by every mixture."""
        golden = self.golden
        up = grid(self.level, self.to_noise)[::-1]
        down = stairs(self.model, self.level, self.steps).t
        yield self.exactly("inversion_grid", torch.tensor(up, dtype=torch.int32))
        yield self.exactly("generation_grid", down.to(torch.int32))
        model = watched(self.model)
        edit = self.edit()
        x = begun(edit, model, self.told(), edit.learning)
        states = [one["src"] for one in model.entered]
        yield self.compare("inversion", torch.cat([*states, x]))
        one, *others = (Weights({"theta": golden[f"theta_ft{k}"]}) for k in range(3))
        runs: dict[str, tuple[DiffusionCLIP, list[Weights], float]] = {
            "edit": (edit, [one], 1.0),
            "reconstruction": (edit, [one], 0.0),
            "mixed": (edit, [one], self.share),
            "hybrid": (self.edit(several=self.several), [one, *others], 1.0),
        }
        for name, (how, patches, share) in runs.items():
            yield self.compare(f"generation_{name}", self.back(how, x, patches, share))
        random = self.edit(start={"by": "noise", "rounds": self.rounds, "official": True})
        states = self.back(random, golden["source"][None], [one], 1.0)
        yield self.compare("generation_stochastic", states)

    def edit(self, **more: object) -> DiffusionCLIP:
        """The editor on the file's grids."""
        return DiffusionCLIP.model_validate(
            {"steps": self.steps, "to_noise": self.to_noise, "level": self.level, **more}
        )

    def back(self, how: DiffusionCLIP, x: Tensor, patches: Sequence[Weights], share: float) -> Tensor:
        """Every state that a step leads to: several networks are asked about the same one."""
        model = watched(self.model)
        end = ended(how, model, self.told(), how.learning, x, patches, share)
        asked = [xs["tgt"] for xs in model.entered]
        states = [one for k, one in enumerate(asked) if not k or one is not asked[k - 1]]
        made = list[Tensor]()
        for first in range(0, len(states), self.steps):
            made += states[first + 1 : first + self.steps]
            last = first + self.steps >= len(states)
            made += [end] if last else [self.before(states[first + self.steps], first // self.steps + 1)]
        return torch.cat(made)

    def before(self, noised: Tensor, k: int) -> Tensor:
        """A picture before noise was drawn over it for the next round."""
        abar = ABAR[self.level - 1]
        return (noised - (1 - abar).sqrt() * self.golden["stochastic_noise"][k : k + 1]) / abar.sqrt()

    def told(self) -> Task:
        """What a user would ask for, with the stored draws."""
        family, source = self.model.family, self.golden["source"][None]
        draws: dict[tuple[Key, ...], Tensor] = {
            ("noise", k): one[None] for k, one in enumerate(self.golden["stochastic_noise"])
        }
        shape = cast("tuple[int, int, int, int]", tuple(source.shape))
        return Task(shape, family.null(), Replay(draws), given_x0=source, given_source=family.text(SOURCE))

    def learned(self) -> Iterator[Row]:
        """CLIP's part alone, and every update."""
        golden, family = self.golden, self.model.family
        way, images = between(self.eye, SOURCE, TARGET), golden["images"]
        pictures = [one[None] for one in images]
        yield self.compare("text_direction", way[0])
        looks = normalize(self.eye.embed(torch.cat([images, golden["pair_target"]])), dim=-1)
        yield self.compare("image_features", looks)
        before, after = looks[:2], looks[2:]
        yield self.compare("pair_directional_loss", directional(before, after, way).mean()[None])
        texts = {"source": family.text(SOURCE), "target": family.text(TARGET)}
        starts = self.learning.inverted(self.model, pictures, texts["source"], NoDraft())
        yield self.compare("latents", torch.cat(starts))
        for mode, name in (("quick", "quick"), ("each-step", "efficient")):
            how, pages = self.learning.changed(mode=mode), Pages()
            notes = self.model.meter.notes
            notes.clear()
            how.run(self.model, pictures, texts, Replay({}), pages)
            yield self.compare(f"{name}_theta", torch.stack(pages.thetas))
            yield self.compare(f"{name}_directional_loss", torch.tensor(notes["direction"]))
            yield self.compare(f"{name}_l1_loss", torch.tensor(notes["l1"]))
            yield self.compare(f"{name}_learning_rate", torch.tensor(notes["rate"]))
