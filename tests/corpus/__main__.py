"""``python -m tests.corpus``: the corpus by kind, with the number of its cases, as a table."""

from tests.corpus import test_names, test_pictures, test_recipes, test_weights, test_words
from tests.corpus.kit import Case, Fine

PARTS: dict[str, dict[str, Case]] = {
    "pictures": test_pictures.ALL,
    "names and places": test_names.READ | test_names.WRITE,
    "prompts": test_words.PROMPTS,
    "numbers": test_words.NUMBERS,
    "options": test_words.OPTIONS,
    "models": test_weights.ALL,
    "recipes": test_recipes.CASES,
}


def main() -> None:
    """Print the table."""
    print("| kind | cases | of them work | of them answered in a sentence |\n|---|---|---|---|")
    every = {f"{kind}: {name}": case for kind, cases in PARTS.items() for name, case in cases.items()}
    for kind, cases in [*PARTS.items(), ("all", every)]:
        fine = sum(expected is Fine for _, expected in cases.values())
        print(f"| {kind} | {len(cases)} | {fine} | {len(cases) - fine} |")


if __name__ == "__main__":
    main()
