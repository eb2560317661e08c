"""The eye: pictures and sentences as vectors of one space, as CLIP learns them (arXiv:2103.00020)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate, linear, normalize
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection

from overpaint.errors import UsageError
from overpaint.families.difference import apply, read_difference
from overpaint.families.hub import is_hub_id, snapshot
from overpaint.families.load import hushed
from overpaint.families.locate import SHIPPED
from overpaint.families.noisy import NoisyTower
from overpaint.families.patches import entered, relevancy, walked
from overpaint.families.wordlevel import read
from overpaint.files.fingerprint import tensor_hash
from overpaint.files.mistaken import read_json
from overpaint.files.weightfile import base_of
from overpaint.network import Pixels
from overpaint.path import Latent

HALF = (0.5, 0.5, 0.5)
"""Mean and spread of colours in [0, 1] for a tower that does not say its own."""
EYE, EYED = "eye.safetensors", "image_encoder"
"""What an image tower that was tuned differs by, in a model's folder, and the part that it differs from."""
PARTS = ("image_encoder", "text_encoder", "text_projection", "tokenizer")


@dataclass(frozen=True, eq=False)
class ClipEye:
    """An image tower and a text tower whose vectors can be compared; the cosine says how well they agree.

    Gradients flow through both to what they are given: pixels, and the text tower's own embeddings. The
    weights are frozen.
    """

    vision: Any
    text: Any
    projection: Float[Tensor, "features width"]
    tokenizer: Any
    mean: tuple[float, ...] = HALF
    spread: tuple[float, ...] = HALF
    noisy: NoisyTower | None = None
    """Another image tower for the same sentences, which sees through noise."""

    @staticmethod
    def load(folder: str | Path | None = None, device: str | torch.device = "cpu") -> "ClipEye":
        """The shipped towers, or those of another folder laid out the same way, in float32.

        Raises:
            UsageError: parts are missing; the sentence names them.
        """
        home = SHIPPED["still-life"] if folder is None else Path(folder)
        missing = [part for part in PARTS if not (home / part).is_dir()]
        if missing:
            raise UsageError(
                f"The folder {home} lacks {', '.join(missing)}, so pictures and sentences cannot be "
                "compared; choose a folder with an image tower and its text projection."
            )
        state = torch.random.get_rng_state()
        try:  # constructors draw weights before the stored ones replace them
            with hushed():
                vision = CLIPVisionModelWithProjection.from_pretrained(home / "image_encoder")
                text = CLIPTextModel.from_pretrained(home / "text_encoder")
        finally:
            torch.random.set_rng_state(state)
        weight = load_file(home / "text_projection" / "model.safetensors")["weight"]
        mean, spread = colours(home / "image_encoder")
        nets = ready(vision, device), ready(text, device)
        words, noisy = read(home / "tokenizer"), NoisyTower.load(home, device)
        return ClipEye(nets[0], nets[1], weight.float().to(device), words, mean, spread, noisy)

    @property
    def side(self) -> int:
        """Pixels a side of what the image tower sees."""
        return int(self.vision.config.image_size)

    @property
    def grain(self) -> int:
        """Pixels a side of a patch."""
        return int(self.vision.config.patch_size)

    @property
    def fingerprint(self) -> str:
        """A hash of the image tower."""
        return tensor_hash(*self.vision.state_dict().values())

    def look(self, pixels: Pixels) -> Float[Tensor, "rows features"]:
        """Unit vectors of pictures in [-1, 1] of any size; of others than squares the middle is seen."""
        return normalize(self.embed(pixels.clamp(-1, 1)), dim=-1)

    def embed(self, pixels: Pixels) -> Float[Tensor, "rows features"]:
        """The same as they come, of any length; colours beyond black and white pull back too."""
        return self.vision(pixel_values=self._shown(pixels)).image_embeds

    def tokens(self, pixels: Pixels, normed: bool = True) -> Float[Tensor, "rows tokens features"]:
        """What the image tower's last layer says of the whole and of each patch, not projected."""
        tower = self.vision.vision_model
        said = tower(pixel_values=self._shown(pixels.clamp(-1, 1))).last_hidden_state
        return tower.post_layernorm(said) if normed else said

    @property
    def sees_noise(self) -> bool:
        """Whether it has a tower that does."""
        return self.noisy is not None

    def through(self, x: Latent, t: Tensor) -> Float[Tensor, "rows features"]:
        """Vectors of noisy latents.

        Raises:
            UsageError: it has no tower for them.
        """
        if self.noisy is None:
            raise UsageError("This CLIP has seen clean pictures only; take one with a noise-aware tower.")
        return self.noisy.through(x, t)

    def read(self, prompts: Sequence[str]) -> Float[Tensor, "rows features"]:
        """Unit vectors of sentences; what is longer than the tower reads is cut off."""
        return normalize(self.embed_text(prompts), dim=-1)

    def words(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Unit vectors of sentences, what the text tower says token by token, and which of them are words.

        What lies behind the first end of a sentence is none.
        """
        ids = self._ids(prompts)
        seen = self.text(input_ids=ids)
        ends = (ids == self.tokenizer.eos_token_id).long()
        spoken = (ends.cumsum(1) - ends == 0).float()
        return normalize(linear(seen.pooler_output, self.projection), dim=-1), seen.last_hidden_state, spoken

    def _ids(self, prompts: Sequence[str]) -> Tensor:
        """Tokens, filled up to what the text tower reads."""
        return self.tokenizer(
            list(prompts),
            padding="max_length",
            max_length=int(self.text.config.max_position_embeddings),
            truncation=True,
            return_tensors="pt",
        ).input_ids.to(self.projection.device)

    def embed_text(self, prompts: Sequence[str]) -> Float[Tensor, "rows features"]:
        """The same as they come, of any length."""
        pooled = self.text(input_ids=self._ids(prompts)).pooler_output
        return linear(pooled, self.projection)

    def keys(self, pixels: Pixels) -> Float[Tensor, "rows patches channels"]:
        """Keys of the last layer's self-attention, patch by patch from the top left, without the class token.

        How they resemble one another says how a picture is laid out (Tumanyan et al. 2022, arXiv:2201.00424).
        """
        found: list[Tensor] = []

        def keep(_module: nn.Module, _given: Any, made: Tensor) -> None:
            found.append(made)

        handle = self.vision.vision_model.encoder.layers[-1].self_attn.k_proj.register_forward_hook(keep)
        try:
            self.vision(pixel_values=self._shown(pixels.clamp(-1, 1)))
        finally:
            handle.remove()
        return found[-1][:, 1:]

    def glance(
        self, pixels: Pixels, sideways: bool = False
    ) -> tuple[Float[Tensor, "rows features"], Float[Tensor, "rows tokens inner"]]:
        """Vectors of pictures at their own size, as `embed`, and what the last block but one says of them."""
        tower = self.vision.vision_model
        before, last = walked(tower, entered(tower, self._toned(pixels), sideways))
        return self.vision.visual_projection(tower.post_layernorm(last[:, 0])), before

    def about(
        self, pixels: Pixels, wish: Float[Tensor, "1 features"], blocks: int = 1, sideways: bool = False
    ) -> Float[Tensor, "rows down across"]:
        """How much each patch of pictures has to do with a sentence's vector (`families.patches`)."""
        return relevancy(self.vision, self._toned(pixels), wish, blocks, sideways)

    def _shown(self, pixels: Pixels) -> Tensor:
        """Pictures at the tower's size and in its units."""
        height, width = pixels.shape[-2:]
        if (height, width) != (self.side, self.side):
            scale = self.side / min(height, width)
            size = (max(self.side, round(height * scale)), max(self.side, round(width * scale)))
            pixels = interpolate(pixels, size, mode="bicubic", antialias=True)
            top, left = ((length - self.side) // 2 for length in size)
            pixels = pixels[..., top : top + self.side, left : left + self.side]
        return self._toned(pixels)

    def _toned(self, pixels: Pixels) -> Tensor:
        """Pictures in the tower's units."""
        mean, spread = (
            torch.tensor(v, device=pixels.device).view(-1, 1, 1) for v in (self.mean, self.spread)
        )
        return ((pixels + 1) / 2 - mean) / spread


def beside(home: Path | None, device: torch.device) -> Callable[[], ClipEye] | None:
    """What loads the towers of a model; nothing where its folder, or that of its base, lacks some."""
    base = home and base_of(home)
    if home is None or base is None or not all((base / part).is_dir() for part in PARTS):
        return None
    if not (home / EYE).is_file():
        return partial(ClipEye.load, base, device)
    return partial(tuned, home, device)


def tuned(home: Path, device: str | torch.device) -> ClipEye:
    """The towers of a base with the image tower that was tuned from its own."""
    eye = ClipEye.load(base_of(home), device)
    apply(eye.vision, {k: v.to(device) for k, v in read_difference(home, EYE, EYED).items()})
    return eye


@lru_cache(maxsize=1)
def named(name: str, device: torch.device) -> ClipEye:
    """Both towers of a CLIP of transformers, in a folder or in the Hub's cache.

    Raises:
        UsageError: there is none of that name, or it lacks a tower; the sentence says how to get one.
    """
    home = Path(name).expanduser()
    if not home.is_dir():
        try:
            home = snapshot(name, download=False)
        except UsageError:
            raise UsageError(
                f"There is no CLIP {name!r} on this machine, neither as a folder nor in the Hub's cache; get "
                f"it with: hf download {name if is_hub_id(name) else 'openai/clip-vit-base-patch32'}"
            ) from None
    if (home / "text_projection").is_dir():
        return ClipEye.load(home, device)
    state = torch.random.get_rng_state()
    how: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}
    try:
        with hushed():
            vision: Any = CLIPVisionModelWithProjection.from_pretrained(home, **how)
            text: Any = CLIPTextModelWithProjection.from_pretrained(home, **how)
            tokenizer = read(home)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise UsageError(
            f"{home} holds no CLIP with both towers as safetensors; get one with: hf download "
            "openai/clip-vit-base-patch32"
        ) from error
    finally:
        torch.random.set_rng_state(state)
    mean, spread = colours(home)
    weight = text.text_projection.weight.detach().float().to(device)
    nets = ready(vision, device), ready(text.text_model, device)
    return ClipEye(nets[0], nets[1], weight, tokenizer, mean, spread)


def ready(net: nn.Module, device: str | torch.device) -> nn.Module:
    """A network in float32, frozen."""
    return net.float().to(device).eval().requires_grad_(False)


def colours(folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and spread of the colours an image tower was trained with, where its folder says them."""
    file = folder / "preprocessor_config.json"
    said = read_json(file) if file.is_file() else {}
    return tuple(said.get("image_mean", HALF)), tuple(said.get("image_std", HALF))
