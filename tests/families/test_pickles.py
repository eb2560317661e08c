"""Pickles become safetensors files, and none of them runs anything."""

import io
import pickle
import resource
import signal
import subprocess
import zipfile
from collections import OrderedDict
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from overpaint.errors import UsageError
from overpaint.families import unpickling
from overpaint.families.pickles import convert

safetensors: Any = import_module("safetensors.torch")
pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")


class Touch:
    """What a malicious file holds: reading it would create a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.call, (["touch", str(self.mark)],)


def saved(path: Path, what: object, zipped: bool = True) -> Path:
    torch.save(what, path, _use_new_zipfile_serialization=zipped)
    return path


def inside(file: Path) -> str:
    """Why the reading program, run in this process, cannot convert a file."""
    kinds = (ValueError, RuntimeError, pickle.UnpicklingError, EOFError, unpickling.Refused)
    with pytest.raises(kinds) as caught:
        unpickling.convert(str(file), str(file.with_name("out")))
    assert not file.with_name("out").exists()
    return unpickling.detail(caught.value)


def refused(file: Path, **more: Any) -> str:
    """The sentence; nothing may be left in the folder beside what was there."""
    before = sorted(file.parent.iterdir())
    with pytest.raises(UsageError) as caught:
        convert(file, **more)
    assert sorted(file.parent.iterdir()) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_comes_out_as_its_tensors(tmp_path: Path, zipped: bool) -> None:
    shared = torch.arange(6.0)
    state: OrderedDict[str, torch.Tensor] = OrderedDict(
        a=shared, b=shared[:3], c=shared.view(2, 3).T, d=nn.Parameter(torch.ones(2)), e=torch.ones(2).half()
    )
    whole = {"state_dict": state, "epoch": 3, "optimizer_states": [{"m": torch.ones(3)}]}
    done = convert(saved(tmp_path / "x.ckpt", whole, zipped))
    assert done.path == tmp_path / "x.safetensors"
    found = safetensors.load_file(str(done.path))
    assert set(found) == set(state) and done.tensors == 5
    assert all(torch.equal(found[k], v) and found[k].dtype == v.dtype for k, v in state.items())
    assert done.left == ("epoch", "optimizer_states")


def test_nested_containers_get_names_with_dots(tmp_path: Path) -> None:
    inversion = {"string_to_token": {"*": 265}, "string_to_param": {"*": torch.ones(1, 24)}, "name": "cat"}
    file, out = (
        saved(tmp_path / "x.pt", {**inversion, "more": [torch.ones(1), (torch.zeros(1),)]}),
        tmp_path / "y",
    )
    done = unpickling.convert(str(file), str(out))
    assert set(safetensors.load_file(str(out))) == {"string_to_param.*", "more.0", "more.1.0"}
    assert done == {"tensors": 3, "left": ["name", "string_to_token.*"], "stand_ins": []}


def test_code_in_a_pickle_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    file = saved(tmp_path / "x.bin", {"a": torch.ones(2), "b": Touch(mark)})
    assert "call and not for tensors alone" in refused(file)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "bare.pt").write_bytes(pickle.dumps(Touch(mark), protocol))
        assert inside(tmp_path / "bare.pt")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:  # by hand, as no torch would write it
        archive.writestr("archive/data.pkl", pickle.dumps(Touch(mark), protocol=2))
        archive.writestr("archive/version", "3\n")
    (tmp_path / "hand.pth").write_bytes(inner.getvalue())
    assert inside(tmp_path / "hand.pth")
    assert not mark.exists()
    pickle.loads(pickle.dumps(Touch(mark)))
    assert mark.exists()  # it would have


@pytest.mark.parametrize(
    "data", [b"", b"nothing of the kind", b"PK\x03\x04 cut short", b"\x80\x02", pickle.dumps(b"x" * 10)]
)
def test_files_that_are_no_checkpoints(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.pt").write_bytes(data)
    assert inside(tmp_path / "x.pt")


def test_a_file_that_is_no_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"nothing of the kind")
    assert "cannot be read as a checkpoint" in refused(tmp_path / "x.pt")


def test_what_holds_no_tensors(tmp_path: Path) -> None:
    assert "it holds no tensors" in inside(saved(tmp_path / "x.pt", {"a": 1}))
    deep: Any = torch.ones(1)
    for _ in range(40):
        deep = [deep]
    assert "nested too deeply" in inside(saved(tmp_path / "x.pt", deep))
    assert "that safetensors cannot hold" in inside(saved(tmp_path / "x.pt", {"a": torch.eye(2).to_sparse()}))


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A small file may hold one tensor under many names, which are as many tensors once written."""
    one = torch.zeros(8_000_000)
    file = saved(tmp_path / "big.pt", {str(k): one[k:] for k in range(40)})
    assert file.stat().st_size < 40_000_000
    assert "needs more than 0.2 GB to be read; allow more by --memory" in refused(file, memory=0.2)


def test_a_packed_archive_is_not_unpacked(tmp_path: Path) -> None:
    file = saved(tmp_path / "bomb.pt", {"a": torch.zeros(10_000_000)})
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    assert inside(file)


def test_time_is_bounded(tmp_path: Path) -> None:
    file = saved(tmp_path / "x.pt", {"a": torch.ones(2)})
    assert "was not read within 0 seconds" in refused(file, seconds=0)


def test_names_that_cannot_be(tmp_path: Path) -> None:
    file = saved(tmp_path / "x.pt", {"a": torch.ones(2)})
    assert "There is no file" in refused(tmp_path / "y.pt")
    assert "is not a file" in refused(tmp_path)
    assert "choose a name ending so" in refused(file, out=tmp_path / "y.ckpt")
    assert "is not there" in refused(file, out=tmp_path / "no" / "y.safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"precious")
    assert "exists already" in refused(file)
    assert (tmp_path / "x.safetensors").read_bytes() == b"precious"
    convert(file, overwrite=True)
    assert "is a safetensors file already" in refused(
        tmp_path / "x.safetensors", out=tmp_path / "z.safetensors"
    )


def test_a_disk_that_takes_no_more_is_not_the_source_s_fault(tmp_path: Path) -> None:
    """The system itself refuses the write: no file of this process or its children may grow beyond 8 kB."""
    file = saved(tmp_path / "a.pt", {"w": torch.zeros(10_000)})
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        said = refused(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert said.startswith(f"{tmp_path / 'a.safetensors'} cannot be written (")


def test_a_name_that_safetensors_keeps_for_itself(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.pt", {"__metadata__": torch.zeros(2)})
    assert refused(file) == (
        f"{file} cannot be read as a checkpoint (it names a tensor __metadata__, which safetensors keeps for "
        "itself)."
    )


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_the_class_is_named_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(pickle.dumps({"w": Touch(tmp_path / "mark")}, protocol=protocol))
    assert refused(file).startswith(f"{file} asks for subprocess.call and not for tensors alone")
    assert not (tmp_path / "mark").exists()
