from time import perf_counter

import pytest

from overpaint.near import distance, listed, near, nearest

OPTIONS = ("steps", "guidance", "inversion", "cross_replace", "self_replace", "blend_threshold", "tuned")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("stesp", "steps"),
        ("stepz", "steps"),
        ("Steps", "steps"),
        ("guidence", "guidance"),
        ("guidance_scale", "guidance"),
        ("num_inference_steps", "steps"),
        ("crossreplace", "cross_replace"),
        ("cross-replace", "cross_replace"),
        ("tune", "tuned"),
        ("threshold", "blend_threshold"),
        ("inver", "inversion"),
    ],
)
def test_a_slip_finds_what_was_meant(said: str, meant: str) -> None:
    assert near(said, OPTIONS) == meant


def test_of_names_with_a_dot_what_stands_before_it_must_be_the_same() -> None:
    names = ("inversion.every", "inversion.scale", "contrast.inner", "guidance")
    assert near("inversion.evry", names) == "inversion.every"
    for said in ("inversion.inner", "inversoin.every", "x.guidance"):
        assert near(said, names) is None


@pytest.mark.parametrize(
    "said", ["device", "dtype", "seed", "scale", "noise", "prompt", "threads", "replace", "", "s", "ed"]
)
def test_another_meaning_is_never_offered(said: str) -> None:
    assert near(said, OPTIONS) is None


def test_the_end_of_a_sentence() -> None:
    assert nearest("stesp", OPTIONS) == "did you mean 'steps'?"
    assert nearest("device", ["a", "b"]) == "there are: a, b."
    assert nearest("device", []) == "there are none."
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"], "or")] == [
        "'a'",
        "'a' and 'b'",
        "'a', 'b' or 'c'",
    ]


@pytest.mark.parametrize(
    ("one", "other", "letters"),
    [("", "", 0), ("", "ab", 2), ("ab", "", 2), ("ab", "ba", 1), ("abc", "abd", 1), ("abc", "xabc", 1)],
)
def test_letters_between_two_names(one: str, other: str, letters: int) -> None:
    assert distance(one, other) == distance(other, one) == letters


def test_what_is_too_long_for_a_slip_is_not_looked_at() -> None:
    known = [f"option_{k}" for k in range(500)]
    began = perf_counter()
    assert near("x" * 1_000_000, known) is None and near("a." + "x" * 1_000_000, known) is None
    assert perf_counter() - began < 1
