"""What a model was made of beside its own weights: what a recipe must repeat to make it again."""

import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from overpaint.errors import UsageError

Predicts = Literal["epsilon", "v"]
PREDICTION_TYPES: Mapping[Predicts, str] = {"epsilon": "epsilon", "v": "v_prediction"}
"""What schedulers of diffusers call them."""
SETTINGS = "adapter_config.json"
"""Where PEFT writes what an adapter of its is, beside the weights."""
STRONGEST = 10.0
"""Beyond this a LoRA only breaks the network."""


class Piece(BaseModel):
    """Part of an origin: frozen, and patient with fields that a later overpaint added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LoraFile(Piece):
    """A LoRA and how strongly it acts."""

    file: str = Field(description="absolute path")
    scale: float = Field(default=1.0, ge=-STRONGEST, le=STRONGEST, description="1 is as trained, 0 is off")

    @classmethod
    def said(cls, text: str) -> "LoraFile":
        """``FILE`` or ``FILE:0.8``; for the folder of an adapter (PEFT) the weights inside it.

        Raises:
            UsageError: the number is none, or is out of range, or the folder holds no adapter.
        """
        name, colon, tail = text.rpartition(":")
        if not colon or Path(text).expanduser().exists() or "/" in tail or "\\" in tail:
            name, tail = text, "1"
        try:
            scale = float(tail)
        except ValueError:
            raise UsageError(
                f"{tail!r} is not a strength; write --lora FILE:0.8, or the file alone for full strength."
            ) from None
        if not isfinite(scale) or abs(scale) > STRONGEST:
            raise UsageError(f"The strength {tail} of a LoRA is out of range; use -10 to 10, usually 0 to 1.")
        return cls(file=_weights_in(_place(name)), scale=scale)


class EmbeddingFile(Piece):
    """A textual inversion and the word it is called by."""

    file: str = Field(description="absolute path")
    token: str = Field(default="", description="nothing: the name the file gives it, or the file's own")
    force: bool = Field(default=False, description="whether it may have been learned on another model")

    @classmethod
    def said(cls, text: str, force: bool = False) -> "EmbeddingFile":
        """``FILE`` or ``FILE:word``.

        Raises:
            UsageError: the word has spaces or no letter, so that no prompt could name it.
        """
        name, colon, token = text.rpartition(":")
        if not colon or Path(text).expanduser().is_file() or "/" in token or "\\" in token:
            return cls(file=_place(text), force=force)
        return cls(file=_place(name), token=checked_token(token), force=force)


class Origin(Piece):
    """What was said about a model when it was loaded; most models need none of it."""

    prediction: Predicts | None = Field(default=None, description="what the network predicts")
    tokenizer: str | None = Field(default=None, description="folder of the tokenizer, for a single file")
    loras: tuple[LoraFile, ...] = ()
    embeddings: tuple[EmbeddingFile, ...] = ()

    @classmethod
    def said(
        cls,
        loras: Iterable[str] = (),
        embeddings: Iterable[str] = (),
        prediction: str | None = None,
        tokenizer: str | Path | None = None,
        force: bool = False,
    ) -> "Origin":
        """From what a person writes; ``force`` is about words that were learned on another model.

        Raises:
            UsageError: something of it cannot be.
        """
        if prediction not in (None, "epsilon", "v"):
            raise UsageError(f"A network cannot predict {prediction!r} here; write epsilon or v.")
        return cls(
            prediction=prediction,
            tokenizer=None if tokenizer is None else _folder(str(tokenizer)),
            loras=tuple(LoraFile.said(text) for text in loras),
            embeddings=tuple(EmbeddingFile.said(text, force) for text in embeddings),
        )

    @property
    def flags(self) -> Iterator[str]:
        """The same as a command line has it."""
        for one in self.loras:
            plain = one.scale == 1 and ":" not in one.file
            yield from ("--lora", one.file if plain else f"{one.file}:{one.scale!r}")
        for one in self.embeddings:
            yield from ("--embedding", f"{one.file}:{one.token}" if one.token else one.file)
        if any(one.force for one in self.embeddings):
            yield "--force"
        for name, value in (("prediction", self.prediction), ("tokenizer", self.tokenizer)):
            yield from () if value is None else (f"--{name}", value)

    @property
    def files(self) -> tuple[tuple[Path, str], ...]:
        """Every file that was added to the model, and how."""
        beside = [Path(one.file).parent / SETTINGS for one in self.loras]
        return (
            *((Path(one.file), f"lora {one.scale}") for one in self.loras),
            *((file, "adapter") for file in beside if file.is_file()),
            *((Path(one.file), f"embedding {one.token}") for one in self.embeddings),
        )


def checked_token(token: str) -> str:
    """A word that a prompt can name.

    Raises:
        UsageError: it has spaces, or nothing that could be found in a prompt.
    """
    if not re.search(r"\w", token) or len(token.split()) != 1 or token != token.strip():
        raise UsageError(f"{token!r} cannot be a word of a prompt; choose one without spaces.")
    return token


def _folder(name: str) -> str:
    """The folder, or the name as it is where it may be an id of the Hub."""
    return _place(name) if Path(name).expanduser().is_dir() else name


def _place(name: str) -> str:
    if not name or "\0" in name:
        raise UsageError("The name of a file is missing; write --lora FILE:0.8 or --embedding FILE:word.")
    return str(Path(name).expanduser().absolute())


def _weights_in(name: str) -> str:
    """The file of weights where a name is the folder of an adapter, else the name.

    Raises:
        UsageError: the folder holds no weights, or several files of them.
    """
    folder = Path(name)
    if not folder.is_dir():
        return name
    for found in (folder / "adapter_model.safetensors", folder / "pytorch_lora_weights.safetensors"):
        if found.is_file():
            return str(found)
    files = sorted(folder.glob("*.safetensors"))
    if len(files) == 1:
        return str(files[0])
    if (folder / "adapter_model.bin").is_file():
        raise UsageError(
            f"The weights in {folder} are a pickle, which may run code; write safetensors from it with: "
            f"overpaint convert {folder / 'adapter_model.bin'}"
        )
    inside = sorted(one.parent.name for one in folder.glob(f"*/{SETTINGS}"))
    hint = f"name the folders inside it ({', '.join(inside)})" if inside else "name the file"
    raise UsageError(f"The folder {folder} holds {'no' if not files else 'several'} LoRA files; {hint}.")
