"""Colours of the world: paint, grounds, skies, and the light of the three times of day (sRGB, 0 to 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Rgb = tuple[float, float, float]

PAINT: Mapping[str, Rgb] = {
    "red": (0.89, 0.10, 0.10),
    "yellow": (1.00, 0.84, 0.06),
    "green": (0.06, 0.58, 0.16),
    "cyan": (0.22, 0.86, 0.90),
    "blue": (0.10, 0.22, 0.88),
    "purple": (0.62, 0.10, 0.76),
    "white": (0.97, 0.97, 0.95),
    "black": (0.09, 0.09, 0.10),
}
PATTERN: Mapping[str, Rgb] = {
    "red": (1.00, 0.64, 0.60),
    "yellow": (0.70, 0.46, 0.02),
    "green": (0.58, 0.88, 0.56),
    "cyan": (0.04, 0.50, 0.56),
    "blue": (0.56, 0.66, 1.00),
    "purple": (0.88, 0.60, 0.96),
    "white": (0.64, 0.64, 0.64),
    "black": (0.44, 0.44, 0.46),
}
"""Stripes and dots are a lighter or darker tone of the same hue, so that the colour's name stays true."""

GROUND: Mapping[str, Rgb] = {
    "grass": (0.42, 0.62, 0.26), "sand": (0.88, 0.74, 0.48), "snow": (0.90, 0.93, 0.97),
    "stone": (0.56, 0.54, 0.54), "water": (0.20, 0.48, 0.68),
}  # fmt: skip


class Light(NamedTuple):
    """One time of day."""

    ambient: Rgb
    sun: Rgb
    ground: Rgb
    zenith: Rgb
    horizon: Rgb
    cloud: Rgb
    disc: Rgb
    disc_height: float
    """Frame pixels above the horizon."""
    shadow: float


LIGHTS: Mapping[str, Light] = {
    "day": Light(
        ambient=(0.58, 0.60, 0.63),
        sun=(0.50, 0.48, 0.44),
        ground=(1.0, 1.0, 1.0),
        zenith=(0.36, 0.62, 0.92),
        horizon=(0.80, 0.91, 0.98),
        cloud=(1.0, 1.0, 1.0),
        disc=(1.0, 0.98, 0.82),
        disc_height=34.0,
        shadow=0.36,
    ),
    "sunset": Light(
        ambient=(0.60, 0.52, 0.54),
        sun=(0.52, 0.42, 0.30),
        ground=(0.92, 0.70, 0.60),
        zenith=(0.46, 0.33, 0.56),
        horizon=(1.00, 0.64, 0.34),
        cloud=(1.0, 0.62, 0.52),
        disc=(1.0, 0.90, 0.60),
        disc_height=7.0,
        shadow=0.36,
    ),
    "night": Light(
        ambient=(0.57, 0.56, 0.62),
        sun=(0.40, 0.38, 0.38),
        ground=(0.46, 0.46, 0.56),
        zenith=(0.03, 0.05, 0.16),
        horizon=(0.15, 0.20, 0.40),
        cloud=(0.22, 0.26, 0.45),
        disc=(0.86, 0.87, 0.84),
        disc_height=34.0,
        shadow=0.36,
    ),
}
"""At night things get more light than the ground they stand on: every colour must still read as itself."""
SUN_FROM = (-0.52, 0.66, 0.54)
"""Direction to the sun: left, above and before the picture."""
