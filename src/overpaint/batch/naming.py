"""What outputs are called: by a pattern, inside their folder, each name once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from overpaint.batch.place import BESIDE
from overpaint.batch.row import PATTERN
from overpaint.batch.template import GAP, filled, gaps
from overpaint.errors import UsageError
from overpaint.images.encoding import format_of

LONGEST = 200
"""Bytes of one part of a name; file systems take 255, and drafts add to it."""
UNFIT = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
"""What a text from a row may not bring into a name."""


@dataclass
class Names:
    """Gives out names; the same one never twice."""

    pattern: str = PATTERN
    given: dict[str, str] = field(default_factory=dict[str, str])
    """Who has which name."""

    def __post_init__(self) -> None:
        gaps(self.pattern)
        checked_name(GAP.sub("x", self.pattern))

    def of(self, names: Mapping[str, str], title: str, own: str = "") -> str:
        """The name of a row's output: its own, if it says one, else as the pattern makes it.

        Raises:
            UsageError: it is no name inside the folder, or another row has it.
        """
        fit = {key: value if key == "folder" else UNFIT.sub("_", value) for key, value in names.items()}
        name = checked_name(own or filled(self.pattern, fit).lstrip("/"))
        if name in self.given:
            raise UsageError(
                f"{self.given[name]} would be written to {name} too; tell them apart with --name, as in "
                "--name '{stem}-{number}.png'."
            )
        self.given[name] = title
        return name


def checked_name(said: str) -> str:
    """A name inside the folder, with its folders.

    Raises:
        UsageError: it leads elsewhere, cannot be the name of a file, or ends in no format that is written.
    """
    if "\\" in said or any(ord(letter) < 32 for letter in said) or said.startswith("~"):
        raise UsageError(f"{said[:60]!r} cannot be the name of an output; choose plain letters.")
    parts = [part for part in PurePosixPath(said).parts if part != "."]
    if said.startswith("/") or ".." in parts or not parts:
        raise UsageError(f"{said[:60]!r} leads out of the folder of the outputs; name a file inside it.")
    if any(part.startswith(".") for part in parts):
        raise UsageError(f"{said[:60]!r} is hidden, as {BESIDE} is, which is taken; choose another name.")
    if any(len(part.encode("utf-8", "surrogateescape")) > LONGEST for part in parts):
        raise UsageError(f"The name {said[:60]!r}… has more than {LONGEST} bytes; choose a shorter one.")
    name = "/".join(parts)
    format_of(name)
    return name
