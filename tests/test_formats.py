from pathlib import Path

from tests.formats import read_rows, report, write_rows

PAGE = Path(__file__).parents[1] / "docs" / "pictures.md"


def test_the_tables_of_the_docs_are_those_that_are_measured() -> None:
    written = PAGE.read_text().partition("<!-- formats -->")[2].partition("<!-- end of formats -->")[0]
    assert written.strip() == report()


def test_nothing_is_lost_that_should_be_kept() -> None:
    for row in (*read_rows(), *write_rows()):
        assert "lost" not in row and "no" not in row


def test_frames_and_conversions_are_said() -> None:
    said = {row[0]: row[-1] for row in read_rows()}
    for kind in ("GIF, animated", "WebP, animated"):
        assert said[kind] == "only its first frame is used"
    assert "page" in said["TIFF of several pages"] and "CMYK" in said["JPEG, CMYK"]
    assert said["PNG"] == "—"
