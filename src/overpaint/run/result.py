"""What an edit gives back: the picture, how it came about, and the recipe to make it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.images import Picture, to_pil
from overpaint.images.recipe import Recipe, save_with_recipe
from overpaint.model import Patch
from overpaint.path import Latent


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
    seconds: float = Field(
        default=0.0, description="wall clock time of the edit, the loading of the model aside"
    )
    strayed: float | None = Field(
        default=None,
        description="how far the source left its inversion on the way back: RMS over the latents (of about "
        "unit variance), mean over the steps; none where that was not measured",
    )
    quality: str | None = Field(
        default=None,
        description="the same as a word: good, fair or poor; exact where nothing had to be inverted, not "
        "measured where no source walked back; none where the method has no inversion",
    )
    reconstruction: str | None = Field(
        default=None, description="the same as a sentence, which says why if it was not measured"
    )
    psnr: float | None = Field(
        default=None,
        description="for an inversion walked back: dB against the autoencoder's round trip of the picture",
    )


@dataclass(frozen=True, eq=False)
class Edit:
    """The result of an edit. ``save`` writes it with its recipe inside."""

    picture: Picture
    """The result, or the best of several."""
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
    words: tuple[tuple[str, Tensor], ...] = ()
    """The attention of every word of the prompt over the frame, where it was asked for."""
    mask: Picture | None = None
    """Where the method found that it may change the picture, white on black; nothing if it did not look."""
    others: tuple[Picture, ...] = ()
    """Further results, best first."""
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    """Figures of all results by name, the best one's first."""
    layers: Mapping[str, Picture] = field(default_factory=dict[str, Picture])
    """Pictures with transparency that the result is made of, by name."""
    learned: tuple[Patch, ...] = ()
    """What was learned for it, to be used again."""
    conditions: tuple[Picture, ...] = ()
    """What side networks looked at, in the order they were given."""

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
    def image(self) -> Image.Image:
        """The picture as an image of Pillow."""
        return to_pil(self.picture)

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
