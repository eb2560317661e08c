"""Comparing with arrays that other code produced.

A file of such arrays names its method and its settings. One adapter a method feeds them to this package,
through what users can reach too, and compares. ``python -m tests.parity`` prints the table.
"""

from tests.parity.figures import Row, difference, outliers
from tests.parity.golden import GOLDEN, Golden
from tests.parity.network import golden_model

__all__ = ["GOLDEN", "Golden", "Row", "difference", "golden_model", "outliers"]
