"""The true answer of an edit, where it is known: drawn pictures say which scene they were drawn from."""

from pathlib import Path

from overpaint.images import Limits, Picture, from_tensor
from overpaint.run.inputs import shows, taken_in
from overpaint.stilllife.captions import describe
from overpaint.stilllife.edits import edited
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import Scene, SceneError, from_json

SCENE = "overpaint-scene"
"""The text chunk that holds the scene of a drawn picture."""


def scene_of(picture: Picture) -> Scene | None:
    """The scene a picture was drawn from, if it says so."""
    try:
        return from_json(picture.info.text[SCENE])
    except (KeyError, SceneError):
        return None


def drawn(scene: Scene, size: int) -> Picture:
    """A scene drawn at a size in pixels, as eight-bit colours."""
    return from_tensor(render([scene], size) * 2 - 1)


def source_for(path: Path, source: str, limits: Limits | None = None) -> str:
    """The source prompt; if nothing is said, what the picture says it shows."""
    if source:
        return source
    picture, _ = taken_in(path, limits)
    scene = scene_of(picture)
    return shows(picture) or ("" if scene is None else describe(scene).text)


def true_answer(picture: Picture, source: str, target: str) -> Picture | None:
    """What the edit should give: the changed scene, drawn; none where scene or change are not known."""
    scene = scene_of(picture)
    changed = None if scene is None else edited(scene, source, target)
    return None if changed is None else drawn(changed, max(32, picture.size[0] // 32 * 32))
