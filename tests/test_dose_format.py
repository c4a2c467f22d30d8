"""Doses that cannot be misread (H-04, H-05)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.dosing.dose_format import (
    glucose_text,
    percent_text,
    stated_units_text,
    step_text,
    units_text,
)


@pytest.mark.spec("H-05")
@given(halves=st.integers(0, 100_000))
def test_H05_a_dose_has_no_trailing_zero_a_leading_digit_and_a_space(halves):
    text = units_text(halves / 2)
    assert re.fullmatch(r"(0|[1-9]\d*)(\.5)? units?", text)
    assert float(text.split()[0]) == halves / 2


@pytest.mark.spec("H-04")
def test_H04_the_unit_is_always_written_out():
    assert [units_text(dose) for dose in (0, 0.5, 1, 10, 12.5)] == [
        "0 units",
        "0.5 units",
        "1 unit",
        "10 units",
        "12.5 units",
    ]
    assert [step_text(step) for step in (2, -2.5, 0, -1)] == ["+2 units", "-2.5 units", "0 units", "-1 unit"]


@pytest.mark.spec("H-05")
@pytest.mark.parametrize("dose_u", [0.1, -1, 10.25, 1e-9])
def test_H05_a_dose_that_no_pen_delivers_is_not_written(dose_u):
    with pytest.raises(ValueError, match="half units"):
        units_text(dose_u)


@pytest.mark.spec("H-03")
def test_H03_glucose_is_printed_in_both_units():
    assert glucose_text(112.4) == "112 mg/dL (6.2 mmol/L)"


@pytest.mark.spec("H-04", "H-05")
@given(halves=st.integers(0, 2000))
def test_H05_a_dose_stated_by_others_reads_like_ours(halves):
    assert stated_units_text(halves / 2) == units_text(halves / 2)


def test_a_dose_stated_by_others_is_shown_as_it_is():
    assert [stated_units_text(dose) for dose in (20.3, 0.25, 200)] == [
        "20.3 units",
        "0.25 units",
        "200 units",
    ]


def test_a_share_reads_as_the_consensus_prints_it():
    assert [percent_text(v) for v in (0, 0.01, 0.05, 4.04, 9.96, 12.4)] == [
        "0 %", "under 0.1 %", "0.1 %", "4.0 %", "10.0 %", "12 %",
    ]  # fmt: skip
