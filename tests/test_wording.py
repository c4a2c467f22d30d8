"""Numbers and text on cards: both glucose units, insulin in words, and nothing harmful from a record."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hooks import wording
from hooks.card import SUMMARY_LIMIT

HOUR_MS = 3_600_000


@pytest.mark.spec("H-03")
@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(62.0, "mg/dL", "62 mg/dL (3.4 mmol/L)"), (180.156, "mmol/L", "10.0 mmol/L (180 mg/dL)")],
)
def test_H03_glucose_reads_in_both_units(value: float, unit: str, text: str) -> None:
    assert wording.glucose(value, unit) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 min ago"), (119, "119 min ago"), (120, "2 h ago"), (2880, "2 days ago")]
)
def test_an_age_reads_in_its_own_scale(minutes: int, text: str) -> None:
    assert wording.age(0, minutes * 60_000) == text


@pytest.mark.spec("H-11")
def test_H11_a_moment_reads_in_the_patients_zone_or_says_utc() -> None:
    at = 1_730_604_600_000
    assert wording.moment(at, "America/New_York") == "02 Nov 2024 23:30"
    assert wording.moment(at, None) == "03 Nov 2024 03:30 UTC"


@pytest.mark.spec("D-02")
@given(st.text(max_size=400))
def test_D02_a_summary_always_fits(text: str) -> None:
    shown = wording.summary("Found: " + text)
    assert 0 < len(shown) <= SUMMARY_LIMIT and "\n" not in shown


@pytest.mark.spec("D-02")
def test_D02_a_summary_is_never_cut_inside_a_number_with_its_unit() -> None:
    assert not re.search(r"\d\s*…$", wording.summary("word " * 26 + "time below 70 is 12.5 % of 14 days"))


HOSTILE = [
    "![x](https://evil.example/p.png)",
    "[x](javascript:alert(1))",
    "https://evil.example/?p=1",
    "www.evil.example",
    "<img src=x onerror=alert(1)>",
    "# heading",
    "| a | b |",
    "a\u202eb\u200bc\x00d",
    "mailto:a@b.example",
]


@pytest.mark.spec("D-01")
@pytest.mark.parametrize("text", HOSTILE)
def test_D01_text_of_a_record_renders_without_links_images_or_blocks(text: str) -> None:
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render("Name: " + wording.plain(text))
    assert re.fullmatch(r"<p>[^<]*</p>\n", rendered), rendered
    assert "evil.example" not in rendered and "javascript" not in rendered


@pytest.mark.spec("D-01")
@given(st.text())
def test_D01_no_text_of_a_record_becomes_markup(text: str) -> None:
    shown = wording.plain(text)
    assert len(shown) <= wording.MAX_PLAIN
    assert not re.search(r"[<>\[\]|`]|https?:", shown)


def test_a_percentage_of_a_page_is_not_broken_at_the_end_of_a_line() -> None:
    assert wording.unbroken("<td>36 %</td> of 14 days, % alone") == (
        "<td>36\N{NO-BREAK SPACE}%</td> of 14 days, % alone"
    )
