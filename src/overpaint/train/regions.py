"""The stages of the denoiser that is told regions: things are cut out, a tower learns to see them, a prior to
name them, the denoiser to draw them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import torch
from diffusers import PriorTransformer
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor

from overpaint.families.clip import EYE, EYED, ClipEye
from overpaint.families.difference import base_hash, read_difference, save_difference
from overpaint.families.locate import SHIPPED
from overpaint.families.prior import FOLDER as PRIOR
from overpaint.families.prior import ClipPrior
from overpaint.families.wordlevel import read
from overpaint.files.weightfile import TUNED
from overpaint.meter import Meter
from overpaint.stilllife.tokenizer import FOLDER as TOKENS
from overpaint.train import assemble, nets
from overpaint.train.clip import Vision
from overpaint.train.crops import Cutouts, cut_all
from overpaint.train.data import Renders
from overpaint.train.inpaint import Difference
from overpaint.train.inpainter import Shop
from overpaint.train.loop import Run, TrainError
from overpaint.train.optim import Rates
from overpaint.train.prior import make_prior, prior_stage, whitened
from overpaint.train.region_eye import RegionEye, eye_stage
from overpaint.train.sampling import Painter
from overpaint.train.spatext import RANK, Vectors, spatext_stage, told
from overpaint.train.telling import Teller, telling_figures, telling_sheet

Made = TypeVar("Made", bound=Difference)
FOLDER = "spatext"
"""Of the model, inside that of its base."""
EYES, PRIORS, NETS = "spatext-eye", "spatext-prior", "spatext"
RATES = {
    EYES: Rates(2e-3, warmup=50, ema=0.99, cooldown=0.5),
    PRIORS: Rates(2e-3, warmup=50, ema=0.99, cooldown=0.5, muon=False),
    NETS: Rates(2e-3, warmup=40, ema=0.995, cooldown=0.5, muon=False),
}


@runtime_checkable
class Drawing(Shop, Protocol):
    """A shop that has drawn pictures."""

    @property
    def renders(self) -> Renders:
        """The pictures on disk."""
        ...


@dataclass(frozen=True)
class Regions:
    """What a trainer does about regions."""

    shop: Drawing

    def stages(self) -> dict[str, Callable[[], object]]:
        """They by name, in the order in which they build on each other."""
        return {
            "cutouts": self.cutouts,
            EYES: self.eye,
            "spatext-vectors": self.vectors,
            PRIORS: self.prior,
            NETS: self.train,
        }

    def cutouts(self) -> None:
        """Find out where the things of the training pictures are seen."""
        if not self._file("cutouts").is_file():
            cut_all(self.shop.renders.ready).save(self._file("cutouts"))

    def eye(self) -> Run:
        """Tune the image tower so that it knows things on black."""
        shop, tower, clip = self.shop, self.shop.painter().tower, self.clip()
        said = clip.text_projection.weight.detach(), float(clip.logit_scale.detach().exp().clamp(max=100))
        plan = (shop.renders, Cutouts.load(self._file("cutouts")), shop.count(EYES), RATES[EYES])
        sizes = {"batch_size": shop.rows(64), "exam": shop.exam(256)}
        return shop.train(eye_stage(self._eye(), tower, *said, *plan, **sizes))

    def vectors(self) -> None:
        """Look at every thing with the tuned tower."""
        shop, eye = self.shop, self.trained_eye()
        known, count = Cutouts.load(self._file("cutouts")), shop.renders.ready
        every = [one for one in known.every if one[0] < count]
        made = Vectors(torch.zeros(count, 3, nets.TEXT_WIDTH).half(), torch.zeros(count, 3) > 0)
        for k in range(0, len(every), 64):
            some = every[k : k + 64]
            with torch.no_grad():
                found = eye(known.crops(shop.renders, some)).half()
            for (picture, thing), one in zip(some, found, strict=True):
                made.vectors[picture, thing], made.seen[picture, thing] = one, True
        made.save(self._file("vectors"))

    def prior(self) -> Run:
        """Train the prior on phrases about things."""
        shop, known = self.shop, self._vectors()
        with nets.seeded(0):
            made = make_prior()
        whitened(made, known)
        weight = self.clip().text_projection.weight.detach()
        plan = (known, shop.count(PRIORS), RATES[PRIORS])
        return shop.train(prior_stage(made, shop.painter().tower, weight, *plan, exam=shop.exam(256)))

    def train(self) -> Run:
        """Tune the denoiser so that it reads a map of vectors beside its latent."""
        shop, known, painter = self.shop, self._vectors(), self.shop.painter()
        difference, data = self._made(), shop.stored_latents()
        data = dataclasses.replace(data, scale=painter.scale)
        stage = spatext_stage(
            *(difference, painter.tower, data.to(shop.device), known.to(shop.device)),
            *(shop.size.batch, shop.count(NETS), RATES[NETS]),
            prediction=shop.prediction,
        )
        if shop.judged() and self.shop.state(PRIORS).is_file():
            judge, walk = shop.trained_judge(), shop.walk(25)
            teller = self.teller(self._painter(difference))
            stage = dataclasses.replace(
                stage,
                measure=lambda: telling_figures(self._now(teller, difference), judge, shop.exam(48), walk),
                sheet=lambda: telling_sheet(self._now(teller, difference), shop.exam(8), walk),
            )
        return shop.train(stage)

    def figures(self, count: int = 200) -> dict[str, dict[str, float]]:
        """How often regions hold what they were told, for each way to a vector; nothing before."""
        shop = self.shop
        if not (shop.state(NETS).is_file() or (self._home / TUNED).is_file()):
            return {}
        return {NETS: telling_figures(self.teller(), shop.trained_judge(), count, shop.walk(50))}

    def teller(self, painter: Painter | None = None) -> Teller:
        """The trained parts together."""
        eye, painter = self.trained_eye(), painter or self._painter(self.trained())
        weight, words = self.clip().text_projection.weight.detach(), read(TOKENS)
        clip = ClipEye(eye, painter.tower, weight, words)
        prior = ClipPrior(self.trained_prior(), clip)

        def drawn(words: Sequence[str], first: int) -> Float[Tensor, "b d"]:
            made = [_best(prior, clip, text, first + k) for k, text in enumerate(words)]
            return torch.cat(made)

        def said(words: Sequence[str], first: int) -> Float[Tensor, "b d"]:
            del first
            return clip.read(words)

        return Teller(painter, eye, drawn, said)

    def trained_eye(self) -> RegionEye:
        """The tuned tower of the run here, else as shipped."""
        return self._trained(EYES, self._eye(), EYE, EYED)

    def trained(self) -> Difference:
        """The difference of the run here, else as shipped."""
        return self._trained(NETS, self._made(), TUNED, "unet")

    def trained_prior(self) -> PriorTransformer:
        """The prior of the run here, else as shipped."""
        made, state = make_prior(), self.shop.state(PRIORS)
        if state.is_file():
            made.load_state_dict(assemble.averaged(state, "prior"))
        elif (self._home / PRIOR).is_dir():
            made.load_state_dict(assemble.read_folder(self._home / PRIOR))
        else:
            raise TrainError(f"There is no prior yet; run the stage '{PRIORS}' first.")
        return self.shop.ready(made)

    def save(self, folder: Path) -> None:
        """Write what was trained here into a model's folder that holds its base."""
        home, state = folder / FOLDER, self.shop.state
        if state(NETS).is_file():
            save_difference(self.trained().tensors(), home, base_hash(folder))
        if state(EYES).is_file():
            base = folder if (folder / EYED).is_dir() else SHIPPED["still-life"]
            save_difference(self.trained_eye().tensors(), home, base_hash(base, EYED), EYE)
        if state(PRIORS).is_file():
            assemble.save_part(self.trained_prior().cpu(), home / PRIOR)

    @property
    def _home(self) -> Path:
        return SHIPPED["still-life"] / FOLDER

    def _file(self, name: str) -> Path:
        return self.shop.home / f"{name}.safetensors"

    def _vectors(self) -> Vectors:
        if not self._file("vectors").is_file():
            raise TrainError("There are no vectors yet; run the stage 'spatext-vectors' first.")
        return Vectors.load(self._file("vectors"))

    def clip(self) -> Vision:
        """The tower that is tuned, with its projection: of the run here, else as shipped."""
        with nets.seeded(0):
            made = Vision()
        state, home = self.shop.state("clip"), SHIPPED["still-life"]
        if state.is_file():
            made.load_state_dict(assemble.averaged(state, "vision"))
        else:
            beside = load_file(home / "text_projection" / "model.safetensors")
            tower = {f"tower.{name}": value for name, value in assemble.read_folder(home / EYED).items()}
            made.load_state_dict(
                {**tower, "text_projection.weight": beside["weight"], "logit_scale": beside["logit_scale"]}
            )
        return self.shop.ready(made)

    def _eye(self) -> RegionEye:
        with nets.seeded(0):
            return RegionEye(self.clip().tower)

    def _made(self) -> Difference:
        with nets.seeded(0):
            return Difference(told(self.shop.painter().unet, nets.TEXT_WIDTH), RANK).to(self.shop.device)

    def _painter(self, difference: Difference) -> Painter:
        painter = self.shop.painter()
        return dataclasses.replace(painter, unet=self.shop.ready(difference.whole(painter.unet)))

    def _now(self, teller: Teller, difference: Difference) -> Teller:
        return dataclasses.replace(teller, painter=self._painter(difference))

    def _trained(self, stage: str, made: Made, file: str, part: str) -> Made:
        if self.shop.state(stage).is_file():
            made.load_state_dict(assemble.averaged(self.shop.state(stage), "difference"))
        elif (self._home / file).is_file():
            made.take(read_difference(self._home, file, part))
        else:
            raise TrainError(f"There is nothing trained of it yet; run the stage '{stage}' first.")
        return made


def _best(prior: ClipPrior, clip: ClipEye, words: str, key: int) -> Float[Tensor, "1 d"]:
    """Of two draws that which agrees most with the words."""
    noise = torch.randn(2, nets.TEXT_WIDTH, generator=torch.Generator().manual_seed(key))
    found = prior(words, noise, 25, Meter())
    best = int((found @ clip.read([words]).T).argmax())
    return found[best : best + 1]
