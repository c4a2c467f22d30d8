"""Features of heart, pressure, oxygen, temperature, respiration, activity and sleep: their value or their reason."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import signals
from models.assessment import Reason
from models.features.activity import ActivityInputs, steps_per_day
from models.features.baseline import Baseline, baseline_of, deviation
from models.features.blood_pressure import home_mean, morning_minus_evening, nocturnal_dip, probability_above
from models.features.feature import Feature
from models.features.heart import nocturnal_dip as heart_rate_dip
from models.features.heart import resting_heart_rate_change, rmssd_change, sdnn_change
from models.features.oxygen import desaturation_index, spo2_below_90, spo2_nadir
from models.features.respiration import respiration_change
from models.features.sampling import DAY_MS, MINUTE_MS
from models.features.sleep import sleep_duration, sleep_midpoint_sd
from models.features.temperature import highest_temperature, temperature_change
from models.features.vitals import FEATURES, vital_features
from models.patient_record import PatientRecord
from models.time_series import TimeSeries, series_of

END_MS = 1_709_251_200_000  # 2024-03-01T00:00Z
HOUR_MS = 60 * MINUTE_MS


def series(signal: str, hours_before: list[float], values: list[float], unit: str = "/min") -> TimeSeries:
    at_ms = END_MS - (np.array(hours_before) * HOUR_MS).astype(np.int64)
    return series_of(signal, unit, at_ms, np.array(values, float))


def daily(signal: str, values: list[float]) -> TimeSeries:
    """One value a day at 12:00, the last one yesterday."""
    return series(signal, [24 * (len(values) - i) - 12 for i in range(len(values))], values)


CHANGES: list[Callable[[TimeSeries, int, str | None], Feature]] = [
    resting_heart_rate_change, sdnn_change, rmssd_change, temperature_change, respiration_change,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_the_last_week_against_the_own_weeks_before(change: Callable[..., Feature]) -> None:
    found = change(daily("x", [60.0] * 21 + [66.0] * 7), END_MS, "UTC")
    assert (found.value, found.sufficient, found.why_not) == (6, True, None)
    assert (found.start_ms, found.end_ms) == (END_MS - 28 * DAY_MS, END_MS)


@pytest.mark.parametrize(("before", "recent", "sufficient"), [(7, 4, True), (6, 4, False), (7, 3, False)])
def test_a_change_needs_four_recent_days_and_seven_before(before: int, recent: int, sufficient: bool) -> None:
    hours = [24 * (7 + i) + 12 for i in range(before)] + [24 * i + 12 for i in range(recent)]
    found = resting_heart_rate_change(series("x", hours, [60.0] * len(hours)), END_MS, "UTC")
    assert found.sufficient is sufficient and (found.value is None) is not sufficient


@pytest.mark.spec("Q48")
def test_two_sources_are_not_mixed_into_one_baseline() -> None:
    mixed = replace(
        daily(signals.HRV_SDNN, [50.0] * 28),
        source=np.repeat([0, 1], 14).astype(np.int16),
        sources=("a", "b"),
    )
    found = sdnn_change(mixed, END_MS, "UTC")
    assert found.value is None and found.why_not is not None and "more than one source" in found.why_not


def test_the_nightly_dip_of_heart_rate_is_the_fall_from_day_to_night() -> None:
    hours = np.arange(1, 7 * 24)
    of_day = (24 - hours % 24) % 24
    values = np.where(of_day < 6, 54.0, 60.0)
    found = heart_rate_dip(series(signals.HEART_RATE, hours.tolist(), values.tolist()), END_MS, "UTC")
    assert found.value == pytest.approx(10)
    few = heart_rate_dip(series(signals.HEART_RATE, hours[:40].tolist(), values[:40].tolist()), END_MS, "UTC")
    assert few.value is None


def pressure(readings: int, days: int, value: float = 132.0) -> TimeSeries:
    hours = [24 * (i % days) + 1 + i // days for i in range(readings)]
    return series(signals.SYSTOLIC, hours, [value] * readings, "mm[Hg]")


@pytest.mark.parametrize(("readings", "days", "sufficient"), [(12, 3, True), (11, 3, False), (12, 2, False)])
def test_a_home_mean_needs_twelve_readings_on_three_days(readings: int, days: int, sufficient: bool) -> None:
    found = home_mean(pressure(readings, days), END_MS)
    assert found.sufficient is sufficient
    assert found.value == (132 if sufficient else None)


def test_why_there_is_no_home_mean_counts_one_reading_as_one() -> None:
    found = home_mean(pressure(1, 1), END_MS)
    assert found.why_not == "1 reading on 1 day; needs 12 readings on 3 days"


def test_twelve_copies_of_one_reading_are_no_home_mean() -> None:
    assert home_mean(series(signals.SYSTOLIC, [1] * 12, [150] * 12), END_MS).value is None


def test_the_probability_above_the_cut_is_a_half_on_it_and_surer_with_more_days() -> None:
    assert probability_above(pressure(12, 3, 130), 130, END_MS).value == pytest.approx(0.5)
    three, six = (probability_above(pressure(12, days, 135), 130, END_MS).value for days in (3, 6))
    assert three == pytest.approx(0.8068, abs=1e-4)  # Phi(5 / (10 / sqrt 3))
    assert six is not None and three is not None and six > three
    assert probability_above(pressure(5, 3), 130, END_MS).value is None


def test_morning_and_evening_pressure_are_told_apart_on_the_patients_clock() -> None:
    hours = [24 * d + h for d in range(3) for h in (16, 4)]  # 08:00 and 20:00
    readings = series(signals.SYSTOLIC, hours, [140.0, 125.0] * 3)
    assert morning_minus_evening(readings, END_MS, "UTC").value == 15
    assert morning_minus_evening(readings, END_MS, "Asia/Tokyo").value == -15  # 17:00 and 05:00
    assert morning_minus_evening(readings, END_MS, "Asia/Kolkata").value is None  # 13:30 and 01:30
    assert morning_minus_evening(readings, END_MS, None).value is None


def test_the_dip_of_pressure_needs_twenty_day_and_seven_night_readings() -> None:
    hours = [24 - 9 - i / 2 for i in range(20)] + [24 - 1 - i / 2 for i in range(7)]
    values = [140.0] * 20 + [126.0] * 7
    found = nocturnal_dip(series(signals.SYSTOLIC, hours, values), END_MS, "UTC")
    assert found.value == pytest.approx(10)
    assert nocturnal_dip(series(signals.SYSTOLIC, hours[1:], values[1:]), END_MS, "UTC").value is None


def test_oxygen_nadir_and_share_below_90_are_of_the_last_day() -> None:
    readings = series(signals.SPO2, [30, *range(1, 11)], [70, 89, 90, 95, 95, 95, 95, 95, 95, 95, 88])
    assert spo2_nadir(readings, END_MS).value == 88
    assert spo2_below_90(readings, END_MS).value == 20
    assert spo2_nadir(series(signals.SPO2, [1], [85]), END_MS).value is None


def test_drops_of_three_percent_are_counted_per_hour_of_dense_recording() -> None:
    minutes = np.arange(5 * 60)
    value = np.full(minutes.size, 96.0)
    value[30::60] = 92
    night = series_of(signals.SPO2, "%", END_MS - MINUTE_MS * minutes[::-1], value)
    assert desaturation_index(night, END_MS).value == pytest.approx(5 / (299 / 60))
    sparse = series_of(signals.SPO2, "%", END_MS - 2 * MINUTE_MS * minutes[::-1], value)
    assert desaturation_index(sparse, END_MS).value is None


def test_skin_is_not_taken_for_core_temperature() -> None:
    readings = series(signals.BODY_TEMPERATURE, [1, 2, 3], [33.0, 38.4, 37.0], "Cel")
    assert highest_temperature(readings, END_MS).value == 38.4
    assert highest_temperature(readings.take(np.array([2])), END_MS).value is None


def steps(values: list[float]) -> TimeSeries:
    return daily(signals.STEPS_PER_DAY, values)


def worn(days: int) -> TimeSeries:
    hours = [24 * d + h + 1 for d in range(days) for h in range(10)]
    return series(signals.HEART_RATE, hours, [70.0] * len(hours))


@pytest.mark.parametrize(("days", "expected"), [(4, 2500.0), (3, None)])
def test_steps_count_only_on_worn_days_and_need_four(days: int, expected: float | None) -> None:
    inputs = ActivityInputs(
        daily_steps=steps([7000, 6000, 5000, 4000, 3000, 2000, 1000]), heart_rate=worn(days)
    )
    assert steps_per_day(inputs, END_MS, "UTC").value == expected


def test_without_a_sign_of_wear_there_is_no_step_count() -> None:
    found = steps_per_day(ActivityInputs(daily_steps=steps([5000.0] * 7)), END_MS, "UTC")
    assert found.value is None and found.why_not is not None and "wear" in found.why_not


def counted(first_h: float, last_h: float, value: float = 90.0, last_source: int = 0) -> ActivityInputs:
    """A quarter of an hour with steps at two hours of each of seven days."""
    hours = [24 * day + 24 - h for day in reversed(range(7)) for h in (first_h, last_h)]
    counts = series(signals.STEPS, hours, [90.0, value] * 7)
    source = np.where(np.arange(14) % 2, last_source, 0).astype(np.int16)
    return ActivityInputs(interval_steps=replace(counts, source=source, sources=("watch", "phone")))


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (counted(8, 18), 180.0),
        (counted(8, 17.75), None),
        (counted(8, 18, value=0.0), None),
        (counted(8, 18, last_source=1), None),
    ],
)
def test_steps_ten_hours_apart_of_one_source_show_that_the_counter_was_worn(
    inputs: ActivityInputs, expected: float | None
) -> None:
    assert steps_per_day(inputs, END_MS, "UTC").value == expected


def test_counts_of_half_days_do_not_tell_when_the_counter_moved() -> None:
    inputs = counted(0, 12)
    assert inputs.interval_steps is not None
    until_ms = inputs.interval_steps.at_ms + 12 * HOUR_MS
    halves = replace(inputs.interval_steps, until_ms=until_ms)
    assert steps_per_day(ActivityInputs(interval_steps=halves), END_MS, "UTC").value is None


@pytest.mark.spec("Q44", "Q45")
def test_totals_intervals_phone_and_watch_are_never_added() -> None:
    hours = [24 * d + h + 1 for d in range(7) for h in range(8)]
    both = replace(
        series(signals.STEPS, hours, [500.0, 100.0] * 28),
        source=np.tile([0, 1], 28).astype(np.int16),
        sources=("watch", "phone"),
    )
    wear = worn(7)
    assert steps_per_day(ActivityInputs(interval_steps=both, heart_rate=wear), END_MS, "UTC").value == 2000
    inputs = ActivityInputs(daily_steps=steps([9000.0] * 7), interval_steps=both, heart_rate=wear)
    assert steps_per_day(inputs, END_MS, "UTC").value == 9000


@pytest.mark.spec("Q44", "Q45")
def test_a_total_sent_again_as_the_day_goes_on_is_not_added_to_itself() -> None:
    again = series(
        signals.STEPS_PER_DAY, [24 * d + h for d in range(7) for h in (1, 2)], [2000.0, 6000.0] * 7
    )
    assert steps_per_day(ActivityInputs(daily_steps=again, heart_rate=worn(7)), END_MS, "UTC").value == 6000


def test_a_count_over_a_week_belongs_to_no_day() -> None:
    days = [24 * d + 1 for d in range(7)]
    counts = series(signals.STEPS, days, [50_000.0, *[3000.0] * 6])
    until_ms = counts.until_ms.copy()
    until_ms[0] += 7 * 24 * 3_600_000
    inputs = ActivityInputs(interval_steps=replace(counts, until_ms=until_ms), heart_rate=worn(7))
    assert steps_per_day(inputs, END_MS, "UTC").value == 3000


def nights(starts_h: list[float], length_h: float = 8.0) -> TimeSeries:
    """Nights that start at these hours after 20:00."""
    hours = [24 * (i + 1) + 4 - start for i, start in enumerate(starts_h)]
    asleep = series(signals.SLEEP_DURATION, hours, [60 * length_h] * len(hours), "min")
    return replace(asleep, until_ms=asleep.at_ms + round(length_h * HOUR_MS))


def test_sleep_is_the_median_night_and_its_regularity_the_spread_of_midpoints() -> None:
    regular, irregular = nights([2.0] * 6), nights([0, 4, 0, 4, 0, 4])
    assert sleep_duration(regular, END_MS, "UTC").value == 480
    assert sleep_midpoint_sd(regular, END_MS, "UTC").value == pytest.approx(0, abs=1e-3)
    assert sleep_midpoint_sd(irregular, END_MS, "UTC").value == pytest.approx(120, abs=4)
    assert sleep_duration(nights([2.0] * 4), END_MS, "UTC").value is None


def test_a_date_is_no_night_with_a_midpoint_and_a_nap_is_no_night() -> None:
    dates = replace(nights([2.0] * 6), until_ms=nights([2.0] * 6).at_ms + DAY_MS)
    assert sleep_midpoint_sd(dates, END_MS, "UTC").value is None
    assert sleep_duration(nights([2.0] * 6, length_h=0.5), END_MS, "UTC").value is None


def baseline(values: TimeSeries, before_ms: int = END_MS) -> Baseline:
    found = baseline_of(values, before_ms, "UTC")
    assert isinstance(found, Baseline)
    return found


def heart_rate(days: int = 14) -> TimeSeries:
    minutes = np.arange(10, days * 1440, 10)
    of_day = (-minutes // 60) % 24
    value = 60 + of_day + (minutes // 10) % 3
    return series(signals.HEART_RATE, (minutes / 60).tolist(), value.tolist())


def test_the_baseline_is_the_median_and_spread_of_each_local_hour() -> None:
    own = baseline(heart_rate())
    assert own.median == pytest.approx(61 + np.arange(24), abs=1)
    assert own.spread == pytest.approx(np.full(24, 1.4826), abs=1e-9)
    high = series(signals.HEART_RATE, [-1], [own.median[1] + 5 * 1.4826])
    assert deviation(high, own)[0] == pytest.approx(5)


def test_a_baseline_needs_seven_days_and_a_zone() -> None:
    assert isinstance(baseline_of(heart_rate(5), END_MS, "UTC"), Reason)
    assert isinstance(baseline_of(heart_rate(), END_MS, None), Reason)


def test_an_hour_without_readings_or_spread_has_no_deviation() -> None:
    own = baseline(series(signals.HEART_RATE, [24 * d + 12 for d in range(14)], [60.0] * 14))
    assert np.isnan(deviation(series(signals.HEART_RATE, [0, 12], [90, 90]), own)).all()


@given(st.lists(st.integers(30, 200).map(float), min_size=1, max_size=20))
def test_readings_after_the_instant_change_nothing_in_the_baseline(later: list[float]) -> None:
    past = heart_rate()
    future = END_MS + 10 * MINUTE_MS * np.arange(len(later))
    both = series_of(signals.HEART_RATE, "/min", np.r_[past.at_ms, future], np.r_[past.value, later])
    np.testing.assert_array_equal(baseline(both).median, baseline(past).median)
    np.testing.assert_array_equal(baseline(both).spread, baseline(past).spread)


@given(st.integers(-(10**11), 10**11).map(lambda minutes: minutes // 1000 * 1000))
def test_shifting_all_time_together_changes_no_feature_without_a_clock(shift_ms: int) -> None:
    readings = pressure(14, 4)
    moved = replace(readings, at_ms=readings.at_ms + shift_ms)
    assert home_mean(moved, END_MS + shift_ms).value == home_mean(readings, END_MS).value


@pytest.mark.parametrize(
    "empty_feature",
    [*CHANGES, heart_rate_dip, morning_minus_evening, nocturnal_dip, sleep_duration, sleep_midpoint_sd],
)
@pytest.mark.parametrize("zone", ["UTC", None])
def test_nothing_measured_gives_a_reason_and_what_is_needed(
    empty_feature: Callable[..., Feature], zone: str | None
) -> None:
    found = empty_feature(series("sbp", [], []), END_MS, zone)
    assert found.value is None and found.why_not is not None and "needs" in found.why_not
    assert found.definition.unit and found.definition.source


def test_a_record_gives_a_feature_for_each_signal_it_has_and_none_for_the_others() -> None:
    record = PatientRecord(
        "p",
        zone="UTC",
        series={signals.SYSTOLIC: pressure(12, 3), signals.STEPS_PER_DAY: steps([5000.0] * 7)},
    )
    found = {feature.name: feature for feature in vital_features(record, END_MS)}
    assert set(found) == {
        "sbp_home_mean", "sbp_morning_minus_evening", "sbp_nocturnal_dip",
        "sbp_probability_at_least_130", "sbp_probability_at_least_135", "steps_per_day",
    }  # fmt: skip
    assert found["sbp_home_mean"].value == 132 and found["steps_per_day"].value is None


def test_every_feature_says_its_unit_window_need_and_source_under_a_name_of_its_own() -> None:
    names = [*FEATURES, signals.STEPS]
    record = PatientRecord("p", zone="UTC", series={name: series(name, [], []) for name in names})
    found = vital_features(record, END_MS)
    assert len({feature.name for feature in found}) == len(found) == 23
    for feature in found:
        definition = feature.definition
        assert definition.unit and definition.days > 0 and definition.needs and definition.source
        assert feature.value is None and feature.why_not
