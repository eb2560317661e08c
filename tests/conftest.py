"""Shapes are checked at run time in the tests, and only there."""

import os

import torch
from jaxtyping import install_import_hook

install_import_hook("overpaint", "beartype.beartype")  # before anything imports the package

# Workers share few cores: two threads in each would wait for one another.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"
