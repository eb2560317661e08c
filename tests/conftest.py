"""Shapes are checked at run time in the tests, and only there."""

import atexit
import os
import shutil
from tempfile import mkdtemp

import pytest
import torch

from tests import sampling, shapes

shapes.check()  # before anything imports the package

# Workers share few cores: two threads in each would wait for one another.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"
# Nothing of a test stays in the user's cache.
os.environ["OVERPAINT_CACHE"] = mkdtemp(prefix="overpaint-tests-")
atexit.register(shutil.rmtree, os.environ["OVERPAINT_CACHE"], ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option for the long run."""
    parser.addoption("--all-cases", action="store_true", help="every case of tests that run a few of many")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a shorter run can do without."""
    if config.getoption("--all-cases"):
        return
    kept = sampling.chosen(items)
    left = [item for item in items if item not in set(kept)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept
