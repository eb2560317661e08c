"""Every file in ``tests/golden`` through its adapter: next to stored latents, or all with ``every_step``."""

import pytest

from tests.parity.adapters import ADAPTERS, Reach
from tests.parity.golden import GOLDEN
from tests.parity.table import files, prepare, run

FILES = {file.stem: file for file in files(GOLDEN)}
LONG = {
    *(
        "blended_latent_diffusion-sd2",
        "ddpm_inversion-p2p",
        "edict",
        "masactrl",
        "masactrl-mask",
        "negative_prompt_inversion",
    ),
    *("prompt_to_prompt-localblend-v1", "prompt_to_prompt-replace", "prompt_to_prompt-replace-1to2"),
    *("prompt_to_prompt-replace-2to1", "prompt_to_prompt-replace-word-windows"),
}
"""Files of which another one of the method shows nearly the same by default; `every_step` runs these too."""
ELSEWHERE = {
    *("blended_diffusion", "controlnet", "cyclenet", "diffusion_clip", "glide", "p_plus", "spatext"),
    "text2live",
}
"""Methods whose files or networks take half a megabyte or more, so that they are not kept here: ``--from``
a folder that has them.
`tests.oracles.test_side_pipelines` holds ControlNets against an independent implementation by default;
`tests.tune.test_skip_net` and `tests.losses.test_layers` do so for the parts of Text2LIVE.
"""


def failing(name: str, reach: Reach) -> list[str]:
    rows = list(run([prepare(FILES[name])], reach))
    assert rows, "a file without a row would prove nothing"
    return [str(row) for row in rows if row.failed]


@pytest.mark.parametrize("name", sorted(FILES.keys() - LONG))
def test_parity_next_to_stored_latents(name: str) -> None:
    assert failing(name, "ends") == []


@pytest.mark.every_step
@pytest.mark.parametrize("name", sorted(FILES))
def test_parity_the_whole_way(name: str) -> None:
    assert failing(name, "whole") == []


def test_every_adapter_has_a_file() -> None:
    assert {prepare(file).method for file in FILES.values()} == set(ADAPTERS) - ELSEWHERE
