import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from overpaint.bench.results import FILE, Line, Results, row_of
from overpaint.bench.variant import Variant
from overpaint.errors import UsageError
from overpaint.files import atomic

ROW = row_of(Variant("p2p", "direct", options={"steps": 2}, code="c"), "m")


def line(case: str, **more: object) -> Line:
    return {"case": case, "type": "colour", **ROW, "figures": {}, **more}


def test_lines_are_read_again_by_case_and_row(tmp_path: Path) -> None:
    results = Results.opened(tmp_path)
    results.add(line("a"))
    results.add(line("b", method="sdedit"))
    results.add(line("a", method="sdedit"))
    assert Results.read(tmp_path).lines == results.lines
    assert [one["case"] for one in results.lines.values()] == ["a", "b", "a"]


def test_the_last_line_of_a_key_counts(tmp_path: Path) -> None:
    results = Results.opened(tmp_path)
    results.add(line("a", error="No."))
    results.add(line("a"))
    assert list(results.lines.values()) == [line("a")]
    assert len((tmp_path / FILE).read_text().splitlines()) == 2


@pytest.mark.parametrize("name", ["options", "code", "model", "gifts", "inversion"])
def test_what_was_made_otherwise_is_another_row(tmp_path: Path, name: str) -> None:
    results = Results.opened(tmp_path)
    results.add(line("a"))
    results.add(line("a", **{name: "other"}))
    assert len(results.lines) == 2
    assert results.others([ROW]) == 1


def test_a_line_that_was_cut_is_removed_and_the_next_one_is_whole(tmp_path: Path) -> None:
    Results.opened(tmp_path).add(line("a"))
    with (tmp_path / FILE).open("a") as file:
        file.write(json.dumps(line("b"))[:40])
    results = Results.opened(tmp_path)
    results.add(line("c"))
    texts = (tmp_path / FILE).read_text().splitlines()
    assert [json.loads(text)["case"] for text in texts] == ["a", "c"]
    assert results.damaged == 0


def test_a_line_cut_while_we_work_is_repaired_too(tmp_path: Path) -> None:
    results = Results.opened(tmp_path)
    with (tmp_path / FILE).open("a") as file:
        file.write('{"case": "x"')
    results.add(line("a"))
    assert [one["case"] for one in Results.read(tmp_path).lines.values()] == ["a"]


def test_what_is_no_line_is_counted_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not json\n[1]\n" + json.dumps({**line("z"), "format": 0}) + "\n")
    results = Results.opened(tmp_path)
    results.add(line("a"))
    assert results.damaged == 2 and len(results.lines) == 1
    assert len((tmp_path / FILE).read_text().splitlines()) == 4


def test_a_case_is_claimed_by_one(tmp_path: Path) -> None:
    one, other = Results.opened(tmp_path), Results.opened(tmp_path)
    with one.claimed("a") as mine:
        assert mine
        with other.claimed("a") as theirs, other.claimed("b") as another:
            assert not theirs and another
        one.add(line("a"))
    with other.claimed("a") as theirs:
        assert theirs and len(other.lines) == 1  # what was done meanwhile is known
    assert not list((tmp_path / "claims").iterdir())


def test_a_claim_may_be_waited_for(tmp_path: Path) -> None:
    one, other = Results.opened(tmp_path), Results.opened(tmp_path)

    def wait() -> bool:
        with other.claimed("a", patience=20.0) as ours:
            return ours and len(other.lines) == 1

    with ThreadPoolExecutor(1) as pool:
        with one.claimed("a"):
            waiting = pool.submit(wait)
            one.add(line("a"))
        assert waiting.result(timeout=20)


def test_a_claim_of_a_dead_process_is_free(tmp_path: Path) -> None:
    results = Results.opened(tmp_path)
    (tmp_path / "claims" / "a.lock").touch()
    with results.claimed("a") as ours:
        assert ours


def test_many_writers_mix_no_lines_and_do_no_case_twice(tmp_path: Path) -> None:
    def work(_: int) -> None:
        results = Results.opened(tmp_path)
        for case in map(str, range(12)):
            with results.claimed(case) as ours:
                if ours and all(one["case"] != case for one in results.lines.values()):
                    results.add(line(case, padding="x" * 5000))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    cases = [json.loads(text)["case"] for text in (tmp_path / FILE).read_text().splitlines()]
    assert sorted(cases) == sorted(map(str, range(12)))


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A place where no folder can be made: below a file."""
    (tmp_path / "file").touch()
    yield tmp_path / "file" / "bench"


def test_a_folder_that_cannot_be_written_is_one_sentence(locked: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be written to \(.*\); choose another"):
        Results.opened(locked)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_is_read_only_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match="cannot be written to"):
            Results.opened(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_no_results_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There are no results in"):
        Results.read(tmp_path / "nowhere")


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = Results.opened(tmp_path)

    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "append", full)
    with pytest.raises(UsageError, match=r"cannot be written \(No space left on device\)"):
        results.add(line("a"))


@pytest.mark.parametrize("text", ["mine", '{"name": 1}\n{"name": 2}\nand more'])
def test_a_file_of_somebody_else_is_left_as_it_is(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UsageError, match="no list of results"):
        Results.opened(tmp_path)
    assert (tmp_path / FILE).read_text() == text and len(list(tmp_path.iterdir())) == 1
    for own in ("", '{"ca', json.dumps(line("b"))[:40]):
        (tmp_path / FILE).write_text(own)
        assert not Results.opened(tmp_path).lines
