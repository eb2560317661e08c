"""An edit as the bytes of a file, and what the file's format cannot hold."""

from collections.abc import Iterator
from pathlib import Path

from overpaint.images.encoding import holds_alpha, lossy
from overpaint.images.recipe import encoded_with_recipe
from overpaint.run.result import Edit


def file_of(edit: Edit, name: str, quality: int | None = None) -> bytes:
    """What `Edit.save` would write under a name."""
    return encoded_with_recipe(edit.picture, name, edit.recipe, quality)


def lost(edit: Edit, path: str | Path, quality: int | None) -> Iterator[str]:
    """What the format could not hold, a sentence each."""
    alpha = edit.picture.alpha
    if alpha is not None and alpha.min() < 255 and not holds_alpha(path):
        background = edit.recipe.request.get("background", "white")
        yield f"A JPEG holds no transparency, so the picture was laid on {background}."
    if edit.recipe.mask is not None and lossy(path, quality):
        yield "This format is not exact, so pixels outside the mask differ a little; a PNG is."
