"""FHIR dates and times: every form, what cannot be read, and the local offset that a text does or does not state."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers.timing import Effective, Moment, Precision, TimeFault, effective, parse_time

HELSINKI = ZoneInfo("Europe/Helsinki")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.spec("H-11")
@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_H11_an_instant_is_the_same_in_every_offset(wall: datetime, minutes: int) -> None:
    at = wall.replace(tzinfo=UTC, microsecond=wall.microsecond // 1000 * 1000)
    local = (at + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S")
    sign, size = ("-" if minutes < 0 else "+"), abs(minutes)
    text = f"{local}.{at.microsecond // 1000:03d}{sign}{size // 60:02d}:{size % 60:02d}"
    found = parse_time(text)
    assert isinstance(found, Moment)
    assert found.at_ms == (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert found.offset_min == (minutes or (None if sign == "-" else 0))


@pytest.mark.spec("F-17")
@pytest.mark.parametrize(
    ("text", "at", "offset"),
    [
        ("2024-05-02T10:15:00Z", "2024-05-02T10:15:00+00:00", None),
        ("2024-05-02T10:15:00-00:00", "2024-05-02T10:15:00+00:00", None),
        ("2024-05-02T10:15:00+00:00", "2024-05-02T10:15:00+00:00", 0),
        (" 2024-05-02T10:15:00Z ", "2024-05-02T10:15:00+00:00", None),
        ("2024-05-02T10:15Z", "2024-05-02T10:15:00+00:00", None),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00", None),
        ("2024-05-02T24:00:00Z", "2024-05-03T00:00:00+00:00", None),
        ("2024-05-02T10:15:00.123456789+14:00", "2024-05-01T20:15:00.123+00:00", 840),
        ("2024-05-02T10:15:00.1Z", "2024-05-02T10:15:00.100+00:00", None),
    ],
)
def test_F17_the_odd_forms_of_the_standard_are_read(text: str, at: str, offset: int | None) -> None:
    found = parse_time(text)
    assert isinstance(found, Moment)
    assert (found.at_ms, found.end_ms, found.offset_min) == (ms(at), ms(at), offset)


@pytest.mark.spec("F-17")
@pytest.mark.parametrize(
    "text",
    ["", "x", None, 5, [], "2024-13-01", "2024-02-30", "2024-05-02T25:00:00Z", "2024-05-02T24:00:01Z", "2024-05-02T10:60:00Z",
     "2024-05-02T10:15:61Z", "2024-05-02T10:15:00+15:00", "2024-05-02T10:15:00+02:60", "2024-05-02 10:15:00Z", "0000-01-01",
     "10000-01-01", "2024-5-2", "٢٠٢٤-05-02", "2024-05-02T10:15:00Zjunk"],
)  # fmt: skip
def test_F17_what_is_no_time_is_unreadable(text: object) -> None:
    assert parse_time(text) == TimeFault.UNREADABLE


@pytest.mark.spec("B-12")
@given(st.text(max_size=30) | st.from_regex(r"[0-9T:Z.+-]{1,32}", fullmatch=True))
def test_B12_no_text_raises(text: str) -> None:
    assert isinstance(parse_time(text, HELSINKI), Moment | TimeFault)


@pytest.mark.spec("H-11")
@pytest.mark.parametrize(
    ("text", "precision", "start", "end"),
    [
        ("2024-05-02", Precision.DAY, "2024-05-02T00:00:00+03:00", "2024-05-03T00:00:00+03:00"),
        ("2024-03-31", Precision.DAY, "2024-03-31T00:00:00+02:00", "2024-04-01T00:00:00+03:00"),
        ("2024-12", Precision.MONTH, "2024-12-01T00:00:00+02:00", "2025-01-01T00:00:00+02:00"),
        ("2024", Precision.YEAR, "2024-01-01T00:00:00+02:00", "2025-01-01T00:00:00+02:00"),
    ],
)
def test_H11_a_date_lasts_from_local_midnight_to_local_midnight(
    text: str, precision: str, start: str, end: str
) -> None:
    found = parse_time(text, HELSINKI)
    assert found == Moment(ms(start), ms(end), Precision(precision))
    assert isinstance(parse_time("9999"), TimeFault | Moment)


@pytest.mark.spec("H-11")
def test_H11_a_wall_clock_needs_a_zone_and_an_hour_shown_twice_is_the_first() -> None:
    assert parse_time("2024-05-02T10:15:00") == TimeFault.WITHOUT_OFFSET
    autumn = parse_time("2024-10-27T03:30:00", HELSINKI)
    first_ms = ms("2024-10-27T03:30:00+03:00")
    assert autumn == Moment(first_ms, first_ms, offset_min=180, assumed_zone=True, is_doubtful=True)
    plain = parse_time("2024-10-27T05:30:00", HELSINKI)
    assert isinstance(plain, Moment) and plain.assumed_zone and not plain.is_doubtful


def test_a_period_is_an_interval_a_point_or_half_known() -> None:
    start, end = "2024-05-02T10:00:00Z", "2024-05-02T10:10:00Z"
    both = effective({"effectivePeriod": {"start": start, "end": end}}, None)
    same = effective({"effectivePeriod": {"start": start, "end": start}}, None)
    half = effective({"effectivePeriod": {"start": start}}, None)
    assert isinstance(both, Effective) and both.until_ms - both.at_ms == 600_000
    assert isinstance(same, Effective) and same.until_ms == same.at_ms
    assert isinstance(half, Effective) and half.flags == {"period_without_end"}
    assert effective({"effectivePeriod": {"start": end, "end": start}}, None) == TimeFault.REVERSED
    assert effective({"effectivePeriod": {}}, None) == TimeFault.MISSING
    assert effective({}, None) == TimeFault.MISSING
