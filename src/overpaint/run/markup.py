"""Signs that other programs read in a prompt: plain text here, so the option that does it is named."""

import re
from collections.abc import Iterator

from overpaint.errors import UsageError

WEIGHT = re.compile(r"(?<!\\)[(\[]([^()\[\]:]+):\s*([+-]?\d*\.?\d+)\s*(?<!\\)[)\]]")
NETWORK = re.compile(r"<(?:lora|lyco|loha|locon):([^:<>]+)(?::\s*([+-]?\d*\.?\d+))?[^<>]*>", re.IGNORECASE)
LEARNED = re.compile(r"\bembedding:([^\s,:]+)", re.IGNORECASE)
STRESSED = re.compile(r"(?:\b(\w{2,})|\(([^()]+)\))(\+{2,}|-{2,})(?=[\s,.;]|$)")
STEP = 1.1
"""How much more a sign of stress makes a word count in those programs."""


def check_markup(prompt: str, what: str) -> None:
    """Refuse a prompt that holds weights or networks in the spelling of other programs.

    Raises:
        UsageError: it does; the sentence names the option to use.
    """
    if found := WEIGHT.search(prompt):
        words, factor = found[1].strip(), found[2]
        raise UsageError(
            f"The {what} prompt holds the weight {found[0]!r}, which is plain text here; write {words!r} and "
            f'say --reweight "{words}={factor}".'
        )
    if found := NETWORK.search(prompt):
        raise UsageError(
            f"The {what} prompt asks for a LoRA by {found[0]!r}, which is plain text here; leave it out and "
            f"say --lora {found[1].strip()}.safetensors:{found[2] or '1'}."
        )
    if found := LEARNED.search(prompt):
        raise UsageError(
            f"The {what} prompt asks for a taught word by {found[0]!r}, which is plain text here; write the "
            f"word alone and say --embedding {found[1]}.safetensors."
        )


def stressed(prompt: str, what: str) -> Iterator[str]:
    """What is to be said about words with signs of stress behind them: some names end so."""
    for found in STRESSED.finditer(prompt):
        words, signs = found[1] or found[2], found[3]
        factor = STEP ** (len(signs) if signs[0] == "+" else -len(signs))
        yield (
            f"The {what} prompt says {found[0]!r}, which is plain text here; to stress {words!r}, write it "
            f'alone and say --reweight "{words}={factor:.2f}".'
        )
