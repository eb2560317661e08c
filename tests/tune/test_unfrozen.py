import pytest
import torch

from overpaint.errors import OverpaintError
from overpaint.families.tiny import tiny
from overpaint.files.fingerprint import tensor_hash
from overpaint.tune.unfrozen import unfrozen


def test_what_changed_is_put_back_also_on_error() -> None:
    net = tiny("sd1").net
    before = tensor_hash(*net.state_dict().values())
    with pytest.raises(KeyboardInterrupt), unfrozen(net, lambda name: "attn2" in name) as chosen:
        assert chosen and all("attn2" in name and p.requires_grad for name, p in chosen.items())
        with torch.no_grad():
            for p in chosen.values():
                p.add_(1.0)
        raise KeyboardInterrupt
    assert tensor_hash(*net.state_dict().values()) == before
    assert not any(p.requires_grad or p.grad is not None for p in net.parameters())


def test_nothing_to_learn_is_said() -> None:
    with (
        pytest.raises(OverpaintError, match="nothing to learn"),
        unfrozen(tiny("sd1").net, lambda name: False),
    ):
        pass
