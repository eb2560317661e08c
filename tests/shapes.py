"""Which modules name shapes: only these are checked at run time.

The checks read every function of a module anew, which takes seconds of every test run; most modules handle
words, files and pages and have no shape to check.
"""

import re
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "overpaint"
ALIAS = re.compile(r"^(\w+) = .*\[(?:Tensor|NDArray\[[\w.]+\]), ", re.MULTILINE)
"""A name given to a shape, such as `Latent`."""
BROUGHT = re.compile(r"^from (overpaint[\w.]*) import (\([^)]*\)|.*)$", re.MULTILINE)


def shaped(source: Path = SOURCE) -> list[str]:
    """The modules of the package that name a shape: their own, or one that another module gave a name to."""
    texts = {_module(path, source): path.read_text(encoding="utf-8") for path in source.rglob("*.py")}
    aliases = {(module, found[1]) for module, text in texts.items() for found in ALIAS.finditer(text)}
    return sorted(
        module for module, text in texts.items() if "from jaxtyping" in text or aliases & _brought(text)
    )


def _brought(text: str) -> set[tuple[str, str]]:
    """Pairs of a module and a name that a module imports from it."""
    found = BROUGHT.finditer(text)
    return {(line[1], name) for line in found for name in re.findall(r"\w+", line[2])}


def _module(path: Path, source: Path) -> str:
    parts = path.relative_to(source.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")
