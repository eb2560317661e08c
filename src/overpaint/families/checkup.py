"""What is missing or odd about a model, in plain sentences."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from overpaint.errors import UsageError
from overpaint.families.folder import PARTS, SECOND, check_part
from overpaint.families.listing import family_of, told
from overpaint.families.load import load
from overpaint.families.original import NoModel
from overpaint.families.single import Single
from overpaint.files.provenance import SETTINGS, Origin
from overpaint.files.weightfile import PICKLES, check_folder
from overpaint.model import Model
from overpaint.network import Residuals, together

ALIKE, UNLIKE = 0.9, 0.5
"""Correlations of answer and noise beyond which a network does, or does not, predict the noise."""


def problems(home: Path, tokenizer: str | None = None, trial: bool = True) -> list[str]:
    """Everything that is missing or odd about a model; nothing for one that is whole.

    Args:
        home: a diffusers folder, or a checkpoint in one file.
        tokenizer: the folder of the tokenizer, for a checkpoint in one file.
        trial: whether to load the model and call its network once, which shows what it predicts.

    Raises:
        NoModel: it is none.
    """
    found = list(_folder(home) if home.is_dir() else _file(home))
    if found or not trial:
        return found
    return list(_trial(home, tokenizer))


def _folder(home: Path) -> Iterator[str]:
    """Parts, files beside them, links that lead away, and values that are no numbers."""
    if not any((home / part).is_dir() for part in PARTS) and not (home / "model_index.json").is_file():
        adapter = (home / SETTINGS).is_file()
        hint = f"an adapter, which is given by --lora beside a model: --lora {home}"
        raise NoModel(f"{home} is {hint if adapter else 'no model; it has none of the parts of one'}.")
    config = told(home / "unet" / "config.json") or {}
    family = family_of(home, config) if config else ""
    parts = (*PARTS, *(SECOND if family.startswith("sdxl") else ()))
    for part in ("unet", "scheduler") if family == "pixel" else parts:
        try:
            check_part(home, part)
        except UsageError as error:
            yield str(error)
            continue
        for file in check_folder(home / part):
            yield from _numbers(file)
    if family == "other":
        yield f"The network in {home} is of a kind that is not supported; SD 1.x, SD 2.x and SDXL are."
    yield from _strangers(home)
    yield from _vocabularies(home)


def _strangers(home: Path) -> Iterator[str]:
    """Files that should not be there."""
    inside = (home.resolve(), home.resolve().parent.parent / "blobs")  # where the Hub's cache keeps contents
    for file in sorted(home.rglob("*")):
        name = file.relative_to(home)
        if file.suffix.lower() in PICKLES:
            yield f"{name} is a pickle, which may run code; it is not read, so remove or convert it."
        elif file.suffix == ".py":
            yield f"{name} is code that somebody wants run with the model; it is not, so remove it."
        if file.is_symlink() and not any(file.resolve().is_relative_to(place) for place in inside):
            yield f"{name} is a link that leads out of the model's folder; put the file itself there."


def _vocabularies(home: Path) -> Iterator[str]:
    """Tokenizers that know more or fewer words than their encoders."""
    for suffix in ("", "_2"):
        words = told(home / f"tokenizer{suffix}" / "vocab.json")
        config = told(home / f"text_encoder{suffix}" / "config.json")
        if words and config and len(words) > config.get("vocab_size", len(words)):
            yield (
                f"tokenizer{suffix} knows {len(words)} tokens and text_encoder{suffix} "
                f"{config['vocab_size']}; they belong to different models."
            )


def _file(file: Path) -> Iterator[str]:
    try:
        Single.of(file)
    except NoModel:
        raise
    except UsageError as error:
        yield str(error)
        return
    yield from _numbers(file)


def _numbers(file: Path) -> Iterator[str]:
    """The first weight of a file that is no number, or that is all zeros where it must not be."""
    from safetensors import safe_open

    with cast(Any, safe_open)(str(file), framework="pt") as weights:
        for name in weights.keys():
            value = weights.get_tensor(name)
            if value.is_floating_point() and not bool(torch.isfinite(value.float()).all()):
                yield f"{file.name} holds values that are not numbers, such as in {name}; get it again."
                return


def _trial(home: Path, tokenizer: str | None) -> Iterator[str]:
    """Load the model, and see whether it predicts what it says."""
    unsaid = home.is_file() and Single.of(home).layout.prediction is None
    try:
        model = load(
            str(home), torch.float32, "cpu", Origin(prediction="v" if unsaid else None, tokenizer=tokenizer)
        )
    except UsageError as error:
        yield str(error)
        return
    alike, said = likeness(model), model.family.schedule.kind
    if unsaid:
        kind = "epsilon" if alike > ALIKE else "v" if alike < UNLIKE else ""
        advice = (
            f"a trial says {kind}, so load it with --prediction {kind}" if kind else "a trial leaves it open"
        )
        yield f"{home.name} does not say what it predicts; {advice}."
    elif said == "epsilon" and alike < UNLIKE:
        yield (
            f"The network is said to predict epsilon, but its answer to pure noise has a correlation of "
            f"{alike:.2f} with it instead of nearly 1; try --prediction v."
        )
    elif said == "v_prediction" and alike > ALIKE:
        yield (
            f"The network is said to predict v, but its answer to pure noise has a correlation of "
            f"{alike:.2f} with it, as of one that predicts epsilon; try --prediction epsilon."
        )


def likeness(model: Model, side: int = 32) -> float:
    """How like the noise a network's answer to almost pure noise is: nearly 1 where it predicts epsilon."""
    family: Any = model.family
    rows, n = 2, min(side, family.side // family.factor)
    noise = torch.randn(rows, family.channels, n, n, generator=torch.Generator().manual_seed(0))
    extra = torch.zeros(rows, family.extra, n, n)
    extra[:, :1] = 1  # an inpainting network is asked to fill the whole picture
    text = together([family.null()] * rows)
    with torch.no_grad():
        x = torch.cat([noise, extra], 1)
        answer = family.call(model.net, x, model.path().t[0], text, Residuals())[:, : family.channels]
    return float(cosine_similarity(_centred(answer), _centred(noise)).mean())


def _centred(x: Tensor) -> Tensor:
    flat = x.float().flatten(1)
    return flat - flat.mean(1, keepdim=True)
