"""Pictures that no Still Life was drawn like: sixty, twelve kinds of five, made from numbers alone.

Some have the statistics of photographs (1/f spectra, occluding leaves of all sizes, landscapes, faces), some
are what people also feed to an editor: text, collages, patterns. None is a fetched file.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from overpaint.images import Picture
from overpaint.run.inputs import from_pillow

SIDE = 192
SEEDS = range(5)
Grid = NDArray[np.float64]
Draw = Callable[[np.random.Generator], Image.Image]
SKIN = ((225, 180, 150), (150, 100, 75), (95, 60, 45), (240, 205, 180), (190, 140, 110))
LETTERS = "the quick brown fox jumps over a lazy dog while seven wizards box and drink good tea".split()


def cloud(draw: np.random.Generator, power: float = 1.0, side: int = SIDE) -> Grid:
    """A random field whose amplitudes fall with frequency to this power, from 0 to 1."""
    f = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    f[0, 0] = np.inf
    phase = np.exp(2j * np.pi * draw.random(f.shape)) * draw.rayleigh(size=f.shape)
    field = np.fft.irfft2(phase / f**power, s=(side, side))
    return (field - field.min()) / np.ptp(field)


def image(rgb: Grid) -> Image.Image:
    """Values from 0 to 1 as a picture."""
    return Image.fromarray((rgb.clip(0, 1) * 255).round().astype(np.uint8))


def mixed(shade: Grid, one: Grid, other: Grid) -> Grid:
    """Between two colours by a field."""
    return one + shade[..., None] * (other - one)


def spectrum(draw: np.random.Generator) -> Image.Image:
    """Colour with the spectrum of photographs."""
    mean = cloud(draw)
    return image(np.stack([0.7 * mean + 0.3 * cloud(draw) for _ in range(3)], -1))


def plasma(draw: np.random.Generator) -> Image.Image:
    """Smooth clouds between two colours."""
    return image(mixed(cloud(draw, 1.8), draw.random(3), draw.random(3)))


def marble(draw: np.random.Generator) -> Image.Image:
    """Veins: a wave bent by a cloud."""
    x = np.linspace(0, 1, SIDE)[None]
    vein = 0.5 + 0.5 * np.sin(2 * np.pi * (6 * x + 5 * cloud(draw, 1.5)))
    return image(mixed(vein, draw.random(3), draw.random(3)))


def ramp(draw: np.random.Generator) -> Image.Image:
    """A gradient of four colours."""
    y, x = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    corners = draw.random((4, 3))
    top, bottom = mixed(x, corners[0], corners[1]), mixed(x, corners[2], corners[3])
    return image(top + y[..., None] * (bottom - top))


def checks(draw: np.random.Generator) -> Image.Image:
    """A board, turned."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    angle, cell = draw.random() * np.pi, draw.integers(8, 24)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    board = ((u // cell + v // cell) % 2).astype(float)
    return image(mixed(board, draw.random(3), draw.random(3)))


def page(draw: np.random.Generator) -> Image.Image:
    """A page of text."""
    made = Image.new("RGB", (SIDE, SIDE), (245, 243, 238))
    pen = ImageDraw.Draw(made)
    for row in range(8, SIDE - 12, 13):
        pen.text((8, row), " ".join(draw.choice(LETTERS, 7)), fill=(30, 30, 40))
    return made


def collage(draw: np.random.Generator) -> Image.Image:
    """Rectangles and ovals of any colour over one another."""
    made = Image.new("RGB", (SIDE, SIDE))
    pen = ImageDraw.Draw(made)
    for k in range(30):
        (a, b), (w, h) = draw.integers(-30, SIDE, 2), draw.integers(20, 90, 2)
        fill = tuple(int(c) for c in draw.integers(0, 256, 3))
        (pen.ellipse if k % 2 else pen.rectangle)((a, b, a + w, b + h), fill=fill)
    return made


def leaves(draw: np.random.Generator) -> Image.Image:
    """Discs of all sizes that hide each other, the usual model of what photographs have in common."""
    made = Image.new("RGB", (SIDE, SIDE))
    pen = ImageDraw.Draw(made)
    for _ in range(1500):
        r = 3.0 / np.sqrt(draw.random() * (1 - (3 / 60) ** 2) + (3 / 60) ** 2)
        x, y = draw.random(2) * SIDE
        fill = tuple(int(c) for c in draw.normal(110, 55, 3).clip(0, 255))
        pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
    return made


def face(draw: np.random.Generator) -> Image.Image:
    """A head before a cloudy wall: skin with light on one side, hair, eyes, a mouth."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    skin = np.array(SKIN[draw.integers(len(SKIN))]) / 255
    rgb = mixed(cloud(draw, 1.3), draw.random(3) * 0.5, draw.random(3))
    rgb[(x / 0.62) ** 2 + ((y + 0.12) / 0.8) ** 2 < 1] = draw.random(3) * 0.4
    head = (x / 0.5) ** 2 + ((y - 0.05) / 0.68) ** 2 < 1
    light = (0.75 + 0.3 * x + 0.12 * (cloud(draw) - 0.5))[..., None]
    rgb = np.where(head[..., None], skin * light, rgb)
    for side in (-0.2, 0.2):
        rgb[((x - side) / 0.09) ** 2 + ((y + 0.08) / 0.045) ** 2 < 1] = (0.95, 0.95, 0.93)
        rgb[(x - side) ** 2 + (y + 0.08) ** 2 < 0.0015] = (0.1, 0.08, 0.06)
    rgb[(x / 0.16) ** 2 + ((y - 0.38) / 0.045) ** 2 < 1] = skin * (0.8, 0.45, 0.45)
    return image(rgb)


def landscape(draw: np.random.Generator) -> Image.Image:
    """Sky, three ranges of hills in haze, rough ground: the nearest to a drawn scene, without things."""
    y = np.linspace(0, 1, SIDE)[:, None]
    sky = mixed(y * np.ones((1, SIDE)), np.array([0.35, 0.55, 0.85]), np.array([0.9, 0.85, 0.8]))
    rgb = sky + 0.25 * (cloud(draw, 1.4)[..., None] - 0.4)
    for k, height in enumerate((0.45, 0.55, 0.65)):
        edge = height + 0.18 * (cloud(draw, 1.2)[0] - 0.5)
        tone = mixed(cloud(draw), np.array([0.2, 0.25, 0.15]), np.array([0.5, 0.5, 0.35]))
        rgb = np.where((y > edge)[..., None], tone * (0.6 + 0.2 * k) + (2 - k) * 0.12, rgb)
    return image(rgb)


def town(draw: np.random.Generator) -> Image.Image:
    """Houses with rows of windows before an evening sky."""
    made = image(mixed(cloud(draw, 1.6), np.array([0.9, 0.6, 0.4]), np.array([0.35, 0.35, 0.55])))
    pen = ImageDraw.Draw(made)
    for left in range(-6, SIDE, 30):
        top, wall = int(draw.integers(30, 120)), int(draw.integers(40, 150))
        pen.rectangle((left, top, left + 26, SIDE), fill=(wall, wall - 8, wall - 15))
        for y in range(top + 5, SIDE, 11):
            for x in range(left + 4, left + 22, 7):
                pen.rectangle(
                    (x, y, x + 3, y + 5), fill=(240, 220, 150) if draw.random() < 0.5 else (25, 30, 40)
                )
    return made


def static(draw: np.random.Generator) -> Image.Image:
    """Nothing but noise, of some strength, around a colour."""
    return image(draw.random(3) + draw.uniform(0.1, 0.4) * draw.standard_normal((SIDE, SIDE, 3)))


KINDS: Mapping[str, Draw] = {
    one.__name__: one
    for one in (
        *(spectrum, plasma, marble, ramp, checks, page),
        *(collage, leaves, face, landscape, town, static),
    )
}


def stranger(kind: str, seed: int) -> Picture:
    """A picture of a kind."""
    return from_pillow(KINDS[kind](np.random.default_rng((seed, list(KINDS).index(kind)))))
