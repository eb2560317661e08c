"""What an edit gives back: the picture, how it came about, and the recipe to make it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import zip_longest
from pathlib import Path as FilePath
from typing import Any

from jaxtyping import Float
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.images import Picture, encode_png, pixels_hash, to_pil
from overpaint.images import strip as side_by_side
from overpaint.images.recipe import KEY, Recipe, save_with_recipe
from overpaint.model import Patch
from overpaint.path import Latent
from overpaint.run.given import Plain
from overpaint.run.notebook import page, plain, small
from overpaint.run.unchanged import Unasked


class Figures(BaseModel):
    """What an edit cost and how well the picture was understood."""

    model_config = ConfigDict(frozen=True)

    rows: int = Field(default=0, description="rows that went through the network")
    calls: int = Field(default=0, description="network calls; several rows share one")
    backwards: int = Field(default=0, description="backward passes")
    updates: int = Field(default=0, description="optimiser steps")
    sides: int = Field(default=0, description="rows that went through side networks")
    looks: int = Field(default=0, description="pictures that CLIP looked at")
    decodes: int = Field(default=0, description="pictures decoded on the way")
    look_rows: int = Field(
        default=0, description="rows that looked at the picture first, beside those of the edit"
    )
    seconds: float = Field(
        default=0.0, description="wall clock time of the edit, the loading of the model aside"
    )
    strayed: float | None = Field(
        default=None,
        description="how far from its latent the source ends on the way back, or would if it were not put "
        "back: RMS over the latents (of about unit variance); none where that was not measured",
    )
    quality: str | None = Field(
        default=None,
        description="the same as a word: good, fair or poor; poor as well where the picture is far from what "
        "the model knows; exact where nothing had to be inverted, not "
        "measured where no source walked back; none where the method has no inversion",
    )
    reconstruction: str | None = Field(
        default=None, description="the same as a sentence, which says why if it was not measured"
    )
    round_trip: float | None = Field(
        default=None,
        description="dB between the picture and what the autoencoder gives back; none if not looked at",
    )
    distance: float | None = Field(
        default=None,
        description="from the pictures the model knows, in standard deviations of theirs; above 2 it does "
        "not know such pictures; none where the model has no record of its own",
    )
    psnr: float | None = Field(
        default=None,
        description="for an inversion walked back: dB against the autoencoder's round trip of the picture",
    )
    unasked: float | None = Field(
        default=None, description="dB between the picture and an edit of it that was asked for nothing"
    )
    check_rows: int = Field(default=0, description="rows of that edit")


WordMaps = tuple[tuple[str, Float[Tensor, "height width"]], ...]
"""Words of a prompt, and where in the picture each was looked at."""


@dataclass(frozen=True, eq=False)
class Target:
    """What belongs to one of several targets."""

    prompt: str
    words: WordMaps = ()
    """The attention of every word of it, where that was asked for."""
    mask: Picture | None = None
    """Where the picture could change on the way to it."""


@dataclass(frozen=True)
class Tried:
    """An edit among several that were tried."""

    title: str
    """The method, and the inversion it walked with."""
    chance: float | None = None
    """How likely it came off; none where no score was learned with the model."""
    signals: Mapping[str, float] = field(default_factory=dict[str, float])
    """What tells that (`overpaint.choosing.signals`)."""
    dropped: str = ""
    """Why another one was given; empty of the one that was."""
    picture: Picture | None = field(default=None, compare=False, repr=False)
    """What came out, with the recipe that makes it again in its texts."""

    @property
    def facts(self) -> dict[str, Any]:
        """All but the picture, for programs."""
        every = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "picture"}
        return {**every, "signals": dict(self.signals)}

    @property
    def words(self) -> str:
        """One line."""
        chance = "" if self.chance is None else f", chance {self.chance:.0%}"
        return f"{self.title}{chance}: {f'dropped, {self.dropped}' if self.dropped else 'taken'}"


@dataclass(frozen=True)
class Chosen:
    """Why a method was chosen among several."""

    reason: str
    tried: tuple[Tried, ...]
    """All edits that were made, the likeliest to have come off first."""
    failed: tuple[str, ...] = ()
    """Others by name, and why they could not be made."""

    @property
    def facts(self) -> dict[str, Any]:
        """All but the pictures, for programs."""
        return {
            "reason": self.reason,
            "tried": [one.facts for one in self.tried],
            "failed": list(self.failed),
        }


@dataclass(frozen=True, eq=False, repr=False)
class Edit:
    """The result of an edit. ``save`` writes it with its recipe inside; a notebook shows it.

    It can be edited in turn like the file that is saved, and goes on from its own noise where it was
    generated.
    """

    picture: Picture
    """The result, or the best of several; the recipe is in its texts."""
    latents: tuple[Latent, ...]
    """The results as latents, best first; none where the method works on pixels."""
    recipe: Recipe
    figures: Figures
    source: Picture | None = None
    """The picture the edit began with."""
    warnings: tuple[str, ...] = ()
    """What the user should know, a sentence each."""
    trace: Mapping[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Figures that parts of the method noted on the way, by name."""
    maps: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """Pictures of what happened inside, by name."""
    words: WordMaps = ()
    """The attention of every word of the prompt over the frame, where it was asked for."""
    mask: Picture | None = None
    """Where the picture could change, white on black: as the method found, else as it was told, feather and
    all; nothing for everywhere."""
    others: tuple[Picture, ...] = ()
    """Further results, best first, or those of further targets in their order."""
    targets: tuple[Target, ...] = ()
    """What belongs to each of several targets; nothing where there is one."""
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    """Figures of all results by name, the best one's first."""
    layers: Mapping[str, Picture] = field(default_factory=dict[str, Picture])
    """Pictures with transparency that the result is made of, by name."""
    learned: tuple[Patch, ...] = ()
    """What was learned for it, to be used again."""
    unasked: Unasked | None = None
    """What an edit changes where nothing is asked, if that was to be checked."""
    conditions: tuple[Picture, ...] = ()
    """What side networks looked at, in the order they were given."""
    chosen: Chosen | None = None
    """Why this one was given, where the method was to be chosen."""

    @property
    def latent(self) -> Latent:
        """The result's latent.

        Raises:
            UsageError: the method works on pixels.
        """
        if not self.latents:
            raise UsageError("This method works on pixels, so its result has no latent; take the picture.")
        return next(iter(self.latents))

    @property
    def every(self) -> tuple[Picture, ...]:
        """All results, best first."""
        return self.picture, *self.others

    @property
    def tried(self) -> tuple[Tried, ...]:
        """All edits that were made where the method was to be chosen, the likeliest first; else nothing."""
        return () if self.chosen is None else self.chosen.tried

    @property
    def apart(self) -> tuple["Edit", ...]:
        """Every result as an edit by itself, whose recipe makes it alone."""
        return tuple(self.one(k) for k in range(1, 2 + len(self.others)))

    def one(self, number: int) -> "Edit":
        """The result of that number, from 1, as an edit by itself.

        Raises:
            UsageError: there are fewer.
        """
        count = len(self.every)
        if not 1 <= number <= count:
            raise UsageError(f"The edit has {count} result{'s' * (count > 1)}, counted from 1; not {number}.")
        picture, k = self.every[number - 1], number - 1
        told = self.recipe.model_copy(update={"result": number, "output": pixels_hash(picture)})
        mine = self.targets[k] if self.targets else Target("", self.words, self.mask)
        return replace(
            self,
            picture=replace(picture, info=replace(picture.info, text={KEY: told.model_dump_json()})),
            latents=self.latents[k : k + 1],
            recipe=told,
            words=mine.words,
            mask=mine.mask,
            others=(),
            targets=(),
            scores={name: values[k : k + 1] for name, values in self.scores.items()},
            layers={} if k else self.layers,
        )

    @property
    def image(self) -> Image.Image:
        """The picture as an image of Pillow, the recipe in its ``info``."""
        image = to_pil(self.picture)
        image.info.update(self.picture.info.text)
        return image

    def strip(self, *answers: Picture | None) -> Picture:
        """Source and edit side by side, each with its prompt; and the true answer, where it is known.

        Of several targets each edit, with the true answers in their order.
        """
        source = str(self.recipe.request.get("source", ""))
        cells = [] if self.source is None else [(self.source, f"source: {source}")]
        for one, answer in zip_longest(self.apart if self.targets else (self,), answers):
            if one is not None:
                cells.append((one.picture, f"{self.recipe.method}: {one.recipe.target or source}"))
            cells += [] if answer is None else [(answer, "true answer")]
        return side_by_side([cell for cell, _ in cells], [plain(text) for _, text in cells])

    def sheet(self) -> Picture:
        """The source and every result, each with its scores below; or everything that was tried."""
        cells = [] if self.source is None else [(self.source, "source")]
        tried = [(one.picture, one.words) for one in self.tried if one.picture is not None]
        cells += tried if len(tried) > 1 else []
        for k, one in enumerate(self.every if len(tried) < 2 else ()):
            said = ", ".join(f"{name} {values[k]:g}" for name, values in self.scores.items())
            named = self.targets[k].prompt if self.targets else f"result {k + 1}"
            cells.append((one, said or named))
        return side_by_side([cell for cell, _ in cells], [plain(text) for _, text in cells])

    def compare(self, truth: Plain | None = None, region: Plain | None = None) -> dict[str, float]:
        """Figures of the edit against its source, its prompts and, where it is known, the right answer.

        They are those of `overpaint.measure`, by the same names.

        Args:
            truth: the right answer, of the picture's size.
            region: where the picture may change, white; by itself where source and truth differ.

        Raises:
            UsageError: there is no source picture, sizes differ, or torchmetrics is not installed.
        """
        if self.source is None:
            raise UsageError(
                "There is no picture this one was made from; overpaint.measure compares any two."
            )
        import overpaint  # late: measuring needs more than editing does

        source, target = str(self.recipe.request.get("source", "")), self.recipe.target
        return overpaint.measure(
            self.source, self.picture, truth, region, source_prompt=source, target_prompt=target
        )

    @property
    def facts(self) -> dict[str, str]:
        """What one wants to know of it, by name, in words."""
        height, width = self.picture.size
        work = f"{self.figures.rows} rows in {self.figures.calls} network calls, {self.figures.seconds:.1f} s"
        said = {"method": self.recipe.method, "picture": f"{width} x {height} pixels", "work": work}
        source = str(self.recipe.request.get("source", ""))
        aims = ", ".join(one.prompt for one in self.targets) or self.recipe.target
        prompts = {"source": source, "target": aims}
        said |= {name: prompt for name, prompt in prompts.items() if prompt}
        if self.figures.quality is not None:
            said["reconstruction"] = self.figures.quality
        return said if self.figures.psnr is None else {**said, "walked back": f"{self.figures.psnr:.1f} dB"}

    def __repr__(self) -> str:
        """One line."""
        said = ", ".join(self.facts[name] for name in ("picture", "work"))
        return f"<Edit by {self.recipe.method}: {said}>"

    def _repr_png_(self) -> bytes:
        """What a notebook shows that takes pictures alone."""
        shrunk = replace(
            self,
            picture=small(self.picture),
            source=self.source and small(self.source),
            others=tuple(map(small, self.others)),
        )
        return encode_png(shrunk.strip())

    def _repr_html_(self) -> str:
        """What a notebook shows: the pictures side by side, the figures, and what should be known."""
        return page(repr(self), self._repr_png_(), self.facts, self.warnings)

    def save(
        self,
        path: str | FilePath,
        *,
        overwrite: bool = False,
        fresh_name: bool = False,
        quality: int | None = None,
    ) -> FilePath:
        """Write a PNG, JPEG or WebP with the recipe inside; the file appears whole or not at all.

        Args:
            path: the end of the name decides the format.
            overwrite: replace a file of that name.
            fresh_name: add a number to a name that is taken; the path that is given back says which.
            quality: of a JPEG (95 by itself) or a WebP (90 by itself; 100 loses nothing).

        Raises:
            UsageError: the name is taken, ends in something else, or cannot be written.
        """
        return save_with_recipe(
            self.picture, path, self.recipe, overwrite=overwrite, fresh_name=fresh_name, quality=quality
        )
