"""FINDRISC, ADA risk test, CHA2DS2-VA(Sc), LACE, HOSPITAL, PREVENT and home blood pressure."""

import numpy as np
import pytest

from models.assessment import Input, NotAssessed, Outcome, Refused
from models.risk import ada_risk, cha2ds2_va, findrisc, hospital_score, lace
from models.risk.home_blood_pressure import home_blood_pressure
from models.risk.prevent import OUTCOMES, TABLES, prevent, variant_of
from models.time_series import series_of

AS_OF = 1_750_000_000_000
DAY_MS = 86_400_000


def value(number):
    return Input("x", number, "", AS_OF, "Observation/x")


def record(kind, numbers):
    return kind(**{name: value(number) for name, number in numbers.items()})


FINDRISC_ZERO = {
    "age_years": 44, "bmi": 24.9, "waist_cm": 79, "inactive": 0, "no_daily_vegetables": 0,
    "on_antihypertensive": 0, "ever_high_glucose": 0, "family": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "sex", "number", "points"),
    [
        ("age_years", "male", 44, 0), ("age_years", "male", 45, 2), ("age_years", "male", 54, 2),
        ("age_years", "male", 55, 3), ("age_years", "male", 64, 3), ("age_years", "male", 65, 4),
        ("bmi", "male", 24.9, 0), ("bmi", "male", 25.0, 1), ("bmi", "male", 30.0, 1), ("bmi", "male", 30.1, 3),
        ("waist_cm", "male", 93, 0), ("waist_cm", "male", 94, 3), ("waist_cm", "male", 102, 3),
        ("waist_cm", "male", 103, 4), ("waist_cm", "female", 79, 0), ("waist_cm", "female", 80, 3),
        ("waist_cm", "female", 88, 3), ("waist_cm", "female", 89, 4), ("inactive", "male", 1, 2),
        ("no_daily_vegetables", "male", 1, 1), ("on_antihypertensive", "male", 1, 2),
        ("ever_high_glucose", "male", 1, 5), ("family", "male", 2, 3), ("family", "male", 3, 5),
    ],
)  # fmt: skip
def test_findrisc_scores_each_answer_as_the_form_prints_it(name, sex, number, points):
    answers = record(findrisc.Answers, FINDRISC_ZERO | {name: number})
    assert findrisc.findrisc(answers, sex, AS_OF).result.low == points


@pytest.mark.parametrize(
    ("total", "band"),
    [(6, "low"), (7, "slightly elevated"), (11, "slightly elevated"), (12, "moderate"), (14, "moderate"),
     (15, "high"), (20, "high"), (21, "very high")],
)  # fmt: skip
def test_findrisc_bands_begin_where_the_form_says(total, band):
    assert findrisc.FINDRISC.bands_between(total, total) == (band,)
    assert band in findrisc.TEN_YEAR_RISK_PERCENT


def test_findrisc_without_the_waist_is_a_range():
    answers = record(findrisc.Answers, {n: v for n, v in FINDRISC_ZERO.items() if n != "waist_cm"})
    found = findrisc.findrisc(answers, "male", AS_OF).result
    assert (found.low, found.high, found.missing) == (0, 4, ("waist",))


ADA_ZERO = {
    "age_years": 39, "gestational_diabetes": 0, "family": 0, "hypertension": 0, "inactive": 0,
    "height_cm": 170.2, "weight_kg": 60,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "number", "points"),
    [("age_years", 39, 0), ("age_years", 40, 1), ("age_years", 49, 1), ("age_years", 50, 2),
     ("age_years", 59, 2), ("age_years", 60, 3), ("gestational_diabetes", 1, 1), ("family", 1, 1),
     ("hypertension", 1, 1), ("inactive", 1, 1), ("weight_kg", 71.6, 0), ("weight_kg", 72.2, 1),
     ("weight_kg", 86.1, 1), ("weight_kg", 86.7, 2), ("weight_kg", 115.2, 2), ("weight_kg", 115.7, 3)],
)  # fmt: skip
def test_ada_risk_test_scores_each_answer_as_the_form_prints_it(name, number, points):
    answers = record(ada_risk.Answers, ADA_ZERO | {name: number})
    assert ada_risk.ada_risk(answers, "female", AS_OF).result.low == points
    assert ada_risk.ada_risk(answers, "male", AS_OF).result.low == points + 1 - (
        name == "gestational_diabetes"
    )


def test_the_weight_table_of_the_ada_test_follows_bmi_25_30_and_40():
    inches = np.arange(58, 77)[:, None]
    bmi = np.array(ada_risk.LEAST_POUNDS) * 703.07 / inches**2
    np.testing.assert_allclose(bmi, np.tile([25.0, 30.0, 40.0], (19, 1)), atol=0.35)


@pytest.mark.parametrize("height_cm", [140, 200])
def test_a_height_that_the_table_does_not_print_leaves_the_weight_open(height_cm):
    found = ada_risk.ada_risk(record(ada_risk.Answers, ADA_ZERO | {"height_cm": height_cm}), "female", AS_OF)
    assert (found.result.low, found.result.high) == (0, 3)


STROKE_ZERO = {
    "heart_failure": 0, "hypertension": 0, "age_years": 64, "diabetes": 0, "stroke_or_embolism": 0,
    "vascular_disease": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "number", "points"),
    [("age_years", 64, 0), ("age_years", 65, 1), ("age_years", 74, 1), ("age_years", 75, 2),
     ("heart_failure", 1, 1), ("hypertension", 1, 1), ("diabetes", 1, 1), ("stroke_or_embolism", 1, 2),
     ("vascular_disease", 1, 1)],
)  # fmt: skip
def test_stroke_risk_scores_each_factor_and_only_vasc_counts_sex(name, number, points):
    factors = record(cha2ds2_va.StrokeRiskFactors, STROKE_ZERO | {name: number})
    assert cha2ds2_va.cha2ds2_va(factors, AS_OF).result.low == points
    assert cha2ds2_va.cha2ds2_vasc(factors, "female", AS_OF).result.low == points + 1
    assert cha2ds2_va.cha2ds2_vasc(factors, "male", AS_OF).result.low == points


LACE_ZERO = {"length_days": 0, "acute": 0, "charlson_index": 0, "emergency_visits": 0}


@pytest.mark.parametrize(
    ("name", "number", "points"),
    [("length_days", 0, 0), ("length_days", 1, 1), ("length_days", 2, 2), ("length_days", 3, 3),
     ("length_days", 4, 4), ("length_days", 6, 4), ("length_days", 7, 5), ("length_days", 13, 5),
     ("length_days", 14, 7), ("acute", 1, 3), ("charlson_index", 1, 1), ("charlson_index", 2, 2),
     ("charlson_index", 3, 3), ("charlson_index", 4, 5), ("emergency_visits", 1, 1),
     ("emergency_visits", 3, 3), ("emergency_visits", 4, 4), ("emergency_visits", 9, 4)],
)  # fmt: skip
def test_lace_scores_each_item_as_published(name, number, points):
    assert lace.lace(record(lace.Stay, LACE_ZERO | {name: number}), AS_OF).result.low == points


@pytest.mark.parametrize(
    ("acute", "charlson", "outcome"), [(1, 3, "assessed_negative"), (1, 4, "assessed_positive")]
)
def test_lace_is_high_from_ten_points(acute, charlson, outcome):
    stay = LACE_ZERO | {"length_days": 3, "acute": acute, "charlson_index": charlson}
    assert lace.lace(record(lace.Stay, stay), AS_OF).outcome == outcome


HOSPITAL_ZERO = {
    "hemoglobin_g_dl": 12.0, "oncology_service": 0, "sodium_mmoll": 135, "procedure": 0, "urgent": 0,
    "admissions": 0, "length_days": 4,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "number", "version", "points"),
    [("hemoglobin_g_dl", 12.0, "2016", 0), ("hemoglobin_g_dl", 11.9, "2016", 1), ("oncology_service", 1, "2016", 2),
     ("sodium_mmoll", 135, "2016", 0), ("sodium_mmoll", 134, "2016", 1), ("procedure", 1, "2016", 1),
     ("urgent", 1, "2016", 1), ("length_days", 4, "2016", 0), ("length_days", 5, "2016", 2),
     ("admissions", 0, "2013", 0), ("admissions", 1, "2013", 2), ("admissions", 5, "2013", 2),
     ("admissions", 6, "2013", 5), ("admissions", 1, "2016", 0), ("admissions", 2, "2016", 2),
     ("admissions", 5, "2016", 2), ("admissions", 6, "2016", 5)],
)  # fmt: skip
def test_hospital_scores_each_item_as_its_version_prints_it(name, number, version, points):
    discharge = record(hospital_score.Discharge, HOSPITAL_ZERO | {name: number})
    answer = hospital_score.hospital_score(discharge, version, AS_OF)
    assert answer.result.low == points
    assert answer.version == version


@pytest.mark.parametrize(
    ("total", "band"), [(4, "low"), (5, "intermediate"), (6, "intermediate"), (7, "high")]
)
def test_hospital_bands_begin_where_published(total, band):
    assert hospital_score.HOSPITAL["2013"].bands_between(total, total) == (band,)


WOMAN = {
    "age_years": 50, "systolic_mmhg": 160, "total_cholesterol_mgdl": 200, "hdl_mgdl": 45, "egfr": 90,
    "bmi": 35, "diabetes": 1, "smoking": 0, "on_antihypertensive": 1, "on_statin": 0,
}  # fmt: skip


def prevented(changes=None, sex="female"):
    return prevent({n: value(v) for n, v in (WOMAN | (changes or {})).items()}, sex, AS_OF)


@pytest.mark.parametrize(
    ("outcome", "ten_years", "thirty_years"),
    [("total_cvd", 0.147, 0.53), ("ascvd", 0.092, 0.354), ("heart_failure", 0.081, 0.39),
     ("chd", 0.044, 0.198), ("stroke", 0.054, 0.221)],
)  # fmt: skip
def test_prevent_gives_the_published_example_for_every_outcome(outcome, ten_years, thirty_years):
    found = prevented().result
    assert found.within_10_years[outcome] == pytest.approx(ten_years, abs=0.0005)
    assert found.within_30_years[outcome] == pytest.approx(thirty_years, abs=0.0005)


@pytest.mark.parametrize(
    ("optional", "variant"),
    [({}, "base"), ({"hba1c_percent": 7.5}, "hba1c"), ({"uacr_mg_g": 75}, "uacr"),
     ({"deprivation_decile": 8}, "sdi"), ({"hba1c_percent": 7.5, "uacr_mg_g": 75}, "full")],
)  # fmt: skip
def test_prevent_takes_the_variant_that_the_optional_inputs_allow(optional, variant):
    found = prevented(optional)
    assert found.result.variant == variant == variant_of(optional)
    assert all(0 < risk < 1 for risk in found.result.within_10_years.values())


@pytest.mark.parametrize("optional", ["hba1c_percent", "uacr_mg_g"])
def test_prevent_rises_with_hba1c_and_albuminuria(optional):
    low, high = (prevented({optional: number}).result.within_10_years["total_cvd"] for number in (6.0, 12.0))
    assert high > low


def test_the_terms_of_prevent_add_up_to_its_log_odds():
    answer = prevented({"hba1c_percent": 7.5, "uacr_mg_g": 75, "deprivation_decile": 5})
    risk = answer.result.within_10_years["total_cvd"]
    assert sum(c.points for c in answer.contributions) == pytest.approx(np.log(risk / (1 - risk)))


def test_every_prevent_table_has_both_sexes_and_all_outcomes():
    wanted = {f"{sex}_{outcome}" for sex in ("female", "male") for outcome in OUTCOMES}
    assert {name for name, table in TABLES.items() if set(table) == wanted} == {
        f"{variant}_{years}yr" for variant in ("base", "hba1c", "uacr", "sdi", "full") for years in (10, 30)
    }


def test_prevent_names_every_missing_input_and_computes_nothing():
    answer = prevent({n: value(v) for n, v in WOMAN.items() if n not in ("egfr", "smoking")}, "female", AS_OF)
    assert isinstance(answer, NotAssessed)
    assert [reason.about for reason in answer.reasons] == ["egfr", "smoking"]


@pytest.mark.parametrize(
    ("name", "number"),
    [("age_years", 29), ("age_years", 80), ("systolic_mmhg", 89), ("systolic_mmhg", 201), ("hdl_mgdl", 101),
     ("total_cholesterol_mgdl", 129), ("egfr", 14), ("bmi", 40), ("hba1c_percent", 15.5)],
)  # fmt: skip
def test_prevent_refuses_values_it_was_not_made_for(name, number):
    answer = prevented({name: number})
    assert isinstance(answer, Refused)
    assert answer.reasons[0].about == name


@pytest.mark.parametrize(("age", "stated"), [(59, True), (60, False)])
def test_thirty_years_are_stated_up_to_age_59(age, stated):
    assert (prevented({"age_years": age}).result.within_30_years is not None) == stated


def cuff(signal, daily, per_day=4):
    at = [AS_OF - day * DAY_MS - 3_600_000 * (k + 1) for day in range(len(daily)) for k in range(per_day)]
    numbers = np.repeat(np.array(daily, float), per_day)
    return series_of(signal, "mm[Hg]", np.array(at, np.int64), numbers)


@pytest.mark.parametrize(
    ("systolic", "guideline", "outcome"),
    [(129, "ACC/AHA", Outcome.ASSESSED_NEGATIVE), (130, "ACC/AHA", Outcome.ASSESSED_POSITIVE),
     (134, "ESH", Outcome.ASSESSED_NEGATIVE), (135, "ESH", Outcome.ASSESSED_POSITIVE)],
)  # fmt: skip
def test_home_blood_pressure_is_elevated_from_the_guidelines_cut(systolic, guideline, outcome):
    answer = home_blood_pressure(cuff("sbp", [systolic] * 3), cuff("dbp", [70] * 3), guideline, AS_OF)
    assert answer.outcome is outcome


def test_the_probability_above_the_cut_is_one_half_at_the_cut_and_grows_with_the_mean():
    at_cut = home_blood_pressure(cuff("sbp", [125, 130, 135]), cuff("dbp", [70] * 3), "ACC/AHA", AS_OF)
    above = home_blood_pressure(cuff("sbp", [128, 133, 138]), cuff("dbp", [70] * 3), "ACC/AHA", AS_OF)
    assert at_cut.result.systolic.probability_above == pytest.approx(0.5)
    assert above.result.systolic.probability_above > 0.5


@pytest.mark.parametrize(("days", "per_day"), [(3, 3), (2, 8)])
def test_too_few_cuff_readings_or_days_are_not_assessed(days, per_day):
    answer = home_blood_pressure(
        cuff("sbp", [140] * days, per_day), cuff("dbp", [90] * days, per_day), "ESH", AS_OF
    )
    assert isinstance(answer, NotAssessed)
