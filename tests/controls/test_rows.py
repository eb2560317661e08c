import torch
from tests.kit import draw

from overpaint.controls.rows import put


def test_put_replaces_rows_and_leaves_the_batch() -> None:
    x, value = draw(3, 2, 5), draw(1, 2, 5, seed=1)
    before = x.clone()
    new = put(x, [0, 2], value)
    assert torch.equal(new, torch.cat([value, before[1:2], value]))
    assert torch.equal(x, before)


def test_put_nowhere_changes_nothing() -> None:
    x = draw(3, 4)
    assert torch.equal(put(x, [], draw(1, 4)), x)
