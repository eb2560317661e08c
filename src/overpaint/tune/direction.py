"""Edit directions: the way from one word to another among the embeddings of prompts, a mean over sentences.

``delta = mean over sentences with the new word of E(sentence) - the same with the old word``, position by
position. Parmar et al., "Zero-shot Image-to-Image Translation", SIGGRAPH 2023, arXiv:2302.03027, section 3.1.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import AfterValidator, Field
from safetensors.torch import load, save
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.files.fingerprint import tensor_hash
from overpaint.files.store import Stored, StoredDraft
from overpaint.files.weightfile import DIRECTION, UNSOUND, whole_file
from overpaint.model import Model
from overpaint.network import Text
from overpaint.options import PLACE
from overpaint.tune.sentences import difference, sides_of

PAPER = "arXiv:2302.03027"
PROBE = "a photo of a cat"
"""A prompt whose embedding tells text encoders apart."""
ALIKE = 0.05
"""How far two embeddings of it may differ, as a share: number types make less, other encoders far more."""
Sides = tuple[Sequence[str], Sequence[str]]


@dataclass(frozen=True, eq=False)
class Direction:
    """What to add to the embedding of a prompt so that it speaks of something else."""

    states: Float[Tensor, "1 tokens width"]
    pooled: Float[Tensor, "1 pooled"] | None = None
    source: str = ""
    """The words it leads away from."""
    target: str = ""
    """The words it leads to."""
    sentences: tuple[int, int] = (0, 0)
    """How many there were with either."""
    model: str = ""
    """The name of the model whose text encoder read them."""
    fingerprint: str = ""
    """The hash of that model."""
    probe: Float[Tensor, "1 tokens width"] | None = None
    """How that model embeds a certain prompt."""

    def added(self, text: Text, strength: float = 1.0) -> Text:
        """A text moved along it; it has no words any more."""
        pooled = text.pooled
        if pooled is not None and self.pooled is not None:
            pooled = pooled + strength * self.pooled.to(pooled)
        text = text.for_layers(max(text.layers, self.states.shape[1] // text.window))
        way = self.states.to(text.states).repeat(1, text.states.shape[1] // self.states.shape[1], 1)
        return Text(text.states + strength * way, pooled, layers=text.layers)

    @property
    def hash(self) -> str:
        """By what the edits that used it know it again."""
        return tensor_hash(self.states.cpu())[:12]

    def fit(self, model: Model, called: str) -> "Direction":
        """The direction itself, if the model reads prompts as the one it was made with.

        Raises:
            UsageError: it does not; ``called`` is what the direction is called there.
        """
        own = model.family.text(PROBE)
        wide, here = (tuple(t.shape[1:]) for t in (self.states, own.states))
        again = "make one for it: overpaint direction, with the same --model"
        fits = wide[0] % here[0] == 0 and wide[1] == here[1]  # by layer it has a multiple of the tokens
        if not fits or (self.pooled is None) != (own.pooled is None):
            raise UsageError(
                f"{called} has {wide[0]} x {wide[1]} numbers, but prompts of this model have {here[0]} x "
                f"{here[1]}: it was made with a model of another kind; {again}."
            )
        if self.probe is not None:
            apart = (self.probe.to(own.states) - own.states).square().sum() / own.states.square().sum()
            if not float(apart) <= ALIKE**2:
                raise UsageError(
                    f"{called} was made with {self.model or 'another model'}, whose text encoder reads "
                    f"prompts in another way than this one; {again}."
                )
        return self

    def save(self, file: FilePath, *, overwrite: bool = False) -> None:
        """Write it whole or not at all, with what it is.

        Raises:
            FileExistsError: there is such a file already.
        """
        told = {
            name: getattr(self, name) for name in ("source", "target", "sentences", "model", "fingerprint")
        }
        named = {"states": self.states, "pooled": self.pooled, "probe": self.probe}
        tensors = {name: t.detach().cpu().float().contiguous() for name, t in named.items() if t is not None}
        meta = {DIRECTION: json.dumps({**told, "papers": [PAPER]})}
        atomic.write(file, save(tensors, meta), new=not overwrite)

    @staticmethod
    def load(file: FilePath) -> "Direction":
        """Read what `save` wrote.

        Raises:
            UsageError: the file is not there, or holds something else.
        """
        try:
            data, meta = whole_file(file)
            told, tensors = json.loads(meta[DIRECTION]), load(data)
            states, (one, other) = tensors["states"], told["sentences"]
            if states.ndim != 3 or len(states) != 1 or not bool(torch.isfinite(states).all()):
                raise ValueError("no direction")
            said = {name: str(told[name]) for name in ("source", "target", "model", "fingerprint")}
            return Direction(
                states,
                tensors.get("pooled"),
                sentences=(int(one), int(other)),
                probe=tensors.get("probe"),
                **said,
            )
        except OSError as error:
            raise UsageError(f"The direction {file} cannot be read ({error.strerror}).") from None
        except UNSOUND:
            raise UsageError(
                f"{file} is no direction of an edit; make one with: "
                "overpaint direction cat dog -o cat2dog.safetensors."
            ) from None


def known(given: str) -> str:
    """The file of a direction as an option holds it: its whole path, and a hash of what is in it.

    Raises:
        UsageError: it is none, or not the one any more that the hash speaks of.
    """
    if not given:
        return ""
    path, before = parted(given)
    direction = Direction.load(path)
    if before not in ("", direction.hash):
        raise UsageError(f"The direction {path} is not the one any more that the edit was made with.")
    return f"{path.absolute()}@{direction.hash}"


def parted(given: str) -> tuple[FilePath, str]:
    """The file that an option names, and the hash it holds; none where there is none yet."""
    found = re.fullmatch(r"(.+)@([0-9a-f]{12})", given, re.DOTALL)
    return (FilePath(found[1]), found[2]) if found else (FilePath(given), "")


def opened(option: str, model: Model) -> Direction:
    """The direction behind such an option, if it suits the model.

    Raises:
        UsageError: it does not, or has gone.
    """
    path, _ = parted(option)
    return Direction.load(path).fit(model, f"The direction {path.name}")


DirectionFile = Annotated[
    str,
    AfterValidator(known),
    Field(
        description="a file of 'overpaint direction' in place of a target prompt",
        json_schema_extra={**PLACE},
    ),
]
"""A direction as an option."""


def discovered(
    model: Model, sides: Sides, words: tuple[str, str] = ("", ""), *, pairs: bool = False
) -> Direction:
    """The direction between two banks of sentences, made now or fetched where the model's cache has it.

    Args:
        model: whose text encoder reads them.
        sides: the sentences with the old words, and those with the new ones.
        words: what it leads from and to, for whoever asks.
        pairs: whether the sentences belong together two by two, so that both can be left out where one is
            longer than the model reads.

    Raises:
        UsageError: there is no sentence on a side, or one is longer than the model reads.
    """
    if not all(sides):
        raise UsageError("A direction needs a sentence on either side; there is none.")

    def make(draft: StoredDraft | None = None) -> Stored:
        counts = [0, 0]
        if pairs:
            one, other, counts = _paired(model, sides)
        else:
            (one, counts[0]), (other, counts[1]) = (mean(model, side) for side in sides)
        way = {name: _wide(other[name], one[name]) - _wide(one[name], other[name]) for name in one}
        return {name: value.float() for name, value in way.items()}, {"counts": json.dumps(counts)}

    fetch = None if model.cache is None else model.cache.store.fetch
    tensors, told = make() if fetch is None else fetch(_key(model, sides), make, model.device)
    first, second = (int(count) for count in json.loads(told["counts"]))
    probe = model.family.text(PROBE).states
    states, pooled = tensors["states"], tensors.get("pooled")
    return Direction(states, pooled, *words, (first, second), model.name, model.fingerprint, probe)


def between(model: Model, source: str, target: str, count: int) -> Direction:
    """The direction from one prompt to another, from ``count`` sentences about what they say differently.

    One alone is the prompts themselves, whose difference leads exactly from one to the other.
    """
    if count == 1:
        return discovered(model, ([source], [target]), (source, target))
    parts = difference(source, target)
    sides = sides_of(model.suits.sentences, model.suits.words, parts, count)
    return discovered(model, sides, parts.phrases, pairs=True)


Embedded = dict[str, Tensor]
"""Sums or means of embeddings: ``states``, and ``pooled`` where a family has one."""


def mean(model: Model, sentences: Sequence[str]) -> tuple[Embedded, int]:
    """The mean embedding of sentences, in float64, and how many there are; each is an item of work.

    Raises:
        UsageError: one is longer than the model reads.
    """
    total = Embedded()
    for sentence in sentences:
        try:
            total = _plus(total, _read(model, sentence))
        except UsageError as error:
            said = str(error)
            raise UsageError(
                f"The sentence {sentence[:60]!r} is too long for a direction of this model: "
                f"{said[:1].lower()}{said[1:]}"
            ) from None
    return {name: value / len(sentences) for name, value in total.items()}, len(sentences)


def _paired(model: Model, sides: Sides) -> tuple[Embedded, Embedded, list[int]]:
    """Both means over the pairs that the model can read, and how many there are."""
    one, other, count = Embedded(), Embedded(), 0
    for pair in zip(*sides, strict=True):
        try:
            texts = [_read(model, sentence) for sentence in pair]
        except UsageError:
            continue
        one, other, count = _plus(one, texts[0]), _plus(other, texts[1]), count + 1
    if not count:
        raise UsageError(
            "The words that change are too long for every sentence about them; shorten the prompts, or take "
            "the prompts alone (sentences 1)."
        )
    means = [{name: value / count for name, value in own.items()} for own in (one, other)]
    return means[0], means[1], [count, count]


def _read(model: Model, sentence: str) -> Text:
    model.meter.tick("item")
    return model.family.text(sentence)


def _plus(total: Embedded, text: Text) -> Embedded:
    """A text more."""
    own = {"states": text.states, "pooled": text.pooled}
    known = {name: value.double() for name, value in own.items() if value is not None}
    before = {name: total.get(name, torch.zeros_like(value)) for name, value in known.items()}
    return {name: _wide(before[name], value) + _wide(value, before[name]) for name, value in known.items()}


def _wide(states: Tensor, like: Tensor) -> Tensor:
    """As many tokens as the other has, if those are more: words of concepts have some for each layer."""
    times = like.shape[1] // states.shape[1]
    return states if times <= 1 else states.repeat(1, times, 1)


def _key(model: Model, sides: Sides) -> str:
    arithmetic = [str(model.dtype), model.device.type, torch.__version__, torch.get_num_threads()]
    parts = [DIRECTION, model.content, arithmetic, [list(side) for side in sides]]
    return sha256(json.dumps(parts).encode()).hexdigest()
