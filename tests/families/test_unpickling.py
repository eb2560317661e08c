"""Checkpoints as training frameworks write them: their classes are stood in for, and nothing is called."""

import collections
import io
import logging
import pickle
import subprocess
import sys
import warnings
import webbrowser
import zipfile
from argparse import Namespace
from collections.abc import Callable, Generator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from tests.cli.kit import Said, overpaint
from tests.kit import numbers
from torch import nn

from overpaint.families import unpickling

safetensors: Any = import_module("safetensors.torch")
pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")


class Calls:
    """Pickled, it is the wish to call something."""

    def __init__(self, what: Callable[..., Any], *args: object) -> None:
        self.wish = what, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.wish


class Untouchable:
    """Says so when one of it is built or restored."""

    def __setstate__(self, state: object) -> None:
        raise AssertionError("a class in a checkpoint was used")


@pytest.fixture
def strange() -> Generator[Callable[[str], type[Untouchable]], None, None]:
    """Makes classes of libraries that are not installed where the file is read."""
    before = set(sys.modules)

    def make(name: str) -> type[Untouchable]:
        home, _, last = name.rpartition(".")
        parts = home.split(".")
        for k in range(len(parts)):
            sys.modules.setdefault(".".join(parts[: k + 1]), ModuleType(".".join(parts[: k + 1])))
        made = type(last, (Untouchable,), {"__module__": home, "__qualname__": last})
        setattr(sys.modules[home], last, made)
        return made

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def saved(path: Path, what: object, protocol: int = 2, zipped: bool = True) -> Path:
    torch.save(what, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    return path


def converted(file: Path) -> tuple[dict[str, torch.Tensor], Said]:
    """The tensors that the command wrote, and what it said."""
    said = overpaint("convert", file)
    assert said.code == 0, said.err
    return safetensors.load_file(str(file.with_suffix(".safetensors"))), said


def refused(file: Path) -> str:
    """The one sentence of the command."""
    said = overpaint("convert", file)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1), said.out
    assert not file.with_suffix(".safetensors").exists()
    return said.err


@pytest.mark.sample(2)
@pytest.mark.parametrize(("protocol", "zipped"), [(2, True), (2, False), (4, False), (5, True)])
def test_a_checkpoint_of_a_training_framework(
    tmp_path: Path, protocol: int, zipped: bool, strange: Callable[[str], type[Untouchable]]
) -> None:
    """Classes as keys and as objects, numbers of numpy, settings, dictionaries of all kinds."""
    best = strange("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint")
    logger = strange("own_trainer.callbacks.ImageLogger")
    state: dict[str, torch.Tensor] = collections.OrderedDict(
        w=torch.arange(6.0).view(2, 3), b=nn.Parameter(torch.ones(3).half())
    )
    whole: dict[str, Any] = {
        "state_dict": state,
        "callbacks": {best: {"best_model_score": np.float64(0.5), "where": Path("runs")}},
        "loggers": [logger(), logging.getLogger("x")],
        "hyper_parameters": Namespace(rate=np.float32(1e-4), table=np.arange(3), seeds={1, 2}),
        "counts": collections.defaultdict(int, a=1),
        "global_step": np.int64(3),
    }
    tensors, said = converted(saved(tmp_path / "x.ckpt", whole, protocol, zipped))
    assert {k: (v.dtype, numbers(v)) for k, v in tensors.items()} == {
        k: (v.dtype, numbers(v)) for k, v in state.items()
    }
    left = "callbacks, counts, global_step, hyper_parameters, loggers"
    assert f"Left out, being no tensors: {left}\n" in said.out
    assert (
        "Stood in for, running nothing: own_trainer.callbacks.ImageLogger, "
        "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint\n" in said.out
    )


def test_the_first_textual_inversions(tmp_path: Path) -> None:
    vectors = nn.ParameterDict({"*": nn.Parameter(torch.ones(2, 4))})
    whole = {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": vectors}
    tensors, _ = converted(saved(tmp_path / "cat.pt", whole))
    assert set(tensors) == {"string_to_token.*", "string_to_param.*"}
    assert torch.equal(tensors["string_to_param.*"], torch.ones(2, 4))


def test_a_whole_module_is_its_parameters_and_buffers(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ParameterList([torch.ones(2)]))
    tensors, said = converted(saved(tmp_path / "net.pth", net))
    assert set(tensors) == set(net.state_dict())
    assert all(torch.equal(tensors[name], value) for name, value in net.state_dict().items())
    assert "torch.nn.modules.batchnorm.BatchNorm1d" in said.out


def test_types_that_are_not_of_a_storage(tmp_path: Path) -> None:
    state = {"a": torch.ones(3).to(torch.float8_e4m3fn), "b": torch.full((2,), 7, dtype=torch.uint16)}
    tensors, _ = converted(saved(tmp_path / "x.pt", state))
    assert tensors["a"].dtype == torch.float8_e4m3fn and numbers(tensors["a"].float()) == [1, 1, 1]
    assert tensors["b"].dtype == torch.uint16 and numbers(tensors["b"]) == [7, 7]


CODE: list[tuple[Any, str]] = [
    (subprocess.call, "subprocess.call"),
    (subprocess.Popen, "subprocess.Popen"),
    (webbrowser.open, "webbrowser.open"),
    (eval, "builtins.eval"),
    (getattr, "builtins.getattr"),
    (torch.load, "torch.serialization.load"),
    (vars(torch.hub)["load"], "torch.hub.load"),
    (np.load, "numpy.load"),
]


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(("what", "named"), CODE)
def test_what_would_be_called_is_refused_by_name(
    tmp_path: Path, what: Callable[..., Any], named: str, protocol: int
) -> None:
    whole = {"state_dict": {"a": torch.ones(1)}, "callbacks": Calls(what, "x")}
    file = saved(tmp_path / "x.ckpt", whole, protocol)
    with pytest.raises(
        unpickling.Refused
    ) as caught:  # in this process, for speed; by command in test_pickles
        unpickling.convert(str(file), str(tmp_path / "out"))
    assert str(caught.value) == named


def test_an_unknown_class_that_is_called_is_refused_too(
    tmp_path: Path, strange: Callable[[str], type[Untouchable]]
) -> None:
    kind = strange("own_trainer.Runner")
    file = saved(tmp_path / "x.ckpt", {"state_dict": {"a": torch.ones(1)}, "b": Calls(kind, "rm")})
    assert "asks for own_trainer.Runner and" in refused(file)


@pytest.mark.parametrize("change", [b"}sb", b"N}S'__defaults__'\nN\x86\x86b"])
def test_what_may_be_called_cannot_be_changed(tmp_path: Path, change: bytes) -> None:
    """A pickle may set the state of anything it can name, and so of a function."""
    body = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n" + change + b"."
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", body)
        archive.writestr("archive/version", "3\n")
    (tmp_path / "x.pt").write_bytes(stream.getvalue())
    assert "x.pt" in refused(tmp_path / "x.pt")


def test_a_tensor_that_reaches_beyond_its_storage(tmp_path: Path) -> None:
    file = saved(tmp_path / "x.pt", {"a": torch.arange(4.0)})
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            wider = data.replace(b"K\x04\x85", b"K\x7f\x85") if name.endswith("data.pkl") else data
            assert wider != data or not name.endswith("data.pkl")
            archive.writestr(name, wider)
    assert "a tensor reaches beyond its storage" in refused(file)


def test_a_program_is_not_run(tmp_path: Path) -> None:
    """By this entry torch knows an archive of programs, which it would load and run."""
    file = saved(tmp_path / "x.pt", {"a": torch.ones(1)})
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("x/constants.pkl", pickle.dumps((), 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "asks for a program (TorchScript)" in refused(file)


def test_the_sentence_holds_no_words_of_a_library(tmp_path: Path) -> None:
    for name, data in (("a.pt", b"nothing"), ("b.pt", b"\x80\x02"), ("c.pt", pickle.dumps([1]))):
        (tmp_path / name).write_bytes(data)
        assert refused(tmp_path / name).endswith(
            "cannot be read as a checkpoint (it is cut short, damaged, or of another kind).\n"
        )
