"""Basal titration in type 2 diabetes: the tables, the hazards and the laws."""

import math
import random
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from titration_case import (
    ADA,
    DAY,
    DRAFT,
    GLARGINE,
    HOUR,
    LIMITS,
    NOW,
    TREAT_TO_TARGET,
    labs,
    meter,
    mornings,
    order,
    record,
    with_lows,
    with_series,
)

from models import signals
from models.assessment import Assessment, NotAssessed, ReasonCode, Refused
from models.dosing.basal_case import TitrationRule
from models.dosing.basal_proposal import BasalAction
from models.dosing.basal_titration import LOW_NOW, VERY_LOW_NOW, assess
from models.dosing.basal_wish import reduced_u
from models.dosing.population import EXCLUDING, NEEDED_DATA, NEW_DRUGS
from models.dosing.titration_table import find_table
from models.patient_record import (
    Completeness,
    Condition,
    InsulinKind,
    InsulinOrder,
    InsulinProduct,
    Medication,
    PatientRecord,
    Rejection,
)
from models.time_series import series_of
from models.units import MGDL_PER_MMOLL


def answer(rec: PatientRecord, draft: InsulinOrder = DRAFT, rule: TitrationRule = ADA, as_of: int = NOW):
    return assess(rec, draft, as_of, rule, rec.zone)


def proposal(rec: PatientRecord, **rest: object):
    found = answer(rec, **rest)
    assert isinstance(found, Assessment), found
    return found.result


def dose(found) -> float:
    """Units proposed; 0 where there is no answer."""
    return found.result.proposed_dose_u if isinstance(found, Assessment) else 0.0


def abouts(found) -> set[str]:
    assert isinstance(found, Refused | NotAssessed), found
    return {reason.about for reason in found.reasons}


class TestTables:
    """What each table does once everything allows it."""

    @pytest.mark.parametrize(("fasting", "dose_u"), [(130, 20), (131, 22), (200, 22), (85, 20), (71, 18)])
    def test_ada_adds_two_units_above_the_goal_and_lowers_the_dose_below_it(self, fasting, dose_u):
        assert proposal(record([fasting] * 3)).proposed_dose_u == dose_u

    @pytest.mark.parametrize(
        ("fasting", "dose_u"),
        [(99, 50), (100, 52), (119, 52), (120, 54), (139, 54), (140, 56), (179, 56), (180, 58), (299, 58)],
    )
    def test_treat_to_target_takes_its_weekly_steps_where_the_limits_allow(self, fasting, dose_u):
        heavy = with_series(
            record([fasting] * 4, insulin_orders=(order(50.0),)),
            BODY_WEIGHT=labs("body_weight", "kg", [(1, 130)]),
        )
        assert proposal(heavy, rule=TREAT_TO_TARGET).proposed_dose_u == dose_u

    def test_treat_to_target_is_cut_to_the_usual_step_without_a_signed_weekly_one(self):
        found = answer(record([190] * 4), rule=TitrationRule(TREAT_TO_TARGET.table, LIMITS))
        assert (dose(found), found.limits) == (22.0, ("step",))

    @pytest.mark.parametrize(
        ("lowest", "dose_u", "limits"),
        [(71, 50, ("table_low",)), (72, 56, ()), (56, 50, ("table_low",)), (55, 48, ())],
    )
    def test_treat_to_target_holds_below_72_and_reduces_below_56_within_the_week(
        self, lowest, dose_u, limits
    ):
        base = with_series(
            record([150] * 4, insulin_orders=(order(50.0),)),
            BODY_WEIGHT=labs("body_weight", "kg", [(1, 130)]),
        )
        found = answer(with_lows(base, (3.0, lowest)), rule=TREAT_TO_TARGET)
        assert (dose(found), found.limits) == (dose_u, limits)

    @pytest.mark.parametrize(("fasting", "dose_u"), [(79, 18), (80, 20), (130, 20), (131, 22)])
    def test_two_zero_two_moves_two_units_both_ways(self, fasting, dose_u):
        rule = TitrationRule(find_table("two-zero-two"), LIMITS)
        assert proposal(record([fasting] * 3), rule=rule).proposed_dose_u == dose_u

    def test_predictive_303_is_cut_by_the_limits_below_thirty_units(self):
        rule = TitrationRule(find_table("predictive-303"), LIMITS)
        assert answer(record([140] * 3), rule=rule).limits == ("step",)
        assert proposal(record([140] * 3, insulin_orders=(order(30.0),)), rule=rule).proposed_dose_u == 33

    def test_the_mean_is_of_the_last_values_only(self):
        found = proposal(record([300, 300, 120, 120, 120]))
        assert (found.fasting_mgdl, found.action) == (120, BasalAction.HOLD)

    def test_the_proposal_names_table_row_and_limits(self):
        found = proposal(record())
        assert found.table.id == "ada-basal"
        assert (
            found.why == "ADA basal titration: mean fasting glucose above 130 mg/dL (7.2 mmol/L): +2 units."
        )
        assert (found.safety_limits.id, found.safety_limits.version) == ("basal-insulin-limits", "1.0.0")
        assert (found.current_dose_u, found.step_u, found.action) == (20, 2, BasalAction.INCREASE)

    def test_half_units_are_proposed_only_where_the_pen_delivers_them(self):
        odd = record(insulin_orders=(order(20.5),))
        assert proposal(odd, rule=replace(ADA, increment_u=0.5)).proposed_dose_u == 22.5
        assert proposal(odd).proposed_dose_u == 22.0


class TestStart:
    """A first basal dose."""

    @pytest.mark.spec("H-01", "H-14")
    @pytest.mark.parametrize(
        ("weight", "egfr", "born", "dose_u"),
        [
            (100, 85, 1966, 10),
            (49, 85, 1966, 9),
            (100, 59, 1966, 10),
            (80, 59, 1966, 8),
            (80, 60, 1966, 10),
            (80, 85, 1956, 8),
            (80, 85, 1957, 10),
            (45, 45, 1940, 4),
        ],
    )
    def test_H01_H14_a_start_follows_weight_age_and_kidneys(self, weight, egfr, born, dose_u):
        rec = with_series(
            record([170.0] * 4, insulin_orders=(), birth_date=date(born, 1, 1)),
            BODY_WEIGHT=labs("body_weight", "kg", [(3, weight)]), EGFR=labs("egfr", "mL", [(3, egfr)]),
        )  # fmt: skip
        found = proposal(rec)
        assert (found.proposed_dose_u, found.action, found.current_dose_u) == (
            dose_u,
            BasalAction.START,
            None,
        )

    def test_nothing_is_started_at_goal(self):
        assert abouts(answer(record([125] * 4, insulin_orders=()))) == {"fasting_glucose"}

    @pytest.mark.spec("H-02")
    def test_H02_nothing_is_started_after_a_low(self):
        assert abouts(answer(with_lows(record(insulin_orders=()), (0.5, 69)))) == {"recent_lows"}

    def test_mealtime_insulin_without_basal_is_refused(self):
        lispro = order(product=InsulinProduct("lispro", "lispro", InsulinKind.RAPID, 100.0))
        assert abouts(answer(record(insulin_orders=(lispro,)))) == {"mealtime_insulin"}

    @pytest.mark.spec("H-09")
    def test_H09_basal_taken_without_an_order_means_that_the_dose_is_not_known(self):
        rec = with_series(record(insulin_orders=()), INSULIN_BASAL=labs("insulin_basal", "[iU]", [(1, 18)]))
        assert abouts(answer(rec)) == {"current_dose"}


class TestHypoglycaemiaFirst:
    """H-02 at its edges in both units."""

    @pytest.mark.spec("H-02", "H-03")
    @pytest.mark.parametrize("unit", ["mg/dL", "mmol/L"])
    @pytest.mark.parametrize(
        ("value", "days_ago", "dose_u"),
        [
            (53, 0.5, 16),
            (54, 0.5, 18),
            (69, 0.5, 18),
            (70, 0.5, 22),
            (53, 6.9, 16),
            (54, 6.9, 22),
            (69, 1.1, 22),
            (53, 7.1, 22),
        ],
    )
    def test_H02_the_edges_53_54_69_70_decide_alike_in_both_units(self, unit, value, days_ago, dose_u):
        readings = [*mornings([150.0] * 4), (days_ago, float(value))]
        rec = with_series(record(), GLUCOSE_SMBG=meter(readings, unit))
        assert proposal(rec).proposed_dose_u == dose_u

    @pytest.mark.spec("H-02")
    @pytest.mark.parametrize(("shown", "dose_u"), [(2.9, 16), (3.0, 18), (3.8, 18), (3.9, 22)])
    def test_H02_a_meter_in_mmol_is_read_as_it_shows(self, shown, dose_u):
        readings = [*mornings([150.0] * 4), (0.5, shown * MGDL_PER_MMOLL)]
        assert (
            proposal(with_series(record(), GLUCOSE_SMBG=meter(readings, "mmol/L"))).proposed_dose_u == dose_u
        )

    @pytest.mark.spec("H-02")
    @pytest.mark.parametrize(("value", "about"), [(69, LOW_NOW), (54, LOW_NOW), (53, VERY_LOW_NOW)])
    def test_H02_a_low_now_gives_no_dose(self, value, about):
        found = answer(with_lows(record(), (0.01, value)))
        assert isinstance(found, Refused)
        assert abouts(found) == {about}
        assert found.inputs[0].value == value

    @pytest.mark.spec("H-02")
    @pytest.mark.parametrize(("lowest", "dose_u", "limits"), [(69, 20, ("low_fasting",)), (70, 22, ())])
    def test_H02_a_low_fasting_value_of_the_week_holds_the_dose(self, lowest, dose_u, limits):
        found = answer(record([float(lowest), 160, 160, 160, 160]))
        assert (dose(found), found.limits) == (dose_u, limits)

    @pytest.mark.spec("H-02", "H-10")
    def test_H02_a_contradiction_at_one_instant_hides_no_low(self):
        morning = 2 + 5 / 24
        twice = [*mornings([260.0] * 5), (morning - 1 / 24, 68.0), (morning - 1 / 24, 120.0)]
        early = [reading for reading in twice if abs(reading[0] - morning) > 0.01]
        found = answer(with_series(record(), GLUCOSE_SMBG=meter(early)))
        assert found.limits == ("low_fasting",)

    def test_H02_a_low_that_has_recovered_is_recent_and_not_current(self):
        assert proposal(with_lows(record(), (0.03, 60), (0.01, 110))).action is BasalAction.REDUCE

    @pytest.mark.spec("H-02")
    @pytest.mark.parametrize(
        ("low_minutes", "changed_days", "action"),
        [(800, 14, "increase"), (810, 14, "reduce"), (810, 7, "hold")],
    )
    def test_H02_more_than_four_percent_of_time_low_reduces_unless_the_dose_changed_since(
        self, low_minutes, changed_days, action
    ):
        """14 days of 5-minute readings; 4 % are 806 minutes. The lows lie 8 to 13 days back."""
        count = 14 * 288
        value = np.full(count, 140.0)
        value[400 : 400 + low_minutes // 5] = 65.0
        at = NOW - 5 * 60_000 * np.arange(count, dtype=np.int64)[::-1]
        rec = with_series(
            record(insulin_orders=(order(days_ago=changed_days),)),
            GLUCOSE_CGM=series_of(signals.GLUCOSE_CGM, "mg/dL", at, value, "cgm"),
        )
        assert proposal(rec).action == action

    @pytest.mark.parametrize(
        ("current", "ten", "twenty"),
        [
            (100, 90, 80),
            (20, 18, 16),
            (13, 11, 11),
            (12, 10, 10),
            (10, 9, 8),
            (6, 5, 5),
            (4, 3, 3),
            (1, 0, 0),
        ],
    )
    def test_a_reduction_stays_between_ten_and_twenty_percent_where_the_pen_allows(
        self, current, ten, twenty
    ):
        assert reduced_u(current, 0.10, 1.0) == ten
        assert reduced_u(current, 0.20, 1.0) == twenty

    def test_sensor_error_codes_are_no_lows(self):
        at = NOW - 5 * 60_000 * np.arange(288, dtype=np.int64)[::-1]
        value = np.full(288, 140.0)
        value[100], value[150] = 38.0, 5.0
        rec = with_series(record(), GLUCOSE_CGM=series_of(signals.GLUCOSE_CGM, "mg/dL", at, value, "cgm"))
        assert proposal(rec).action is BasalAction.INCREASE


class TestFreshness:
    """H-07: each input has its greatest age."""

    @pytest.mark.spec("H-07")
    @pytest.mark.parametrize(
        ("name", "series", "about"),
        [
            ("BODY_WEIGHT", lambda age: labs("body_weight", "kg", [(age, 100)]), "body_weight"),
            ("EGFR", lambda age: labs("egfr", "mL", [(age, 85)]), "egfr"),
        ],
    )
    def test_H07_weight_and_kidney_function_count_for_ninety_days(self, name, series, about):
        assert dose(answer(with_series(record(), **{name: series(90)}))) == 22
        found = answer(with_series(record(), **{name: series(90.01)}))
        assert isinstance(found, NotAssessed)
        assert [(r.code, r.about) for r in found.reasons] == [(ReasonCode.STALE, about)]

    @pytest.mark.spec("H-07")
    @pytest.mark.parametrize("hours", range(0, 80, 4))
    def test_H07_the_newest_fasting_value_is_at_most_48_hours_old(self, hours):
        found = answer(record([150] * 5), as_of=NOW + hours * HOUR)
        fresh = hours + 5 <= 48
        assert isinstance(found, Assessment) is fresh
        assert fresh or abouts(found) == {"fasting_glucose"}

    @pytest.mark.spec("H-07")
    def test_H07_three_fasting_values_in_seven_days_are_needed(self):
        assert abouts(answer(record([150, 150]))) == {"fasting_glucose"}
        assert dose(answer(record([150, 150, 150]))) == 22

    def test_H07_an_old_hba1c_is_named_and_changes_nothing(self):
        found = answer(with_series(record(), HBA1C=labs("hba1c", "%", [(121, 8.1)])))
        assert dose(found) == 22
        assert "hba1c" in {note.about for note in found.notes}
        assert "hba1c" not in {note.about for note in answer(record()).notes}

    @pytest.mark.spec("H-24")
    @pytest.mark.parametrize(
        "values",
        [
            [(2, 100), (20, 121)],
            [(2, 100), (20, 82)],
            [(2, 45.4), (3, 100)],
            [(2, 19)],
            [(2, 351)],
            [(2, math.nan)],
        ],
    )
    def test_H24_a_weight_in_another_unit_or_of_another_person_is_refused(self, values):
        assert abouts(answer(with_series(record(), BODY_WEIGHT=labs("body_weight", "kg", values)))) == {
            "body_weight"
        }

    @pytest.mark.spec("H-24")
    def test_H24_a_change_within_a_fifth_is_taken(self):
        assert (
            dose(answer(with_series(record(), BODY_WEIGHT=labs("body_weight", "kg", [(2, 100), (20, 119)]))))
            == 22
        )

    @pytest.mark.spec("H-14")
    @pytest.mark.parametrize(
        ("values", "gives"),
        [([(2, 30)], 22), ([(2, 29.9)], 0), ([(2, 60), (40, 80)], 22), ([(2, 59), (40, 80)], 0), ([], 0)],
    )
    def test_H14_kidney_function_below_30_falling_or_unknown_gives_no_dose(self, values, gives):
        series = labs("egfr", "mL", values) if values else None
        assert dose(answer(with_series(record(), EGFR=series))) == gives


class TestMissing:
    """H-08: what is missing is never taken as zero or as fine."""

    @pytest.mark.spec("H-08")
    @pytest.mark.parametrize(
        ("changed", "about"),
        [
            ({"birth_date": None}, "birth_date"),
            ({"zone": None}, "time_zone"),
            ({"conditions": ()}, "type_2_diabetes"),
            ({"insulin_orders": (order(None, why_no_dose="the dose is a range"),)}, "current_dose"),
            ({"insulin_orders": (order(authored_ms=None, start_ms=None),)}, "dose_change_date"),
            (
                {"insulin_orders": (order(product=replace(GLARGINE, units_per_ml=None)),)},
                "insulin_concentration",
            ),
            ({"insulin_orders": (order(product=replace(GLARGINE, ingredient=None)),)}, "insulin_product"),
            ({"insulin_orders": (order(product=replace(GLARGINE, kind=None)),)}, "insulin_product"),
            ({"completeness": {}}, "cgm"),
            ({"medications": (Medication("Medication/x", "", frozenset(), "active", None),)}, "medications"),
        ],
    )
    def test_H08_without_it_there_is_no_dose_and_the_card_can_say_why(self, changed, about):
        assert about in abouts(answer(record(**changed)))

    @pytest.mark.spec("H-08")
    @pytest.mark.parametrize("signal", ["GLUCOSE_SMBG", "BODY_WEIGHT", "EGFR"])
    def test_H08_taking_out_a_series_ends_in_no_answer(self, signal):
        assert isinstance(answer(with_series(record(), **{signal: None})), NotAssessed)

    @pytest.mark.spec("H-08", "H-15")
    @pytest.mark.parametrize("key", NEEDED_DATA)
    @pytest.mark.parametrize("state", [Completeness.PARTIAL, Completeness.FAILED, Completeness.NOT_ASKED])
    def test_H15_data_that_may_be_incomplete_give_no_dose(self, key, state):
        known = dict.fromkeys(NEEDED_DATA, Completeness.COMPLETE) | {key: state}
        assert abouts(answer(record(completeness=known))) == {key}

    def test_all_reasons_are_given_at_once(self):
        found = answer(with_series(record(birth_date=None, insulin_orders=(order(None),)), EGFR=None))
        assert abouts(found) == {"birth_date", "current_dose", "egfr"}


class TestPopulation:
    """H-13: an inclusion list, and everything that ends it."""

    @pytest.mark.spec("H-13")
    @pytest.mark.parametrize("concept", EXCLUDING)
    def test_H13_an_excluding_problem_is_refused(self, concept):
        rec = record()
        problem = Condition("Condition/x", concept, frozenset(), concept, None, None)
        found = answer(replace(rec, conditions=(*rec.conditions, problem)))
        assert isinstance(found, Refused)
        assert abouts(found) == {concept}

    @pytest.mark.spec("H-13")
    @pytest.mark.parametrize(
        ("drug", "start_days", "end_days", "refused"),
        [
            ("systemic_steroid", 400, None, True),
            ("systemic_steroid", 400, 6.9, True),
            ("systemic_steroid", 400, 7.1, False),
            ("glucagon", 29, None, True),
            ("glucagon", 31, None, False),
            ("glucagon", None, None, True),
            *((drug, 27, None, True) for drug in NEW_DRUGS),
            *((drug, 29, None, False) for drug in NEW_DRUGS),
            *((drug, None, None, True) for drug in NEW_DRUGS),
            ("insulin", 400, None, True),
            (None, 1, None, False),
        ],
    )
    def test_H13_drugs_that_change_the_need_are_refused(self, drug, start_days, end_days, refused):
        def at(days):
            return None if days is None else NOW - round(days * DAY)

        taken = Medication(
            "MedicationRequest/m", "a drug", frozenset(), "active", at(start_days), at(end_days), drug
        )
        assert isinstance(answer(record(medications=(taken,))), Refused) is refused

    @pytest.mark.spec("H-13")
    @pytest.mark.parametrize(
        ("drug", "end_days", "refused"),
        [
            ("systemic_steroid", 6.9, True),
            ("systemic_steroid", 7.1, False),
            ("systemic_steroid", None, True),
            ("sulfonylurea", 27.9, True),
            ("sulfonylurea", 28.1, False),
            ("sulfonylurea", None, True),
            ("glucagon", 1, False),
            (None, 1, False),
        ],
    )
    def test_H13_drugs_that_ended_lately_are_refused(self, drug, end_days, refused):
        end_ms = None if end_days is None else NOW - round(end_days * DAY)
        past = Medication(
            "MedicationRequest/m", "a drug", frozenset(), "stopped", NOW - 60 * DAY, end_ms, drug
        )
        assert isinstance(answer(record(past_medications=(past,))), Refused) is refused

    def test_H13_a_drug_that_was_renewed_did_not_end(self):
        past = Medication(
            "MedicationRequest/m", "glipizide", frozenset(), "completed", NOW - 80 * DAY, None, "sulfonylurea"
        )
        now = replace(past, status="active", start_ms=NOW - 50 * DAY)
        assert isinstance(answer(record(past_medications=(past,), medications=(now,))), Assessment)

    @pytest.mark.spec("H-13")
    @pytest.mark.parametrize(("days", "answered"), [(182, False), (184, True)])
    def test_H13_a_diagnosis_of_the_last_half_year_is_refused(self, days, answered):
        new = Condition("Condition/t2", "type_2_diabetes", frozenset(), "T2", NOW - days * DAY, None)
        assert isinstance(answer(record(conditions=(new,))), Assessment) is answered

    def test_H13_a_diagnosis_without_a_date_is_not_assessed(self):
        undated = Condition("Condition/t2", "type_2_diabetes", frozenset(), "T2", None, None)
        assert abouts(answer(record(conditions=(undated,)))) == {"diagnosis_date"}

    @pytest.mark.spec("H-13")
    @pytest.mark.parametrize(
        ("onset", "recorded", "refused"),
        [(None, None, True), (29, None, True), (None, 29, True), (400, 400, False), (400, 10, True)],
    )
    def test_H13_hypoglycaemia_recorded_within_thirty_days_is_refused(self, onset, recorded, refused):
        def at(days):
            return None if days is None else NOW - days * DAY

        rec = record()
        low = Condition(
            "Condition/h", "hypoglycaemia_in_diabetes", frozenset(), "low", at(onset), at(recorded)
        )
        assert isinstance(answer(replace(rec, conditions=(*rec.conditions, low))), Refused) is refused

    @pytest.mark.spec("H-13")
    @pytest.mark.parametrize(("born", "answered"), [(date(2008, 12, 30), False), (date(2000, 1, 1), True)])
    def test_H13_children_are_refused(self, born, answered):
        assert isinstance(answer(record(birth_date=born)), Assessment) is answered

    def test_H13_the_dead_get_no_dose(self):
        assert abouts(answer(record(deceased=True))) == {"patient"}

    @pytest.mark.spec("H-13")
    def test_H13_pump_delivery_is_refused(self):
        rates = labs("insulin_basal_rate", "[iU]/h", [(2, 0.8)])
        assert abouts(answer(with_series(record(), INSULIN_BASAL_RATE=rates))) == {"insulin_pump"}
        given_over_time = labs("insulin_basal", "[iU]", [(2, 20.0)])
        segment = replace(given_over_time, until_ms=given_over_time.at_ms + HOUR)
        assert "insulin_pump" in abouts(answer(with_series(record(), INSULIN_BASAL=segment)))

    @pytest.mark.spec("H-06")
    def test_H06_a_resource_of_another_patient_is_refused(self):
        assert abouts(answer(record(rejected={"wrong_patient": Rejection(1)}))) == {"wrong_patient"}

    @pytest.mark.spec("H-03")
    def test_H03_an_entry_whose_unit_is_not_known_is_not_guessed(self):
        found = answer(record(rejected={"unit_missing": Rejection(2)}))
        assert isinstance(found, NotAssessed)
        assert abouts(found) == {"unit_missing"}
        assert isinstance(answer(record(rejected={"duplicate": Rejection(2)})), Assessment)


class TestOrders:
    """What the dose in use is."""

    @pytest.mark.spec("H-09")
    def test_H09_two_basal_orders_are_refused(self):
        nph = order(product=InsulinProduct("NPH", "isophane", InsulinKind.INTERMEDIATE, 100.0))
        assert "duplicate_basal" in abouts(answer(record(insulin_orders=(order(), nph))))

    def test_mealtime_insulin_beside_basal_is_allowed(self):
        lispro = order(product=InsulinProduct("lispro", "lispro", InsulinKind.RAPID, 100.0))
        assert dose(answer(record(insulin_orders=(lispro, order())))) == 22

    @pytest.mark.spec("H-04")
    @pytest.mark.parametrize("units_per_ml", [40.0, 200.0, 300.0, 500.0, None])
    def test_H04_only_100_units_per_millilitre_is_dosed(self, units_per_ml):
        product = replace(GLARGINE, units_per_ml=units_per_ml)
        both = answer(record(insulin_orders=(order(product=product),)), replace(DRAFT, product=product))
        assert "insulin_concentration" in abouts(both)
        assert "insulin_concentration" in abouts(answer(record(), replace(DRAFT, product=product)))

    def test_a_switch_of_insulin_is_no_titration(self):
        degludec = replace(DRAFT, product=replace(GLARGINE, ingredient="degludec"))
        assert abouts(answer(record(), degludec)) == {"insulin_product"}

    def test_the_dose_in_use_comes_from_the_active_order_and_not_from_the_draft(self):
        assert proposal(record(), draft=replace(DRAFT, dose_u=80.0, daily_dose_u=80.0)).proposed_dose_u == 22

    @pytest.mark.parametrize(
        "changes",
        [{"doses_per_day": 2.0}, {"daily_dose_u": 20.3}, {"daily_dose_u": 0.0}, {"start_ms": NOW + DAY}],
    )
    def test_orders_that_are_no_single_daily_dose_in_force_are_refused(self, changes):
        assert isinstance(answer(record(insulin_orders=(order(**changes),))), Refused | NotAssessed)

    @pytest.mark.parametrize("changes", [{"doses_per_day": 2.0}, {"as_needed": True}])
    def test_drafts_that_are_no_single_daily_dose_are_refused(self, changes):
        assert abouts(answer(record(), replace(DRAFT, **changes))) == {"draft_frequency"}

    @pytest.mark.spec("H-09")
    @pytest.mark.parametrize(("taken", "answered"), [(20, True), (22, True), (17, False), (26, False)])
    def test_H09_doses_taken_that_are_not_those_ordered_are_refused(self, taken, answered):
        given_ = labs("insulin_basal", "[iU]", [(1, taken), (2, taken), (3, taken)])
        assert isinstance(answer(with_series(record(), INSULIN_BASAL=given_)), Assessment) is answered

    @pytest.mark.spec("H-01")
    @pytest.mark.parametrize(("days", "dose_u", "limits"), [(2.9, 20, ("table_interval",)), (3.1, 22, ())])
    def test_H01_nothing_changes_within_three_days(self, days, dose_u, limits):
        found = answer(record(insulin_orders=(order(days_ago=days),)))
        assert (dose(found), found.limits) == (dose_u, limits)

    def test_fasting_values_from_before_the_last_change_are_not_answered_twice(self):
        rec = record([200, 200, 200, 200], insulin_orders=(order(days_ago=3.1),))
        older = with_series(rec, GLUCOSE_SMBG=meter(mornings([200, 200, 200, 200], until_days=1)))
        assert abouts(answer(older)) == {"fasting_glucose"}


class TestOverbasalisation:
    """Signs that stop an increase."""

    @pytest.mark.spec("H-01")
    @pytest.mark.parametrize(
        ("current", "dose_u", "limits"),
        [
            (49, 50, ("ceiling",)),
            (50, 50, ("ceiling",)),
            (51, 51, ("no_increase_above_ceiling",)),
            (48, 50, ()),
        ],
    )
    def test_H01_no_increase_beyond_half_a_unit_per_kilogram(self, current, dose_u, limits):
        found = answer(record(insulin_orders=(order(float(current)),)))
        assert (dose(found), found.limits) == (dose_u, limits)

    @pytest.mark.parametrize(("bedtime", "held"), [(199, False), (200, True)])
    def test_a_fall_of_fifty_from_bedtime_to_morning_holds_the_dose(self, bedtime, held):
        at = np.arange(NOW - 5 * DAY, NOW, 5 * 60_000, dtype=np.int64)
        hour = at % DAY / HOUR
        value = np.where(hour >= 22, float(bedtime), 150.0)
        rec = with_series(record(), GLUCOSE_CGM=series_of(signals.GLUCOSE_CGM, "mg/dL", at, value, "cgm"))
        found = answer(rec)
        assert (("night_drop" in found.limits), dose(found)) == (held, 20 if held else 22)

    def test_wide_variation_holds_the_dose(self):
        at = np.arange(NOW - 14 * DAY, NOW, 5 * 60_000, dtype=np.int64)
        value = np.where(at % DAY / HOUR < 9, 140.0, np.where(at // (3 * HOUR) % 2 == 0, 90.0, 290.0))
        rec = with_series(record(), GLUCOSE_CGM=series_of(signals.GLUCOSE_CGM, "mg/dL", at, value, "cgm"))
        found = answer(rec)
        assert "variability" in found.limits
        assert dose(found) == 20


XULTOPHY = InsulinProduct("Xultophy 100/3.6", "degludec+liraglutide", InsulinKind.LONG_WITH_GLP1, 100.0)
SOLIQUA = InsulinProduct("Soliqua 100/33", "glargine+lixisenatide", InsulinKind.LONG_WITH_GLP1, 100.0)
NPH = InsulinProduct("NPH insulin", "isophane", InsulinKind.INTERMEDIATE, 100.0)
NOVOMIX = InsulinProduct("NovoMix 30", "aspart protamine+aspart", InsulinKind.PREMIX, 100.0)


class TestProducts:
    """Insulins with a table, a time of day or a highest dose of their own."""

    def titrated(self, product, current, fasting=160.0, weight=150, **changes):
        taken = order(float(current), product=product, **changes)
        rec = record([fasting] * 4, insulin_orders=(taken,))
        heavy = with_series(rec, BODY_WEIGHT=labs("body_weight", "kg", [(1, weight)]))
        return answer(heavy, replace(taken, reference="MedicationRequest/draft", status="draft"))

    @pytest.mark.parametrize(
        ("product", "current", "table", "dose_u", "limits"),
        [
            (XULTOPHY, 30, "two-zero-two", 32, ()),
            (XULTOPHY, 49, "two-zero-two", 50, ("product_maximum",)),
            (XULTOPHY, 50, "two-zero-two", 50, ("product_maximum",)),
            (SOLIQUA, 50, "fixed-ratio-weekly", 52, ()),
            (SOLIQUA, 59, "fixed-ratio-weekly", 60, ("product_maximum",)),
        ],
    )
    def test_combinations_are_capped_by_their_other_drug(self, product, current, table, dose_u, limits):
        found = self.titrated(product, current)
        assert (found.result.table.id, dose(found), found.limits) == (table, dose_u, limits)

    def test_a_combination_below_what_its_pen_delivers_is_refused(self):
        assert dose(self.titrated(SOLIQUA, 17, fasting=75.0)) == 15
        assert abouts(self.titrated(SOLIQUA, 16, fasting=75.0)) == {"lowest_dose"}

    def test_a_second_glp1_agonist_is_refused(self):
        taken = order(30.0, product=XULTOPHY)
        glp1 = Medication(
            "MedicationRequest/g",
            "semaglutide",
            frozenset(),
            "active",
            NOW - 400 * DAY,
            None,
            "glp1_receptor_agonist",
        )
        rec = record(insulin_orders=(taken,), medications=(glp1,))
        assert abouts(answer(rec, replace(taken, status="draft"))) == {"duplicate_glp1"}

    @pytest.mark.parametrize("product", [XULTOPHY, SOLIQUA, NOVOMIX])
    def test_a_first_dose_that_depends_on_the_therapy_before_is_not_computed(self, product):
        draft = order(10.0, product=product, status="draft", when=("EVE",))
        assert abouts(answer(record(insulin_orders=()), draft)) == {"start"}

    @pytest.mark.parametrize(
        ("when", "answered"),
        [
            (("HS",), True),
            (("22:00:00",), True),
            (("EVE",), True),
            (("16:59:00",), False),
            (("MORN",), False),
            ((), False),
        ],
    )
    def test_NPH_is_titrated_by_fasting_glucose_only_when_taken_in_the_evening(self, when, answered):
        found = self.titrated(NPH, 20, when=when)
        assert (dose(found) == 22) is answered
        assert answered or abouts(found) == {"evening_dose"}

    @pytest.mark.parametrize(
        ("fasting", "dose_u", "limits"),
        [
            ([150, 118, 160], 22, ()),
            ([190, 185, 200], 22, ("step",)),
            ([100, 150, 150], 20, ()),
            ([79, 150, 150], 18, ()),
        ],
    )
    def test_evening_premix_follows_the_lowest_of_three_mornings(self, fasting, dose_u, limits):
        taken = order(20.0, product=NOVOMIX, when=("EVE",))
        rec = record([float(v) for v in fasting], insulin_orders=(taken,))
        found = answer(rec, replace(taken, status="draft"))
        assert (dose(found), found.limits) == (dose_u, limits)

    def test_evening_premix_stops_at_thirty_units_and_twice_daily_is_refused(self):
        assert self.titrated(NOVOMIX, 30, when=("EVE",)).limits == ("product_maximum",)
        assert "order_frequency" in abouts(
            self.titrated(NOVOMIX, 30, when=("MORN", "EVE"), doses_per_day=2.0)
        )

    @pytest.mark.parametrize(
        "product",
        [
            replace(NOVOMIX, name="NovoMix 50"),
            replace(GLARGINE, ingredient="icodec"),
            InsulinProduct("Ryzodeg", "degludec+aspart", InsulinKind.PREMIX, 100.0),
        ],
    )
    def test_an_insulin_that_is_not_listed_is_refused(self, product):
        assert "insulin_product" in abouts(self.titrated(product, 20, when=("EVE",)))

    def test_a_table_without_a_start_starts_nothing(self):
        rule = TitrationRule(find_table("fixed-ratio-weekly"), LIMITS)
        assert abouts(answer(record(insulin_orders=()), rule=rule)) == {"start"}


class TestKetones:
    """Highs under an SGLT2 inhibitor, below the limit from which no dose is proposed."""

    SGLT2 = Medication(
        "MedicationRequest/sglt2",
        "empagliflozin",
        frozenset(),
        "active",
        NOW - 400 * DAY,
        None,
        "sglt2_inhibitor",
    )

    @pytest.mark.spec("H-13")
    def test_H13_a_raise_from_high_fasting_values_under_an_sglt2_inhibitor_asks_for_ketones(self):
        found = proposal(record([255.0, 281.0, 260.0, 270.0], medications=(self.SGLT2,)))
        assert found.proposed_dose_u > 20 and found.ketones is not None
        assert "look for ketones" in found.ketones and "mean fasting glucose 270 mg/dL" in found.ketones

    @pytest.mark.parametrize(
        ("fasting", "drugs"), [([249.0] * 4, (SGLT2,)), ([281.0] * 4, ())], ids=["lower", "another drug"]
    )
    def test_elsewhere_ketones_are_not_spoken_of(self, fasting, drugs):
        assert proposal(record(fasting, medications=drugs)).ketones is None


class TestNextSteps:
    """Where more basal insulin is not what is missing."""

    def steps(self, rec):
        return " ".join(proposal(rec).next_steps)

    def test_at_the_ceiling_a_glp1_agonist_and_mealtime_insulin_are_named(self):
        text = self.steps(record(insulin_orders=(order(50.0),)))
        assert "GLP-1 receptor agonist" in text
        assert "before the largest meal: 4 units" in text

    @pytest.mark.parametrize(
        ("hba1c", "named", "lowered"),
        [(7.0, False, False), (7.1, True, True), (7.9, True, True), (8.0, True, False)],
    )
    def test_hba1c_above_goal_with_fasting_on_goal_speaks_of_meals(self, hba1c, named, lowered):
        text = self.steps(with_series(record([110] * 4), HBA1C=labs("hba1c", "%", [(20, hba1c)])))
        assert ("before the largest meal: 2 units" in text) is named
        assert ("the basal dose is lowered by as much" in text) is lowered

    def test_what_is_taken_already_is_not_named(self):
        lispro = order(product=InsulinProduct("lispro", "lispro", InsulinKind.RAPID, 100.0))
        glp1 = Medication(
            "MedicationRequest/g",
            "semaglutide",
            frozenset(),
            "active",
            NOW - 400 * DAY,
            None,
            "glp1_receptor_agonist",
        )
        assert self.steps(record(insulin_orders=(lispro, order(50.0)), medications=(glp1,))) == ""

    def test_nothing_is_added_while_basal_insulin_may_still_do_or_after_a_low(self):
        assert self.steps(record()) == ""
        assert self.steps(with_lows(record([110] * 4), (0.5, 60))) == ""


class TestAlternatives:
    """H-17: never a bare number."""

    @pytest.mark.spec("H-17")
    @pytest.mark.parametrize(
        "rec",
        [record(), record([110] * 4), with_lows(record(), (0.5, 60)), record(insulin_orders=())],
        ids=["increase", "hold", "reduce", "start"],
    )
    def test_H17_two_other_ways_inputs_and_checks_stand_beside_each_proposal(self, rec):
        found = answer(rec)
        assert len(found.result.alternatives) >= 2 or found.result.action is BasalAction.START
        assert len(found.result.alternatives) >= 1
        assert found.result.proposed_dose_u not in {a.dose_u for a in found.result.alternatives}
        assert {i.name for i in found.inputs} >= {"weight", "eGFR", "fasting glucose", "HbA1c"}
        assert all(i.unit and i.at_ms for i in found.inputs)
        assert len(found.checks) >= 5


def every_breach(rec: PatientRecord, found) -> list[str]:
    """The rules of H-01, H-02, H-14 read off record and answer, without any of the code that made it."""
    if not isinstance(found, Assessment):
        return []
    proposed = found.result.proposed_dose_u
    weight = rec.series[signals.BODY_WEIGHT].value[-1]
    egfr = rec.series[signals.EGFR].value[-1]
    values = rec.series[signals.GLUCOSE_SMBG]
    age_days = (NOW - values.at_ms) / DAY
    low = ((values.value < 70) & (age_days < 1)).any() or ((values.value < 54) & (age_days < 7)).any()
    current = rec.insulin_orders[0].daily_dose_u if rec.insulin_orders else None
    breaches = [(egfr < 30, "kidneys"), (proposed != int(proposed), "not whole"), (proposed <= 0, "nothing")]
    if current is None:
        breaches += [(proposed > min(10, 0.2 * weight), "start"), (low, "start after a low")]
    elif proposed > current:
        days = (NOW - rec.insulin_orders[0].authored_ms) / DAY
        breaches += [
            (low, "raised after a low"), (days < 3, "raised too soon"), (current > 0.5 * weight, "overbasalised"),
            (proposed > 0.5 * weight, "above the ceiling"), (proposed - current > max(2, 0.1 * current), "step"),
        ]  # fmt: skip
    return [text for is_so, text in breaches if is_so]


records = st.builds(
    lambda fasting, lows, current, days, weight, egfr: with_series(
        with_lows(
            record(fasting, insulin_orders=() if current is None else (order(float(current), days),)), *lows
        ),
        BODY_WEIGHT=labs("body_weight", "kg", [(5, weight)]),
        EGFR=labs("egfr", "mL", [(5, egfr)]),
    ),
    fasting=st.lists(st.integers(60, 300).map(float), min_size=2, max_size=7),
    lows=st.lists(st.tuples(st.floats(0.05, 6.95), st.integers(45, 320).map(float)), max_size=3),
    current=st.none() | st.integers(1, 90),
    days=st.floats(0.5, 20),
    weight=st.integers(40, 200).map(float),
    egfr=st.integers(20, 120).map(float),
)
rules = st.sampled_from(
    [
        ADA,
        *(
            TitrationRule(find_table(t), LIMITS)
            for t in ("two-zero-two", "predictive-303", "treat-to-target-2003")
        ),
    ]
)


@pytest.mark.spec("H-01", "H-02", "H-14")
@settings(max_examples=300, deadline=None)
@given(rec=records, rule=rules)
def test_H01_every_answer_keeps_the_rules_as_read_off_the_record(rec, rule):
    assert every_breach(rec, answer(rec, rule=rule)) == []


@pytest.mark.spec("H-02")
@settings(max_examples=200, deadline=None)
@given(
    rec=records,
    rule=st.just(TREAT_TO_TARGET) | rules,
    low=st.tuples(st.floats(0.05, 6.95), st.integers(40, 69).map(float)),
)
def test_H02_adding_a_low_never_raises_a_dose(rec, rule, low):
    assert dose(answer(with_lows(rec, low), rule=rule)) <= max(dose(answer(rec, rule=rule)), standing(rec))


def standing(rec: PatientRecord) -> float:
    """The dose in use: a low may turn 'no answer' into 'keep', which raises nothing."""
    return rec.insulin_orders[0].daily_dose_u if rec.insulin_orders else 0.0


@pytest.mark.spec("H-03")
@settings(max_examples=150, deadline=None)
@given(rec=records, rule=st.just(TREAT_TO_TARGET) | rules)
def test_H03_reporting_in_the_other_unit_leaves_the_dose_as_it_is(rec, rule):
    old = rec.series[signals.GLUCOSE_SMBG]
    in_mmol = replace(old, native_value=old.value / MGDL_PER_MMOLL, native_units=("mmol/L",))
    assert dose(answer(with_series(rec, GLUCOSE_SMBG=in_mmol), rule=rule)) == dose(answer(rec, rule=rule))


@pytest.mark.spec("H-14", "H-24")
@settings(max_examples=150, deadline=None)
@given(
    rec=records,
    rule=st.just(TREAT_TO_TARGET) | rules,
    share=st.floats(0.5, 1),
    which=st.sampled_from(["BODY_WEIGHT", "EGFR"]),
)
def test_H14_a_lower_weight_or_kidney_function_never_raises_a_dose(rec, rule, share, which):
    old = rec.series[getattr(signals, which)]
    lowered = with_series(rec, **{which: replace(old, value=old.value * share)})
    assert dose(answer(lowered, rule=rule)) <= dose(answer(rec, rule=rule))


@pytest.mark.spec("H-08")
@settings(max_examples=100, deadline=None)
@given(
    rec=records,
    rule=rules,
    gone=st.sampled_from(["BODY_WEIGHT", "EGFR", "GLUCOSE_SMBG", "orders", "conditions", "completeness"]),
)
def test_H08_removing_what_is_needed_never_gives_a_larger_dose(rec, rule, gone):
    without = {
        "orders": lambda: replace(
            rec, insulin_orders=tuple(replace(o, daily_dose_u=None) for o in rec.insulin_orders)
        ),
        "conditions": lambda: replace(rec, conditions=()),
        "completeness": lambda: replace(rec, completeness={}),
    }.get(gone, lambda: with_series(rec, **{gone: None}))()
    assert dose(answer(without, rule=rule)) <= dose(answer(rec, rule=rule))


@settings(max_examples=60, deadline=None)
@given(rec=records, rule=rules, seed=st.integers(0, 1000), shift_days=st.integers(-400, 400))
def test_order_of_entries_and_a_shift_of_all_time_change_nothing(rec, rule, seed, shift_days):
    shift = shift_days * DAY
    shuffled = list(rec.conditions)
    random.Random(seed).shuffle(shuffled)
    moved = replace(
        rec,
        conditions=tuple(replace(c, onset_ms=c.onset_ms + shift) for c in shuffled),
        insulin_orders=tuple(
            replace(o, authored_ms=o.authored_ms + shift, start_ms=o.start_ms + shift)
            for o in rec.insulin_orders
        ),
        series={
            k: replace(s, at_ms=s.at_ms + shift, until_ms=s.until_ms + shift) for k, s in rec.series.items()
        },
    )
    assert dose(answer(moved, rule=rule, as_of=NOW + shift)) == dose(answer(rec, rule=rule))


def test_the_needed_data_are_keys_that_the_service_asks_for():
    from hooks import needs

    keys = {need.key for need in vars(needs).values() if hasattr(need, "key")}
    assert set(NEEDED_DATA) <= keys
