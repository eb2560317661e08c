"""What names shapes: only this is checked at run time.

The checks read every function of a module anew, which takes seconds of every test run; most modules handle
words, files and pages and have no shape to check. In those that have, seven of eight calls are of functions
that name none, and to check these took a third of the time of such tests; their types are pyright's.
"""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from functools import partial
from importlib import import_module
from importlib.machinery import SourceFileLoader
from inspect import isclass, signature
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, cast, get_args
from unittest.mock import patch

import jaxtyping
from jaxtyping import AbstractArray, install_import_hook

library: Any = jaxtyping
hook: Any = import_module("jaxtyping._import_hook")

SOURCE = Path(__file__).parents[1] / "src" / "overpaint"
ALIAS = re.compile(r"^(\w+) = .*\[(?:Tensor|NDArray\[[\w.]+\]), ", re.MULTILINE)
"""A name given to a shape, such as `Latent`."""
BROUGHT = re.compile(r"^from (overpaint[\w.]*) import (\([^)]*\)|.*)$", re.MULTILINE)

WORD = re.compile(r"\w+")
_all_of: Callable[..., Any] = library.jaxtyped


def check() -> None:
    """Check what names a shape in all modules of the package that are imported from here on."""
    library.jaxtyped = of_shapes  # what the hook writes above each function
    hook._JaxtypingLoader = Loader
    install_import_hook(shaped(), "beartype.beartype")


class Loader(cast("type[SourceFileLoader]", hook._JaxtypingLoader)):
    """The hook's own marks its bytecode for as long as a module runs, so that whatever else is imported by
    the module is looked for under that mark too and compiled anew: thousands of files of the libraries.
    """

    def exec_module(self, module: ModuleType) -> None:
        """Run the module without the mark."""
        SourceFileLoader.exec_module(self, module)

    def get_code(self, fullname: str) -> CodeType | None:
        """Find or make the bytecode under the mark."""
        ours = partial(hook._optimized_cache_from_source, cast(Any, self)._typechecker.get_hash())
        with patch("importlib._bootstrap_external.cache_from_source", ours):
            return super().get_code(fullname)


def of_shapes(*, typechecker: object) -> Callable[[Any], Any]:
    """The decorator of jaxtyping for what names a shape; all else stays as it is."""
    checked = _all_of(typechecker=typechecker)
    return lambda made: checked(made) if has_shapes(made) else made


def has_shapes(made: Callable[..., Any]) -> bool:
    """Whether a function, or the fields of a dataclass, name a shape."""
    if isclass(made):
        said = [field.type for field in fields(made)] if is_dataclass(made) else []
        known: dict[str, Any] = vars(sys.modules[made.__module__])
    else:
        read = signature(made)
        said = [read.return_annotation, *(one.annotation for one in read.parameters.values())]
        known = made.__globals__
    return any(_is_shape(one, known) for one in said)


def _is_shape(said: Any, known: dict[str, Any]) -> bool:
    """Whether an annotation is a shape or holds one; words are looked up among the names of its module."""
    if isinstance(said, str):
        return any(_is_shape(known.get(word), known) for word in WORD.findall(said))
    if isclass(said) and (issubclass(said, AbstractArray) or said.__module__ == jaxtyping.__name__):
        return True
    parts = cast("Iterable[Any]", said if isinstance(said, list) else get_args(said))
    return any(_is_shape(part, known) for part in parts)


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
