"""The table of checkpoint layouts: written in the first published names, loaded, held against two others.

``python -m tests.checkpoints`` prints it. *Original* is the greatest difference to the network the file was
written from (prediction, text, encoded and decoded picture); *diffusers* the greatest difference of any
weight to what diffusers makes of the same file with the same configuration.
"""

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from overpaint.families import single
from overpaint.families.tiny import SHAPES, Shape, fill, tiny
from overpaint.files.weightfile import read_header
from overpaint.model import Line, Model
from overpaint.run.loading import load
from tests import original
from tests.kit import draw, gap

diffusers: Any = import_module("diffusers")
single_file: Any = import_module("diffusers.loaders.single_file_utils")
transformers: Any = import_module("transformers")
EXTRAS: Mapping[str, Tensor] = {
    "model_ema.decay": torch.tensor(0.9999),
    "model_ema.diffusion_modelinput_blocks00weight": torch.ones(3),
    "embedding_manager.string_to_param_dict.*": torch.ones(1, 24),
    "first_stage_model.loss.discriminator.main.0.weight": torch.ones(2),
    "alphas_cumprod": torch.ones(1000),
    "denoiser.sigmas": torch.ones(1000),
}


@dataclass(frozen=True)
class Case:
    """One way a checkpoint is found on people's disks."""

    title: str
    shape: Shape
    predicts: str = "epsilon"
    dtype: torch.dtype = torch.float32
    extra: int = 0
    keys: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    said: Mapping[str, str] = field(default_factory=dict[str, str])
    prediction: str | None = None


V, SNR = {"v_pred": torch.zeros(0)}, {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
CASES = (
    Case("SD 1.x", "sd1"),
    Case("SD 1.x, half precision", "sd1", dtype=torch.float16),
    Case("SD 1.x, bfloat16", "sd1", dtype=torch.bfloat16),
    Case("SD 1.x, eight bits (e4m3fn)", "sd1", dtype=torch.float8_e4m3fn),
    Case("SD 1.x, eight bits (e5m2)", "sd1", dtype=torch.float8_e5m2),
    Case("SD 1.x, fine-tune with averages and leftovers", "sd1", keys=EXTRAS),
    Case("SD 1.x, inpainting", "sd1", extra=5),
    Case("SD 2.x base, --prediction epsilon", "sd2", prediction="epsilon"),
    Case("SD 2.x, --prediction v", "sd2", "v_prediction", prediction="v"),
    Case("SD 2.x, marked v_pred", "sd2", "v_prediction", keys=V),
    Case("SD 2.x, v by its metadata", "sd2", "v_prediction", said={"modelspec.prediction_type": "v"}),
    Case("SD 2.x, inpainting", "sd2", extra=5),
    Case("SDXL", "sdxl"),
    Case("SDXL, half precision", "sdxl", dtype=torch.float16),
    Case("SDXL, marked v_pred and ztsnr", "sdxl", "v_prediction", keys=SNR),
    Case("SDXL, inpainting", "sdxl", extra=5),
)


@dataclass(frozen=True)
class Row:
    """What came of a case."""

    case: Case
    family: str
    predicts: str
    tensors: int
    original: float
    diffusers: float


@contextmanager
def tiny_configs(folder: Path) -> Generator[None, None, None]:
    """The configurations of the tiny networks in place of the real ones, a tokenizer beside the files."""
    for shape in SHAPES:
        original.save_configs(folder / "configs", shape)
    family: Any = tiny("sd1").family
    family.tokenizers[0].save_pretrained(folder / "tokenizer")
    with patch.object(single, "CONFIGS", folder / "configs"):
        yield


def written(case: Case, folder: Path) -> tuple[Model, Path]:
    """The network of a case, its weights as the file can hold them, and the file."""
    model = source(case)
    weights = {k: stored(v, case.dtype) for k, v in original.weights_of(model).items()}
    file = original.save(
        folder / f"{abs(hash(case.title))}.safetensors", weights | dict(case.keys), case.said
    )
    return model, file


def source(case: Case) -> Model:
    """A tiny network with weights that the type of the file holds exactly."""
    model = tiny(case.shape)
    family: Any = model.family
    if case.extra:
        net: Any = model.net
        told = {k: v for k, v in net.config.items() if k != "_use_default_values"}
        wide = diffusers.UNet2DConditionModel.from_config({**told, "in_channels": 4 + case.extra})
        model = Model(fill(wide), replace(family, extra=case.extra))
    with torch.no_grad():
        for one in (model.net, family.codec.vae, *family.encoders):
            for p in one.parameters():
                p.copy_(stored(p, case.dtype).to(p.dtype))
    return model


def stored(value: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor as the file keeps it."""
    return value.to(dtype) if value.is_floating_point() else value


def compared(case: Case, folder: Path) -> Row:
    """Write a case, load it, and hold it against the network it was made of and against diffusers."""
    model, file = written(case, folder)
    found = load(str(file), dtype="float32", device="cpu", prediction=case.prediction)
    return Row(
        case,
        found.family.name,
        found.path(4).kind,
        len(read_header(file).entries),
        to_original(model, found, case.extra),
        to_diffusers(found, file, case),
    )


def to_original(one: Model, other: Model, extra: int) -> float:
    """The greatest difference of what two models answer."""
    texts = [m.family.text("a fluffy cat on the grass") for m in (one, other)]
    pixels, x = draw(1, 3, 32, 32).tanh(), draw(1, 4, 8, 8)
    concat = draw(1, extra, 8, 8, seed=3) if extra else None
    steps = other.path(4)
    rows = [
        m.rows(x, 1, steps, ["src+"], [Line("+", t, concat)])
        for m, t in zip((one, other), texts, strict=True)
    ]
    gaps = [
        gap(texts[0].states, texts[1].states),
        gap(one.family.encode(pixels), other.family.encode(pixels)),
        gap(one.family.decode(x), other.family.decode(x)),
        gap(rows[0].eps, rows[1].eps),
    ]
    pooled = [t.pooled for t in texts if t.pooled is not None]
    return max(gaps + ([gap(*pooled)] if pooled else []))


def to_diffusers(model: Model, file: Path, case: Case) -> float:
    """The greatest difference of any weight to what diffusers makes of the file."""
    family: Any = model.family
    config = {
        "config": str(single.CONFIGS / case.shape),
        "local_files_only": True,
        "torch_dtype": torch.float32,
    }
    weights = {k: v.float() for k, v in original.safetensors.load_file(str(file)).items()}
    wide = {"in_channels": 4 + case.extra}
    theirs = [
        diffusers.UNet2DConditionModel.from_single_file(dict(weights), subfolder="unet", **config, **wide),
        diffusers.AutoencoderKL.from_single_file(dict(weights), subfolder="vae", **config),
    ]
    kinds = (transformers.CLIPTextModel, transformers.CLIPTextModelWithProjection)
    for k, kind in enumerate(kinds[: len(family.encoders)]):
        theirs.append(
            single_file.create_diffusers_clip_model_from_ldm(
                kind,
                dict(weights),
                subfolder=f"text_encoder{'_2' * k}",
                config=str(single.CONFIGS / case.shape),
                torch_dtype=torch.float32,
                local_files_only=True,
            )
        )
    ours = [model.net, family.codec.vae, *family.encoders]
    return max(apart(one, other) for one, other in zip(ours, theirs, strict=True))


def apart(one: Any, other: Any) -> float:
    """The greatest difference of two networks' weights, which must have the same names."""
    a, b = one.state_dict(), other.state_dict()
    if set(a) != set(b):
        return float("inf")
    return max(gap(a[name].float(), b[name].float()) for name in a)


def table() -> str:
    """All cases as a table of the documentation."""
    lines = [
        "| checkpoint | family | predicts | tensors | original | diffusers |",
        "|---|---|---|---:|---:|---:|",
    ]
    diffusers.utils.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder, tiny_configs(Path(folder)):
        for case in CASES:
            row = compared(case, Path(folder))
            lines.append(
                f"| {case.title} | `{row.family}` | {row.predicts} | {row.tensors} | {row.original:.1g} "
                f"| {row.diffusers:.1g} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
