"""Showing what was written to whoever asked to see it."""

import webbrowser
from pathlib import Path


def show(place: Path) -> None:
    """Open a page or a picture with what this machine opens such files with."""
    webbrowser.open(place.resolve().as_uri())
