"""What tests of pictures share: a colour profile, and files with everything a camera writes."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

GPS, MAKER, EXIF = 0x8825, 0x927C, 0x8769
SECRET = b"SN-4711"
"""Stands in the serial number, the maker note and the thumbnail of `camera_exif`, and nowhere else."""


def profile(space: Any = "sRGB") -> bytes:
    """A real colour profile."""
    create: Any = getattr(ImageCms, "createProfile")  # noqa: B009
    return ImageCms.ImageCmsProfile(create(space)).tobytes()


SRGB = profile()


def grey_profile(gamma: float = 1.0) -> bytes:
    """A profile for grey, written by hand: version 2, a curve of one gamma, light of D50."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    light = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    about = b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(78)
    right = b"text" + bytes(4) + b"none\0" + bytes(3)
    bodies = {b"desc": about + bytes(-len(about) % 4), b"cprt": right, b"wtpt": light, b"kTRC": curve}
    table, data, at = b"", b"", 128 + 4 + 12 * len(bodies)
    for name, body in bodies.items():
        table += name + struct.pack(">II", at + len(data), len(body))
        data += body
    head = struct.pack(">I4sI4s4s4s", at + len(data), bytes(4), 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061) + bytes(48)
    return head + struct.pack(">I", len(bodies)) + table + data


LINEAR = grey_profile()
"""A profile that says something: half of the light is not half of the number."""


def camera_exif(orientation: int = 1) -> bytes:
    """EXIF as a camera writes it: place, serial number, maker note, author and copyright notice."""
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010F], made[0x013B], made[0x8298] = "Maker", "A. Author", "(c) A. Author"
    made.get_ifd(EXIF).update({0xA431: SECRET.decode(), MAKER: SECRET * 8, 0x9003: "2026:01:02 03:04:05"})
    made.get_ifd(GPS).update({1: "N", 2: (48.0, 12.0, 34.5)})
    return made.tobytes()


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    """The bytes of an image in a format of Pillow."""
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def smooth(height: int = 48, width: int = 64) -> Image.Image:
    """Colours that survive compression."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([255 * x / width, 255 * y / height, 128 + 60 * np.sin(x / 17 + y / 23)], -1)
    return Image.fromarray(pixels.astype(np.uint8))
