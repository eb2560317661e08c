"""What a file or a folder of a side network is, told from its names alone, and its weights."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.folder import check_numbers
from overpaint.families.hub import is_hub_id, snapshot
from overpaint.families.locate import SHIPPED, shelves
from overpaint.families.original import NETWORK, what_else
from overpaint.families.variants import forms
from overpaint.files.fingerprint import file_hash
from overpaint.files.mistaken import read_json
from overpaint.files.weightfile import PICKLES, Header, check_folder, read_header
from overpaint.sides.control_lora import MARK

Kind = Literal["controlnet", "t2i-adapter", "style-adapter"]
Layout = Literal["original", "diffusers"]

_FOLDERS: Mapping[str, Kind] = {"ControlNetModel": "controlnet", "T2IAdapter": "t2i-adapter"}
_INSIDE = ("controlnet", "t2iadapter", "adapter")
"""Where a folder of diffusers keeps a side network beside a whole model."""
SIDES = "sides"
"""Where a model that comes with the package keeps its side networks."""
_UNREAD = {
    "lllite_": "a ControlNet-LLLite; get a ControlNet or a T2I-Adapter, which are read",
    "control_add_embedding": "a ControlNet for several kinds of condition at once; get the one for yours",
    "difference": "the difference of a ControlNet to its base; get the whole ControlNet",
    "spatial_ch_projs": "the fuser of CoAdapters, which is not supported; give the adapters by themselves",
}
_STARTS: Mapping[str, tuple[Kind, Layout, str]] = {
    "control_model.": ("controlnet", "original", "control_model."),
    "input_hint_block.": ("controlnet", "original", ""),
    "controlnet_cond_embedding.": ("controlnet", "diffusers", ""),
    "adapter.body.0.resnets.": ("t2i-adapter", "diffusers", ""),
    "adapter.body.0.": ("t2i-adapter", "original", "adapter."),
    "body.0.": ("t2i-adapter", "original", ""),
    "style_embedding": ("style-adapter", "original", ""),
    "adapter.style_embedding": ("style-adapter", "original", "adapter."),
}


@dataclass(frozen=True)
class SideFile:
    """A side network on disk, its weights not read yet."""

    place: Path
    kind: Kind
    layout: Layout
    files: tuple[Path, ...]
    start: str = ""
    """How the names of its tensors begin, where others are beside them."""
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What a folder says of how it is built; a file says nothing."""
    small: bool = False
    """Whether it holds what sets it apart from the model's own encoder (`overpaint.sides.control_lora`)."""

    @staticmethod
    def of(name: str | Path) -> "SideFile":
        """Look at a file or a folder.

        Raises:
            UsageError: there is none, or it holds something else.
        """
        place = _place(name)
        return _folder(place) if place.is_dir() else _file(place)

    @property
    def name(self) -> str:
        """What it is called: of a snapshot of the Hub the name of the model."""
        if self.place.parent.name == "snapshots":
            return self.place.parent.parent.name.rpartition("--")[2]
        return self.place.name if self.place.is_dir() else self.place.stem

    @property
    def known(self) -> str:
        """What a recipe knows it by: one that is shipped by its name, others by their place."""
        return self.place.name if self.place.parent in _shipped() else str(self.place)

    @property
    def fingerprint(self) -> str:
        """A hash of the weights, and of what the folder says."""
        told = [self.layout, self.start, json.dumps(self.config, sort_keys=True, default=str)]
        return sha256("/".join([*told, *map(file_hash, self.files)]).encode()).hexdigest()

    def weights(self) -> dict[str, Tensor]:
        """Its own tensors, without what their names begin with; others in the file stay on disk."""
        from safetensors import safe_open

        found: dict[str, Tensor] = {}
        for one in self.files:
            with safe_open(str(one), framework="pt") as file:
                own = (name for name in file.keys() if name.startswith(self.start) or name == MARK)
                found |= {name.removeprefix(self.start): file.get_tensor(name) for name in own}
        return found


def _place(name: str | Path) -> Path:
    """Where it lies, here or on a shelf of models."""
    try:
        for place in (Path(name).expanduser(), *(shelf / name for shelf in (*shelves(), *_shipped()))):
            for one in (place, place.with_name(f"{place.name}.safetensors") if place.name else place):
                if str(name) and one.exists():
                    return one.absolute()
        if is_hub_id(str(name)):
            return snapshot(str(name), False).absolute()
    except UsageError:
        raise UsageError(
            f"There is no side network {name} here, nor in the Hub's cache; fetch it with: hf download {name}"
        ) from None
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{str(name)[:80]!r} cannot be the name of a side network ({error}).") from None
    raise UsageError(
        f"There is no side network {str(name)!r}: give a safetensors file or a diffusers folder of a "
        "ControlNet or a T2I-Adapter."
    )


def _shipped() -> list[Path]:
    """The folders of side networks that come with the package, and so are known by name alone."""
    return [home / SIDES for home in SHIPPED.values()]


def shipped_names() -> tuple[str, ...]:
    """The side networks that come with the package, by their names."""
    found = set[str]()
    for place in (one for shelf in _shipped() for one in shelf.glob("*/")):
        with suppress(UsageError):
            found.add(SideFile.of(place).known)
    return tuple(sorted(found))


def _folder(place: Path) -> SideFile:
    config = place / "config.json"
    if not config.is_file():
        inside = next((place / name for name in _INSIDE if (place / name / "config.json").is_file()), None)
        if inside is None:
            raise UsageError(f"The folder {place} holds {_instead(place)}.")
        return _folder(inside)
    told = read_json(config)
    kind = _FOLDERS.get(str(told.get("_class_name")))
    if kind is None:
        raise UsageError(f"The folder {place} holds {_class(told)}, and no ControlNet or T2I-Adapter.")
    check_numbers(config, told)
    check_folder(place)
    found = forms((one.name for one in place.glob("*.safetensors")), "unet")
    if not found:
        raise UsageError(
            f"The folder {place} has no diffusion_pytorch_model.safetensors; overpaint convert writes it "
            "from the other formats, which are not read."
        )
    files = tuple(place / name for name in next(iter(found.values())))
    small = any(MARK in read_header(one).entries for one in files)
    return SideFile(place, kind, "diffusers", files, config=told, small=small)


def _class(told: Mapping[str, Any]) -> str:
    return f"a network of the class {told['_class_name']}" if "_class_name" in told else "some other network"


def _instead(place: Path) -> str:
    if (place / "unet" / "config.json").is_file():
        return "a whole model and no side network, which is given by --model"
    return "no ControlNet or T2I-Adapter: there is no config.json in it"


def _file(place: Path) -> SideFile:
    if place.suffix.lower() in PICKLES:
        raise UsageError(
            f"{place} may run code when it is read, so it is not; write a safetensors file from it with: "
            f"overpaint convert {place}"
        )
    header = read_header(place)
    unread = next((what for mark, what in _UNREAD.items() if _marked(header, mark)), None)
    if unread is not None:
        raise UsageError(f"{place} is {unread}.")
    for start, (kind, layout, prefix) in _STARTS.items():
        if header.has(start):
            return SideFile(place, kind, layout, (place,), prefix, small=MARK in header.entries)
    if header.has(NETWORK):
        raise UsageError(f"{place} is a whole model and no side network, which is given by --model.")
    raise UsageError(f"{place} is {what_else(header) or 'no ControlNet and no T2I-Adapter'}.")


def _marked(header: Header, mark: str) -> bool:
    return any(name == mark or name.startswith(mark) or f".{mark}" in name for name in header.entries)
