"""One row asking with another row's queries."""

import torch
from tests.kit import call, draw, gap, shared

from overpaint.attention import Moment, Site
from overpaint.controls.asking import Asking

AT = Moment(rows=("src-", "tgt-", "src+", "tgt+"), height=8, width=8)


def test_queries_change_and_nothing_else() -> None:
    q, k, v = draw(3, 4, 2, 16, 8).unbind()
    site = next(one for one in shared().tap.sites if one.kind == "self")
    asked, keys, values = Asking("tgt+", "src-").qkv(site, AT, q, k, v)
    assert torch.equal(asked[0], q[3]) and torch.equal(asked[1:], q[1:])
    assert keys is k and values is v


def test_rows_that_ask_with_their_own_are_as_they_were() -> None:
    model = shared()
    plain = call(model)
    with model.control(Asking("src+", "src+")):
        same = call(model)
    with model.control(Asking("src+", "tgt+")):
        other = call(model)
    assert gap(plain["tgt"].eps, same["tgt"].eps) < 1e-5 < gap(plain["tgt"].eps, other["tgt"].eps)
    assert gap(plain["src"].eps, other["src"].eps) < 1e-5


def test_it_is_for_self_attention() -> None:
    sites: tuple[Site, ...] = shared().tap.sites
    assert {site.kind for site in sites if Asking("src+", "tgt+").where(site)} == {"self"}
