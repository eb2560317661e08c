"""What a file stored, as eight-bit RGB and transparency; colour spaces are converted by their profiles."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageCms

from overpaint.images.depth import eight
from overpaint.images.picture import RGB, Alpha

SPACES = {"CMYK": b"CMYK", "L": b"GRAY", "LAB": b"Lab "}
"""Modes that are no RGB, and what a profile for them says in its header."""
PALETTES = ("P", "PA")
NO_PROFILE = "its CMYK colours come without a usable profile, so they were converted by rule of thumb"


@dataclass(frozen=True, eq=False)
class Channels:
    """The pixels, the profile they still belong to, and what had to be guessed."""

    rgb: RGB
    alpha: Alpha | None = None
    icc: bytes | None = None
    notes: tuple[str, ...] = ()


def channels(image: Image.Image) -> Channels:
    """Eight-bit colours and the alpha channel, whatever the image stores.

    Raises:
        Odd: numbers whose range nobody knows.
    """
    guessed: tuple[str, ...] = ()
    if image.mode.startswith(("I", "F")):
        colours, alpha, guessed = shallow(image)
    else:
        colours, clear = split(image)
        alpha = None if clear is None else np.array(clear)
    profile = image.info.get("icc_profile")
    space = profile[16:20] if isinstance(profile, bytes) else b""
    if space == SPACES.get(colours.mode) and isinstance(profile, bytes):
        converted = through(colours, profile)
        if converted is not None:
            return Channels(np.array(converted), alpha, None, guessed)
    notes = (*guessed, NO_PROFILE) if colours.mode == "CMYK" else guessed
    if colours.mode == "LAB":
        colours = through(colours, None) or colours
    own = colours.mode not in SPACES and space == b"RGB "
    return Channels(np.array(colours.convert("RGB")), alpha, profile if own else None, notes)


def split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours, and apart from them the transparency."""
    if "transparency" in image.info and image.mode in ("1", "L"):
        image = image.convert("LA")
    if image.mode in ("LA", "La"):
        plain = image.convert("LA") if image.mode == "La" else image
        return plain.getchannel("L"), plain.getchannel("A")
    if "transparency" in image.info or image.mode.upper().endswith("A"):  # a small a is premultiplied
        rgba = image.convert("RGBA")
        return rgba.convert("RGB"), rgba.getchannel("A")
    return image, None


def through(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """The colours in sRGB as a profile (or the Lab space) describes them; nothing where it is damaged."""
    try:
        return ImageCms.profileToProfile(
            image,
            standard("LAB") if profile is None else ImageCms.ImageCmsProfile(BytesIO(profile)),
            standard("sRGB"),
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            "RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, ValueError, OSError):
        return None


def standard(space: Literal["sRGB", "LAB"]) -> Any:
    """The profile of a standard space."""
    return ImageCms.createProfile(space)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def shallow(image: Image.Image) -> tuple[Image.Image, Alpha | None, tuple[str, ...]]:
    """Grey of other depths in eight bits; Pillow's own conversion clips instead."""
    deep = np.array(image)
    levels, note = eight(deep, 16 if image.mode.startswith("I;16") else 32)
    grey = Image.fromarray(levels)
    clear = image.info.get("transparency")
    alpha = None if clear is None else np.where(deep == clear, 0, 255).astype(np.uint8)
    return grey, alpha, () if note is None else (note,)
