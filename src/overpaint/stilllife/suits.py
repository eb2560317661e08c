"""What suits edits of Still Life, by what the prompts ask for: measured on fresh cases of its benchmark.

``python -m overpaint.stilllife.suits`` writes it into the shipped model's folder, where it is read like that of
any other model. `docs/p2p-defaults.md` says what was tried.
"""

from pathlib import Path

FILE = Path(__file__).parent / "model" / "overpaint.json"
GUIDANCE = 3.0
"""The scale of classifier-free guidance that suits it: at more, colours saturate."""
