"""Models by name: loaded once, by one thread, kept a few at a time, and let go when they change."""

import shutil
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import pytest
import torch
from tests import original
from tests.cli.kit import save_folder, save_picture
from tests.kit import draw

from overpaint import edit, generate, invert, load, rerun, unload
from overpaint.errors import OutOfMemory, UsageError
from overpaint.families.embedding import Embedding
from overpaint.families.lora import layers_of
from overpaint.files.provenance import Origin
from overpaint.inversions.cache import Cache
from overpaint.model import Model
from overpaint.run import kept
from overpaint.run.kept import KEPT, MOST

T = TypeVar("T")
PROMPTS = ("a cat", "a dog", "a bird", "a tiger", "a red house", "a blue dog", "snow", "grass")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(autouse=True)
def nothing_kept() -> Generator[None, None, None]:
    unload()
    yield
    unload()


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of models, each time one is read from disk."""
    found: list[str] = []
    real = kept.load_as

    def counted(name: str, *more: Any, **named: Any) -> Model:
        found.append(Path(name).name)
        return real(name, *more, **named)

    monkeypatch.setattr(kept, "load_as", counted)
    return found


def at_once(work: Callable[[str], T]) -> list[T]:
    """What eight threads make of eight prompts, all begun at the same moment."""
    gate = Barrier(len(PROMPTS))

    def begin(prompt: str) -> T:
        gate.wait()
        return work(prompt)

    with ThreadPoolExecutor(len(PROMPTS)) as pool:
        return list(pool.map(begin, PROMPTS))


def test_eight_threads_that_name_a_model(home: Path, loads: list[str]) -> None:
    def drawn(prompt: str) -> str:
        return generate(prompt, model=str(home), steps=2).recipe.output

    together = at_once(drawn)
    assert loads == ["tiny"]
    assert together == [drawn(prompt) for prompt in PROMPTS]
    assert len(set(together)) == len(PROMPTS)


def test_eight_threads_with_one_loaded_model(home: Path) -> None:
    model = load(str(home))

    def drawn(prompt: str) -> str:
        return generate(prompt, model=model, steps=2).recipe.output

    assert at_once(drawn) == [drawn(prompt) for prompt in PROMPTS]


def test_eight_threads_that_load_a_model_each(home: Path) -> None:
    """Weights are all there in every one, and are nobody else's."""
    models = at_once(lambda _: load(str(home)))
    assert len({id(model.net) for model in models}) == len(PROMPTS)
    first = models[0].net.state_dict()
    for model in models:
        found = model.net.state_dict()
        assert all(torch.equal(first[name], value) for name, value in found.items())
        assert {
            p.device.type for part in model.family.parts.values() for net in part for p in net.parameters()
        } == {"cpu"}


def test_a_thread_that_loads_leaves_the_weights_of_others_alone(home: Path, tmp_path: Path) -> None:
    """Half of the threads load while the others teach a word, which makes weights."""
    file = original.save(tmp_path / "w.safetensors", {"emb_params": draw(1, 24)})
    models = [load(str(home)) for _ in PROMPTS[::2]]

    def work(prompt: str) -> str:
        k = PROMPTS.index(prompt)
        if k % 2:
            return load(str(home)).fingerprint
        model = models[k // 2]
        kinds: set[str] = set()
        for _ in range(20):
            with model.patched(Embedding(file, "zebra")):
                encoder: Any = model.family.parts["text"][0]
                kinds.add(encoder.get_input_embeddings().weight.device.type)
        return " ".join(sorted(kinds))

    assert at_once(work)[::2] == ["cpu"] * 4


def test_a_loop_over_pictures_by_name_loads_once(home: Path, tmp_path: Path, loads: list[str]) -> None:
    for k in range(3):
        picture = save_picture(tmp_path / f"{k}.png", 32 + k)
        made = edit(picture, source="a cat", target="a dog", model=str(home), steps=1)
        made.save(tmp_path / f"{k}-edited.png")
    assert loads == ["tiny"]
    rerun(tmp_path / "0-edited.png")
    rerun(tmp_path / "1-edited.png")
    assert len(loads) == 2  # a recipe says the type and the device too


def test_few_are_kept_and_the_longest_unused_goes(home: Path, tmp_path: Path, loads: list[str]) -> None:
    names = [str(shutil.copytree(home, tmp_path / name)) for name in "abc"]
    for name in (names[0], names[1], names[0], names[2], names[0], names[1]):
        generate("a cat", model=name, steps=1)
    assert loads == ["a", "b", "c", "b"]
    assert len(KEPT.models) == MOST


def test_a_model_that_changed_on_disk_is_loaded_anew(home: Path, tmp_path: Path, loads: list[str]) -> None:
    own = Path(shutil.copytree(home, tmp_path / "own"))
    one = generate("a cat", model=str(own), steps=4)
    config = own / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("0.012", "0.011"))
    other = generate("a cat", model=str(own), steps=4)
    assert loads == ["own", "own"] and len(KEPT.models) == 1
    assert one.recipe.output != other.recipe.output and one.recipe.model.hash != other.recipe.model.hash


def test_a_tokenizer_that_changed_on_disk_makes_another_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*said: object, **how: object) -> object:
        return object()

    file, words = tmp_path / "x.safetensors", tmp_path / "words"
    file.touch()
    words.mkdir()
    monkeypatch.setattr(kept, "load_as", made)
    found = list[object]()
    for text in ("{}", "{}", '{"cat": 0}'):
        if not (words / "vocab.json").exists() or text != "{}":
            (words / "vocab.json").write_text(text)
        found.append(KEPT.get(str(file), origin=Origin(tokenizer=str(words))))
    assert found[0] is found[1] is not found[2]


def test_unload(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = str(shutil.copytree(home, tmp_path / "other"))
    monkeypatch.chdir(home.parent)
    generate("a cat", model="tiny", steps=1)
    generate("a cat", model=other, steps=1)
    assert unload(str(home)) == 1
    assert unload(str(home)) == 0
    assert unload() == 1
    assert not KEPT.models
    with pytest.raises(UsageError, match="There is no model"):
        unload("no such model")


def test_what_a_program_does_to_its_own_model_is_not_seen_by_name(home: Path) -> None:
    own = load(str(home))
    before = generate("a cat", model=str(home), steps=1).recipe.output
    with torch.no_grad():
        next(iter(layers_of(own).values())).weight.mul_(2)
    assert generate("a cat", model=str(home), steps=1).recipe.output == before


def test_where_memory_runs_out_the_others_are_let_go(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = str(shutil.copytree(home, tmp_path / "other"))
    generate("a cat", model=str(home), steps=1)
    real = kept.load_as

    def small(*more: Any, **named: Any) -> Model:
        if KEPT.models:
            raise OutOfMemory("The device is full.")
        return real(*more, **named)

    monkeypatch.setattr(kept, "load_as", small)
    generate("a cat", model=other, steps=1)
    assert [wanted.home.name for wanted in KEPT.models] == ["other"]


def test_a_loop_by_name_keeps_inversions_and_may_be_told_not_to(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERPAINT_CACHE", str(tmp_path / "cache"))
    picture = save_picture(tmp_path / "cat.png")

    def rows(model: str | Model, **more: Any) -> int:
        asked: dict[str, Any] = {"source": "a cat", "target": "a dog", "steps": 2, **more}
        return edit(picture, model=model, **asked).figures.rows

    assert [rows(str(home)), rows(str(home)), rows(str(home), cache=False)] == [8, 6, 8]
    assert all(model.cache is None for model in KEPT.models.values())
    invert(picture, source="a cat", model=str(home), steps=3, inversion="direct")
    assert rows(str(home), steps=3) == 9
    own = load(str(home))
    assert [rows(own), rows(own, cache=True), rows(own)] == [8, 6, 8]
    own.cache = Cache(tmp_path / "other")
    assert [rows(own), rows(own), rows(own, cache=False)] == [8, 6, 8]
    assert own.cache.folder == tmp_path / "other"


def test_a_rerun_by_name_does_all_the_work(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERPAINT_CACHE", str(tmp_path / "cache"))
    picture = save_picture(tmp_path / "cat.png")
    first = edit(picture, source="a cat", target="a dog", model=str(home), steps=2)
    assert rerun(first).figures.rows == first.figures.rows == 8


def test_the_same_bits_with_and_without_what_was_kept(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERPAINT_CACHE", str(tmp_path / "cache"))
    picture = save_picture(tmp_path / "cat.png")
    asked: dict[str, Any] = {"source": "a cat", "target": "a dog", "model": str(home), "steps": 2}
    found = [edit(picture, cache=cache, **asked).recipe.output for cache in (None, None, False)]
    assert len(set(found)) == 1
