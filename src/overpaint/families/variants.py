"""Which weights of a part are read where a folder holds them in several forms, or in an unusual one alone.

A form (``fp16``, ``bf16``, ``ema``, ``non_ema``, …) stands in the names of the files; plain ones have none.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from overpaint.errors import UsageError

STEMS: Mapping[str, str] = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
    "text_encoder_2": "model",
}
"""How the weights of a part are called."""
_DIGITS = (("fp32", 0), ("float32", 0), ("fp16", 1), ("float16", 1), ("bf16", 2), ("bfloat16", 2))


def forms(names: Iterable[str], part: str) -> dict[str, list[str]]:
    """The files of a part by form, those of the best form first; in a form's pieces are all of its files."""
    pattern = re.compile(
        rf"{STEMS[part]}(?:\.(?P<a>[\w.]+?))?(?:-\d+-of-\d+)?(?:\.(?P<b>[\w.]+?))?\.safetensors"
    )
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        match = pattern.fullmatch(name)
        if match is not None:
            found.setdefault(".".join(filter(None, match.group("a", "b"))), []).append(name)
    return dict(sorted(found.items(), key=lambda pair: _rank(pair[0])))


def best_form(folder: Path) -> str | None:
    """The form that is read: nothing for plain weights.

    Plain ones come first, then averaged ones before those that are not, then those of more digits.

    Raises:
        UsageError: the weights have a name by which they are not read.
    """
    names = [file.name for file in folder.glob("*.safetensors")]
    found = forms(names, folder.name)
    if not found:
        raise UsageError(
            f"The weights in {folder} are called {', '.join(sorted(names)[:3])}; call them "
            f"{STEMS[folder.name]}.safetensors, as they are read by that name."
        )
    return next(iter(found)) or None


def said(home: Path, chosen: Mapping[str, str | None]) -> list[str]:
    """A sentence where the weights of some part are not the plain ones, nor simply half precision alone."""
    named = [
        f"{part} in the form {form}{f' (and not {others})' if others else ''}"
        for part, form in chosen.items()
        if (others := _others(home / part, form)) or form not in (None, "fp16")
        if form is not None
    ]
    listed = "; ".join(named)
    return [f"The model folder {home} has no plain weights, so it was read with {listed}."] if named else []


def _others(folder: Path, form: str | None) -> str:
    """The other forms there are."""
    names = (file.name for file in folder.glob("*.safetensors"))
    return ", ".join(one for one in forms(names, folder.name) if one != form)


def _rank(form: str) -> tuple[bool, bool, int, str]:
    """The smaller, the better."""
    raw = re.search(r"(?:^|[._-])(?:non_?ema|no_?ema)(?:$|[._-])", form) is not None
    digits = next((rank for name, rank in _DIGITS if name in form), 0 if "ema" in form or not form else 3)
    return bool(form), raw, digits, form
