"""The recipe inside a picture: everything that is needed to make the same pixels again."""

import base64
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from overpaint.errors import UsageError
from overpaint.files.provenance import Origin
from overpaint.images import (
    Info,
    Limits,
    Picture,
    decode_picture,
    encode_picture,
    encode_png,
    load_picture,
    pixels_hash,
    save_picture,
)

KEY = "overpaint"  # the name of the text that is written into the picture
VERSION = 1
EMBED = 256_000  # bytes of a source picture that still travels inside the recipe
Command = Literal["edit", "generate", "invert"]
Choice = Literal["family", "model", "prompts", "picture"]
"""Who chose an option that the user left open: the kind of model has a default of its own; the model suggests
one, whatever is asked for, or for what the prompts ask for; the picture says how it was made."""
LIBRARIES = ("overpaint", "torch", "diffusers", "transformers", "numpy", "pillow")


class Record(BaseModel):
    """Part of a recipe: frozen, and patient with fields that a later overpaint added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Version(Record):
    """The one field of a recipe that every layout has."""

    version: int = Field(ge=1)


class SourceRecord(Record):
    """A picture an edit began with, or its mask: itself where it is small, else where it was."""

    pixels: str = Field(description="SHA-256 of the pixels, as overpaint.images.pixels_hash gives it")
    png: str | None = Field(default=None, description="the picture as a base64 PNG, where it is small")
    path: str | None = Field(default=None, description="absolute path of the file, where it is not")

    @classmethod
    def of(cls, picture: Picture, path: str | Path | None = None) -> "SourceRecord":
        """Remember a picture that was read from `path`; one that was generated keeps its own recipe.

        An edit goes on from the noise in that recipe, so it belongs to what makes the edit again. It holds no
        picture itself; other recipes do, and are left out.
        """
        kept = Info(icc=picture.info.icc, credit=picture.info.credit)
        own = trusted_recipe(picture)
        text = {KEY: picture.info.text[KEY]} if own is not None and not own.pictures else {}
        data = encode_png(Picture(picture.rgb, picture.alpha, kept), text)
        if len(data) <= EMBED:
            return cls(pixels=pixels_hash(picture), png=base64.b64encode(data).decode())
        return cls(pixels=pixels_hash(picture), path=None if path is None else str(Path(path).absolute()))

    def open(self, *, limits: Limits | None = None) -> Picture:
        """The picture again; a `UsageError` where its file has gone or was changed since."""
        picture = self.read(limits)
        if pixels_hash(picture) != self.pixels:
            place = self.path or "the recipe"
            raise UsageError(f"The source picture in {place} is not the one the recipe was made from.")
        return picture

    def read(self, limits: Limits | None) -> Picture:
        """The picture, unchecked."""
        if self.png is not None:
            try:
                data = base64.b64decode(self.png, validate=True)
            except ValueError:
                raise UsageError("The source picture inside the recipe is damaged.") from None
            return decode_picture(data, "The source picture inside the recipe", limits=limits)
        if self.path is None:
            raise UsageError("The recipe names no source picture; give it yourself.")
        return load_picture(self.path, limits=limits)


class ModelRecord(Record):
    """The model: the name it was asked for by, and a hash of its weights."""

    name: str
    hash: str = ""
    family: str = ""
    origin: Origin = Field(default=Origin(), description="what was added to it, such as LoRAs")


class ControlRecord(Record):
    """A network that spoke beside the model: what was set of it, and a hash of its weights."""

    options: dict[str, JsonValue]
    weights: str = ""
    kind: str = ""


class Environment(Record):
    """What, beside the options, the last bits of the pixels depend on, and whether they come about at all."""

    versions: dict[str, str] = {}
    threads: int = Field(default=1, ge=1, description="threads of one torch operation; sums depend on it")
    device: str = "cpu"
    dtype: str = "float32"
    at_once: int | None = Field(
        default=None, ge=1, description="rows of one network call, where not all went together"
    )
    offload: bool = Field(default=False, description="parts waited on the CPU, which changes no bit")

    @classmethod
    def now(
        cls,
        device: str = "cpu",
        dtype: str = "float32",
        at_once: int | None = None,
        offload: bool = False,
    ) -> "Environment":
        """The environment of this process."""
        import torch  # late: whoever only reads a recipe needs no network library

        versions = {"python": platform.python_version()} | {name: installed(name) for name in LIBRARIES}
        threads = torch.get_num_threads()
        return cls(
            versions=versions, threads=threads, device=device, dtype=dtype, at_once=at_once, offload=offload
        )


class Recipe(Record):
    """What was done, with what, to which picture, and what came out."""

    version: int = Field(default=VERSION, ge=1, description="layout of the recipe itself")
    command: Command = Field(default="edit", description="the command that was run")
    method: str
    options: dict[str, JsonValue] = Field(default={}, description="every option of the method, defaults too")
    chosen: dict[str, Choice] = Field(default={}, description="who chose options that were left open")
    request: dict[str, JsonValue] = Field(
        default={}, description="prompts, seed, words, and what else was asked"
    )
    model: ModelRecord
    environment: Environment = Environment()
    pictures: dict[str, tuple[SourceRecord, ...]] = Field(
        default={}, description="by name: source, mask (where it might change), and what else was given"
    )
    controls: tuple[ControlRecord, ...] = Field(
        default=(), description="side networks; what the first looked at, where it was given, is control:1"
    )
    result: int | None = Field(
        default=None, ge=1, description="which of several results the picture is, where it is alone"
    )
    watched: bool = Field(default=False, description="attention was recorded, which changes the last bits")
    warnings: tuple[str, ...] = Field(default=(), description="what was said of the edit, a sentence each")
    output: str = Field(default="", description="SHA-256 of the pixels that were written")

    def picture(self, name: str) -> SourceRecord | None:
        """The first picture of that name, if there is one."""
        return next(iter(self.pictures.get(name, ())), None)

    @property
    def targets(self) -> list[str]:
        """The prompts of all targets of the edit."""
        also = self.request.get("also")
        return [
            str(one) for one in (self.request.get("target", ""), *(also if isinstance(also, list) else ()))
        ]

    @property
    def target(self) -> str:
        """The prompt of what the picture shows: of several targets its own."""
        every = self.targets
        return every[min(self.result or 1, len(every)) - 1]

    @property
    def source(self) -> SourceRecord | None:
        """The picture an edit began with."""
        return self.picture("source")

    @property
    def mask(self) -> SourceRecord | None:
        """Where the picture might change, if not all over."""
        return self.picture("mask")


def installed(name: str) -> str:
    """The installed version of a distribution, or nothing."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def save_with_recipe(
    picture: Picture,
    path: str | Path,
    recipe: Recipe,
    *,
    overwrite: bool = False,
    fresh_name: bool = False,
    quality: int | None = None,
) -> Path:
    """Write a picture with its recipe inside and give the path back, which a fresh name may have changed.

    The recipe names the pixels as they were made, so that it stays true of a JPEG, which changes them.
    """
    return save_picture(
        picture,
        path,
        {KEY: complete(recipe, picture).model_dump_json()},
        overwrite=overwrite,
        fresh_name=fresh_name,
        quality=quality,
        background=str(recipe.request.get("background", "white")),
    )


def complete(recipe: Recipe, picture: Picture) -> Recipe:
    """The recipe with the pixels as they were made."""
    return recipe.model_copy(update={"output": pixels_hash(picture)})


def encoded_with_recipe(picture: Picture, name: str, recipe: Recipe, quality: int | None = None) -> bytes:
    """The bytes of a file of that name as `save_with_recipe` writes them."""
    return encode_picture(
        picture,
        name,
        {KEY: complete(recipe, picture).model_dump_json()},
        quality=quality,
        background=str(recipe.request.get("background", "white")),
    )


def read_recipe(path: str | Path, *, limits: Limits | None = None) -> Recipe:
    """The recipe inside a picture file; a `UsageError` where there is none that can be read."""
    return parse_recipe(load_picture(path, limits=limits), str(path))


def parse_recipe(picture: Picture, name: str) -> Recipe:
    """The recipe a picture carries; `name` is what errors call the picture."""
    text = picture.info.text.get(KEY)
    if text is None:
        raise UsageError(f"{name} carries no recipe; only pictures written by overpaint do.")
    try:
        written = Version.model_validate_json(text).version
        if written > VERSION:
            raise UsageError(
                f"The recipe in {name} was written by a newer overpaint "
                f"(layout {written}, this one reads up to {VERSION}); update overpaint."
            )
        return Recipe.model_validate_json(text)
    except ValidationError:
        raise UsageError(f"The recipe in {name} is damaged and cannot be read.") from None


def trusted_recipe(picture: Picture) -> Recipe | None:
    """The recipe of a picture if it can be read and the pixels are those it was written with."""
    try:
        recipe = parse_recipe(picture, "The picture")
    except UsageError:
        return None
    return recipe if recipe.output == pixels_hash(picture) else None
