"""P+: a prompt for each layer of the network, and words that were learned layer by layer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need
from overpaint.controls.layers import Band, LayerPrompts, band_of, prompts, swapped
from overpaint.errors import UsageError
from overpaint.guides import CFG
from overpaint.guides.cfg import rows_at
from overpaint.inversions import DDIM, AnyInversion
from overpaint.method import Method
from overpaint.model import Branch, Model
from overpaint.network import Text, by_layer, readers
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.outcome import Outcome
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.task import Task
from overpaint.tune.tuner import store_of
from overpaint.tune.xti import P_PLUS_PAPER, XTI, Concept


def cost(o: "PPlus") -> Cost:
    """The walk from noise, or to noise and back; and the learning, where there is a word to learn."""
    inverted = o.inversion.cost_at(o.steps, o.guidance)
    back = inverted + o.inversion.walk_cost(o.steps, sources=0, scale=o.guidance)
    return (Cost.of(rows_at(o.guidance) * o.steps) | back) + (o.learning.cost() if o.word else Cost())


CARD = Card(
    name="p-plus",
    idea="Let coarse and fine layers of the network read different prompts: shape of one, look of another.",
    papers=(P_PLUS_PAPER,),
    needs=frozenset({Need.TARGET}),
    optional=frozenset({Need.IMAGE, Need.SOURCE, Need.EXAMPLES}),
    families={"sd1": {}, "sd2": {}, "sdxl": {"guidance": 5.0}},
    cost=cost,
    law=Law.NONE,
    random=True,
    published="a learned word took 500 updates in place of 5000 of textual inversion, with more likeness at "
    "the same editability (arXiv:2303.09522, section 5; recalled, no official code)",
    trial={
        "layer_prompt": ["1:3=a photo of a cat"],
        "word": "dog",
        "learning": {"init": "cat", "updates": 2, "batch": 1, "sentences": ["a {}", "a photo of {}"]},
    },
)


class PPlus(Method):
    """A prompt for each layer; from noise, or from a picture's own noise where one is given.

    Layers in the middle, whose maps are coarse, make shapes; those at both ends make colours and surfaces.
    Sixteen layers of SD 1 and 2 are counted in execution order, the middle is 6. With a word and pictures of
    it (``examples``) the word is learned first; without, words of the prompts may be concepts that were
    learned before (``overpaint learn p-plus``).
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    layer_prompt: LayerPrompts = ()
    mix: str = Field(default="", description="a word, and what it is outside the band: <shape>=><look>")
    band: Band = None
    inversion: AnyInversion = Field(default=DDIM(), description="how a picture becomes noise")
    word: str = Field(default="", description="what the pictures called examples show, to be learned first")
    learning: XTI = Field(default=XTI(), description="how it is learned")

    def check(self, model: Model, task: Task) -> None:
        """Something must differ between layers, and the model must be able to read it."""
        checked(self, model, task)

    def learn(self, model: Model, task: Task) -> Concept:
        """What the examples show, as a word: from the store, or learned now."""
        pictures = self.learning.views(task.pictures("examples"))
        latents = [model.family.encode(pixels) for pixels in pictures]
        found = self.learning.learned(model, latents, {}, task.noise, store_of(model))
        return self.learning.patch(found, model).called(self.word)

    def __call__(self, model: Model, task: Task) -> Outcome:
        """Learn, where there is something to learn; then walk with a text for each layer."""
        learned = (self.learn(model, task),) if self.word else ()
        with model.patched(*learned):
            return Outcome([walked(self, model, task)], learned=learned)


def prompts_of(o: PPlus, model: Model, task: Task) -> list[str]:
    """What each layer reads.

    Raises:
        UsageError: layers are named that the model does not have, or a word that is not in the prompt.
    """
    sites, prompt = model.tap.sites, task.target.prompt.text
    count = readers(sites)
    if not o.mix:
        if o.band is not None:
            raise UsageError("The band says where the first word of a mix counts; give one: <shape>=><look>.")
        return prompts(prompt, count, o.layer_prompt)
    outside = prompts(swapped(prompt, o.mix), count, ())
    for layer in band_of(o.band, sites, count):
        outside[layer] = prompt
    return [own or said for own, said in zip(prompts("", count, o.layer_prompt), outside, strict=True)]


def checked(o: PPlus, model: Model, task: Task) -> None:
    """Refuse what would be plain sampling, or could not be read.

    Raises:
        UsageError: nothing differs between layers, or there is nothing to invert or to learn.
    """
    said = prompts_of(o, model, task)
    check_learning(o, model, task, said)
    if task.given_x0 is None and o.inversion != DDIM():
        raise UsageError("There is no picture to invert; give one, or leave the inversion out.")
    if told(said, task.text).layers == 1 and not o.word:
        raise UsageError(
            "Every layer reads the same, so nothing would be left of this method; give layer_prompt 4:9=…, "
            "mix, or a prompt with a learned word, or choose generate or ddim."
        )


def check_learning(o: PPlus, model: Model, task: Task, said: Sequence[str]) -> None:
    """Refuse what could not be learned, or would be learned for nothing.

    Raises:
        UsageError: a word without examples or the other way round, or one that stands in no prompt.
    """
    examples = task.pictures("examples")
    if not o.word:
        if examples or o.learning != XTI():
            raise UsageError("Nothing is learned without a word for it; give the word, such as word <dog>.")
        return
    if not examples:
        raise UsageError(f"To learn {o.word!r} takes pictures of it; give them as examples.")
    o.learning.check(model, o.word)
    if not any(o.word.lower() in prompt.lower() for prompt in said):
        raise UsageError(f"The word {o.word!r} stands in no prompt, so it would be learned for nothing.")


def told(said: Sequence[str], read: Callable[[str], Text]) -> Text:
    """The prompts as one text: by layer, or plain where all layers read the same."""
    texts = {prompt: read(prompt) for prompt in said}
    first, *others = texts.values()
    return by_layer([texts[prompt] for prompt in said]) if others else first


def walked(o: PPlus, model: Model, task: Task) -> Latent:
    """From noise, or from that of the picture, with a text for each layer."""
    read, path = model.family.text, model.path(o.steps)
    target = replace(told(prompts_of(o, model, task), read), words=read(task.target.prompt.text).words)
    if task.given_x0 is None:
        branch = Branch("tgt", CFG(target, task.null, o.guidance))
        return denoise(model, path, {"tgt": task.start()}, [branch])["tgt"]
    source = task.null if task.given_source is None else read(task.source.prompt.text)
    texts = source, target, task.null
    return o.inversion.walk(model, path, task.x0, texts, o.guidance, task.noise).alone(model)["tgt"]
