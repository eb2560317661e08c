import json
from pathlib import Path
from typing import Any

from overpaint.train.assemble import save_log


def logged(home: Path, stage: str, *lines: dict[str, Any]) -> None:
    (home / stage).mkdir(parents=True)
    (home / stage / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_log_of_what_training_went_on_from_stays(tmp_path: Path) -> None:
    logged(tmp_path, "unet", {"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0, "figures": {"kind": 0.9}})
    unet: dict[str, Any] = {"losses": [{"step": 9, "loss": 3.0}], "figures": []}
    earlier: dict[str, Any] = {"stages": {"unet": unet, "judge": {"losses": [], "figures": []}}}
    save_log(tmp_path, tmp_path, "overpaint train", {"vae": {"frame_db": 32.0}}, earlier)
    told = json.loads((tmp_path / "LOG.json").read_text())
    assert (told["command"], told["figures"]) == ("overpaint train", {"vae": {"frame_db": 32.0}})
    assert told["stages"]["judge"] == earlier["stages"]["judge"]
    assert told["stages"]["unet"]["before"] == unet
    assert [line["step"] for line in told["stages"]["unet"]["losses"]] == [1]
    assert told["stages"]["unet"]["figures"] == [{"step": 2, "loss": 1.0, "figures": {"kind": 0.9}}]


def test_a_stage_that_began_here_has_nothing_before_it(tmp_path: Path) -> None:
    logged(tmp_path, "clip", {"step": 1, "loss": 2.0})
    save_log(tmp_path, tmp_path, "overpaint train", {})
    assert "before" not in json.loads((tmp_path / "LOG.json").read_text())["stages"]["clip"]
