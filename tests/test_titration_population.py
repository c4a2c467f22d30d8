"""Whom the table is not for, or not with its own goal: crisis, hospital, old age with complex health."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from titration_case import ADA, DAY, DRAFT, HOUR, NOW, labs, order, record, with_lows, with_series

from models import signals
from models.assessment import Assessment, Refused
from models.dosing.basal_titration import assess
from models.dosing.cautious_goal import CHRONIC, COMPLEX, cautious_because
from models.dosing.hyperglycaemic_crisis import VERY_HIGH
from models.dosing.population import age_years
from models.patient_record import Completeness, Condition, PatientRecord
from models.time_series import series_of


def answer(rec: PatientRecord, rule=ADA):
    return assess(rec, DRAFT, NOW, rule, rec.zone)


def dose_of(rec: PatientRecord, rule=ADA) -> float:
    found = answer(rec, rule)
    assert isinstance(found, Assessment), found
    return found.result.proposed_dose_u


def sensor(value: float, days: float = 14):
    at = NOW - 300_000 * np.arange(round(days * 288), dtype=np.int64)[::-1]
    return series_of(signals.GLUCOSE_CGM, "mg/dL", at, np.full(at.size, value), "cgm")


class TestCrisis:
    """From 300 mg/dL a table alone sets no dose (H-13)."""

    @pytest.mark.spec("H-13")
    @pytest.mark.parametrize(("newest", "refused"), [(299, False), (300, True), (412, True)])
    def test_H13_a_newest_glucose_of_three_hundred_is_refused(self, newest, refused):
        found = answer(with_lows(record(), (0.1, float(newest))))
        assert isinstance(found, Refused) is refused
        if refused:
            assert found.reasons[0].about == VERY_HIGH
            assert "ketones" in found.reasons[0].text

    @pytest.mark.spec("H-13")
    def test_H13_a_mean_of_three_hundred_is_refused_for_mornings_and_for_the_sensor(self):
        high = record([310.0, 310.0, 310.0, 290.0])
        assert "Mean fasting glucose" in answer(high).reasons[0].text
        until_lately = sensor(305.0).between(0, NOW - HOUR)
        steady = with_lows(with_series(record(), GLUCOSE_CGM=until_lately), (0.01, 240.0))
        assert "Mean sensor glucose of 14 days" in answer(steady).reasons[0].text

    def test_a_very_high_value_of_days_ago_alone_stops_nothing(self):
        assert dose_of(with_lows(record(), (2.5, 340.0))) == 22.0

    @pytest.mark.spec("H-02")
    def test_H02_deleting_the_newest_high_gives_no_dose_after_a_low(self):
        rec = with_lows(record(), (0.3, 60.0), (0.1, 340.0))
        assert isinstance(answer(rec), Refused)


class TestHospital:
    """Doses at home are not for a ward."""

    @pytest.mark.spec("H-13")
    def test_H13_a_stay_in_hospital_is_refused(self):
        assert [r.about for r in answer(record(in_hospital=True)).reasons] == ["inpatient"]

    @pytest.mark.spec("H-15")
    def test_H15_where_nobody_asked_the_card_says_that_it_is_not_known(self):
        unknown, known = record(), record()
        asked = replace(known, completeness=dict(known.completeness) | {"encounter": Completeness.EMPTY})
        assert "encounter" in {note.about for note in answer(unknown).notes}
        assert "encounter" not in {note.about for note in answer(asked).notes}


def old(years: int = 80, *concepts: str, fasting: float = 145.0, dose_u: float = 20.0) -> PatientRecord:
    """A patient of this age with further problems; fasting glucose between the two goals."""
    base = record([fasting] * 4, birth_date=date(2026 - years, 1, 1), insulin_orders=(order(dose_u),))
    more = tuple(Condition(f"Condition/{c}", c, frozenset(), c, NOW - 900 * DAY, None) for c in concepts)
    return replace(base, conditions=(*base.conditions, *more))


class TestCautiousGoal:
    """ADA Standards of Care, section 13: fasting 90-150 mg/dL with complex health."""

    @pytest.mark.spec("H-14")
    @pytest.mark.parametrize(
        ("fasting", "dose_u"), [(151.0, 22.0), (150.0, 20.0), (131.0, 20.0), (90.0, 20.0), (89.0, 18.0)]
    )
    def test_H14_an_old_patient_is_held_below_150_and_lowered_below_90(self, fasting, dose_u):
        assert dose_of(old(75, fasting=fasting)) == dose_u

    @pytest.mark.parametrize(
        ("years", "concepts", "cautious"),
        [
            (74, (), False),
            (75, (), True),
            (66, ("heart_failure", "copd"), False),
            (66, ("heart_failure", "copd", "stroke"), True),
            (64, ("heart_failure", "copd", "stroke"), False),
            *((55, (concept,), True) for concept in COMPLEX),
        ],
    )
    def test_who_is_titrated_with_caution(self, years, concepts, cautious):
        found = answer(old(years, *concepts))
        assert (found.result.proposed_dose_u == 20.0) is cautious
        assert ("cautious_goal" in found.limits) is cautious
        assert (found.result.cautious_because is not None) is cautious

    def test_an_organisation_may_choose_it_for_all_its_patients(self):
        assert dose_of(old(50), replace(ADA, cautious_goal=True)) == 20.0
        assert dose_of(old(50)) == 22.0

    @pytest.mark.spec("H-01", "H-14")
    def test_H14_nothing_is_started_on_the_cautious_goal_and_little_above_it(self):
        assert [r.about for r in answer(replace(old(80), insulin_orders=())).reasons] == ["fasting_glucose"]
        light = with_series(
            replace(old(76, fasting=170.0), insulin_orders=()),
            BODY_WEIGHT=labs("body_weight", "kg", [(3, 60)]),
        )
        assert dose_of(light) == 6.0

    def test_mealtime_insulin_is_not_spoken_of_before_the_hba1c_goal_of_eight(self):
        at_goal = old(80, fasting=120.0)
        steps = {
            hba1c: answer(with_series(at_goal, HBA1C=labs("hba1c", "%", [(20, hba1c)]))).result.next_steps
            for hba1c in (7.9, 8.1)
        }
        assert not steps[7.9] and steps[8.1]

    def test_every_reason_is_said_in_words(self):
        assert cautious_because(50, frozenset(), True) == "the organisation's choice"
        assert cautious_because(79, frozenset(), False) == "age 79"
        assert cautious_because(50, frozenset({"dementia"}), False) == "dementia on the problem list"
        assert cautious_because(70, CHRONIC, False) == f"age 70 with {len(CHRONIC)} chronic illnesses"
        assert cautious_because(64, CHRONIC, False) is None


@pytest.mark.spec("H-11")
def test_H11_an_age_is_counted_in_the_patients_own_calendar_day():
    born, late = date(2008, 5, 15), 1_778_795_000_000  # 14 May 2026, 21:43 UTC
    assert age_years(born, late) == 17
    assert age_years(born, late, "Europe/Berlin") == 17
    assert age_years(born, late + HOUR, "Europe/Berlin") == 18


class TestWrongClock:
    """H-25: a host whose clock is wrong doses nothing, because the data do not fit the hour."""

    @pytest.mark.spec("H-25")
    @pytest.mark.parametrize("hours", [49, 72, 24 * 30, 24 * 365])
    def test_H25_a_clock_that_is_ahead_finds_all_glucose_too_old(self, hours):
        found = assess(record(), DRAFT, NOW + hours * HOUR, ADA, "UTC")
        assert "fasting_glucose" in {reason.about for reason in found.reasons}

    @pytest.mark.spec("H-25")
    def test_H25_a_clock_that_is_behind_finds_the_order_in_the_future(self):
        found = assess(record(), DRAFT, NOW - 11 * DAY, ADA, "UTC")
        assert "dose_change_date" in {reason.about for reason in found.reasons}


def test_with_complex_health_no_mealtime_insulin_is_proposed():
    frail = with_series(old(80, "frailty", fasting=120.0), HBA1C=labs("hba1c", "%", [(20, 8.6)]))
    (step,) = answer(frail).result.next_steps
    assert "kept simple" in step
