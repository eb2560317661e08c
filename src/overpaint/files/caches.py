"""Where what can be made again is kept on this machine. Nothing here imports a library that takes time."""

import os
import sys
from pathlib import Path as FilePath


def default_folder(what: str = "inversions") -> FilePath:
    """A folder in ``$OVERPAINT_CACHE``, or else in the place for caches on this system."""
    if given := os.environ.get("OVERPAINT_CACHE"):
        return FilePath(given).expanduser() / what
    if sys.platform == "darwin":
        base = FilePath.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = FilePath(os.environ.get("LOCALAPPDATA") or FilePath.home() / "AppData" / "Local")
    else:
        base = FilePath(os.environ.get("XDG_CACHE_HOME") or FilePath.home() / ".cache")
    return base / "overpaint" / what


def data_folder(what: str) -> FilePath:
    """A folder in ``$OVERPAINT_DATA``, or else in this system's place for data: what is kept for good."""
    if given := os.environ.get("OVERPAINT_DATA"):
        return FilePath(given).expanduser() / what
    if sys.platform == "darwin":
        base = FilePath.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        base = FilePath(os.environ.get("APPDATA") or FilePath.home() / "AppData" / "Roaming")
    else:
        base = FilePath(os.environ.get("XDG_DATA_HOME") or FilePath.home() / ".local" / "share")
    return base / "overpaint" / what
