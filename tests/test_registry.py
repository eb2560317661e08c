import json
from pathlib import Path

import pytest

from overpaint import registry
from overpaint.errors import UsageError
from overpaint.registry import METHODS, catalogue, every, find, known, read_summary, summary


def test_the_stored_summary_is_fresh() -> None:
    anew = "write it anew: python -m overpaint.registry"
    assert read_summary() == json.loads(json.dumps(summary())), anew
    for name in registry.UNLISTED:
        assert registry.read_unlisted(name) == json.loads(json.dumps(registry.unlisted(name))), anew


def test_every_method_is_found_under_the_name_of_its_card() -> None:
    assert [method.card.name for method in every()] == list(METHODS)
    assert find("p2p").__name__ == "PromptToPrompt"


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'sdedit'"):
        known("sdedt")
    with pytest.raises(UsageError, match="did you mean 'auto'"):
        known("autos", [registry.CHOOSING])
    with pytest.raises(UsageError, match="there are: generate"):
        find("zzzzz")


def test_the_catalogue_can_be_narrowed() -> None:
    assert set(catalogue()) == set(METHODS)
    wanted = {"image", "source"}
    assert set(catalogue(needs=wanted)) == {
        name for name in METHODS if wanted <= (card := find(name).card).needs | card.optional
    }
    assert {"ddim", "p2p"} <= set(catalogue(needs=wanted)) < set(METHODS)
    assert {"sdedit", "ddim", "p2p"} <= set(catalogue("sdxl", ["image"])) < set(METHODS)
    assert catalogue("sd9") == {}


def test_the_summary_can_be_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SUMMARY", tmp_path / "registry.json")
    registry.write_summary()
    assert set(registry.read_summary()) == set(METHODS)
    assert set(registry.read_unlisted("invert")["properties"]) == {"steps", "guidance", "inversion"}
    assert set(registry.read_unlisted("auto")["properties"]) == {"candidates", "type"}
