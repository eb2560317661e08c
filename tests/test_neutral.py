"""What a caller has set in torch neither changes the pixels nor is changed."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import torch

from overpaint import Edit, edit, generate, invert, load, rerun, unload
from overpaint.neutral import neutral
from tests.cli.kit import save_folder, save_picture

Mode = Callable[[], AbstractContextManager[object]]


@contextmanager
def default_dtype(dtype: torch.dtype) -> Generator[None, None, None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(name: str) -> Generator[None, None, None]:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def autocast_of_cuda() -> Generator[None, None, None]:
    """As on a machine that has one."""
    torch.set_autocast_enabled("cuda", True)
    try:
        yield
    finally:
        torch.set_autocast_enabled("cuda", False)


MODES: dict[str, Mode] = {
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "autocast of an accelerator": autocast_of_cuda,
    "float64 by default": lambda: default_dtype(torch.float64),
    "bfloat16 by default": lambda: default_dtype(torch.bfloat16),
    "no device by default": lambda: default_device("meta"),
    "no device inside": lambda: torch.device("meta"),
}


def state() -> tuple[object, ...]:
    """All that a caller may have set."""
    return (
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
        *(torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")),
        torch.get_autocast_dtype("cpu"),
        torch.get_default_dtype(),
        torch.empty(0).device.type,
        torch.empty(0).dtype,
        torch._C._len_torch_function_stack(),  # pyright: ignore[reportPrivateUsage]
        torch.get_num_threads(),
        hash(torch.get_rng_state().cpu().numpy().tobytes()),
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_picture(tmp_path_factory.mktemp("pictures") / "cat.png")


def tuned(picture: Path, home: Path) -> Edit:
    """An edit that also learns something on the way."""
    options: dict[str, Any] = {"inversion": "null-text", "inversion.inner": 2}
    return edit(picture, source="a cat", target="a dog", model=str(home), steps=2, **options)


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", MODES)
def test_pixels_and_the_caller_stay_as_they_are(name: str, picture: Path, home: Path, tmp_path: Path) -> None:
    """Loading happens inside as well, by name and by `load`; afterwards both can be used outside."""
    unload()
    wanted = tuned(picture, home).recipe.output
    unload()
    with MODES[name]():
        before = state()
        found = tuned(picture, home)
        found.save(tmp_path / "edited.png")
        again = rerun(tmp_path / "edited.png")
        drawn = generate("a cat", model=str(home), steps=2)
        back = invert(picture, source="a cat", model=str(home), steps=2)
        own = load(str(home))
        assert state() == before
    assert found.recipe.output == again.recipe.output == wanted
    assert tuned(picture, home).recipe.output == wanted
    assert drawn.recipe.output == generate("a cat", model=own, steps=2).recipe.output
    assert back.figures.psnr == invert(picture, source="a cat", model=own, steps=2).figures.psnr
    tensors = [found.latent, *own.net.parameters()]
    assert not any(one.is_inference() or one.dtype != torch.float32 for one in tensors)


def test_all_at_once_also_after_an_error() -> None:
    with ExitStack() as stack:
        for name in ("inference mode", "autocast", "float64 by default", "no device inside"):
            stack.enter_context(MODES[name]())
        before = state()
        with pytest.raises(ZeroDivisionError), neutral():
            made = torch.ones(2, requires_grad=True)
            assert (made.dtype, made.device.type) == (torch.float32, "cpu")
            assert (made @ made).grad_fn is not None and (made @ made).dtype == torch.float32
            raise ZeroDivisionError
        assert state() == before


def test_the_default_type_comes_back_when_the_last_thread_leaves() -> None:
    """The process has one default type: two that come and go out of order must not leave theirs behind."""
    gates = [Barrier(2) for _ in range(3)]
    seen: list[torch.dtype] = []

    def first() -> None:
        with neutral():
            gates[0].wait()
            gates[1].wait()
        seen.append(torch.get_default_dtype())
        gates[2].wait()

    with default_dtype(torch.float64):
        thread = Thread(target=first)
        thread.start()
        gates[0].wait()
        with neutral():
            gates[1].wait()
            gates[2].wait()
            thread.join()
        assert torch.get_default_dtype() == torch.float64
    assert seen == [torch.float32]
