"""From runs to a model folder: averaged weights in half precision, laid out as diffusers does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from overpaint.families.load import hushed
from overpaint.files import atomic
from overpaint.files.mistaken import read_json
from overpaint.sides.segmenter import Segmenter
from overpaint.stilllife.judge import Judge
from overpaint.stilllife.suits import habits
from overpaint.stilllife.tokenizer import build
from overpaint.train.loop import TrainError
from overpaint.train.nets import Prediction, make_schedule

SHARD = "14MB"
LIMIT = 45_000_000
"""Bytes of all weights that may be shipped."""

INDEX: Mapping[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def averaged(state_file: Path, net: str) -> dict[str, Tensor]:
    """The averaged weights of one network of a run, with its counters."""
    if not state_file.is_file():
        raise TrainError(f"There is no run at {state_file}; train that stage first.")
    out: dict[str, Tensor] = {}
    with safe_open(state_file, "pt") as file:
        names = list(file.keys())
        for kind in ("net/", "mean/"):
            prefix = f"{kind}{net}."
            out |= {
                name.removeprefix(prefix): file.get_tensor(name) for name in names if name.startswith(prefix)
            }
    return out


def read_folder(folder: Path) -> dict[str, Tensor]:
    """All weights of a folder, of however many shards, in float32."""
    out: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        out |= {k: v.float() if v.is_floating_point() else v for k, v in load_file(file).items()}
    return out


def steps_taken(state_file: Path) -> int:
    """How many steps a run has taken; 0 when there is none."""
    if not state_file.is_file():
        return 0
    with safe_open(state_file, "pt") as file:
        return int(json.loads(file.metadata()["run"])["step"])


def save_part(net: nn.Module, folder: Path) -> None:
    """Write a diffusers or transformers network in half precision, in shards small enough for git."""
    writer: Any = net.half()
    with atomic.drafted_folder(folder) as draft, hushed():
        writer.save_pretrained(draft, max_shard_size=SHARD)
    net.float()


def save_vae(vae: AutoencoderKL, folder: Path, scale: float) -> None:
    """Write the autoencoder with the scale of its latents."""
    vae.register_to_config(scaling_factor=scale)
    save_part(vae, folder)


def save_reader(net: Judge | Segmenter, folder: Path) -> None:
    """Write the judge or the segmenter in half precision with what is needed to build it."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    with atomic.drafted_folder(folder) as draft:
        save_file({k: v.contiguous() for k, v in state.items()}, draft / "model.safetensors")
        write_json(draft / "config.json", net.told())


def save_frame(folder: Path, prediction: Prediction) -> None:
    """Everything that is not weights: index, schedule and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "model_index.json", INDEX, 2)
    write_json(folder / "overpaint.json", habits(), 1)
    with atomic.drafted_folder(folder / "scheduler") as draft:
        make_schedule(prediction).save_pretrained(draft)
    if not (folder / "tokenizer" / "tokenizer_config.json").is_file():
        with atomic.drafted_folder(folder / "tokenizer") as draft:
            build(draft)


def save_log(
    folder: Path,
    runs: Path,
    command: str,
    figures: Mapping[str, Any],
    earlier: Mapping[str, Any] | None = None,
) -> bool:
    """Write LOG.json: how the weights came about and what they reach.

    Args:
        folder: of the assembled model.
        runs: the folder of the runs.
        command: that made them.
        figures: what was measured just now; where that is nothing, earlier figures of the very same weights
            stay.
        earlier: the log of the weights that training went on from: its stages stay, and a stage that was
            trained further keeps its own as "before".

    Returns:
        whether figures had to be left out, being of other weights.
    """
    steps = {run.parent.name: steps_taken(run) for run in sorted(runs.glob("*/state.safetensors"))}
    there = read_json(folder / "LOG.json") if (folder / "LOG.json").is_file() else {}
    same = there.get("measured") == steps
    figures = figures or (there.get("figures", {}) if same else {})
    stages: dict[str, Any] = dict((earlier or {}).get("stages", {}))
    for log in sorted(runs.glob("*/log.jsonl")):
        name, lines = log.parent.name, read_log(log)
        kept = [line for line in lines if "figures" in line or line is lines[-1]]
        thin = [line for line in lines if "figures" not in line]
        before = {"before": stages[name]} if name in stages else {}
        stages[name] = {"losses": thin[:: max(1, len(thin) // 60)], "figures": kept, **before}
    whole = {"command": command, "torch": torch.__version__, "figures": dict(figures)}
    write_json(folder / "LOG.json", {**whole, "measured": steps if figures else None, "stages": stages}, 1)
    return bool(there.get("figures")) and not figures


def read_log(log: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; of a kill in the middle of one nothing else is lost."""
    found: list[dict[str, Any]] = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):
            found.append(json.loads(line))
    return found


def write_json(file: Path, content: Mapping[str, Any], indent: int | None = None) -> None:
    """Write a small file of settings."""
    atomic.write(file, (json.dumps(content, indent=indent) + "\n").encode())


def check_weight(folder: Path) -> int:
    """Bytes of all weights; raises when they are more than may be shipped."""
    total = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    if total > LIMIT:
        raise TrainError(
            f"The weights take {total / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f} MB; train a smaller size."
        )
    return total
