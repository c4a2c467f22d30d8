"""Columns of instants are read exactly as one by one, and what they leave out is no common form."""

from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers.instants import parse_instants
from fhir_mappers.timing import Moment, parse_time
from models.time_series import UNKNOWN_OFFSET

two = st.integers(0, 99).map(lambda n: f"{n:02d}")
zones = st.sampled_from(["Z", "+00:00", "-00:00", "+14:00", "-11:30", "+15:00", ",05:00", "", "z"])
years = st.sampled_from(["0001", "1900", "1999", "2000", "2024", "2026", "9999", "20x4"])
COMMON: Final = [
    "2024-02-29T23:59:59Z",
    "2024-05-02T10:15:00.123Z",
    "2024-05-02T10:15:00+05:30",
    "2024-05-02T10:15:00.999-03:00",
]


@st.composite
def written(draw: st.DrawFn) -> str:
    """A time in about the common forms, often impossible."""
    fraction = draw(st.sampled_from(["", ".000", ".999", ".12", ".1234"]))
    date = f"{draw(years)}-{draw(two)}-{draw(two)}"
    return f"{date}T{draw(two)}:{draw(two)}:{draw(two)}{fraction}{draw(zones)}"


real = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28)).map(  # noqa: DTZ001
    lambda at: at.strftime("%Y-%m-%dT%H:%M:%S").zfill(19)
)
common = st.tuples(
    real, st.sampled_from(["", ".250"]), st.sampled_from(["Z", "+02:00", "-00:00", "-09:30"])
).map("".join)


@given(st.lists(common | written() | st.text(min_size=18, max_size=30), max_size=20))
def test_a_column_is_read_as_its_texts_one_by_one(texts: list[str]) -> None:
    at_ms, offset, readable = parse_instants(texts)
    for row, text in enumerate(texts):
        if readable[row]:
            single = parse_time(text)
            assert isinstance(single, Moment)
            known = UNKNOWN_OFFSET if single.offset_min is None else single.offset_min
            assert (single.at_ms, known) == (at_ms[row], offset[row])


@pytest.mark.parametrize("text", COMMON)
def test_the_common_forms_are_read(text: str) -> None:
    at_ms, _, readable = parse_instants([text])
    assert readable[0]
    assert at_ms[0] == round(
        datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC).timestamp() * 1000
    )


def test_leap_seconds_midnight_24_and_other_forms_are_left_to_the_single_parser() -> None:
    left = [
        "2016-12-31T23:59:60Z",
        "2024-05-02T24:00:00Z",
        "2024-05-02",
        "2024-05-02T10:15Z",
        "2024-05-02T10:15:00.1234567Z",
    ]
    assert not parse_instants(left)[2].any()
    assert all(isinstance(parse_time(text), Moment) for text in left)


def test_no_texts_give_empty_columns() -> None:
    assert all(column.size == 0 for column in parse_instants([]))
