"""The stages of the Still Life family in their order, in one folder, each taking up what the others left."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from rich.console import Console
from torch import Tensor, nn
from transformers import CLIPTextModel

from overpaint.files import atomic
from overpaint.files.mistaken import read_json
from overpaint.sides.segmenter import Segmenter
from overpaint.stilllife import known
from overpaint.stilllife.judge import FOLDER, Judge
from overpaint.stilllife.palette import PALETTE
from overpaint.train import assemble, nets
from overpaint.train.clip import Vision, clip_stage
from overpaint.train.data import CPU, Renders
from overpaint.train.figures import all_figures, sample_figures, sheet, table
from overpaint.train.filling import filling_figures
from overpaint.train.holes import Holes, dig_all
from overpaint.train.inpainter import Inpainter
from overpaint.train.judge import judge_stage
from overpaint.train.loop import Pace, Run, Stage, TrainError, run
from overpaint.train.nets import RATES, Prediction, Size, size_of
from overpaint.train.noisy_clip import NoisyVision, noisy_clip_stage
from overpaint.train.regions import Regions
from overpaint.train.sampling import Painter
from overpaint.train.segmenter import segmenter_stage
from overpaint.train.text import Heads, text_stage
from overpaint.train.unet import Latents, encode_all, one_file, unet_stage
from overpaint.train.vae import reconstruct, vae_stage
from overpaint.train.word_maps import tables

T = TypeVar("T", bound=nn.Module)
SHIPPED = FOLDER.parent
ECHOED = 4
"""Of so many pictures one goes through the autoencoder for the judge."""
PART = 10_000
"""Pictures whose latents are kept in one file."""


@dataclass
class Trainer:
    """One folder of runs and the size trained in it. `until` is the clock (monotonic) at which work stops."""

    home: Path
    size_name: str = "cpu"
    device: torch.device = CPU
    until: float = float("inf")
    resume: bool = True
    quiet: bool = False
    prediction: Prediction = "v_prediction"
    look: float = 600.0
    """Seconds between measurements."""
    steps: int | None = None
    """Steps of the stage, where not those of the size."""
    command: str = "overpaint train still-life"
    console: Console = field(default_factory=lambda: Console(stderr=True))

    @property
    def size(self) -> Size:
        """Widths and amounts."""
        return size_of(self.size_name)

    @property
    def renders(self) -> Renders:
        """The pictures on disk."""
        return Renders(self.home, self.size.renders, self.device)

    @property
    def echoes(self) -> Renders:
        """The first of them as the autoencoder gives them back."""
        return Renders(self.home, -(-self.size.renders // ECHOED), self.device, "echoes")

    def stages(self) -> Mapping[str, Callable[[], object]]:
        """Every stage by name, in the order in which they build on each other."""
        return {
            "renders": self.make_renders,
            "text": self.text,
            "vae": self.vae,
            "latents": self.latents,
            "decoder": self.decoder,
            "echoes": self.make_echoes,
            "judge": self.judge,
            "segmenter": self.segmenter,
            "unet": self.unet,
            "holes": self.holes,
            "inpaint": Inpainter(self).train,
            "clip": self.clip,
            "noisy-clip": self.noisy_clip,
            **Regions(self).stages(),
            "assemble": self.assemble,
            "known": self.known,
            "words": self.words,
            "figures": self.figures,
        }

    def left(self) -> float:
        """Seconds until work stops."""
        return self.until - time.monotonic()

    def make_renders(self) -> None:
        """Draw the training pictures."""
        self.say(f"{self.renders.ready} of {self.size.renders} pictures are drawn")
        self.renders.make(lambda _: self.left() > 0, self.few(64))

    def make_echoes(self) -> None:
        """Send some of the training pictures through the autoencoder: such pictures are judged later."""
        self.make_renders()
        vae = self.ready(self.best_vae()[0])
        self.say(f"{self.echoes.ready} of {self.echoes.count} pictures went through the autoencoder")

        def draw(picked: Sequence[int]) -> Tensor:
            with nets.mixed(self.device):
                return reconstruct(vae, self.renders.pictures(picked))

        self.echoes.make(lambda _: self.left() > 0, self.few(16), draw)

    def judge(self) -> Run:
        """Train the judge."""
        return self._reader("judge", Judge, judge_stage, 256, batch=32)

    def segmenter(self) -> Run:
        """Train what says which pixel shows what."""
        return self._reader("segmenter", lambda: Segmenter(PALETTE), segmenter_stage, 128, batch=16)

    def _reader(
        self, name: str, make: Callable[[], T], stage: Callable[..., Stage], exam: int, *, batch: int
    ) -> Run:
        """Train a network that reads pictures, as drawn and as the autoencoder gives them back."""
        self.make_echoes()
        net, vae = self.fresh(name, name, make), self.ready(self.best_vae()[0])
        plan = (self.renders, self.echoes, self.count(name), RATES[name])
        sizes = {"batch": self.rows(batch), "exam": self.exam(exam)}
        return self.train(stage(net, *plan, **sizes, through=lambda x: reconstruct(vae, x)))

    def text(self) -> Run:
        """Train the text tower on sentences."""
        tower = self.fresh("text", "text", nets.make_text)
        with nets.seeded(1):
            heads = Heads().to(self.device)
        plan = (self.count("text"), RATES["text"], self.device)
        return self.train(text_stage(tower, heads, *plan, batch=self.rows(64), exam=self.exam(512)))

    def vae(self) -> Run:
        """Train the autoencoder on crops."""
        self.make_renders()
        vae = self.fresh("vae", "vae", lambda: nets.make_vae(self.size))
        return self.train(self._vae_stage(vae, frames=False))

    def decoder(self) -> Run:
        """Train the decoder further on whole frames; the encoder, and so every latent, stays as it is."""
        vae = self.part("vae", "vae", lambda: nets.make_vae(self.size), AutoencoderKL)
        for name, weight in vae.named_parameters():
            weight.requires_grad_(name.startswith(("decoder.", "post_quant_conv.")))
        return self.train(self._vae_stage(vae, frames=True))

    def _vae_stage(self, vae: AutoencoderKL, *, frames: bool) -> Stage:
        name = "decoder" if frames else "vae"
        plan = (self.renders, self.size, self.count(name))
        return vae_stage(vae, *plan, frames=frames, rates=RATES[name], exam=self.exam(128))

    def latents(self) -> None:
        """Encode the training pictures, a file for every ten thousand."""
        self._in_parts("latents", encode_all)

    def holes(self) -> None:
        """Dig a hole into each training picture and encode what is left."""
        self._in_parts("holes", dig_all)

    def _in_parts(
        self, name: str, encode: Callable[[AutoencoderKL, Renders, int, int, int], Latents | Holes]
    ) -> None:
        vae = self.ready(self.part("vae", "vae", lambda: nets.make_vae(self.size), AutoencoderKL))
        (self.home / name).mkdir(parents=True, exist_ok=True)
        for first in range(0, self.renders.ready, PART):
            file = self.home / name / f"{first:07d}.safetensors"
            if file.is_file() or self.left() < 0:
                continue
            self.say(f"{name}: encoding pictures from {first}")
            made = encode(vae, self.renders, first, min(PART, self.renders.ready - first), self.few(16))
            with atomic.drafted(file) as draft:
                made.save(draft)

    def stored_latents(self) -> Latents:
        """What `latents` left; the scale is that of the first file, so that more of them change nothing."""
        files = sorted((self.home / "latents").glob("*.safetensors"))
        if not files:
            raise TrainError("There are no latents yet; run the stage 'latents' first.")
        return one_file([Latents.load(file) for file in files])

    def unet(self) -> Run:
        """Train the denoiser."""
        data = self.stored_latents().to(self.device)
        tower = self.ready(self.part("text", "text", nets.make_text, CLIPTextModel))
        unet = self.fresh("unet", "unet", lambda: nets.make_unet(self.size))
        stage = unet_stage(
            unet, tower, data, self.size.batch, self.count("unet"), RATES["unet"], prediction=self.prediction
        )
        if self.judged():
            stage = dataclasses.replace(
                stage,
                measure=lambda: self.glance(unet),
                sheet=lambda: sheet(self.painter(unet), self.exam(32), steps=self.walk(30)),
            )
        return self.train(stage)

    def glance(self, unet: UNet2DConditionModel) -> Mapping[str, float]:
        """A first impression: a few samples read by the judge."""
        painter, judge = self.painter(unet), self.trained_judge()
        out: dict[str, float] = {}
        for objects in (1, 2):
            figures = sample_figures(painter, judge, objects, self.exam(64), steps=self.walk(25))
            out |= {f"{name}_{objects}": value for name, value in figures.items()}
        return out

    def trained_judge(self) -> Judge:
        """The judge, ready to read."""
        return self.ready(self.part("judge", "judge", Judge, Judge))

    def judged(self) -> bool:
        """Whether there is a judge to look at samples."""
        return self.state("judge").is_file() or (SHIPPED / "judge" / "model.safetensors").is_file()

    def clip(self) -> Run:
        """Train the image tower against the frozen text tower."""
        tower = self.ready(self.part("text", "text", nets.make_text, CLIPTextModel))
        vision = self.fresh("clip", "vision", Vision)
        plan = (self.renders, self.count("clip"), RATES["clip"])
        stage = clip_stage(vision, tower, *plan, batch=self.rows(64), exam=self.exam(256))
        return self.train(stage)

    def noisy_clip(self) -> Run:
        """Train the noise-aware image tower against the text tower and the projection of the clean one."""
        vision = self.fresh("noisy-clip", "noisy", NoisyVision)
        data = self.stored_latents().to(self.device)
        plan = (self.renders, data, self.count("noisy-clip"), RATES["noisy-clip"])
        rows = {"batch": self.rows(64), "exam": self.exam(200)}
        return self.train(noisy_clip_stage(vision, Regions(self).clip(), self.painter(), *plan, **rows))

    def painter(self, unet: UNet2DConditionModel | None = None) -> Painter:
        """The trained parts together; with the decoder as far as it has come."""
        if unet is None:
            unet = self.part("unet", "unet", lambda: nets.make_unet(self.size), UNet2DConditionModel)
        tower = self.part("text", "text", nets.make_text, CLIPTextModel)
        vae, scale = self.best_vae()
        return Painter(self.ready(unet), self.ready(vae), self.ready(tower), scale, self.prediction)

    def ready(self, net: T) -> T:
        """The network on the device, in evaluation mode."""
        nn.Module.to(net, self.device).eval()
        return net

    def best_vae(self) -> tuple[AutoencoderKL, float]:
        """The autoencoder, with its tuned decoder where there is one, and the scale of its latents."""
        stage = "decoder" if self.state("decoder").is_file() else "vae"
        vae = self.part(stage, "vae", lambda: nets.make_vae(self.size), AutoencoderKL)
        if self.state("vae").is_file():  # another encoder than the shipped one
            return vae, self.stored_latents().scale
        return vae, float(read_json(SHIPPED / "vae" / "config.json")["scaling_factor"])

    def assemble(self) -> None:
        """Write every part trained here to the folder `model`; `publish` moves it into the package."""
        folder = self.home / "model"
        assemble.save_frame(folder, self.prediction)
        vae, scale = self.best_vae()
        assemble.save_vae(vae.cpu(), folder / "vae", scale)
        assemble.save_part(self.painter().unet.cpu(), folder / "unet")
        Inpainter(self).save(folder)
        assemble.save_part(self.part("text", "text", nets.make_text, CLIPTextModel), folder / "text_encoder")
        assemble.save_reader(self.part("judge", "judge", Judge, Judge), folder / "judge")
        if self.state("segmenter").is_file():
            seen = self.part("segmenter", "segmenter", lambda: Segmenter(PALETTE), Segmenter)
            assemble.save_reader(seen, folder / "segmenter")
        if self.state("clip").is_file():
            self.part("clip", "vision", Vision, Vision).save(folder)
        Regions(self).save(folder)  # it knows its base by the files of both networks
        if self.state("noisy-clip").is_file():
            self.part("noisy-clip", "vision", NoisyVision, NoisyVision).save(folder)
        total = assemble.check_weight(folder)
        lost = assemble.save_log(folder, self.home, self.command, {}, self.earlier())
        if lost:
            self.say("The figures were of other weights and are left out; run the stage 'figures' again.")
        self.say(f"{folder}: {total / 1e6:.1f} MB of weights")

    def known(self, count: int = known.COUNT) -> None:
        """Look at drawn pictures with the assembled model, and keep in its folder what it makes of them."""
        self.say(f"which pictures it knows: {known.write(self.home / 'model', self.exam(count))}")

    def figures(self, count: int = 500) -> Mapping[str, Any]:
        """Measure everything and print the table."""
        painter, judge = self.painter(), self.trained_judge()
        how: Mapping[str, Any] = {"count": self.exam(count), "steps": self.walk(50)}
        found = all_figures(painter, judge, **how, note=lambda what: self.say(f"measured {what}"))
        found["inpaint"] = filling_figures(Inpainter(self).painter(), judge, self.exam(200), self.walk(50))
        found |= Regions(self).figures(self.exam(200))
        folder = self.home / "model"
        folder.mkdir(parents=True, exist_ok=True)
        assemble.save_log(folder, self.home, self.command, found, self.earlier())
        self.console.print(table(found), markup=False, soft_wrap=True)
        return found

    def words(self, count: int = 200) -> str:
        """Measure where words look and what carries their meaning, and print it."""
        found = tables(self.painter(), self.exam(count), lambda what: self.say(f"measured {what}"))
        self.console.print(found, markup=False, soft_wrap=True)
        return found

    def publish(self) -> None:
        """Put the assembled folder in the place of the shipped one."""
        for part in sorted((self.home / "model").iterdir()):
            if part.is_dir():
                with atomic.drafted_folder(SHIPPED / part.name) as draft:
                    shutil.copytree(part, draft, dirs_exist_ok=True)
            else:
                atomic.write(SHIPPED / part.name, part.read_bytes())

    def train(self, stage: Stage) -> Run:
        """Run a stage for the time that is left."""
        minutes = None if self.until == float("inf") else max(0.0, self.left() / 60)
        pace = Pace(minutes=minutes, look=self.look, quiet=self.quiet)
        return run(stage, self.home / stage.name, device=self.device, pace=pace, resume=self.resume)

    def fresh(self, stage: str, net: str, make: Callable[[], T]) -> T:
        """A network to train: as shipped where it has the same shape and no run is under way, else new."""
        with nets.seeded(0):
            made = make()
        shipped = self.shipped(net) if self.resume and not self.state(stage).is_file() else None
        if shipped is not None and _same_shapes(shipped, made.state_dict()):
            self.say(f"{stage} starts from the shipped weights")
            made.load_state_dict(shipped)
        return made.to(self.device)

    def part(self, stage: str, net: str, make: Callable[[], T], kind: type[T]) -> T:
        """A trained network: of the run here, else as shipped."""
        with nets.seeded(0):
            made = make()
        place = self.state(stage)
        state = assemble.averaged(place, net) if place.is_file() else self.shipped(net)
        if state is None or not _same_shapes(state, made.state_dict()):
            raise TrainError(f"No {kind.__name__} of this size is trained; run the stage '{stage}' first.")
        made.load_state_dict(state)
        return made

    def shipped(self, net: str) -> dict[str, Tensor] | None:
        """The weights in the package, in float32, or None."""
        folder = SHIPPED / {"text": "text_encoder", "vision": "image_encoder"}.get(net, net)
        if self.size_name == "toy" or not list(folder.glob("*.safetensors")):
            return None
        return assemble.read_folder(folder)

    def earlier(self) -> Mapping[str, Any] | None:
        """The log of the shipped weights, where training went on from them."""
        shipped = self.shipped("unet") if self.resume else None
        fits = shipped is not None and _same_shapes(shipped, nets.make_unet(self.size).state_dict())
        return read_json(SHIPPED / "LOG.json") if fits else None

    def state(self, stage: str) -> Path:
        """Where the run of a stage keeps its state."""
        return self.home / stage / "state.safetensors"

    def count(self, stage: str) -> int:
        """Steps of a stage."""
        return self.steps or self.size.steps[stage]

    def rows(self, most: int) -> int:
        """Rows of a step: no more than the denoiser takes, which is few for a toy."""
        return min(most, self.size.batch)

    def exam(self, count: int) -> int:
        """How many scenes are measured: few for a toy."""
        return 2 if self.size_name == "toy" else count

    def few(self, count: int) -> int:
        """Pictures at a time: as many as fit a processor's cache, far more on an accelerator."""
        return 16 * count if self.device.type == "cuda" else count

    def walk(self, steps: int) -> int:
        """Steps of sampling: few for a toy."""
        return 4 if self.size_name == "toy" else steps

    def say(self, what: str) -> None:
        """Tell the person at the keyboard."""
        if not self.quiet:
            self.console.print(what)


def _same_shapes(state: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in other.items()}
