"""What is added to a model when it is loaded: LoRAs and learned words."""

from collections.abc import Sequence
from pathlib import Path

from overpaint.errors import UsageError
from overpaint.families.embedding import Embedding
from overpaint.families.lora import Lora
from overpaint.families.unet import UNetFamily
from overpaint.files.provenance import Origin
from overpaint.files.weightfile import PICKLES
from overpaint.model import Model


def add(model: Model, origin: Origin) -> None:
    """Put everything on for good, in the order it was said.

    Raises:
        UsageError: a file is not there, is of a kind that is not read, or does not fit the model.
    """
    for lora in origin.loras:
        Lora(_safe(lora.file), lora.scale).put(model)
    for word in origin.embeddings:
        Embedding(_safe(word.file), word.token, word.force).put(model)


def _safe(name: str) -> Path:
    file = Path(name)
    if file.suffix.lower() in PICKLES:
        raise UsageError(
            f"{file} may run code when it is read, so it is not; write a safetensors file from it with: "
            f"overpaint convert {file}"
        )
    return file


def unused_words(model: Model, prompts: Sequence[str]) -> list[str]:
    """A sentence if words were taught that stand in no prompt: they change nothing."""
    if not isinstance(model.family, UNetFamily):
        return []
    unused = [repr(word) for word in model.family.absent(prompts)]
    if not unused:
        return []
    one, are = ("word", "stands") if len(unused) == 1 else ("words", "stand")
    return [
        f"The taught {one} {', '.join(unused)} {are} in no prompt and change{'s' * (one == 'word')} nothing."
    ]


def untaught(model: Model, prompt: str) -> str:
    """The prompt without the words that were taught to the model when it was loaded."""
    return model.family.plain(prompt) if isinstance(model.family, UNetFamily) else prompt
