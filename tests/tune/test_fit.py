import pytest
import torch
from torch import Tensor

from overpaint.errors import NotFinite
from overpaint.meter import Cancelled, Meter
from overpaint.tune.fit import fit


def test_it_walks_to_the_least_loss_and_stops_there() -> None:
    meter, start, goal = Meter(), torch.zeros(1, 2, 3), torch.full((1, 2, 3), 0.5)
    found = fit(meter, lambda x: x - goal, start, 500, 0.01, 1e-4)
    # Below 0.01 away when it was measured, and one update of at most about 0.01 after that.
    assert float((found - goal).abs().max()) < 0.02
    assert 10 < meter.updates == meter.backwards < 500
    assert not found.requires_grad and torch.equal(start, torch.zeros(1, 2, 3))


def test_its_updates_are_those_of_adam_on_the_mean_square() -> None:
    generator = torch.Generator().manual_seed(0)
    start, matrix = torch.randn(1, 4, 6, generator=generator), torch.randn(6, 7, generator=generator)
    mine = fit(Meter(), lambda x: x @ matrix, start, 5, 1e-2, 0.0)
    # Adam as in its paper (arXiv:1412.6980, algorithm 1).
    x, m, v = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
    for k in range(1, 6):
        g = 2 * (x @ matrix) @ matrix.T / 28
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        x = x - 1e-2 * (m / (1 - 0.9**k)) / ((v / (1 - 0.999**k)).sqrt() + 1e-8)
    assert torch.allclose(mine, x, atol=1e-6)


def test_several_things_are_missed_together() -> None:
    start, goal = torch.zeros(1, 4), torch.tensor([[1.0, -1.0, 0.5, 0.0]])

    def misses(x: Tensor) -> list[Tensor]:
        return [x - goal, (2 * x[:, :2]).expand(3, 2), x[:, 3:] - 1]

    meter = Meter()
    mine = fit(meter, misses, start, 3, 1e-2, 0.0)
    x = start.clone().requires_grad_(True)
    adam, losses = torch.optim.Adam([x], lr=1e-2), list[float]()
    for _ in range(3):
        loss = sum((one.square().mean() for one in misses(x)), torch.zeros(()))
        losses.append(float(loss.detach()))
        (x.grad,) = torch.autograd.grad(loss, x)
        adam.step()  # pyright: ignore[reportUnknownMemberType]
    assert torch.allclose(mine, x, atol=1e-6) and meter.notes["loss"] == pytest.approx(losses)
    first = [float((torch.zeros(1, 4) - goal).square().mean())]
    assert meter.notes["loss"][0] - meter.notes["loss beside"][0] == pytest.approx(first[0])


def test_the_loss_is_looked_at_after_the_update() -> None:
    meter = Meter()
    found = fit(meter, lambda x: x, torch.ones(1, 1, 1), 10, 0.1, 1e9)
    assert meter.updates == 1 and float(found) == pytest.approx(0.9)
    assert torch.equal(fit(meter, lambda x: x, torch.ones(1, 1, 1), 0, 0.1, 1e9), torch.ones(1, 1, 1))


def test_a_gradient_too_small_for_half_precision_arrives() -> None:
    def misses(x: Tensor) -> Tensor:
        return (x.half() * 1e-3).expand(64, 64, 4).float()

    found = fit(Meter(), misses, torch.ones(1, 1, 1), 1, 0.1, 0.0)
    assert float(found) == pytest.approx(0.9, abs=1e-3)


def test_it_works_where_gradients_are_off_and_can_be_cancelled() -> None:
    meter = Meter(on_tick=lambda m: m.cancel() if m.updates == 2 else None)
    with torch.no_grad(), pytest.raises(Cancelled):
        fit(meter, lambda x: x, torch.ones(1, 1, 1), 10, 0.1, 0.0)
    assert meter.updates == 2 and torch.is_grad_enabled()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_it(bad: float) -> None:
    calls = [0]

    def misses(x: Tensor) -> Tensor:
        calls[0] += 1
        return x if calls[0] < 3 else x * bad

    with pytest.raises(NotFinite, match=r"update 3: the learning rate 0\.01 is too high"):
        fit(Meter(), misses, torch.ones(1, 2), 10, 0.01, 0.0)


def test_a_gradient_that_is_no_number_ends_it() -> None:
    with pytest.raises(NotFinite, match="update 1"):
        fit(Meter(), lambda x: (x - 1).abs().sqrt(), torch.ones(1, 2), 10, 0.01, 0.0)
