"""What is said of methods by measurement comes from the tables that are kept."""

from pathlib import Path

from overpaint import registry
from overpaint.bench.strengths import read
from overpaint.choosing.measured import measured

TABLE = Path(__file__).parents[2] / "docs" / "bench" / "table.csv"
HEAD = "title,row,method,inversion,type,figure,mean,low,high,cases,failed"


def line(title: str, kind: str, mean: float, cases: int) -> str:
    name, _, walked = title.partition(" ")
    return f"{title},r,{name},{walked},{kind},success,{mean},0,1,{cases},0"


def test_the_usual_inversion_speaks_for_a_method_and_few_cases_for_none() -> None:
    lines = [line("p2p direct", "all", 0.7, 200), line("p2p direct", "style", 0.9, 20)]
    lines += [line("p2p direct", "colour", 0.75, 20), line("p2p direct", "pose", 1.0, 9)]
    lines += [
        line("p2p ddim", "all", 0.9, 200),
        line("sdedit", "all", 0.9, 99),
        line("nothing", "all", 1.0, 200),
    ]
    found = read("\n".join([HEAD, *lines]))
    assert list(found) == ["p2p"] and found["p2p"].best == ("style",) and found["p2p"].success == 0.7


def test_concepts_speak_for_what_goes_by_nothing_else() -> None:
    own, told = "sega,ddim,all,success,0.4,0,1,200,0", "ledits,edit-friendly,all,success"
    lines = [f"sega ddim given concepts,r,{own}", f"ledits edit-friendly,r,{told},0.6,0,1,200,0"]
    lines += [f"ledits edit-friendly given concepts,r,{told},0.9,0,1,200,0"]
    lines += ["glide given region,r,glide,,all,success,0.5,0,1,200,0"]
    found = read("\n".join([HEAD, *lines]))
    assert {name: one.success for name, one in found.items()} == {"sega": 0.4, "ledits": 0.6}


def test_what_is_shipped_names_methods_that_there_are_and_can_be_made_anew() -> None:
    assert measured() and set(measured()) <= set(registry.places())
    assert set(measured()) <= set(read(TABLE.read_text(encoding="utf-8")))
