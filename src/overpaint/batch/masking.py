"""Which mask belongs to which picture: one for all, or one of the same name in a folder."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from overpaint.batch.listing import inside, pictures
from overpaint.batch.place import checked, files_in, is_far
from overpaint.errors import UsageError

RUNS = ".json"
"""Masks may also be written as runs."""


@dataclass(frozen=True)
class Masks:
    """Masks by the names of the pictures that they belong to, without their endings."""

    folder: str
    found: Mapping[str, str] = field(default_factory=dict[str, str])

    @staticmethod
    def in_folder(folder: str) -> "Masks":
        """All masks in a folder, and in those inside it.

        Raises:
            UsageError: there are none.
        """
        address = checked(folder)
        if not is_far(address) and not os.path.isdir(address):
            raise UsageError(f"There is no folder {folder} of masks; --mask takes one for all pictures.")
        every = [*pictures(address), *(one for one in files_in(address) if one.address.endswith(RUNS))]
        found = {stem(inside(one, address)): one.address for one in every}
        if not found:
            raise UsageError(f"There are no masks in {folder}.")
        return Masks(folder, found)

    def of(self, name: str) -> str:
        """The mask of a picture by its name within its folder.

        Raises:
            UsageError: there is none.
        """
        mask = self.found.get(stem(name)) or self.found.get(PurePosixPath(name).stem)
        if mask is None:
            raise UsageError(f"There is no mask called {PurePosixPath(name).stem} in {self.folder}.")
        return mask


def stem(name: str) -> str:
    """A name without its ending."""
    return str(PurePosixPath(name).with_suffix(""))
