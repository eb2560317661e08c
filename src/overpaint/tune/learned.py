"""What was learned, whatever it is: weights for one method, or a word for all."""

from pathlib import Path

from overpaint.families.concept import Concept, is_concept
from overpaint.files.weightfile import read_header
from overpaint.tune.patch import Weights

Learned = Weights | Concept
"""Put on a model, taken off again, and kept in a file that says what it is."""


def read_learned(file: Path) -> Learned:
    """What is in a file of ``overpaint learn``, or in one of kohya's extended textual inversion.

    Raises:
        UsageError: the file is not there, or is no such file.
    """
    return Concept.load(file) if is_concept(read_header(file)) else Weights.load(file)
