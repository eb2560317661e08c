"""By which code signals are found: what was learned holds for edits that are looked at as those were.

The narrowest part of the package is counted, so that other changes of it leave what was learned as it is.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path

from overpaint.files.fingerprint import file_hash

ROOT = Path(__file__).parents[1]
SIGNALS = (
    *("choosing/signals.py", "choosing/rivals.py", "choosing/things.py"),
    *("masks/disagreement.py", "sides/segmenter.py"),
)
"""What signals are found by, beside the model."""
STALE = (
    "What tells which edits came off was learned from signals that were found otherwise than now, so chances "
    "may be off; learn it again (overpaint bench signals, then overpaint bench learn), or install overpaint "
    "again."
)


@cache
def telling() -> str:
    """A hash of what finds the signals of an edit."""
    return sha256(" ".join(file_hash(ROOT / name) for name in SIGNALS).encode()).hexdigest()[:12]


def stale(*learned_by: str) -> bool:
    """Whether something was learned from signals of other code than that of today, where that is known."""
    return any(one not in ("", telling()) for one in learned_by)
