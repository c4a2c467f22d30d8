"""PREVENT against a peer's published answers, frozen vectors, and an own dot product over the reference tables.

In tests/golden/scores: `prevent_published.json`, the numbers of the R package preventr, and `prevent_frozen.json`,
those of the dot product below; UPDATE_GOLDEN=1 freezes them anew.
"""

import json
import os
from itertools import product
from math import exp, log
from pathlib import Path

import pytest

from models.assessment import Input, NotAssessed, Outcome, Refused
from models.risk.prevent import TABLES, outcome_of, prevent, variant_of

AS_OF = 1_750_000_000_000
SCORES = Path(__file__).with_name("golden") / "scores"
PUBLISHED = json.loads((SCORES / "prevent_published.json").read_text(encoding="utf-8"))
FROZEN = SCORES / "prevent_frozen.json"
SEXES = ("female", "male")
TABLE_NAMES = ("base", "hba1c", "uacr", "sdi", "full")
OUTCOMES = ("total_cvd", "ascvd", "heart_failure", "chd", "stroke")

PEOPLE = {
    "young": {
        "age_years": 42, "systolic_mmhg": 104, "total_cholesterol_mgdl": 152, "hdl_mgdl": 62, "egfr": 52,
        "bmi": 33.5, "diabetes": 0, "smoking": 1, "on_antihypertensive": 0, "on_statin": 1,
    },
    "middle": {
        "age_years": 57, "systolic_mmhg": 148, "total_cholesterol_mgdl": 236, "hdl_mgdl": 38, "egfr": 97,
        "bmi": 24.1, "diabetes": 1, "smoking": 1, "on_antihypertensive": 1, "on_statin": 0,
    },
    "old": {
        "age_years": 71, "systolic_mmhg": 128, "total_cholesterol_mgdl": 188, "hdl_mgdl": 47, "egfr": 41,
        "bmi": 36.2, "diabetes": 1, "smoking": 0, "on_antihypertensive": 1, "on_statin": 1,
    },
}  # fmt: skip
HBA1C, UACR, SDI_5, SDI_9 = (
    {"hba1c_percent": 7.4}, {"uacr_mg_g": 75}, {"deprivation_decile": 5}, {"deprivation_decile": 9},
)  # fmt: skip
OPTIONAL = (
    {}, HBA1C, UACR, SDI_5, SDI_9, HBA1C | UACR, HBA1C | SDI_5, UACR | SDI_9, HBA1C | UACR | SDI_9,
)  # fmt: skip


def asked(values, sex):
    return prevent(
        {name: Input(name, v, "", AS_OF - 60_000, f"Observation/{name}") for name, v in values.items()},
        sex,
        AS_OF,
    )


def dot_product(weights, p):
    """Risk in percent by the published transformations, written here a second time."""
    age, on_pills, on_statin = (p["age_years"] - 55) / 10, p["on_antihypertensive"], p["on_statin"]
    non_hdl = (p["total_cholesterol_mgdl"] - p["hdl_mgdl"]) * 0.02586 - 3.5
    hdl = (p["hdl_mgdl"] * 0.02586 - 1.3) / 0.3
    pressure = (p["systolic_mmhg"] - 130) / 20 if p["systolic_mmhg"] >= 110 else -1
    low_pressure = 0 if p["systolic_mmhg"] >= 110 else (p["systolic_mmhg"] - 110) / 20
    bmi, obesity = ((p["bmi"] - 25) / 5, 0) if p["bmi"] < 30 else (1, (p["bmi"] - 30) / 5)
    low_egfr, egfr = ((60 - p["egfr"]) / 15, 2) if p["egfr"] < 60 else (0, (90 - p["egfr"]) / 15)
    hba1c, decile = p.get("hba1c_percent"), p.get("deprivation_decile")
    terms = {
        "Constant": 1, "Age, per 10 years": age, "Age, 10 years": age, "Age squared": age * age,
        "non-HDL-C per 1 mmol/L": non_hdl, "HDL-C per 0.3 mmol/L": hdl,
        "SBP <110 per 20 mmHg": low_pressure, "SBP ≥110 per 20 mmHg": pressure,
        "Diabetes": p["diabetes"], "Current smoking": p["smoking"],
        "BMI <30, per 5 kg/m2": bmi, "BMI 30+, per 5 kg/m2": obesity,
        "eGFR <60, per -15 ml": low_egfr, "eGFR 60+, per -15 ml": egfr,
        "Anti-hypertensive use": on_pills, "Statin use": on_statin,
        "Treated SBP ≥110 mm Hg per 20 mm Hg": on_pills * pressure, "Treated non-HDL-C": on_statin * non_hdl,
        "Age per 10yr * non-HDL-C per 1 mmol/L": age * non_hdl,
        "Age per 10yr * HDL-C per 0.3 mmol/L": age * hdl,
        "Age per 10yr * SBP ≥110 mm Hg per 20 mmHg": age * pressure,
        "Age per 10yr * diabetes": age * p["diabetes"],
        "Age per 10yr * current smoking": age * p["smoking"],
        "Age per 10yr * BMI 30+ per 5 kg/m2": age * obesity,
        "Age per 10yr * eGFR <60, per -15 ml": age * low_egfr,
        "HbA1c in DM, per 1%": (hba1c - 5.3) if hba1c and p["diabetes"] else 0,
        "HbA1c no DM, per 1%": (hba1c - 5.3) if hba1c and not p["diabetes"] else 0,
        "Missing HbA1c": 0 if hba1c else 1,
        "ln-ACR, mg/g, per 1 ln unit": log(p["uacr_mg_g"]) if "uacr_mg_g" in p else 0,
        "Missing ACR/PCR/Dipstick": 0 if "uacr_mg_g" in p else 1,
        "SDI decile categories 4-6 vs. 1-3": int(decile in (4, 5, 6)),
        "SDI decile categories 7-10 vs. 1-3": int(decile in (7, 8, 9, 10)),
        "Missing SDI": 0 if decile else 1,
    }  # fmt: skip
    used = {name: terms[name] for name, weight in weights.items() if weight}
    return 100 / (1 + exp(-sum(weights[name] * term for name, term in used.items()))), used


def variant(optional):
    short = {"hba1c_percent": "hba1c", "uacr_mg_g": "uacr", "deprivation_decile": "sdi"}
    return "base" if not optional else short[next(iter(optional))] if len(optional) == 1 else "full"


CASES = {
    f"{sex} {person} {variant(optional)} {list(optional.values())}": (
        sex,
        PEOPLE[person] | optional,
        variant(optional),
    )
    for sex, person, optional in product(SEXES, PEOPLE, OPTIONAL)
}


def horizons(person):
    return (10, 30) if person["age_years"] < 60 else (10,)


def computed(tables, case):
    """Percent of every outcome over each horizon, by the dot product."""
    sex, person, table = CASES[case]
    return {
        str(years): [
            round(dot_product(tables[f"{table}_{years}yr"][f"{sex}_{outcome}"], person)[0], 6)
            for outcome in OUTCOMES
        ]
        for years in horizons(person)
    }


def test_the_dot_product_over_the_reference_tables_gives_the_frozen_vectors_and_its_check(shared):
    reference = json.loads((shared / "data" / "prevent_coefficients.json").read_text(encoding="utf-8"))
    frozen = {case: computed(reference["tables"], case) for case in CASES}
    if os.environ.get("UPDATE_GOLDEN"):
        rows = ",\n".join(f" {json.dumps(case)}: {json.dumps(risks)}" for case, risks in frozen.items())
        FROZEN.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    assert json.loads(FROZEN.read_text(encoding="utf-8")) == frozen
    for outcome, risk in reference["check"]["base_10yr"].items():
        weights = reference["tables"]["base_10yr"][f"female_{outcome}"]
        assert dot_product(weights, PUBLISHED["person"])[0] == pytest.approx(100 * risk, abs=0.005)
    assert reference["tables"] == TABLES


@pytest.mark.parametrize("case", CASES)
def test_prevent_gives_the_frozen_risk_of_every_outcome(case):
    sex, person, table = CASES[case]
    answer, frozen = asked(person, sex), json.loads(FROZEN.read_text(encoding="utf-8"))[case]
    found = answer.result
    assert (found.variant, found.sex) == (table, sex)
    for years, risks in ((10, found.within_10_years), (30, found.within_30_years)):
        if years in horizons(person):
            assert [100 * risks[o] for o in OUTCOMES] == pytest.approx(frozen[str(years)], abs=1e-6)
    assert (found.within_30_years is None) == (30 not in horizons(person))
    assert (answer.outcome is Outcome.ASSESSED_POSITIVE) == (frozen["10"][0] >= 7.5)


@pytest.mark.parametrize(("sex", "name", "years"), product(SEXES, TABLE_NAMES, (10, 30)))
def test_every_term_of_every_table_moves_some_frozen_vector(sex, name, years):
    people = [p for s, p, table in CASES.values() if (s, table) == (sex, name) and years in horizons(p)]
    for outcome in OUTCOMES:
        weights = TABLES[f"{name}_{years}yr"][f"{sex}_{outcome}"]
        moved = {term for p in people for term, value in dot_product(weights, p)[1].items() if value}
        still = {term for term, weight in weights.items() if weight} - moved
        assert not still if name == "full" else all(term.startswith("Missing") for term in still)


@pytest.mark.parametrize("row", PUBLISHED["rows"], ids=lambda r: f"{r['sex']} {variant(r['optional'])}")
def test_prevent_gives_the_published_answer_of_the_peer_for_every_variant(row):
    found = asked(PUBLISHED["person"] | row["optional"], row["sex"]).result
    assert [found.within_10_years[o] for o in OUTCOMES] == pytest.approx(row["10"], abs=0.0005)
    assert [found.within_30_years[o] for o in OUTCOMES] == pytest.approx(row["30"], abs=0.0005)


@pytest.mark.parametrize(
    ("outcome", "percent"), [("total_cvd", 14.68), ("ascvd", 9.20), ("heart_failure", 8.06)]
)
def test_prevent_gives_the_check_vector_of_the_published_coefficients(outcome, percent):
    found = asked(PUBLISHED["person"], "female").result
    assert 100 * found.within_10_years[outcome] == pytest.approx(percent, abs=0.005)


@pytest.mark.parametrize(
    ("risk", "outcome"),
    [(0.0, "assessed_negative"), (0.0749999, "assessed_negative"), (0.075, "assessed_positive"),
     (0.0750001, "assessed_positive"), (0.2, "assessed_positive"), (1.0, "assessed_positive")],
)  # fmt: skip
def test_treatment_is_advised_from_seven_and_a_half_percent(risk, outcome):
    assert outcome_of(risk) == outcome


EDGES = {
    "systolic_mmhg": ("SBP <110 per 20 mmHg", "SBP ≥110 per 20 mmHg", [
        (109, -0.05, -1), (110, 0, -1), (111, 0, -0.95)]),
    "egfr": ("eGFR <60, per -15 ml", "eGFR 60+, per -15 ml", [
        (59, 1 / 15, 2), (60, 0, 2), (61, 0, 29 / 15)]),
    "bmi": ("BMI <30, per 5 kg/m2", "BMI 30+, per 5 kg/m2", [
        (29.5, 0.9, 0), (30, 1, 0), (30.5, 1, 0.1)]),
    "deprivation_decile": ("SDI decile categories 4-6 vs. 1-3", "SDI decile categories 7-10 vs. 1-3", [
        (1, 0, 0), (3, 0, 0), (4, 1, 0), (6, 1, 0), (7, 0, 1), (10, 0, 1)]),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_each_split_term_changes_over_at_its_edge(name):
    low_term, high_term, rows = EDGES[name]
    for value, low, high in rows:
        answer = asked(PEOPLE["middle"] | {name: value}, "female")
        terms = {c.name: c.value for c in answer.contributions}
        assert (terms[low_term], terms[high_term]) == pytest.approx((low, high))


def test_the_terms_of_prevent_add_up_to_its_log_odds():
    answer = asked(PEOPLE["middle"] | HBA1C | UACR | SDI_5, "male")
    risk = answer.result.within_10_years["total_cvd"]
    assert sum(c.points for c in answer.contributions) == pytest.approx(log(risk / (1 - risk)))


@pytest.mark.parametrize("optional", OPTIONAL, ids=str)
def test_prevent_takes_the_variant_that_the_optional_inputs_allow(optional):
    assert variant_of(optional) == variant(optional)


def test_every_prevent_table_has_both_sexes_and_all_outcomes():
    wanted = {f"{sex}_{outcome}" for sex, outcome in product(SEXES, OUTCOMES)}
    assert {name: set(table) for name, table in TABLES.items()} == {
        f"{name}_{years}yr": wanted for name in TABLE_NAMES for years in (10, 30)
    }


def test_prevent_names_its_version_and_source_and_each_input_with_its_age():
    values = PEOPLE["old"] | HBA1C
    answer = asked(values, "male")
    assert (answer.model, answer.version) == ("prevent", "2023")
    assert answer.result.source == "Khan SS et al., Circulation 2024;149:430 (AHA PREVENT)"
    assert {i.name: i.value for i in answer.inputs} == values
    assert {(i.at_ms, i.reference) for i in answer.inputs} == {
        (AS_OF - 60_000, f"Observation/{n}") for n in values
    }


@pytest.mark.parametrize("name", PEOPLE["young"])
def test_prevent_names_a_missing_input_and_computes_nothing(name):
    answer = asked({n: v for n, v in PEOPLE["young"].items() if n != name}, "female")
    assert isinstance(answer, NotAssessed)
    assert [reason.about for reason in answer.reasons] == [name]


@pytest.mark.parametrize(
    ("name", "below", "lowest", "highest", "above"),
    [("age_years", 29, 30, 79, 80), ("systolic_mmhg", 89, 90, 200, 201), ("egfr", 14, 15, 140, 141),
     ("total_cholesterol_mgdl", 129, 130, 320, 321), ("hdl_mgdl", 19, 20, 100, 101),
     ("bmi", 18.4, 18.5, 39.9, 40), ("hba1c_percent", 2.9, 3, 15, 15.1), ("uacr_mg_g", 0.09, 0.1, 25_000, 25_001),
     ("deprivation_decile", 0, 1, 10, 11)],
)  # fmt: skip
def test_prevent_refuses_values_it_was_not_made_for_and_takes_the_outermost_that_it_was(
    name, below, lowest, highest, above
):
    for value in (lowest, highest):
        assert asked(PEOPLE["young"] | {name: value}, "female").result.variant
    for value in (below, above):
        answer = asked(PEOPLE["young"] | {name: value}, "female")
        assert isinstance(answer, Refused)
        assert [reason.about for reason in answer.reasons] == [name]


@pytest.mark.parametrize(("age", "stated"), [(58, True), (59, True), (60, False), (61, False)])
def test_thirty_years_are_stated_up_to_age_59(age, stated):
    assert (asked(PEOPLE["middle"] | {"age_years": age}, "male").result.within_30_years is not None) == stated
