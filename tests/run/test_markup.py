import pytest

from overpaint.errors import UsageError
from overpaint.run.markup import check_markup, stressed


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("a (blue:1.3) ball", '--reweight "blue=1.3"'),
        ("a (big blue:0.5) ball", '--reweight "big blue=0.5"'),
        ("a [blue: .7] ball", '--reweight "blue=.7"'),
        ("a ball <lora:pixel:0.8>", "--lora pixel.safetensors:0.8"),
        ("a ball <LoRA:pixel>", "--lora pixel.safetensors:1"),
        ("a ball, embedding:mycat", "--embedding mycat.safetensors"),
    ],
)
def test_signs_of_other_programs_name_the_option_that_does_it(prompt: str, named: str) -> None:
    with pytest.raises(UsageError, match=r"target prompt .* plain text here; ") as caught:
        check_markup(prompt, "target")
    assert named in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "prompt",
    ["a cat (grey)", "at 10:30", "a ratio of 3:2", "(left: a cat)", "<cat-toy>", r"\(blue:1.3\)", ""],
)
def test_plain_text_is_left_alone(prompt: str) -> None:
    check_markup(prompt, "source")
    assert not list(stressed(prompt, "source"))


def test_stress_is_said_and_not_refused() -> None:
    (plus,) = stressed("a blue++ ball", "target")
    assert "'blue++'" in plus and '--reweight "blue=1.21"' in plus
    (minus,) = stressed("a (big ball)--", "source")
    assert '--reweight "big ball=0.83"' in minus
    assert not list(stressed("a book on C++, well-known -- really", "source"))
    check_markup("notepad++ on a desk", "source")
