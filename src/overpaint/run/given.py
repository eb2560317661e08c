"""The forms in which a caller may hand a picture in."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from overpaint.images import Picture
from overpaint.images.handed import Bytes, Readable

Plain = str | Path | Bytes | Readable | Image.Image | NDArray[Any] | Picture
"""A file's name, its bytes, an open file, an image of Pillow, an array, or a picture of ours."""
