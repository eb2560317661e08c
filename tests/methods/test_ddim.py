import pytest
import torch
from tests.inversions.setting import Setting, setting

from overpaint.families.tiny import SHAPES, Shape
from overpaint.inversions import DDIM, AnyInversion, Direct, NegativePrompt, NullText, Recorded
from overpaint.methods.ddim import DDIMEdit
from overpaint.methods.generate import Generate
from overpaint.model import Branch
from overpaint.network import Text
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.registry import find
from overpaint.sample import denoise
from overpaint.task import Task


def edit(s: Setting, method: DDIMEdit, target: Text | None = None) -> Latent:
    task = Task((1, 4, 8, 8), s.null, Noise(0), s.x0, s.source, s.target if target is None else target)
    return method(s.model, task)


def test_the_registry_finds_it() -> None:
    assert find("ddim") is DDIMEdit
    assert DDIMEdit.card.name == "ddim"


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_prompt_is_the_walked_back_source(shape: Shape) -> None:
    s = setting(shape)
    walk = s.walk(DDIM(), 3.0)
    source = denoise(s.model, s.path, {"src": walk.xs["src"]}, [Branch("src", walk.branches[0].guide)])["src"]
    assert torch.equal(edit(s, DDIMEdit(steps=4, guidance=3), s.source), source)


def test_another_prompt_is_another_picture() -> None:
    s = setting()
    same, other = edit(s, DDIMEdit(steps=4), s.source), edit(s, DDIMEdit(steps=4))
    assert float((same - other).abs().max()) > 1e-2


@pytest.mark.parametrize(
    "inversion", [DDIM(), Direct(), NullText(inner=2, stop=0), NegativePrompt(), Recorded()]
)
def test_the_target_walks_alone_and_costs_what_the_card_says(inversion: AnyInversion) -> None:
    s, method = setting(), DDIMEdit(steps=4, inversion=inversion)
    edit(s, method)
    cost = DDIMEdit.card.cost(method)
    assert s.model.meter.rows == cost.rows[1] == inversion.cost(4).rows[1] + 2 * 4
    assert s.model.meter.backwards == cost.backwards[1]


def test_pinning_changes_nothing_where_no_source_walks() -> None:
    s = setting()
    assert torch.equal(edit(s, DDIMEdit(steps=4)), edit(s, DDIMEdit(steps=4, inversion=Direct())))


def test_a_recorded_picture_with_another_prompt_is_generated_anew() -> None:
    s = setting()
    task = Task((1, 4, 8, 8), s.null, Noise(3), given_target=s.target)
    method = DDIMEdit(steps=4, inversion=Recorded(seed=3))
    assert torch.equal(edit(s, method), Generate(steps=4)(s.model, task))
