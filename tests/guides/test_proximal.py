import pytest
import torch
from tests.inversions.setting import setting
from tests.kit import told

from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG
from overpaint.guides.proximal import Proximal, Pull, shrunk, spread
from overpaint.model import Branch
from overpaint.network import Text
from overpaint.path import Latent, Path, Prediction

TEXT, NULL = Text(torch.ones(1, 2, 2)), Text(torch.zeros(1, 2, 2))


def prediction(eps: Latent, x: float = 0.0) -> Prediction:
    """What an epsilon network says about a latent of that value half way along."""
    return Prediction((x - 0.6 * eps) / 0.8, eps)


def row(*values: float) -> Latent:
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1)


def test_the_l0_of_the_code_is_the_soft_threshold() -> None:
    delta = row(-3, -1, -0.5, 0, 0.5, 1, 3)
    assert torch.equal(shrunk(delta, torch.tensor(1.0)), row(-2, 0, 0, 0, 0, 0, 2))


def test_the_l1_of_the_code_is_repeated_with_its_slip() -> None:
    # The soft threshold, then 1 off what is positive, then 1 onto what is negative by then.
    delta = row(-3, -1.5, -1, 0, 1, 1.5, 3)
    assert torch.equal(shrunk(delta, torch.tensor(1.0), "l1-official"), row(-1, 0.5, 0, 0, 0, 0.5, 1))


def test_a_mask_grows_by_its_radius() -> None:
    mask = torch.zeros(1, 2, 7, 7)
    mask[0, 0, 3, 3] = 1
    assert torch.equal(spread(mask, 0), mask)
    grown = spread(mask, 2)
    assert float(grown[0, 0].sum()) == 25 and bool((grown[0, 0, 1:6, 1:6] == 1).all())
    assert float(grown[0, 1].sum()) == 0


def test_the_threshold_is_taken_over_every_branch_of_the_call() -> None:
    zero = row(0, 0, 0, 0)
    own = {"-": prediction(zero), "+": prediction(row(1, 2, 3, 4))}
    alone = {"tgt" + sign: p for sign, p in own.items()}
    source = {"src-": prediction(zero), "src+": prediction(row(10, 20, 30, 40))}
    guide = Proximal(TEXT, NULL, scale=2.0, quantile=0.5)
    # Medians: 2.5 of the target's four differences, 7 of all eight.
    assert torch.allclose(guide.combine(own, told(zero, alone)).eps, 2 * row(0, 0, 0.5, 1.5))
    assert torch.equal(guide.combine(own, told(zero, alone | source)).eps, zero)


def test_a_branch_that_asked_for_one_row_counts_as_zeros() -> None:
    zero = row(0, 0, 0, 0)
    own = {"-": prediction(zero), "+": prediction(row(1, 2, 3, 4))}
    call = {"tgt-": own["-"], "tgt+": own["+"]}
    two = call | {"src-": prediction(row(9, 9, 9, 9)), "src+": prediction(row(9, 9, 9, 9))}
    one = call | {"src+": prediction(row(9, 9, 9, 9))}
    guide = Proximal(TEXT, NULL, scale=2.0, quantile=0.75)
    assert torch.equal(guide.combine(own, told(zero, two)).eps, guide.combine(own, told(zero, one)).eps)
    lone = Proximal(TEXT, None, scale=2.0)
    assert [line.sign for line in lone.lines(0)] == ["+"]
    assert torch.equal(lone.combine({"+": one["src+"]}, told(zero, one)).eps, one["src+"].eps)


def test_the_clean_picture_is_guided_by_the_same_share() -> None:
    x = row(1, 1, 1, 1)
    own = {"-": prediction(row(0, 1, 0, 1), 1.0), "+": prediction(row(1, 2, 3, 4), 1.0)}
    p = Proximal(TEXT, NULL, scale=3.0, quantile=0.3).combine(
        own, told(x, {"t" + s: q for s, q in own.items()})
    )
    assert torch.allclose(0.8 * p.x0 + 0.6 * p.eps, x)


def test_a_null_text_may_differ_at_every_step() -> None:
    guide = Proximal(TEXT, [NULL, TEXT])
    assert [guide.lines(i)[0].text for i in (0, 1)] == [NULL, TEXT]
    assert guide.begin() is guide


@pytest.mark.parametrize("shape", SHAPES)
def test_without_a_threshold_it_is_classifier_free_guidance(shape: Shape) -> None:
    s = setting(shape)
    source = Branch("src", CFG(s.source, s.source, 3.0))

    def target(guide: CFG | Proximal) -> Prediction:
        xs = {"src": s.x0, "tgt": s.x0 + 0.1}
        return s.model.predict(xs, 1, s.path, [source, Branch("tgt", guide)])["tgt"]

    # Half of all differences, the source's, are zero.
    prox, cfg = target(Proximal(s.target, s.null, 3.0, 0.4)), target(CFG(s.target, s.null, 3.0))
    assert float((prox.eps - cfg.eps).abs().max()) < 1e-5
    assert float((prox.x0 - cfg.x0).abs().max()) < 1e-4


PATH = Path(
    torch.tensor([900, 300]),
    torch.tensor([0.1, 0.6, 0.8]),
    torch.tensor([0.99**0.5, 0.8, 0.6]),
    "epsilon",
)
STORED = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 1, 1, 4)


def test_a_pull_moves_what_is_not_edited_only() -> None:
    p, mask = Prediction(row(5, 5, 5, 5), row(1, 1, 1, 1)), row(0, 1, 0, 1)
    pulled = Pull(STORED, picture=0.5)(p, mask, told(p.x0, i=1, path=PATH))
    assert torch.equal(pulled.x0, row(3.5, 5, 3.5, 5)) and torch.equal(pulled.eps, p.eps)
    held = Pull(STORED, stored=1.0)(p, mask, told(p.x0, i=1, path=PATH))
    assert torch.allclose(PATH.at(held, 2), row(2, 4.6, 2, 4.6))


def test_a_pull_waits_for_its_level() -> None:
    p = Prediction(row(5, 5, 5, 5), row(1, 1, 1, 1))
    for i, below in ((0, 400), (1, 300)):
        call = told(p.x0, i=i, path=PATH)
        assert Pull(STORED, 0.5, 0.5, below)(p, row(0, 0, 0, 0), call) is p
