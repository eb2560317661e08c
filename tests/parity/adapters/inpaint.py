"""Inpainting as diffusers does it, by a network of 4 channels and by one of 9."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, cast

from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from overpaint.families.original import MASKED
from overpaint.families.unet import UNetFamily
from overpaint.families.widen import widen
from overpaint.masks.erased import erased
from overpaint.methods.inpaint import Inpaint
from overpaint.model import Model
from overpaint.noise import Key, Replay
from overpaint.task import Task
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row, Unknown
from tests.parity.golden import GOLDEN, Golden
from tests.parity.walking import watched

SCHEDULER = "that of tiny-sd (DDIM, steps_offset 1, set_alpha_to_one False), eta 0"
MASK = "white = repaint, binarised at 0.5 in pixel space, nearest to latent size"
WIDE = "tiny-sd-inpaint"


class InpaintFile(Adapter):
    """``inpaint``"""

    method = "inpaint"
    measure = "norm"
    inputs = frozenset(
        {
            "source_image",
            "mask_image",
            "noise",
            "source_posterior_noise",
            "masked_image_posterior_noise",
            "start_latents",
        }
    )

    def read(self) -> None:
        """Channels, prompts, steps and the share of them that is walked."""
        s = self.settings
        channels = s.count("channels")
        s.must("scheduler", SCHEDULER)
        s.must("mask", MASK)
        s.must("unet", {4: "tiny-sd/unet", 9: f"{WIDE}/unet"}.get(channels))
        self.prompt, self.size = self.text("prompt"), s.count("size")
        self.null = self.model.family.text(s.get("negative_prompt", None) or "")
        if channels == 9:
            self.model = widened(self.model, self.golden)
        blend = {"when": "after", "level": "next", "noise": "fixed", "end": "clean", "cells": "corner"}
        self.o = Inpaint.model_validate(
            {
                "steps": s.count("num_inference_steps"),
                "guidance": s.number("guidance_scale"),
                "strength": s.number("strength"),
                "blend": blend,
                "drawn": True,
            }
        )

    def rows(self, reach: Reach) -> int:
        """Two a step on a quarter of the grid."""
        return max(1, round(2 * self.o.walked * (self.size / 512) ** 2))

    def ends(self) -> Iterator[Row]:
        """The walk is short: all of it."""
        return self.whole()

    def whole(self) -> Iterator[Row]:
        """What the network is shown, every step, and the end."""
        golden, path = self.golden, self.model.path(self.o.steps).last(self.o.walked)
        yield self.exactly("timesteps", path.t)
        task = self.told()
        if self.model.family.extra:
            told = erased(self.model, task, "corner", drawn=True)
            yield self.exactly("latent_mask", told[:, :1])
            yield self.compare("masked_image_latents", told[:, 1:])
        model = watched(self.model)
        end = self.o(model, task)
        assert isinstance(end, Tensor)
        entered = [xs["tgt"][0] for xs in model.entered]
        yield self.compare("start_latents", entered[0][None])
        yield self.series("latents", dict(enumerate([*entered[1:], end[0]])))
        golden["masked_image_posterior_noise"]  # drawn, and of no use to a network of 4 channels

    def told(self) -> Task:
        """What a user would ask for, with the stored draws."""
        golden, pixels = self.golden, self.enlarged("source_image").mul(2).sub(1)
        drawn = golden["source_posterior_noise"] if "source_posterior_noise" in golden else None
        x0 = self.model.family.encode(pixels, drawn)
        draws: dict[tuple[Key, ...], Tensor] = {
            ("blend",): golden["noise"],
            ("erased",): golden["masked_image_posterior_noise"],
        }
        return Task(
            cast("tuple[int, int, int, int]", tuple(x0.shape)),
            self.null,
            Replay(draws),
            given_x0=x0,
            given_target=self.prompt,
            given_pixels=pixels,
            given_mask=self.enlarged("mask_image"),
        )

    def enlarged(self, name: str) -> Tensor:
        """A stored picture in 0 to 1, its pixels repeated up to the size of the run."""
        return enlarged(self.golden[name], self.size, name)


def enlarged(image: Tensor, size: int, name: str) -> Tensor:
    """A picture of bytes in 0 to 1, each pixel repeated to fill a square of that side."""
    if size % len(image):
        raise Unknown(f"{name!r} of side {len(image)} cannot be repeated to {size}")
    large = image.repeat_interleave(size // len(image), 0).repeat_interleave(size // len(image), 1)
    shown = large.permute(2, 0, 1)[None] if large.ndim == 3 else large[None, None]
    return (shown.float() / 255).contiguous()


def widened(model: Model, golden: Golden) -> Model:
    """The small network as it reads five channels more: the new weights lie beside the arrays, or here."""
    folder = golden.file.parent / WIDE
    place = folder if folder.is_dir() else GOLDEN / WIDE
    stored = load_file(place / "unet" / "diffusion_pytorch_model.safetensors")
    weights = stored["conv_in.weight"][:, -MASKED:]
    net: Any = deepcopy(model.net)
    widen(net, MASKED, weights)
    family = cast(UNetFamily, model.family)
    wide = UNetFamily(
        "sd1-inpaint",
        family.schedule,
        family.codec,
        family.tokenizers,
        family.encoders,
        family.side,
        extra=MASKED,
    )
    return Model(net, wide, dtype=model.dtype)
