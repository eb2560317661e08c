"""Models of the Hub: from the cache, and from the network only where it was asked for."""

import json
import shutil
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kit import save_folder
from tests.kit import call, equal

from overpaint.errors import UsageError
from overpaint.families.hub import MODEL_FILES, TOKENIZER_FILES, cache_folder, is_hub_id, snapshot
from overpaint.families.locate import place_of
from overpaint.families.tiny import tiny
from overpaint.run.loading import load

huggingface_hub: Any = import_module("huggingface_hub")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the Hub, and no way to the network."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("OVERPAINT_MODELS", "")
    return tmp_path / "hub"


def cached(cache: Path, model: Path, name: str = "owner/tiny") -> Path:
    """The model as the Hub's library keeps it: contents in one folder, links to them in another."""
    home = cache / f"models--{name.replace('/', '--')}"
    for file in (one for one in model.rglob("*") if one.is_file()):
        blob = home / "blobs" / file.relative_to(model).as_posix().replace("/", "-")
        link = home / "snapshots" / COMMIT / file.relative_to(model)
        for place in (blob, link):
            place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, blob)
        link.symlink_to(blob)
    (home / "refs").mkdir(exist_ok=True)
    (home / "refs" / "main").write_text(COMMIT)
    return home / "snapshots" / COMMIT


def test_a_model_in_the_cache_is_loaded_by_its_id(cache: Path, tmp_path: Path) -> None:
    home = cached(cache, save_folder(tmp_path / "model"))
    model = load("owner/tiny", device="cpu")
    assert model.home == home
    assert equal(call(model), call(tiny()))


def test_a_model_that_is_not_there_is_not_fetched(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def no(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", no)
    with pytest.raises(
        UsageError, match=r"no model of that name in the Hub's cache .*; --download fetches it"
    ):
        load("owner/none")


def test_what_is_fetched_is_weights_and_words_alone(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def fetch(name: str, **more: Any) -> str:
        asked.append({"name": name, **more})
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert snapshot("owner/model", download=True) == tmp_path
    assert asked == [{"name": "owner/model", "cache_dir": cache, "allow_patterns": list(MODEL_FILES)}]

    def wanted(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in MODEL_FILES)

    for name in (
        *(
            "unet/diffusion_pytorch_model.safetensors",
            "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
        ),
        *("text_encoder_2/model.safetensors", "unet/diffusion_pytorch_model.safetensors.index.json"),
        *("tokenizer/merges.txt", "tokenizer_2/vocab.json", "scheduler/scheduler_config.json", "README.md"),
    ):
        assert wanted(name)
    for name in (
        *("unet/diffusion_pytorch_model.bin", "v1-5.ckpt", "v1-5.safetensors", "pipeline.py", "unet/x.py"),
        *("safety_checker/model.safetensors", "unet/diffusion_pytorch_model.fp16.bin", "text_encoder/a.pt"),
    ):
        assert not wanted(name)
    assert all(name.endswith((".json", ".txt")) for name in TOKENIZER_FILES)


def test_a_fetch_that_fails_is_one_sentence(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str, **more: Any) -> str:
        raise ConnectionError("no route\nand more")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(UsageError, match="owner/model cannot be fetched: the Hub cannot be reached; look at"):
        load("owner/model", download=True)


@pytest.mark.parametrize(
    ("kinds", "says"),
    [
        (("GatedRepoError", "RepositoryNotFoundError", "HfHubHTTPError"), "want their terms accepted"),
        (("RepositoryNotFoundError", "HfHubHTTPError"), "has no model of that name"),
        (("HfHubHTTPError",), "answered with an error"),
        (("LocalEntryNotFoundError",), "cannot be reached"),
    ],
)
def test_no_words_of_the_library(
    kinds: tuple[str, ...], says: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its own errors the kind alone is passed on."""
    kind = getattr(import_module("huggingface_hub.errors"), kinds[0])
    assert set(kinds) <= {one.__name__ for one in kind.__mro__}

    def fail(name: str, **more: Any) -> str:
        raise kind.__new__(kind, "words of the library")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(UsageError) as caught:
        load("owner/model", download=True)
    assert says in str(caught.value) and "words of the library" not in str(caught.value)


def test_a_full_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str, **more: Any) -> str:
        raise OSError(28, "words of the library")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(UsageError, match=f"cannot be written into {cache} .No space left on device"):
        load("owner/model", download=True)


def test_weights_in_an_unusual_form_are_fetched_too(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best form alone, where there are no plain weights."""
    there = save_folder(tmp_path / "there")
    unet = "unet/diffusion_pytorch_model"
    plain = there / f"{unet}.safetensors"
    for form in ("fp16", "bf16", "non_ema"):
        shutil.copy(plain, there / f"{unet}.{form}.safetensors")
    plain.unlink()
    names = [one.relative_to(there).as_posix() for one in there.rglob("*") if one.is_file()]

    def fetch(name: str, *, allow_patterns: list[str], **more: Any) -> str:
        wanted = [one for one in names if any(fnmatch(one, pattern) for pattern in allow_patterns)]
        for one in wanted:
            (tmp_path / "here" / one).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(there / one, tmp_path / "here" / one)
        return str(tmp_path / "here")

    def listed(name: str) -> list[str]:
        return names

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    monkeypatch.setattr(huggingface_hub, "list_repo_files", listed)
    assert equal(call(load("owner/model", device="cpu", download=True)), call(tiny()))
    assert [one.name for one in (tmp_path / "here" / "unet").glob("*.safetensors")] == [
        "diffusion_pytorch_model.fp16.safetensors"
    ]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("runwayml/stable-diffusion-v1-5", True),
        ("a/b.c_d-1", True),
        ("a", False),
        ("a/b/c", False),
        ("/a/b", False),
        ("../b", False),
        ("a/..", False),
        ("~/b", False),
        ("a b/c", False),
        ("a/b\n", False),
        ("https://x/y", False),
    ],
)
def test_ids(name: str, is_one: bool) -> None:
    assert is_hub_id(name) == is_one


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", "/a")
    assert cache_folder() == Path("/a")
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", "/b")
    assert cache_folder() == Path("/b/hub")
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert cache_folder() == Path("/c/huggingface/hub")


def test_names_on_a_shelf(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERPAINT_MODELS", f"{tmp_path / 'none'}:{tmp_path}")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.safetensors").touch()
    assert place_of("folder") == tmp_path / "folder"
    assert place_of("file") == place_of("file.safetensors") == tmp_path / "file.safetensors"
    with pytest.raises(UsageError, match="There is no model 'other': give still-life"):
        place_of("other")


@pytest.mark.parametrize("suffix", ["ckpt", "pt", "pth", "bin", "CKPT"])
def test_pickles_are_refused_with_the_way_out(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"x.{suffix}"
    file.write_bytes(b"\x80\x02")
    with pytest.raises(UsageError, match=f"may run code when it is read, .* with: overpaint convert {file}$"):
        place_of(str(file))
    with pytest.raises(UsageError, match="overpaint convert"):
        load("still-life", device="cpu", loras=[str(file)])
    with pytest.raises(UsageError, match="overpaint convert"):
        load("still-life", device="cpu", embeddings=[str(file)])


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "", "-x", "~nobody/x/y"])
def test_names_that_no_model_can_have(cache: Path, name: str) -> None:
    with pytest.raises(UsageError):
        place_of(name)


def test_json_of_an_index_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({}))
    with pytest.raises(UsageError, match="There is no model"):
        place_of(str(tmp_path / "x.json"))
