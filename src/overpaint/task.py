"""Requests and tasks: what the user gave, and the same encoded for a model."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from PIL import ImageColor
from pydantic import Field, field_validator

from overpaint.card import Need
from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.network import Pixels, Text
from overpaint.noise import Draws, Noise
from overpaint.options import Options
from overpaint.path import Latent


class Request(Options):
    """What the user asked for, besides the picture itself: serialisable, and part of the recipe."""

    target: str = Field(default="", description="what the edited picture should show")
    source: str = Field(default="", description="what the picture shows now")
    seed: int = Field(default=0, ge=0, lt=2**63, description="seed of every random draw")
    fit: Literal["pad", "crop"] = Field(
        default="pad",
        description="show the model the whole picture, or the largest piece of its shape in the middle",
    )
    alpha: Literal["keep", "flatten"] = Field(
        default="keep",
        description="give the picture its transparency back, or lay it on the background first",
    )
    background: str = Field(default="white", description="what shows through: a colour's name or #rrggbb")
    feather: int = Field(
        default=0, ge=0, le=1000, description="pixels inside a mask's border over which edits fade"
    )

    @field_validator("background")
    @classmethod
    def known_colour(cls, background: str) -> str:
        """Refuse what names no colour."""
        try:
            ImageColor.getrgb(background)
        except ValueError:
            raise ValueError("it must be a colour's name or #rrggbb") from None
        return background


@dataclass(frozen=True)
class Task:
    """A request encoded. Asking it for something the user did not give is one sentence, never a ``None``."""

    shape: tuple[int, int, int, int]
    """The shape of one latent: 1, channels, height, width."""
    null: Text
    noise: Draws = field(default_factory=Noise)
    given_x0: Latent | None = None
    given_source: Text | None = None
    given_target: Text | None = None

    @staticmethod
    def of(
        model: Model, request: Request, needs: Iterable[Need], pixels: Pixels | None, size: tuple[int, int]
    ) -> "Task":
        """Encode a request; ``needs`` says which parts the method will look at.

        Raises:
            UsageError: something the method needs was not given, or a prompt is too long for the model.
        """
        wanted = frozenset(needs)
        if Need.IMAGE in wanted and pixels is None:
            raise UsageError("This method edits a picture; give one.")
        if Need.SOURCE in wanted and not request.source.split():
            raise UsageError("This method needs to know what the picture shows; give the source prompt.")
        if Need.TARGET in wanted and not request.target.split():
            raise UsageError("This method needs to know what you wish for; give the target prompt.")
        family = model.family
        texts = {w: family.text(w) for w in (request.source, request.target)}
        return Task(
            shape=model.shape(*size),
            null=family.null(),
            noise=Noise(request.seed),
            given_x0=family.encode(pixels.to(model.device))
            if Need.IMAGE in wanted and pixels is not None
            else None,
            given_source=texts[request.source] if Need.SOURCE in wanted else None,
            given_target=texts[request.target] if Need.TARGET in wanted else None,
        )

    @property
    def x0(self) -> Latent:
        """The picture's latent."""
        if self.given_x0 is None:
            raise UsageError("This method edits a picture; give one.")
        return self.given_x0

    @property
    def source(self) -> Text:
        """What the picture shows."""
        if self.given_source is None:
            raise UsageError("This method needs to know what the picture shows; give the source prompt.")
        return self.given_source

    @property
    def target(self) -> Text:
        """What is wished for."""
        if self.given_target is None:
            raise UsageError("This method needs to know what you wish for; give the target prompt.")
        return self.given_target

    def start(self) -> Latent:
        """The noise a picture is generated from: a draw of its own, the same for every method."""
        return self.noise.normal(self.shape, "start").to(self.null.states.device)
