"""The stages of the inpainting denoiser: holes are dug, the denoiser is tuned, its difference is kept."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

from overpaint.families.difference import base_hash, read_difference, save_difference
from overpaint.families.locate import SHIPPED
from overpaint.files.weightfile import TUNED
from overpaint.stilllife.judge import Judge
from overpaint.train import assemble, nets
from overpaint.train.filling import filling_figures, filling_sheet
from overpaint.train.holes import Holes
from overpaint.train.inpaint import Difference, inpaint_stage, widened
from overpaint.train.loop import Run, Stage, TrainError
from overpaint.train.nets import Prediction, Size
from overpaint.train.optim import Rates
from overpaint.train.sampling import Painter
from overpaint.train.unet import Latents

T = TypeVar("T", bound=nn.Module)
STAGE, FOLDER = "inpaint", "inpaint"
RATES = Rates(2e-3, warmup=100, ema=0.995, cooldown=0.5, muon=False)


@runtime_checkable
class Shop(Protocol):
    """What it takes of the trainer (`overpaint.train.stages.Trainer`)."""

    home: Path
    size_name: str
    device: torch.device
    resume: bool
    prediction: Prediction

    @property
    def size(self) -> Size:
        """Widths and amounts."""
        ...

    def state(self, stage: str) -> Path:
        """Where the run of a stage keeps its state."""
        ...

    def count(self, stage: str) -> int:
        """Steps of a stage."""
        ...

    def rows(self, most: int) -> int:
        """Rows of a step."""
        ...

    def exam(self, count: int) -> int:
        """How many scenes are measured."""
        ...

    def walk(self, steps: int) -> int:
        """Steps of sampling."""
        ...

    def say(self, what: str) -> None:
        """Tell the person at the keyboard."""
        ...

    def stored_latents(self) -> Latents:
        """What the stage of that name left."""
        ...

    def painter(self) -> Painter:
        """The trained parts together."""
        ...

    def ready(self, net: T) -> T:
        """The network on the device, in evaluation mode."""
        ...

    def judged(self) -> bool:
        """Whether there is a judge to look at samples."""
        ...

    def trained_judge(self) -> Judge:
        """The judge, ready to read."""
        ...

    def train(self, stage: Stage) -> Run:
        """Run a stage for the time that is left."""
        ...


@dataclass(frozen=True)
class Inpainter:
    """What a trainer does about holes."""

    shop: Shop

    @property
    def state(self) -> Path:
        """Where the run keeps its state."""
        return self.shop.state(STAGE)

    def train(self) -> Run:
        """Tune the denoiser so that it reads a mask and a picture with a hole beside its latent."""
        shop, difference = self.shop, self.begun()
        data, holes = shop.stored_latents(), self.holes()
        painter = shop.painter()
        stage = inpaint_stage(
            *(difference, painter.vae, painter.tower, data.to(shop.device), holes.to(shop.device)),
            *(shop.size.batch, shop.count(STAGE), RATES),
            prediction=shop.prediction,
        )
        if shop.judged():
            judge, walk = shop.trained_judge(), shop.walk(25)
            stage = dataclasses.replace(
                stage,
                measure=lambda: filling_figures(self.painter(difference), judge, shop.exam(64), walk),
                sheet=lambda: filling_sheet(self.painter(difference), shop.exam(16), walk),
            )
        return shop.train(stage)

    def holes(self) -> Holes:
        """What was dug; each file goes with one of latents."""
        files = sorted((self.shop.home / "holes").glob("*.safetensors"))
        if not files:
            raise TrainError("There are no holes yet; run the stage 'holes' first.")
        parts = [Holes.load(file) for file in files]
        for file, part in zip(files, parts, strict=True):
            if len(part.mask) != Latents.count(self.shop.home / "latents" / file.name):
                raise TrainError(f"{file} and the latents are of different pictures; delete it and dig anew.")
        return Holes.joined(parts)

    def begun(self) -> Difference:
        """The difference to train: as shipped where the base is, and no run is under way, else none yet."""
        made = self._made()
        shipped = self._shipped() if self.shop.resume and not self.state.is_file() else None
        if shipped is not None:
            self.shop.say(f"{STAGE} starts from the shipped weights")
            made.take(read_difference(shipped))
        return made

    def trained(self) -> Difference | None:
        """The difference of the run here, else as shipped, else nothing."""
        made, shipped = self._made(), self._shipped()
        if self.state.is_file():
            made.load_state_dict(assemble.averaged(self.state, "difference"))
        elif shipped is not None:
            made.take(read_difference(shipped))
        else:
            return None
        return made

    def painter(self, difference: Difference | None = None) -> Painter:
        """The trained parts together, with the inpainting denoiser in the place of the ordinary one.

        Raises:
            TrainError: there is none of this size.
        """
        difference, painter = difference or self.trained(), self.shop.painter()
        if difference is None:
            raise TrainError(f"There is no inpainting network of this size yet; run the stage '{STAGE}'.")
        return dataclasses.replace(painter, unet=self.shop.ready(difference.whole(painter.unet)))

    def save(self, folder: Path) -> None:
        """Write the difference into a model's folder that holds its base."""
        made = self.trained() if self.state.is_file() else None
        if made is not None:
            save_difference(made.tensors(), folder / FOLDER, base_hash(folder))
        elif self.shop.state("unet").is_file():
            self.shop.say(
                f"The denoiser is another now; run the stage '{STAGE}' too, which is tuned from it."
            )

    def _made(self) -> Difference:
        with nets.seeded(0):
            return Difference(widened(self.shop.painter().unet)).to(self.shop.device)

    def _shipped(self) -> Path | None:
        """The shipped difference, where it is one of the denoiser trained here."""
        home = SHIPPED["still-life-inpaint"]
        own = self.shop.size_name == "cpu" and not self.shop.state("unet").is_file()
        return home if own and (home / TUNED).is_file() else None
