"""Extended textual inversion: a word learned from a few pictures, as every layer of the network needs it.

Voynov et al., "P+: Extended Textual Conditioning in Text-to-Image Generation", 2023, arXiv:2303.09522,
section 3.3.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.errors import UsageError
from overpaint.families.by_layer import by_layer as told_apart
from overpaint.families.concept import Concept, bare
from overpaint.files.provenance import checked_token
from overpaint.files.store import Draft
from overpaint.losses.clip import understood
from overpaint.model import Model
from overpaint.network import Pixels, Text, by_layer, readers
from overpaint.noise import Draws
from overpaint.path import Latent
from overpaint.tune.denoising import ASTRAY, missed
from overpaint.tune.learn import learn
from overpaint.tune.sentences import BLANK, LOOKS
from overpaint.tune.sparing import sparing
from overpaint.tune.tuner import Tuner

P_PLUS_PAPER = Paper(
    "voynov2023pplus",
    "Voynov, Andrey and Chu, Qinghao and Cohen-Or, Daniel and Aberman, Kfir",
    "P+: Extended Textual Conditioning in Text-to-Image Generation",
    "arXiv preprint",
    2023,
    "2303.09522",
)
THING = tuple(look.replace(BLANK, f"{article} {BLANK}") for look in LOOKS for article in ("a", "the"))
"""Sentences about a thing."""
STYLE = tuple(
    f"{what} in the style of {BLANK}"
    for what in ("a picture", "a painting", "a photo", "a sketch", "a poster", "a view", "an image")
)
"""Sentences about a look."""


def listed(given: Any) -> Any:
    """Sentences on one line, with semicolons between them, as a list of them."""
    return [one.strip() for one in given.split(";") if one.strip()] if isinstance(given, str) else given


def blank(sentence: str) -> str:
    """A sentence with one place for the word."""
    if sentence.split().count(BLANK) != 1:
        raise ValueError(f"the sentence {sentence!r} must have one {BLANK}, where the word goes")
    return sentence


Sentences = Annotated[tuple[Annotated[str, AfterValidator(blank)], ...], BeforeValidator(listed)]


class XTI(Tuner):
    """Tune what stands for a word, for each layer by itself, until the network sees the pictures in it.

    All layers are tuned together, by ``|eps(x_t, t, c_0 … c_n) - eps|²`` over fresh noise at fresh levels of
    one of the pictures, as it is or mirrored. ``c_i`` is the same sentence for all of them, in which layer
    ``i`` reads its own vectors in place of the word. Nothing else changes.
    """

    init: str = Field(default="", description="the word to begin with: what it is, such as dog")
    updates: int = Field(default=500, ge=0, le=100_000, description="updates")
    rate: float = Field(default=5e-3, gt=0, le=1, description="learning rate")
    batch: int = Field(default=8, ge=1, le=64, description="noises of an update")
    about: Literal["thing", "style"] = Field(default="thing", description="what the sentences speak of")
    sentences: Sentences = Field(
        default=(), description="sentences with {} for the word, in place of the usual ones: a {}; a red {}"
    )
    flip: bool = Field(default=True, description="also learn from the pictures mirrored")
    sparing: bool = Field(
        default=False, description="compute twice what would take memory: half of it, a third more time"
    )

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method."""
        return (P_PLUS_PAPER,)

    def cost(self) -> Cost:
        """A row and a backward pass for every noise."""
        every = self.updates * self.batch
        return Cost.of(every, every, updates=self.updates)

    def check(self, model: Model, word: str) -> None:
        """Refuse what could not be learned.

        Raises:
            UsageError: there is no word to begin with, or to learn, or no layer that could read one.
        """
        checked_token(word)
        if not self.init:
            raise UsageError("Say what the pictures show, as the word to begin with, such as init dog.")
        if not readers(model.tap.sites):
            raise UsageError(f"The model {model.name} reads no texts, so it cannot be taught a word.")
        model.family.vectors(self.init)
        self.spoken(model)

    def spoken(self, model: Model) -> Sequence[str]:
        """The sentences: of words that the model knows, no longer than it reads, without the first word.

        Raises:
            UsageError: there are none, or one that was given is too long.
        """
        own = [one for one in self.sentences if self.init.lower() not in one.lower().split()]
        if self.sentences:
            for one in own:
                model.family.text(one.replace(BLANK, self.init))
        else:
            usual = understood(model.suits.vocabulary, STYLE if self.about == "style" else THING)
            own = [one for one in usual if short(model, one.replace(BLANK, self.init))]
        if not own:
            raise UsageError(f"No sentence is left for the word {self.init!r}; give others that lack it.")
        return own

    def views(self, pictures: Sequence[Pixels]) -> list[Pixels]:
        """The pictures, and their mirror images where those are learned from too."""
        return [one for own in pictures for one in ((own, own.flip(-1)) if self.flip else (own,))]

    def depends(self, model: Model) -> Sequence[str]:
        """The sentences that the word stands in: by themselves those that the model understands."""
        return self.spoken(model)

    def run(
        self, model: Model, examples: Sequence[Latent], texts: Mapping[str, Text], noise: Draws, draft: Draft
    ) -> dict[str, Tensor]:
        """Learn; a killed run goes on where it was. ``texts`` are of no use."""
        count, sentences = readers(model.tap.sites), self.spoken(model)
        free = {
            f"{layer}.{k}": vectors.detach().float().clone().requires_grad_()
            for layer in range(count)
            for k, vectors in enumerate(model.family.vectors(self.init))
        }

        def loss(n: int) -> Tensor:
            which = int(noise.integers(0, len(examples), (1,), "xti", n, "picture"))
            said = sentences[int(noise.integers(0, len(sentences), (1,), "xti", n, "sentence"))]
            text = spoken(model, said.replace(BLANK, self.init), self.init, free)
            return missed(model, examples[which], text, noise, "xti", n)

        with ExitStack() as stack:
            stack.enter_context(sparing(model.net, self.sparing))
            # What is computed twice must find its part of the text on the way back as well.
            stack.enter_context(told_apart(model.net, model.family.text(self.init).for_layers(count)))
            learn(
                model.meter,
                free,
                loss,
                self.updates,
                self.rate,
                draft=draft,
                several=self.batch,
                most=ASTRAY,
            )
        return {name: t.detach() for name, t in free.items()}

    def patch(self, tensors: Mapping[str, Tensor], model: Model) -> Concept:
        """What was learned as a word, by itself the one it began with in angle brackets."""
        count = readers(model.tap.sites)
        encoders = len(tensors) // count
        layers = [[tensors[f"{layer}.{k}"] for k in range(encoders)] for layer in range(count)]
        about = {
            "method": "p-plus",
            "model": model.name,
            "options": self.model_dump_json(),
            "paper": f"arXiv:{P_PLUS_PAPER.arxiv}",
        }
        return Concept(layers, f"<{self.init}>", bare(model), about)


def short(model: Model, prompt: str) -> bool:
    """Whether a model reads the whole prompt."""
    try:
        model.family.text(prompt)
    except UsageError:
        return False
    return True


def spoken(model: Model, prompt: str, word: str, vectors: Mapping[str, Tensor]) -> Text:
    """A prompt in which every layer reads vectors of its own for a word; gradients flow back to them."""
    count = readers(model.tap.sites)
    encoders = range(len(vectors) // count)
    return by_layer(
        [
            model.family.learned_text(prompt, {word: [vectors[f"{layer}.{k}"] for k in encoders]})
            for layer in range(count)
        ]
    )
