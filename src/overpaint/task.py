"""Requests and tasks: what the user gave, and the same encoded for a model."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from jaxtyping import Float
from PIL import ImageColor
from pydantic import Field, field_validator
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, interpolate

from overpaint.card import Need
from overpaint.errors import OverpaintError, UsageError
from overpaint.model import Model
from overpaint.near import near
from overpaint.network import Pixels, Text
from overpaint.noise import Draws, Noise
from overpaint.options import Options
from overpaint.path import Latent

T = TypeVar("T")
Mask01 = Float[Tensor, "1 1 height width"]
"""Where something may change: 1 where it may, 0 where it must not."""


@dataclass(frozen=True)
class Region:
    """A part of a picture that is told what to show."""

    words: str
    """What it shows; nothing for what the picture shows there already."""
    mask: Mask01
    """Where it is, on the grid of the pixels."""


class Request(Options):
    """What the user asked for, besides the picture itself: serialisable, and part of the recipe."""

    target: str = Field(default="", description="what the edited picture should show")
    also: tuple[str, ...] = Field(
        default=(), description="further targets, each a picture of its own from the same walk"
    )
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
    regions: tuple[str, ...] = Field(
        default=(), description="what each region shows; an empty text for what the picture shows there"
    )
    feather: int = Field(
        default=0, ge=0, le=1000, description="pixels inside a mask's border over which edits fade"
    )
    grow: int = Field(default=0, ge=0, le=1000, description="pixels by which a mask is widened")
    extend: str = Field(
        default="", description="pixels to add to sides of the picture, as left=64,top=0: they may change"
    )
    context: int | None = Field(
        default=None,
        ge=0,
        le=10000,
        description="show the model the mask alone and so many pixels around it, at its full resolution",
    )

    @field_validator("background")
    @classmethod
    def known_colour(cls, background: str) -> str:
        """Refuse what names no colour."""
        try:
            ImageColor.getrgb(background)
        except ValueError:
            meant = near(background, ImageColor.colormap)
            perhaps = "" if meant is None else f", perhaps {meant!r},"
            raise ValueError(
                f"it must be a colour's name{perhaps} or #rrggbb, not {background[:40]!r}"
            ) from None
        return background


CELLS = Literal["middle", "corner", "half", "touched"]
"""Which cells of a latent a mask covers: by the pixel in their middle or at their first corner (published
code calls both nearest), by most of their area, or by any pixel."""


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
    given_pixels: Pixels | None = None
    given_mask: Mask01 | None = None
    given_pictures: Mapping[str, Sequence[Pixels]] = field(default_factory=dict[str, Sequence[Pixels]])
    encode: Callable[[str], Text] | None = field(default=None, repr=False)
    """Encodes further prompts; nothing where there is no model to do it."""
    texts: dict[str, Text] = field(default_factory=dict[str, Text], repr=False)
    """Further prompts that were encoded already."""
    given_also: tuple[Text, ...] = ()
    """Further targets."""
    given_regions: Sequence[Region] = ()

    @staticmethod
    def of(
        model: Model,
        request: Request,
        needs: Iterable[Need],
        pixels: Pixels | None,
        size: tuple[int, int],
        *,
        optional: Iterable[Need] = (),
        mask: Mask01 | None = None,
        pictures: Mapping[str, Sequence[Pixels]] | None = None,
        regions: Sequence[Region] = (),
    ) -> "Task":
        """Encode a request; ``needs`` says what the method must have, ``optional`` what else it will look at.

        Raises:
            UsageError: something the method needs was not given, or a prompt is too long for the model.
        """
        needs = frozenset(needs)
        wanted = needs | frozenset(optional)
        there = given(request, pixels is not None, mask is not None, pictures or {}, bool(regions))
        lacking = next((need for need in Need if need in needs - there), None)
        if lacking is not None:
            raise UsageError(LACKING[lacking])
        family = model.family
        texts = {w: family.text(w) for w in (request.source, request.target)}
        picture = pixels if Need.IMAGE in wanted else None
        return Task(
            shape=model.shape(*size),
            null=family.null(),
            noise=Noise(request.seed),
            given_x0=None if picture is None else family.encode(picture.to(model.device)),
            given_source=texts[request.source] if Need.SOURCE in wanted & there else None,
            given_target=texts[request.target] if Need.TARGET in wanted & there else None,
            given_pixels=None if picture is None else picture.to(model.device),
            given_mask=None if mask is None else mask.to(model.device),
            given_pictures={
                name: [one.to(model.device) for one in several] for name, several in (pictures or {}).items()
            },
            encode=family.text,
            given_also=tuple(family.text(prompt) for prompt in request.also),
            given_regions=[replace(one, mask=one.mask.to(model.device)) for one in regions],
        )

    @property
    def x0(self) -> Latent:
        """The picture's latent."""
        return _there(self.given_x0, Need.IMAGE)

    @property
    def source(self) -> Text:
        """What the picture shows."""
        return _there(self.given_source, Need.SOURCE)

    @property
    def target(self) -> Text:
        """What is wished for."""
        return _there(self.given_target, Need.TARGET)

    @property
    def further(self) -> dict[str, Text]:
        """Further targets, by the branches that walk to them: ``tgt2``, ``tgt3``, …"""
        return {f"tgt{k}": text for k, text in enumerate(self.given_also, 2)}

    @property
    def targets(self) -> dict[str, Text]:
        """All targets by their branches, ``tgt`` first."""
        return {"tgt": self.target, **self.further}

    @property
    def pixels(self) -> Pixels:
        """The picture as the model sees it, before it is encoded."""
        return _there(self.given_pixels, Need.IMAGE)

    @property
    def mask(self) -> Mask01:
        """Where the picture may change: 1 where it may, on the grid of its pixels."""
        return _there(self.given_mask, Need.MASK)

    @property
    def regions(self) -> Sequence[Region]:
        """Parts of the picture that are told what to show; where they overlap the later one counts."""
        return _there(self.given_regions or None, Need.REGIONS)

    def region(self, cells: CELLS = "middle") -> Mask01:
        """The same on the grid of the latent, 0 or 1."""
        return self.on_grid(self.mask, cells)

    def covered(self, picture: Float[Tensor, "1 3 rows columns"], cells: CELLS = "middle") -> Mask01:
        """Where a further picture is white rather than black, on the grid of the latent."""
        return self.on_grid(picture.mean(1, keepdim=True) / 2 + 0.5, cells)

    def on_grid(self, mask: Float[Tensor, "1 1 rows columns"], cells: CELLS) -> Mask01:
        """A mask on the grid of the pixels as one on that of the latent, 0 or 1."""
        height, width = self.shape[-2:]
        match cells:
            case "middle":
                grid = interpolate(mask, (height, width), mode="nearest-exact")
            case "corner":
                grid = interpolate(mask, (height, width), mode="nearest")
            case "half":
                grid = interpolate(mask, (height, width), mode="area")
            case "touched":
                grid = adaptive_max_pool2d(mask, (height, width))
        return (grid > (0 if cells == "touched" else 0.5)).to(grid)

    def text(self, prompt: str) -> Text:
        """A further prompt encoded, once; ask in ``check`` already, so that what is wrong is said early.

        Raises:
            UsageError: it is too long for the model.
        """
        if prompt not in self.texts:
            if self.encode is None:
                raise OverpaintError(f"There is no model to encode {prompt!r} with; give the task one.")
            self.texts[prompt] = self.encode(prompt)
        return self.texts[prompt]

    def pictures(self, name: str) -> Sequence[Pixels]:
        """Further pictures of that name, fitted like the picture itself; empty if there are none."""
        return self.given_pictures.get(name, ())

    def picture(self, name: str) -> Pixels:
        """The one further picture of that name.

        Raises:
            UsageError: there is none, or more than one.
        """
        found = self.pictures(name)
        if len(found) != 1:
            raise UsageError(f"This method takes one picture called {name!r}, not {len(found)}.")
        return found[-1]

    def start(self) -> Latent:
        """The noise a picture is generated from: a draw of its own, the same for every method."""
        return self.noise.normal(self.shape, "start").to(self.null.states.device)


def given(
    request: Request, picture: bool, mask: bool, pictures: Mapping[str, Sequence[object]], regions: bool
) -> set[Need]:
    """What a request brings."""
    further = {name for name, several in pictures.items() if several}
    there: dict[Need, bool] = {
        Need.IMAGE: picture,
        Need.SOURCE: bool(request.source.split()),
        Need.TARGET: bool(request.target.split()),
        Need.MASK: mask,
        Need.EXAMPLES: "examples" in further,
        Need.CONTROL: any(name.startswith("control") for name in further),
        Need.REGIONS: regions,
    }
    return {need for need, is_there in there.items() if is_there}


LACKING: Mapping[Need, str] = {
    Need.IMAGE: "This method edits a picture; give one.",
    Need.SOURCE: "This method needs to know what the picture shows; give the source prompt.",
    Need.TARGET: "This method needs to know what you wish for; give the target prompt.",
    Need.MASK: "This method changes a part of the picture; give a mask that is white where it may.",
    Need.EXAMPLES: "This method learns from examples; give one picture or more.",
    Need.REGIONS: "This method is told what regions show; give one or more, each a mask with words.",
    Need.CONTROL: "This method is led by another picture, such as its edges; give a control.",
}
"""What is said where something is missing."""


def _there(value: T | None, need: Need) -> T:
    if value is None:
        raise UsageError(LACKING[need])
    return value
