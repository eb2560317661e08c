"""How far pictures are from sentences in CLIP's space: distances, directions, the best of several.

Vectors come from an `overpaint.network.Eye`; nothing here knows a network. Gradients flow to the pictures.
"""

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from overpaint.network import Eye

Vectors = Float[Tensor, "#rows features"]
TEMPLATES = (
    "photo of {}.",
    "high quality photo of {}.",
    "a photo of {}.",
    "the photo of {}.",
    "image of {}.",
    "an image of {}.",
    "high quality image of {}.",
    "a high quality image of {}.",
    "the {}.",
    "a {}.",
    "{}.",
    "{}",
    "{}!",
    "{}...",
)
"""Sentences around a thing, as Text2LIVE has them (arXiv:2204.02491): their mean says it more steadily."""


def arc(one: Vectors, other: Vectors) -> Float[Tensor, " rows"]:
    """Half the squared angle: ``2 arcsin(|a - b| / 2)^2`` of unit vectors; 0 to ``pi^2 / 2``.

    The spherical distance of CLIP-guided diffusion (arXiv:2111.14818); whatever comes is brought to length
    one.
    """
    gap = normalize(one, dim=-1) - normalize(other, dim=-1)
    # The length of nothing has no gradient, and that of opposites may round to more than a diameter.
    chord = gap.square().sum(-1).clamp(min=1e-12, max=4.0).sqrt()
    return 2 * (chord / 2).clamp(max=1.0).asin().square()


def apart(one: Vectors, other: Vectors) -> Float[Tensor, " rows"]:
    """One less the cosine: 0 to 2."""
    return 1 - cosine_similarity(one, other, dim=-1)


def directional(before: Vectors, after: Vectors, way: Vectors) -> Float[Tensor, " rows"]:
    """How far the change of pictures points away from the way of the sentences: one less the cosine.

    Gal et al., "StyleGAN-NADA", 2022, arXiv:2108.00946, equation 3. What vectors are given (of any length or
    of length one) differs between methods.
    """
    return apart(after - before, way)


def sentences(what: str, templates: Sequence[str] = TEMPLATES) -> list[str]:
    """A thing in every template."""
    return [template.replace("{}", what) for template in templates]


def understood(vocabulary: Collection[str], templates: Sequence[str] = TEMPLATES) -> tuple[str, ...]:
    """The templates made of words that a model was taught; all of them where it says nothing of that.

    The bare thing is always among them.
    """
    if not vocabulary:
        return tuple(templates)
    known = {word.lower() for word in vocabulary}
    words = {template: template.replace("{}", " ").split() for template in templates}
    kept = tuple(t for t, own in words.items() if all(word.lower() in known for word in own))
    return kept if "{}" in kept else (*kept, "{}")


def between(
    eye: Eye, source: str, target: str, templates: Sequence[str] = TEMPLATES
) -> Float[Tensor, "1 features"]:
    """The way from one thing to another: the mean difference over the templates, of length one."""
    old, new = (eye.read(sentences(what, templates)) for what in (source, target))
    return normalize((new - old).mean(0, keepdim=True), dim=-1)


def best_first(scores: Sequence[float], *, least: bool = True) -> list[int]:
    """The places of scores in order, best first; equal ones keep theirs."""
    return sorted(range(len(scores)), key=lambda k: scores[k] if least else -scores[k])


def distances(eye: Eye, pictures: Sequence[Tensor], prompt: str) -> list[float]:
    """How far each picture is from a sentence, on the sphere."""
    with torch.no_grad():
        said = eye.read([prompt])
        return [float(arc(eye.look(picture), said)) for picture in pictures]
