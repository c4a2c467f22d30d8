"""Units as senders write them, exact factors, and refusals where a unit is missing, foreign or contradicted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers.codes import LOINC, MDC, CodeRow, code_table
from fhir_mappers.site import Site
from fhir_mappers.unit_conversion import Unit, UnitFault, conversion, find_unit

SITE = Site()


def row(code: str, system: str = LOINC) -> CodeRow:
    return code_table()[system, code]


SEEN = [
    ("mg/dl", "99504-3", "mg/dL"), ("MG/DL", "99504-3", "mg/dL"), ("mg/100mL", "99504-3", "mg/dL"),
    ("mmol/l", "105272-9", "mmol/L"), ("mmols/L", "105272-9", "mmol/L"),
    ("bpm", "8867-4", "/min"), ("beats/min", "8867-4", "/min"), ("{beats}/min", "8867-4", "/min"),
    ("{beat}/min", "8867-4", "/min"), ("/MIN", "8867-4", "/min"), ("count/min", "8867-4", "/min"),
    ("mmHg", "8480-6", "mm[Hg]"), ("mm Hg", "8480-6", "mm[Hg]"), ("MMHG", "8480-6", "mm[Hg]"),
    ("C", "8310-5", "Cel"), ("°C", "8310-5", "Cel"), ("degC", "8310-5", "Cel"), ("Celsius", "8310-5", "Cel"),
    ("F", "8310-5", "[degF]"), ("°F", "8310-5", "[degF]"), ("degF", "8310-5", "[degF]"),
    ("kilograms", "29463-7", "kg"), ("lb", "29463-7", "[lb_av]"), ("lbs", "29463-7", "[lb_av]"),
    ("pounds", "29463-7", "[lb_av]"), ("in", "8302-2", "[in_i]"), ("inches", "8302-2", "[in_i]"),
    ("steps", "55423-8", "{steps}"), ("count", "55423-8", "{steps}"), ("{tot}", "55423-8", "{steps}"),
    ("1", "55423-8", "1"), ("mEq/L", "2823-3", "meq/L"),
    ("mL/min/1.73m2", "98979-8", "mL/min/{1.73_m2}"), ("mL/min/1.73.m2", "98979-8", "mL/min/{1.73_m2}"),
    ("mL/min", "98979-8", "mL/min/{1.73_m2}"),
    ("percent", "59408-5", "%"), ("pct", "59408-5", "%"), ("1", "59408-5", "1"),
    ("sec", "93832-4", "s"), ("hrs", "93832-4", "h"), ("minutes", "93832-4", "min"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "code", "ucum"), SEEN)
@pytest.mark.parametrize("member", ["unit", "code"])
def test_a_unit_is_read_as_code_and_as_text(seen: str, code: str, ucum: str, member: str) -> None:
    found = find_unit({member: seen}, row(code), SITE)
    assert isinstance(found, Unit) and found.ucum == ucum
    assert ("unit_from_text" in found.flags) == (member == "unit")


@pytest.mark.parametrize("code", ["8480-6", "8867-4", "99504-3"])
def test_units_of_insulin_and_counts_mean_nothing_elsewhere(code: str) -> None:
    for seen in ("U", "IU", "units", "steps", "mL/min"):
        assert find_unit({"code": seen}, row(code), SITE) == UnitFault("unit_unknown")


@pytest.mark.spec("F-16", "H-03")
@pytest.mark.parametrize(
    ("quantity", "code", "reason"),
    [
        ({}, "99504-3", "unit_missing"),
        ({"code": " ", "unit": ""}, "99504-3", "unit_missing"),
        ({"unit": "mg/L"}, "99504-3", "unit_unknown"),
        ({"code": "mmol/L"}, "99504-3", "unit_contradicts_code"),
        ({"code": "mg/dL"}, "105272-9", "unit_contradicts_code"),
        ({"code": "kg"}, "8867-4", "unit_contradicts_code"),
        ({"code": "mg/dL", "unit": "mmol/L"}, "99504-3", "unit_conflict"),
        ({"code": "kg", "unit": "lbs"}, "29463-7", "unit_conflict"),
    ],
)
def test_F16_H03_a_missing_foreign_or_contradicted_unit_is_no_unit(
    quantity: dict[str, str], code: str, reason: str
) -> None:
    assert find_unit(quantity, row(code), SITE) == UnitFault(reason)


def test_only_the_unit_of_a_mass_or_molar_code_can_contradict_it() -> None:
    either = {find_unit({"code": unit}, row("160212", MDC), SITE) for unit in ("mg/dL", "mmol/L")}
    assert either == {Unit("mg/dL"), Unit("mmol/L")}
    lab = find_unit({"code": "umol/L"}, row("2160-0"), SITE)
    assert isinstance(lab, Unit) and lab.flags == {"unit_contradicts_code"}
    assert find_unit({"code": "mEq/L", "unit": "mmol/L"}, row("2823-3"), SITE) == Unit(
        "meq/L", frozenset({"unit_alias"})
    )


FACTORS = [
    ("mmol/L", "mg/dL", "glucose_cgm", 10.0, 180.156), ("mmol/mol", "%", "hba1c", 53.0, 7.00044),
    ("[degF]", "Cel", "body_temperature", 98.6, 37.0), ("K", "Cel", "body_temperature", 310.15, 37.0),
    ("[lb_av]", "kg", "body_weight", 180.0, 81.6466266), ("g", "kg", "body_weight", 81500.0, 81.5),
    ("[in_i]", "cm", "body_height", 70.0, 177.8), ("kPa", "mm[Hg]", "sbp", 16.0, 120.0098521353),
    ("umol/L", "mg/dL", "creatinine", 88.42, 1.0), ("mmol/L", "mg/dL", "ldl", 1.0, 38.67),
    ("mmol/L", "mg/dL", "triglycerides", 1.0, 88.57), ("mg/mmol", "mg/g", "acr", 1.0, 8.84),
    ("h", "min", "sleep_duration", 7.1, 426.0), ("s", "ms", "hrv_sdnn", 0.04, 40.0),
    ("kJ", "kcal", "active_energy", 4.184, 1.0), ("mg", "g", "carbs", 500.0, 0.5),
]  # fmt: skip


@pytest.mark.spec("H-03")
@pytest.mark.parametrize(("unit", "to", "feature", "value", "expected"), FACTORS)
def test_H03_factors_are_those_of_the_cited_sources(
    unit: str, to: str, feature: str, value: float, expected: float
) -> None:
    change = conversion(unit, to, feature)
    assert change is not None and change(value) == pytest.approx(expected, rel=1e-7)


def test_mass_and_moles_are_never_converted_for_another_analyte() -> None:
    assert conversion("mmol/L", "mg/dL", "potassium") is None
    assert conversion("mg/dL", "mmol/L", "glucose_cgm") is None


@given(st.sampled_from(FACTORS), st.floats(-1e4, 1e4))
def test_every_change_of_unit_can_be_undone(factor: tuple[str, str, str, float, float], value: float) -> None:
    change = conversion(*factor[:3])
    assert change is not None and change.back(change(value)) == pytest.approx(value, abs=1e-6)


def test_a_site_names_its_own_units_and_defaults() -> None:
    site = Site(units={"Schläge": "/min"}, default_units={"glucose_cgm": "mg/dL"})
    assert find_unit({"unit": "Schläge"}, row("8867-4"), site) == Unit("/min", frozenset({"unit_from_text"}))
    assert find_unit({}, row("99504-3"), site) == Unit("mg/dL", frozenset({"unit_from_site"}))
    assert find_unit({}, row("8867-4"), site) == UnitFault("unit_missing")
    assert find_unit({}, row("105272-9"), site) == UnitFault("unit_contradicts_code")
