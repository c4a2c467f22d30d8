"""Lows before and after the last change of the dose, moments of a sensor, and which low decided."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from titration_case import ADA, DAY, DRAFT, HOUR, NOW, order, record, with_lows, with_series

from models import signals
from models.assessment import Assessment
from models.dosing.basal_titration import assess
from models.dosing.recent_lows import brief_dips, recent_lows
from models.patient_record import Medication, PatientRecord
from models.time_series import series_of


def answer(rec: PatientRecord, rule=ADA) -> Assessment:
    found = assess(rec, DRAFT, NOW, rule, rec.zone)
    assert isinstance(found, Assessment), found
    return found


def on(dose_u: float, days_ago: float, before_u: float | None = None, **changes: object) -> PatientRecord:
    """A patient whose dose changed some days ago, from a known dose or from an unknown one."""
    past = order(before_u, days_ago + 10, reference="MedicationRequest/past", status="stopped")
    return record(
        insulin_orders=(order(dose_u, days_ago),),
        past_insulin_orders=() if before_u is None else (past,),
        **changes,
    )


class TestLowsBeforeTheLastChange:
    """A low is answered once."""

    @pytest.mark.spec("H-02")
    def test_H02_lows_that_all_lie_before_the_last_change_hold_the_dose(self):
        found = answer(with_lows(on(18.0, 4, before_u=22.0), (5.0, 48)))
        assert (found.result.proposed_dose_u, found.limits) == (18.0, ("lows_answered",))
        assert "the dose was lowered from 22 units after them" in found.result.why
        assert found.result.changed_ms == NOW - 4 * DAY

    @pytest.mark.spec("H-02")
    def test_H02_a_low_after_the_last_change_lowers_it_again(self):
        found = answer(with_lows(on(18.0, 4, before_u=22.0), (5.0, 48), (0.5, 66)))
        assert found.result.proposed_dose_u < 18.0

    @pytest.mark.spec("H-02")
    @pytest.mark.parametrize(
        ("before_u", "lowered"), [(16.0, True), (18.0, True), (20.0, False), (None, False)]
    )
    def test_H02_a_renewal_or_a_raise_answers_no_low(self, before_u, lowered):
        found = answer(with_lows(on(18.0, 4, before_u=before_u), (5.0, 48)))
        assert (found.result.proposed_dose_u < 18.0) is lowered

    def test_where_the_dose_before_is_not_on_record_the_card_says_so(self):
        found = answer(with_lows(on(18.0, 4), (5.0, 48)))
        assert "whether that lowered it is not on record" in found.result.why

    def test_low_mornings_before_the_last_change_are_not_answered_twice(self):
        mornings_of_week = [60.0, 62.0, 64.0, 95.0, 100.0, 105.0]
        assert answer(on(18.0, 3.1, before_u=20.0, fasting=mornings_of_week)).result.proposed_dose_u == 18.0
        assert answer(on(18.0, 9, before_u=20.0, fasting=mornings_of_week)).result.proposed_dose_u == 16.0

    def test_a_low_morning_since_the_change_lowers_although_the_interval_has_not_passed(self):
        found = answer(on(18.0, 1.5, before_u=20.0, fasting=[75.0, 72.0, 74.0, 66.0]))
        assert found.result.proposed_dose_u < 18.0

    @pytest.mark.spec("H-02")
    @settings(max_examples=100, deadline=None)
    @given(
        changed=st.floats(0.5, 12),
        before_u=st.sampled_from([None, 16.0, 20.0, 26.0]),
        lows=st.lists(
            st.tuples(st.floats(0.05, 6.95), st.integers(40, 69).map(float)), min_size=1, max_size=3
        ),
        more=st.tuples(st.floats(0.05, 6.95), st.integers(40, 69).map(float)),
    )
    def test_H02_one_more_low_never_raises_the_dose(self, changed, before_u, lows, more):
        rec = with_lows(on(20.0, changed, before_u=before_u), *lows)
        less = answer(with_lows(rec, more)).result.proposed_dose_u
        assert less <= answer(rec).result.proposed_dose_u


def sensor(*lows: tuple[int, float], minutes: int = 5):
    """Three days of readings of 140 mg/dL; lows as (position back from now, mg/dL)."""
    count = 3 * 24 * 60 // minutes
    at = NOW - minutes * 60_000 * np.arange(count, dtype=np.int64)[::-1]
    value = np.full(count, 140.0)
    for back, low in lows:
        value[count - 1 - back] = low
    return series_of(signals.GLUCOSE_CGM, "mg/dL", at, value, "cgm")


class TestDipsOfASensor:
    """One reading is no episode (Danne 2017: 15 minutes), and still no increase."""

    @pytest.mark.spec("H-02", "H-12")
    @pytest.mark.parametrize(("readings", "dose_u"), [(1, 20.0), (2, 20.0), (3, 16.0), (6, 16.0)])
    def test_H12_a_moment_of_a_sensor_holds_and_fifteen_minutes_lower_the_dose(self, readings, dose_u):
        lows = [(200 + back, 53.0) for back in range(readings)]
        found = answer(with_series(record(), GLUCOSE_CGM=sensor(*lows)))
        assert found.result.proposed_dose_u == dose_u
        assert ("brief_dip" in found.limits) is (dose_u == 20.0)

    @pytest.mark.parametrize(("readings", "dose_u"), [(1, 20.0), (3, 18.0)])
    def test_a_dip_at_dawn_is_no_low_morning(self, readings, dose_u):
        """Positions 84 to 86 back from noon lie at five in the morning."""
        lows = [(84 + back, 62.0) for back in range(readings)]
        steady = sensor(*lows)
        calm = replace(steady, value=np.where(steady.value == 140, 115.0, steady.value))
        calm = replace(calm, native_value=calm.value)
        rec = with_series(on(20.0, 10), GLUCOSE_SMBG=None, GLUCOSE_CGM=calm)
        assert answer(rec).result.proposed_dose_u == dose_u

    def test_the_reading_is_called_one_reading_and_shown_with_its_time(self):
        found = answer(with_series(record(), GLUCOSE_CGM=sensor((200, 53.0))))
        assert found.result.why.startswith(
            "One reading of the sensor below 70 mg/dL (3.9 mmol/L), the lowest 53"
        )
        assert "fingerstick" in found.result.why
        assert (found.inputs[0].name, found.inputs[0].value) == ("low that decided, sensor", 53.0)
        assert found.inputs[0].at_ms == NOW - 200 * 5 * 60_000

    def test_a_dip_of_a_sensor_worn_for_hours_is_not_taken_for_time_in_hypoglycaemia(self):
        hours = sensor((10, 53.0), (11, 60.0)).between(NOW - 2 * HOUR, NOW)
        found = answer(with_series(record(), GLUCOSE_CGM=hours))
        assert found.limits == ("brief_dip",)
        assert found.result.why.startswith("2 readings of the sensor below")

    def test_a_very_low_reading_within_a_longer_low_is_level_one_and_lowers_by_ten_percent(self):
        found = answer(with_series(record(), GLUCOSE_CGM=sensor((200, 66.0), (201, 53.0), (202, 66.0))))
        assert found.result.proposed_dose_u == 18.0

    @pytest.mark.spec("H-02")
    def test_H02_a_fingerstick_is_never_noise(self):
        rec = with_lows(with_series(record(), GLUCOSE_CGM=sensor((200, 53.0))), (0.71, 53.0))
        assert answer(rec).result.proposed_dose_u == 16.0

    @pytest.mark.spec("H-02")
    def test_H02_a_low_without_neighbours_on_both_sides_stands(self):
        series = sensor((200, 53.0))
        gap = np.abs(series.at_ms - (NOW - 200 * 300_000)) > 60_000
        near = np.abs(series.at_ms - (NOW - 200 * 300_000)) < HOUR
        alone = series.take(~(gap & near))
        assert answer(with_series(record(), GLUCOSE_CGM=alone)).result.proposed_dose_u == 16.0

    def test_one_reading_of_a_fifteen_minute_sensor_is_an_episode(self):
        found = answer(with_series(record(), GLUCOSE_CGM=sensor((60, 53.0), minutes=15)))
        assert found.result.proposed_dose_u == 16.0

    @pytest.mark.spec("H-02")
    def test_H02_the_newest_reading_is_never_a_dip(self):
        assert recent_lows(with_series(record(), GLUCOSE_CGM=sensor((0, 53.0))), NOW).very_low_now

    @given(st.lists(st.booleans(), max_size=40))
    def test_dips_are_low_readings_between_higher_ones(self, low):
        below = np.array(low, np.bool_)
        dips = brief_dips(np.arange(below.size, dtype=np.int64) * 300_000, below)
        assert not (dips & ~below).any()
        runs = "".join("x" if b else "." for b in low)
        expected = "".join(runs).replace("x", "l")
        for length in (1, 2):
            expected = expected.replace("." + "l" * length + ".", "." + "d" * length + ".")
            expected = expected.replace("." + "l" * length + ".", "." + "d" * length + ".")
        assert "".join("d" if d else "l" if b else "." for d, b in zip(dips, below, strict=True)) == expected


class TestTheLowThatDecided:
    """It stands first among the values used, with its date, device and reference."""

    def test_the_low_is_among_the_values_with_time_and_reference(self):
        found = answer(with_lows(record(), (0.5, 61), (2.0, 64)))
        low = found.inputs[0]
        assert (low.name, low.value, low.at_ms) == ("low that decided, meter", 61.0, NOW - DAY // 2)
        assert found.result.lowest.value == 61.0

    def test_low_mornings_name_the_lowest_morning(self):
        found = answer(record([74.0, 71.0, 72.0]))
        assert (found.inputs[0].name, found.inputs[0].value) == ("low that decided, meter", 71.0)

    def test_without_a_low_no_row_says_there_was_one(self):
        assert not any("low that decided" in used.name for used in answer(record()).inputs)

    def test_after_a_low_the_drug_that_causes_lows_is_named(self):
        taken = Medication("m", "glipizide", frozenset(), "active", NOW - 400 * DAY, None, "sulfonylurea")
        ways = answer(with_lows(record(medications=(taken,)), (0.5, 61))).result.alternatives
        assert any("sulfonylurea" in way.text for way in ways)
        assert not any(
            "sulfonylurea" in way.text for way in answer(record(medications=(taken,))).result.alternatives
        )


class TestSparseSensor:
    """Shares of time say how much time they are of."""

    def test_the_share_of_low_time_states_its_coverage(self):
        few = with_series(record(), GLUCOSE_CGM=sensor())
        assert "cover 21 % of 14 days, too little for a report (70 % needed)" in " ".join(answer(few).checks)

    def test_a_full_sensor_states_it_without_a_warning(self):
        at = NOW - 300_000 * np.arange(14 * 288, dtype=np.int64)[::-1]
        full = series_of(signals.GLUCOSE_CGM, "mg/dL", at, np.full(at.size, 140.0), "cgm")
        text = " ".join(answer(with_series(record(), GLUCOSE_CGM=full)).checks)
        assert "cover 100 % of 14 days." in text


def test_the_next_step_is_an_interval_after_the_last_change_where_it_was_too_soon():
    assert answer(on(20.0, 2)).result.next_step_ms == NOW + DAY
    assert answer(on(20.0, 10)).result.next_step_ms == NOW + 3 * DAY
    slow = replace(ADA, limits=replace(ADA.limits, basal=replace(ADA.limits.basal, interval_days=7)))
    held = answer(on(20.0, 4), slow)
    assert (held.limits, held.result.next_step_ms) == (("no_increase_before_interval",), NOW + 3 * DAY)


def test_a_dose_too_small_to_reduce_is_refused_with_its_reason():
    found = assess(with_lows(on(1.0, 10), (0.5, 61)), DRAFT, NOW, ADA, "UTC")
    assert found.reasons[0].text.startswith("The dose in use is too small to lower by 10 %")
    assert "()" not in found.reasons[0].text


def test_a_start_that_the_limits_leave_nothing_of_names_the_limit():
    tiny = replace(ADA, limits=replace(ADA.limits, basal=replace(ADA.limits.basal, start_units_per_kg=0.005)))
    found = assess(record(insulin_orders=()), DRAFT, NOW, tiny, "UTC")
    assert "the limit of a starting dose cut the number" in found.reasons[0].text


def test_a_reduction_of_a_small_dose_says_that_it_is_more_than_its_share():
    small = answer(with_lows(on(3.0, 10, fasting=[100.0] * 4), (0.5, 61)))
    assert small.result.proposed_dose_u == 2.0
    assert "more than 20 % of so small a dose" in small.result.why
    assert "by 10 to 20 %" in answer(with_lows(on(30.0, 10), (0.5, 61))).result.why


def test_after_a_very_low_glucose_ten_percent_stands_among_the_other_ways():
    doses = [way.dose_u for way in answer(with_lows(on(40.0, 10), (0.5, 50))).result.alternatives]
    assert doses == [40.0, 36.0, None]
