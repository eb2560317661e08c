"""DiffEdit: the mask, the way to the noise, and the way back inside the stored mask."""

from collections.abc import Iterator

from overpaint.inversions import DDIM
from overpaint.masks.blend import Restored
from overpaint.masks.contrast import Contrast, contrast
from overpaint.noise import Noise
from overpaint.path import part
from tests.parity.adapters.base import Adapter, Reach
from tests.parity.figures import Row
from tests.parity.walking import walked

LEGACY = "legacy (stored latent of the step's own timestep)"


class DiffEditFile(Adapter):
    """``diffedit``"""

    method = "diffedit"
    inputs = frozenset({"x0", "mask", "mask_latents", "mask_noise"})
    beside = frozenset({"image"})
    spared = beside

    def read(self) -> None:
        """The mask's level, copies and cut; the share that is walked; both prompts."""
        s = self.settings
        self.steps, self.scale = s.count("num_inference_steps"), s.number("guidance_scale")
        self.copies = s.count("num_maps_per_mask")
        self.contrast = Contrast(
            strength=s.number("mask_encode_strength"),
            samples=self.copies,
            clamp=s.number("mask_thresholding_ratio"),
        )
        self.ratio = s.number("inpaint_strength")
        s.must("inversion_guidance_scale", 1.0)
        s.must("negative_prompt", "")
        s.label("image_given_as")
        self.lag = s.one_of("blend", {LEGACY: True})
        self.whole_path = self.path_of(self.steps)
        self.path = self.whole_path.last(part(self.steps, self.ratio))
        self.source, self.target = self.text("source_prompt"), self.text("target_prompt")
        self.inverted = self.text("inversion_prompt")

    def rows(self, reach: Reach) -> int:
        """Two for each copy, one a step to the noise, two back."""
        return 2 * self.copies + (3 * len(self.path) if reach == "whole" else 0)

    def ends(self) -> Iterator[Row]:
        """The mask."""
        golden = self.golden
        path = self.whole_path.last(part(self.steps, self.contrast.strength))
        yield self.exactly("mask_timestep", path.t[:1])
        pairs = zip(golden["mask_latents"], golden["mask_noise"], strict=True)
        copies = [path.noised(x0[None], eps[None], 0) for x0, eps in pairs]
        found = self.contrast.cut(contrast(self.model, path, copies, self.target, self.source))
        wrong = float((found.reshape(golden["mask"].shape) != golden["mask"].float()).double().mean())
        yield Row(golden.name, "mask", 0.0, wrong, wrong, 0.001)

    def whole(self) -> Iterator[Row]:
        """Both walks too, the second inside the stored mask."""
        yield from self.ends()
        yield from self.levels(self.path)
        texts = self.inverted, self.target, self.model.family.null()
        x0, golden = self.golden["x0"], self.golden
        walk = DDIM().walk(self.model, self.path, x0, texts, self.scale, Noise(0))
        yield self.series("inverted", {k: walk.trajectory.latents[k] for k in range(len(self.path))})
        blend = Restored(golden["mask"][None].float(), walk.stored, lag=self.lag)
        taken = walked(self.model, walk, after=blend, alone=True)
        if "edited_mid" in golden:
            yield self.compare("edited_mid", taken[len(self.path) // 2].xs["tgt"])
        yield self.compare("edited", taken[-1].xs["tgt"])
