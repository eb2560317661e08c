"""Files with settings of their own: taken as they say, or refused in a row that names what is not known."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from overpaint.inversions import Direct, NegativePrompt
from tests.parity.__main__ import asked, main
from tests.parity.adapters.direct import DirectFile
from tests.parity.adapters.edict import EdictFile
from tests.parity.adapters.edit_friendly import EditFriendlyFile
from tests.parity.adapters.negative_prompt import NegativePromptFile
from tests.parity.adapters.p2p import PromptToPromptFile
from tests.parity.figures import Row
from tests.parity.golden import GOLDEN, Golden
from tests.parity.table import Job, prepare, run, summary, table

P2P, DIRECT = "prompt_to_prompt-localblend-v2", "pnp_inversion"
PROXIMAL = "negative_prompt_inversion-proximal"


def changed(folder: Path, name: str, method: str | None = None, **settings: Any) -> Path:
    """A file with other settings; its arrays do not matter before something is computed."""
    golden = Golden.load(name)
    meta = {**golden.meta, "settings": json.dumps({**golden.settings.values, **settings}), "thinned": "{}"}
    file = folder / f"{name}.safetensors"
    save_file(dict(golden.arrays), file, meta | ({} if method is None else {"method": method}))
    return file


def stored(folder: Path, golden: Golden, arrays: dict[str, Tensor]) -> Path:
    """A file with other arrays; what was looked up in another file is now in this one."""
    thin = json.loads(golden.meta["thinned"])
    own = {name: {k: v for k, v in how.items() if k != "same"} for name, how in thin.items()}
    file = folder / "blended.safetensors"
    save_file(
        {k: v.contiguous() for k, v in arrays.items()}, file, {**golden.meta, "thinned": json.dumps(own)}
    )
    return file


def read(folder: Path, name: str, **settings: Any) -> Any:
    job = prepare(changed(folder, name, **settings))
    assert job.adapter is not None, job.refusals
    return job.adapter


def refused(job: Job) -> Row:
    assert job.adapter is None
    (row,) = run([job], "whole")
    assert row.failed
    return row


def test_other_windows_words_thresholds_and_starts_are_taken(tmp_path: Path) -> None:
    blend = {
        "version": 2,
        "words": [["cat", "photo"], "dog"],
        "subtract_words": [["bench"], ["bench"]],
        "th": [0.4, 0.6],
        "start_blend": 0.5,
    }
    found = read(
        tmp_path,
        P2P,
        num_inference_steps=12,
        guidance=5,
        edit="refine nested in reweight",
        cross_replace_steps={"dog": [0.1, 0.3], "zebra": 0.2},
        self_replace_steps=[0.25, 0.75],
        self_limit="16x16",
        equalizer=[["dog", "zebra"], [3, 2.0]],
        local_blend=blend,
    )
    assert isinstance(found, PromptToPromptFile)
    o = found.method_options
    assert (o.steps, o.guidance, o.kind, o.self_limit) == (12, 5, "refine", 16)
    assert (o.cross_replace, o.word_windows) == (1.0, {"dog": (0.1, 0.3)})
    assert (o.self_replace, o.reweight) == ((0.25, 0.75), {"dog": 3})
    assert (o.blend, o.blend_subtract) == ("cat, photo=>dog", "bench=>bench")
    assert found.blend is not None
    assert (found.blend.threshold, found.blend.subtract_threshold, found.blend.start) == (0.4, 0.6, 6)


def test_other_corrections_are_taken(tmp_path: Path) -> None:
    said = {"correction": "source row, every 3rd step, scaled", "interval": 3, "scale": 0.4}
    found = read(tmp_path, DIRECT, inversion_guidance=2.5, **said)
    assert isinstance(found, DirectFile)
    assert found.inversion == Direct(every=3, scale=0.4, guidance=2.5)


def test_other_proximal_guides_are_taken(tmp_path: Path) -> None:
    found = read(tmp_path, PROXIMAL, prox="l1", quantile=-0.1, recon_t=-300, recon_lr=1, dilate_mask=2)
    assert isinstance(found, NegativePromptFile)
    same = {"proximal": "l1-official", "threshold": 0.1, "above": 300, "below": 1000, "dilate": 2}
    assert found.inversion == NegativePrompt.model_validate({**same, "reconstruction_guidance": 1.0})


def test_other_couplings_and_skips_are_taken(tmp_path: Path) -> None:
    found = read(tmp_path, "edict-odd-steps", mix_weight=0.9, init_image_strength=0.5, leapfrog_steps=False)
    assert isinstance(found, EdictFile)
    assert (found.inversion.mix, found.inversion.strength, found.inversion.alternate) == (0.9, 0.5, False)
    found = read(tmp_path, "ddpm_inversion-p2p", skip=3, cfg_src=2, eta=0.5, controller="refine")
    assert isinstance(found, EditFriendlyFile)
    assert (found.found.walked(8), found.found.source_guidance, found.found.eta) == (5, 2, 0.5)
    assert found.method_options.kind == "refine"


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        (P2P, {"temperature": 2}, "temperature"),
        (P2P, {"edit": "swirl"}, "'edit' has the unknown value 'swirl'"),
        (P2P, {"self_limit": "16x32"}, "self_limit"),
        (P2P, {"cross_replace_steps": {"default_": "most"}}, "cross_replace_steps"),
        (P2P, {"local_blend": {"version": 3, "words": [["cat"], ["dog"]]}}, "local_blend.version"),
        (P2P, {"guidance": 99}, "guidance"),
        (P2P, {"clip_sample": True}, "clip_sample"),
        (DIRECT, {"correction": "source and target rows"}, "correction"),
        (DIRECT, {"editor": "masactrl"}, "editor"),
        (PROXIMAL, {"prox": "l2"}, "prox"),
        ("edict-odd-steps", {"run_baseline": True}, "run_baseline"),
        ("ddpm_inversion-p2p", {"mode": "ddim"}, "mode"),
        ("blended_latent_diffusion", {"ddim_eta": 1}, "ddim_eta"),
        ("blended_latent_diffusion", {"blend": {"when": "never"}}, "blend.when"),
    ],
)
def test_what_is_not_known_is_a_failed_row(
    tmp_path: Path, name: str, settings: dict[str, Any], named: str
) -> None:
    row = refused(prepare(changed(tmp_path, name, **settings)))
    assert named in row.note and row.adapted
    assert "FAILED" in str(row)


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    file = changed(tmp_path, "edict-odd-steps")
    golden = Golden.load(file)
    left = {k: v for k, v in golden.settings.values.items() if k != "mix_weight"}
    save_file(dict(golden.arrays), file, {**golden.meta, "settings": json.dumps(left)})
    assert "'mix_weight' is missing" in refused(prepare(file)).note


def test_other_methods_are_counted_apart(tmp_path: Path) -> None:
    row = refused(prepare(changed(tmp_path, P2P, method="telepathy")))
    assert not row.adapted and "telepathy" in row.note
    said = summary([row, Row("one", "array", 1e-4, 0.0, 0.0)])
    assert said == f"1 of 1 rows within their tolerance, 0 failed; no adapter: 1 files ({P2P})."


def test_what_is_no_file_is_a_failed_row(tmp_path: Path) -> None:
    file = tmp_path / "odd.safetensors"
    file.write_bytes(b"nothing")
    assert "cannot be read" in refused(prepare(file)).note
    save_file(dict(Golden.load(DIRECT).arrays), file, {"method": "pnp_inversion"})
    assert "says nothing of its settings" in refused(prepare(file)).note


def test_an_array_nobody_compares_is_a_failed_row(tmp_path: Path) -> None:
    golden = Golden.load("blended_latent_diffusion")
    arrays = {**dict(golden.arrays), "loss": golden["timesteps"].float()}
    file = stored(tmp_path, golden, arrays)
    failed = [row for row in run([prepare(file)], "whole") if row.failed]
    assert [row.array for row in failed] == ["loss"]


def test_a_wrong_array_fails(tmp_path: Path) -> None:
    golden = Golden.load("blended_latent_diffusion")
    arrays = {
        name: array * 1.001 if name == "final_latents" else array for name, array in golden.arrays.items()
    }
    file = stored(tmp_path, golden, arrays)
    ticks: list[int] = []
    job = prepare(file)
    rows = list(run([job], "whole", ticks.append))
    assert [row.array for row in rows if row.failed] == ["final_latents"]
    assert sum(ticks) == job.rows("whole"), "the bar ends where it was said to"
    assert re.search(r"\| blended \| final_latents \| 1e-05 \| 1\.0e-03 \| \d+\.\d\d% FAILED \|", table(rows))


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", str(tmp_path)]) == 2
    changed(tmp_path, P2P, method="telepathy")
    assert main(["--from", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert "no adapter for the method 'telepathy'" in printed.out
    assert "1 files, about 0.0 minutes." in printed.err
    assert asked(["--from", str(tmp_path)]) == (tmp_path, "whole", [])
    assert asked([]) == (GOLDEN, "ends", [])
