import sys

import pytest
import torch

from overpaint.bench.peak import Peak, since_the_beginning


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere an earlier peak is not forgotten")
def test_the_peak_is_that_of_the_work_alone() -> None:
    cpu = torch.device("cpu")
    before = Peak(cpu).megabytes
    peak = Peak(cpu)
    block = torch.zeros(50_000_000)
    block.add_(1)
    del block
    with_block = peak.megabytes
    after = Peak(cpu).megabytes
    assert before is not None and with_block is not None and after is not None
    assert with_block > before + 150
    assert after < with_block - 100


def test_a_process_has_held_something() -> None:
    most = since_the_beginning()
    assert most is None or most > 10
