"""What tests of the benchmark share: a case with its pictures at hand, and what fills in the docs."""

import importlib.util
from pathlib import Path
from types import ModuleType

from overpaint.bench.case import Case, Pictures, Region
from overpaint.bench.still_life import cases
from overpaint.images import Picture


def first(kind: str) -> tuple[Case, Pictures]:
    """The first fixed case of a type."""
    (case,) = cases(types=[kind], limit=1)
    return case, case.pictures()


def known(pictures: Pictures) -> tuple[Picture, Region]:
    """The true answer and the true region of a drawn case."""
    assert pictures.truth is not None and pictures.region is not None
    return pictures.truth, pictures.region


def docs_hook(name: str) -> ModuleType:
    """A hook of the docs, which lies in no package."""
    place = Path(__file__).parents[2] / "docs" / "hooks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
