"""Every published Stable-Diffusion editing method, one screen each.

The names below are loaded when they are first used, so that importing the package is quick.
"""

from typing import TYPE_CHECKING

from overpaint.files.lazy import lazily

if TYPE_CHECKING:
    from overpaint.api import cite, edit, generate, invert, rerun
    from overpaint.bench.measuring import measure
    from overpaint.comparing.comparison import Comparison, compare
    from overpaint.errors import OverpaintError, UsageError
    from overpaint.everyday import inpaint, outpaint, remove
    from overpaint.images import Limits, Picture, load_picture
    from overpaint.images.recipe import Recipe, read_recipe
    from overpaint.meter import Cancelled, Meter
    from overpaint.model import Model
    from overpaint.registry import catalogue
    from overpaint.run.kept import unload
    from overpaint.run.loading import load
    from overpaint.run.result import Edit
    from overpaint.sides.options import Control

__version__ = "0.1.0"

__all__ = [
    "Cancelled",
    "Comparison",
    "Control",
    "Edit",
    "Limits",
    "Meter",
    "Model",
    "OverpaintError",
    "Picture",
    "Recipe",
    "UsageError",
    "__version__",
    "catalogue",
    "cite",
    "compare",
    "edit",
    "generate",
    "inpaint",
    "invert",
    "load",
    "load_picture",
    "measure",
    "outpaint",
    "read_recipe",
    "remove",
    "rerun",
    "unload",
]

_HOMES = {
    "api": ("cite", "edit", "generate", "invert", "rerun"),
    "bench.measuring": ("measure",),
    "comparing.comparison": ("Comparison", "compare"),
    "errors": ("OverpaintError", "UsageError"),
    "everyday": ("inpaint", "outpaint", "remove"),
    "images": ("Limits", "Picture", "load_picture"),
    "meter": ("Cancelled", "Meter"),
    "run.kept": ("unload",),
    "run.loading": ("load",),
    "model": ("Model",),
    "images.recipe": ("Recipe", "read_recipe"),
    "registry": ("catalogue",),
    "run.result": ("Edit",),
    "sides.options": ("Control",),
}


if not TYPE_CHECKING:  # type checkers shall report unknown names
    __getattr__ = lazily(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
