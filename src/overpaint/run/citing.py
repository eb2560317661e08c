"""Citations: what a picture was made with, as BibTeX."""

from collections.abc import Iterator

from overpaint.card import Paper
from overpaint.images.recipe import Recipe
from overpaint.inversions import Inversion
from overpaint.methods.generate import LDM
from overpaint.run.request import edit_request
from overpaint.run.resolve import resolve
from overpaint.sides.card import CARDS

SDXL = Paper(
    "podell2024sdxl",
    "Podell, Dustin and English, Zion and Lacey, Kyle and Blattmann, Andreas and Dockhorn, Tim "
    "and Müller, Jonas and Penna, Joe and Rombach, Robin",
    "SDXL: Improving Latent Diffusion Models for High-Resolution Image Synthesis",
    "International Conference on Learning Representations",
    2024,
    "2307.01952",
    "https://github.com/Stability-AI/generative-models",
    "MIT",
)
SIDES = {kind: card.paper for kind, card in CARDS.items()}
FAMILIES = {"sd1": LDM, "sd2": LDM, "sdxl": SDXL}


def bibtex(recipe: Recipe) -> str:
    """The entries of the method, of its inversion, of side networks and of the kind of model, each once."""
    papers = {paper.key: paper for paper in papers_of(recipe)}
    return "\n\n".join(paper.bibtex() for paper in papers.values())


def papers_of(recipe: Recipe) -> Iterator[Paper]:
    """Every paper behind a recipe, the method's first."""
    asked = edit_request(recipe.command, recipe.method, None, {}, recipe.options)
    method = resolve(asked.kind, asked.options, {}, asked.title)
    yield from method.card.papers
    for _, value in method:
        if isinstance(value, Inversion):
            yield from value.papers
    yield from (SIDES[one.kind] for one in recipe.controls if one.kind in SIDES)
    family = recipe.model.family.removesuffix("-inpaint")
    if family in FAMILIES:
        yield FAMILIES[family]
