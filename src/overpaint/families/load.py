"""From a name, a folder, a file or an id of the Hub to a model. Safetensors only, no remote code."""

from collections.abc import Generator
from contextlib import contextmanager
from logging import CRITICAL
from pathlib import Path
from threading import RLock

import torch
from torch.random import fork_rng

from overpaint.errors import OverpaintError, UsageError
from overpaint.families.codec import Codec
from overpaint.families.extras import add
from overpaint.families.folder import parts_of_folder
from overpaint.families.fused import BUILDING
from overpaint.families.known import known_of
from overpaint.families.locate import SHIPPED, place_of, tokenizer_place
from overpaint.families.offload import HOME, Ferry, Held, check_offload, stay
from overpaint.families.original import family_name
from overpaint.families.parts import Parts, check_scale, check_widths, extra_of, shape_of
from overpaint.families.pixel_folder import on_pixels, pixel_model
from overpaint.families.schedule import schedule_of
from overpaint.families.single import parts_of_file
from overpaint.families.unet import UNetFamily
from overpaint.files.mistaken import read_json
from overpaint.files.provenance import PREDICTION_TYPES, Origin
from overpaint.files.weightfile import base_of
from overpaint.model import Model
from overpaint.options import USUAL_GUIDANCE, Guidance, Suits
from overpaint.out_of_memory import roomy, ways_out

__all__ = ["SHIPPED", "load"]


def load(
    name: str,
    dtype: torch.dtype | None = None,
    device: str | None = None,
    origin: Origin | None = None,
    download: bool = False,
    offload: bool = False,
) -> Model:
    """A model by its name, folder, file or id of the Hub, with what is added to it.

    Raises:
        UsageError: no such model, one that lacks parts, or a family that is not supported.
        OutOfMemory: it does not fit on the device.
    """
    origin = origin or Origin()
    home = place_of(name, download)
    where = _device(device)
    if offload:
        check_offload(where)
    if dtype is None:
        dtype = usual_dtype(where.type)
    full = f"The model {home} does not fit into the memory of the device {where}"
    try:
        # Weights are drawn before they are read.
        with BUILDING, roomy(full, ways_out(where, dtype, offload)), hushed(), fork_rng(devices=[]):
            if home.is_dir() and on_pixels(home):
                model = pixel_model(home, where, dtype, origin)
            else:
                parts, origin = _read(home, origin, download)
                ferry = Ferry(where) if offload else None
                model = _assembled(parts, name, home, where, dtype, origin, ferry)
            add(model, origin)
            return model
    except OverpaintError:
        raise
    except Exception as error:  # the loaders of other people's files raise whatever they like
        kind = "folder" if home.is_dir() else "file"
        raise UsageError(
            f"The model {kind} {home} cannot be loaded: its settings and its weights do not belong together; "
            "take it from the model's maker again."
        ) from error


def _read(home: Path, origin: Origin, download: bool) -> tuple[Parts, Origin]:
    """The parts of a model, and its origin with what was found out on the way."""
    if home.is_dir():
        if origin.tokenizer is not None:
            raise UsageError(
                "A model folder has its own tokenizer; --tokenizer is for checkpoints in one file."
            )
        return parts_of_folder(home), origin
    parts, vocabulary = parts_of_file(home, origin.prediction, tokenizer_place(origin.tokenizer, download))
    return parts, origin.model_copy(update={"tokenizer": str(vocabulary.absolute())})


@contextmanager
def hushed() -> Generator[None, None, None]:
    """No bars and no notices while files are read or written: a command's error stream is for sentences."""
    from diffusers.utils import logging as diffusers
    from transformers.utils import logging as transformers

    shown = [one for one in (diffusers, transformers) if one.is_progress_bar_enabled()]
    for one in shown:
        one.disable_progress_bar()
    loud, louder = diffusers.get_verbosity(), transformers.get_verbosity()
    diffusers.set_verbosity(CRITICAL)
    transformers.set_verbosity(CRITICAL)
    try:
        yield
    finally:
        diffusers.set_verbosity(loud)
        transformers.set_verbosity(louder)
        for one in shown:
            one.enable_progress_bar()


def usual_device() -> str:
    """Where models run if nobody says."""
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def usual_dtype(device: str) -> torch.dtype:
    """What networks are of on such a device if nobody says."""
    return {"cpu": torch.float32, "mps": torch.float16}.get(device, torch.bfloat16)


def _device(device: str | None) -> torch.device:
    if device is None:
        return torch.device(usual_device())
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(
            f"There is no device {device!r} on this machine; use cpu, or cuda or mps where it has one."
        ) from error


def _assembled(
    parts: Parts,
    name: str,
    home: Path,
    where: torch.device,
    dtype: torch.dtype,
    origin: Origin,
    ferry: Ferry | None,
) -> Model:
    unet, vae = parts.unet, parts.vae
    extra = extra_of(unet, vae, features_of(home))
    check_widths(unet, parts.encoders)
    check_scale(vae)
    told = dict(parts.scheduler)
    if origin.prediction is not None:
        told["prediction_type"] = PREDICTION_TYPES[origin.prediction]
    at, bring = (where, stay) if ferry is None else (HOME, ferry.bring)
    # Half precision breaks the autoencoder of SDXL; text is encoded once, so its digits cost nothing.
    wide = torch.promote_types(dtype, torch.float32)
    vae = vae.to(at, wide if vae.config.force_upcast else dtype).eval().requires_grad_(False)
    codec = Codec(vae, bring)
    family = UNetFamily(
        family_name(shape_of(unet), extra),
        schedule_of(told),
        codec,
        parts.tokenizers,
        [e.to(at, wide).eval().requires_grad_(False) for e in parts.encoders],
        side=int(unet.config.sample_size or 64) * codec.factor,
        zero_null=bool(parts.index.get("force_zeros_for_empty_prompt", False)),
        extra=extra,
        bring=bring,
    )
    own = habits(base_of(home))
    return Model(
        unet.to(at, dtype),
        family,
        name=name if name in SHIPPED else called(home),
        home=home,
        device=where,
        dtype=dtype,
        offload=ferry is not None,
        guidance=own.guidance,
        suits=own.suits,
        known=known_of(home),
        origin=origin,
        notes=list(parts.notes),
        lock=RLock() if ferry is None else Held(ferry),
    )


def called(home: Path) -> str:
    """What a model is called by where it lies: its folder or file, after its base if it has one."""
    home, base = home.resolve(), base_of(home.resolve())
    return home.stem if home.is_file() else home.name if base == home else f"{base.name}-{home.name}"


def features_of(home: Path) -> int:
    """Numbers of a vector of the CLIP beside a model; 0 without one."""
    told = base_of(home) / "image_encoder" / "config.json"
    return int(read_json(told).get("projection_dim", 0)) if told.is_file() else 0


class Habits(Suits):
    """What a model folder may say about itself in `overpaint.json`."""

    guidance: Guidance = USUAL_GUIDANCE

    @property
    def suits(self) -> Suits:
        """What of it is about edits."""
        return Suits(
            edits=self.edits,
            words=self.words,
            sentences=self.sentences,
            vocabulary=self.vocabulary,
            near=self.near,
        )


def habits(home: Path) -> Habits:
    """What a model says about itself; a file alone says nothing.

    Raises:
        UsageError: what it says cannot be understood.
    """
    file = home / "overpaint.json"
    if not file.is_file():
        return Habits()
    try:
        return Habits.model_validate_json(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UsageError(
            f'The file {file} cannot be understood; it may say {{"guidance": 7.5}} (0 to 30), '
            '"edits", "words", "sentences", "vocabulary" and "near", and no more.'
        ) from error
