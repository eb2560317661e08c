"""Networks that measure pictures in published evaluations: DINO's keys and CLIP's agreement.

From a local folder, or from the Hub's cache on this machine; nothing is downloaded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import try_to_load_from_cache
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import CLIPModel, CLIPTokenizer, ViTModel

from overpaint.families.load import hushed
from overpaint.files.fingerprint import file_hash

DINO, CLIP = "facebook/dino-vitb8", "openai/clip-vit-large-patch14"


def own_place(folder: Path | None, name: str) -> Path | None:
    """The folder of a network, if it is there."""
    own = None if folder is None else folder / name.rpartition("/")[2]
    return own if own is not None and own.is_dir() else None


def place_in(folder: Path | None, name: str) -> str:
    """The folder of a network if it is there, else its name on the Hub."""
    return str(own_place(folder, name) or name)


def home_of(folder: Path | None, name: str) -> Path | None:
    """Where a network lies on this machine, whole or damaged; nothing where it does not."""
    cached = try_to_load_from_cache(name, "config.json")
    return own_place(folder, name) or (Path(cached).parent if isinstance(cached, str) else None)


def mark_of(home: Path) -> str:
    """A hash of a network and of how it is shown pictures and words."""
    files = sorted(one for one in home.iterdir() if one.suffix in (".safetensors", ".json", ".txt"))
    return sha256(" ".join(f"{one.name} {file_hash(one)}" for one in files).encode()).hexdigest()[:12]


def there(load: Callable[[], Any]) -> Any:
    """What is loaded without a download; nothing where it is not on this machine, or is damaged."""
    state = torch.random.get_rng_state()
    try:
        with hushed():
            return load()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError):
        return None
    finally:
        torch.random.set_rng_state(state)


def processor() -> Any:
    """CLIP's way to prepare pictures; imported late, for it speaks up where torchvision is missing."""
    from transformers import CLIPImageProcessor

    return CLIPImageProcessor


@dataclass(frozen=True, eq=False)
class DinoKeys:
    """The keys of a vision transformer's last layer, token by token, the class token first."""

    net: Any

    @staticmethod
    def load(folder: Path | None = None) -> "DinoKeys | None":
        """From a folder or the cache; nothing where it is not here."""
        name = place_in(folder, DINO)
        safe: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}
        net = there(lambda: ViTModel.from_pretrained(name, add_pooling_layer=False, **safe))
        return None if net is None else DinoKeys(net.eval())

    def __call__(self, pixels: Float[Tensor, "1 3 a b"]) -> Float[Tensor, "tokens width"]:
        """All keys, heads side by side."""
        found: list[Tensor] = []

        def keep(_module: nn.Module, _given: Any, made: Tensor) -> None:
            found.append(made)

        endings = ("attention.key", "attention.k_proj")
        keys = [module for name, module in self.net.named_modules() if name.endswith(endings)]
        handle = keys[-1].register_forward_hook(keep)
        try:
            with torch.no_grad():
                self.net(pixel_values=pixels, interpolate_pos_encoding=True)
        finally:
            handle.remove()
        return found[-1][0]


@dataclass(frozen=True, eq=False)
class ClipAgreement:
    """How well a picture and a sentence agree: 100 times their cosine, or 0."""

    net: Any
    pictures: Any
    tokenizer: Any

    @staticmethod
    def load(folder: Path | None = None) -> "ClipAgreement | None":
        """From a folder or the cache; nothing where it is not here."""
        name = place_in(folder, CLIP)
        safe: dict[str, Any] = {"local_files_only": True}
        net = there(lambda: CLIPModel.from_pretrained(name, use_safetensors=True, **safe))
        pictures = there(lambda: processor().from_pretrained(name, **safe))
        words = there(lambda: CLIPTokenizer.from_pretrained(name, **safe))
        if net is None or pictures is None or words is None:
            return None
        return ClipAgreement(net.eval(), pictures, words)

    def __call__(self, pixels: UInt8[NDArray[np.uint8], "h w 3"], sentence: str) -> float:
        """Hold one against the other; a sentence is cut off where CLIP stops reading."""
        longest = int(self.net.config.text_config.max_position_embeddings)
        told = self.tokenizer([sentence], truncation=True, max_length=longest, return_tensors="pt")
        shown = self.pictures(images=[pixels], return_tensors="pt", input_data_format="channels_last")
        with torch.no_grad():
            made = self.net(**told, pixel_values=shown["pixel_values"])
        return max(0.0, 100 * float((made.image_embeds * made.text_embeds).sum()))
