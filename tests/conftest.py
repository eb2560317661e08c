"""Shapes are checked at run time in the tests, and only there."""

import atexit
import os
import shutil
from tempfile import mkdtemp

import torch
from jaxtyping import install_import_hook

install_import_hook("overpaint", "beartype.beartype")  # before anything imports the package

# Workers share few cores: two threads in each would wait for one another.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"
# Nothing of a test stays in the user's cache.
os.environ["OVERPAINT_CACHE"] = mkdtemp(prefix="overpaint-tests-")
atexit.register(shutil.rmtree, os.environ["OVERPAINT_CACHE"], ignore_errors=True)
