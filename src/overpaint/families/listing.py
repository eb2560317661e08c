"""What models there are on this machine: shipped, in the Hub's cache, in folders that were named.

Nothing is loaded: families are told from configurations and from the headers of files.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overpaint.errors import UsageError
from overpaint.families.hub import cache_folder
from overpaint.families.locate import SHIPPED, shelves
from overpaint.families.original import MASKED, family_name, is_lora, layout_of, what_else
from overpaint.files.mistaken import read_json
from overpaint.files.weightfile import PICKLES, TUNED, base_of, read_header

DEEPEST = 3
"""Levels of folders that are looked through below one that was named."""
CARD = 65_536
"""Bytes of a model card that are read."""
PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")


@dataclass(frozen=True)
class Found:
    """Something that can be given to ``--model``, ``--lora`` or ``--embedding``, or be converted."""

    name: str
    kind: str
    """``model``, ``lora``, ``embedding``, ``pickle`` or ``other``."""
    family: str
    size: int
    """Bytes on disk."""
    licence: str
    """As the model's card says; empty where it says nothing."""
    path: Path


def listed(folders: Sequence[Path] = ()) -> Iterator[Found]:
    """Everything there is: what is shipped, the Hub's cache, ``OVERPAINT_MODELS``, and these folders.

    Raises:
        UsageError: one of these folders is not there.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"There is no folder {folder}.")
    for name, home in SHIPPED.items():
        found = in_folder(home, name)
        if found is not None:
            yield Found(name, found.kind, found.family, found.size, found.licence or "Apache-2.0", home)
    yield from in_cache()
    seen: set[Path] = set()
    for folder in (*shelves(), *folders):
        yield from below(folder, DEEPEST, seen)


def in_cache() -> Iterator[Found]:
    """The models of the Hub's cache, each as its main branch stands, else as its last snapshot."""
    for repository in sorted(cache_folder().glob("models--*")):
        name = repository.name.removeprefix("models--").replace("--", "/", 1)
        homes = sorted((repository / "snapshots").glob("*"))
        with suppress(OSError):
            homes += [repository / "snapshots" / (repository / "refs" / "main").read_text().strip()]
        found = next((one for home in reversed(homes) if (one := in_folder(home, name)) is not None), None)
        if found is not None:
            yield found


def below(folder: Path, deepest: int, seen: set[Path]) -> Iterator[Found]:
    """The models in a folder and in the folders inside it, each once; a model's own parts are no models."""
    if folder.resolve() in seen:  # by way of a link, or named twice
        return
    seen.add(folder.resolve())
    own = in_folder(folder, folder.resolve().name)
    if own is not None:
        yield own
        for tuned in sorted(folder.glob(f"*/{TUNED}")):
            found = in_folder(tuned.parent, f"{own.name}-{tuned.parent.name}")
            if found is not None:
                yield found
        return
    try:
        entries = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir() and deepest > 0:
            yield from below(entry, deepest - 1, seen)
        elif entry.is_file():
            found = of_file(entry)
            if found is not None:
                yield found


def in_folder(home: Path, name: str) -> Found | None:
    """The diffusers model in a folder, or what is tuned from the one above it, if it is one."""
    base = base_of(home)
    config = told(base / "unet" / "config.json")
    if config is None:
        return None
    if base == home:
        return Found(name, "model", family_of(home, config), size_of(home), licence_of(home), home)
    wide = read_header(home / TUNED).shape("conv_in.weight.by") or (0, config.get("in_channels"))
    family = family_of(base, {**config, "in_channels": wide[1]})
    return Found(name, "model", family, (home / TUNED).stat().st_size, licence_of(base), home)


def of_file(file: Path) -> Found | None:
    """What a file holds, if it is one of weights."""
    suffix = file.suffix.lower()
    if suffix in PICKLES and suffix not in (".pkl", ".pickle"):
        return Found(file.stem, "pickle", "", file.stat().st_size, "", file)
    if suffix != ".safetensors":
        return None
    size = file.stat().st_size
    try:
        header = read_header(file)
    except UsageError:
        return Found(file.stem, "other", "damaged", size, "", file)
    licence = header.said.get("modelspec.license", header.said.get("license", ""))
    try:
        return Found(file.stem, "model", layout_of(header, file).family, size, licence, file)
    except UsageError:
        what = what_else(header)
        kind = "lora" if is_lora(header) else "embedding" if "textual inversion" in what else "other"
        return Found(file.stem, kind, "", size, licence, file)


def told(file: Path) -> dict[str, Any] | None:
    """A configuration, or nothing where there is none that can be read."""
    if not file.is_file():  # a pipe would be waited for
        return None
    try:
        return read_json(file)
    except UsageError:
        return None


def family_of(home: Path, unet: dict[str, Any]) -> str:
    """The family by the configurations of a folder; ``other`` where it is none of ours."""
    if unet.get("_class_name") == "UNet2DModel":
        return "pixel" if unet.get("class_embed_type") is None else "other"
    kind = unet.get("addition_embed_type")
    vae = told(home / "vae" / "config.json") or {}
    inputs, latent = (told.get(name) or 4 for told, name in ((unet, "in_channels"), (vae, "latent_channels")))
    extra = inputs - latent if isinstance(inputs, int) and isinstance(latent, int) else -1
    seen = (told(home / "image_encoder" / "config.json") or {}).get("projection_dim")
    strange = unet.get("class_embed_type") is not None or kind not in (None, "text_time")
    if strange or extra not in (0, MASKED, seen) or unet.get("_class_name") != "UNet2DConditionModel":
        return "other"
    shape = "sdxl" if kind else "sd2" if unet.get("use_linear_projection") else "sd1"
    return family_name(shape, extra)


def size_of(home: Path) -> int:
    """Bytes of the weights of all parts; a file that is linked twice counts once."""
    sizes: dict[tuple[int, int], int] = {}
    for part in PARTS:
        for file in (home / part).glob("*.safetensors"):
            with suppress(OSError):
                found = file.stat()
                sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())


def licence_of(home: Path) -> str:
    """What the front matter of the model card says, by name where it has one."""
    if not (home / "README.md").is_file():
        return ""
    try:
        with (home / "README.md").open(encoding="utf-8", errors="replace") as file:
            card = file.read(CARD)
    except OSError:
        return ""
    front = re.match(r"---\s*\n(.*?)\n---", card, re.DOTALL)
    lines = (
        dict(re.findall(r"^(license|license_name):[ \t]*(\S.*?)\s*$", front.group(1), re.M)) if front else {}
    )
    return lines.get("license_name") or lines.get("license", "")
