"""The table of codes is complete and consistent, and codes are found however a sender spells them."""

from typing import Any

import pytest

from fhir_mappers.code_tables import read_table
from fhir_mappers.codes import (
    LOINC,
    MDC,
    SNOMED,
    Coded,
    CodeRow,
    Uncoded,
    code_table,
    excluded_codes,
    names_of,
    resolve_code,
    standard_system,
)
from fhir_mappers.site import Site
from fhir_mappers.unit_conversion import conversion

SITE = Site()
VALUED = [row for row in code_table().values() if row.unit not in ("", "code")]


def concept(*codings: tuple[str, str]) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} for system, code in codings]}


@pytest.mark.parametrize("row", VALUED, ids=lambda row: f"{row.feature}:{row.code}")
def test_every_accepted_unit_leads_to_the_unit_of_the_signal(row: CodeRow) -> None:
    assert row.unit in row.accepted
    assert all(conversion(unit, row.canonical, row.feature) is not None for unit in row.accepted)
    assert row.low < row.high


@pytest.mark.parametrize("row", VALUED, ids=lambda row: f"{row.feature}:{row.code}")
def test_the_limits_of_a_molar_code_are_those_of_its_mass_twin_to_a_tenth(row: CodeRow) -> None:
    first = next(other for other in code_table().values() if other.feature == row.feature)
    change = conversion(row.unit, row.canonical, row.feature)
    assert change is not None
    if row.unit != first.unit and first.low > 0:
        assert change(row.low) == pytest.approx(first.low, rel=0.15)
        assert change(row.high) == pytest.approx(first.high, rel=0.1)


def test_no_code_is_both_used_and_excluded() -> None:
    assert not code_table().keys() & excluded_codes().keys()
    assert len(code_table()) == len(read_table("codes.csv"))


@pytest.mark.parametrize(
    ("codings", "feature"),
    [
        ([(MDC, "160184"), (LOINC, "99504-3")], "glucose_cgm"),
        ([(SNOMED, "27113001"), (MDC, "149530")], "heart_rate"),
        ([("http://example.org", "x"), (SNOMED, "271649006")], "sbp"),
        ([(LOINC, "0-0"), (MDC, "150456")], "spo2"),
    ],
)
def test_the_first_known_code_by_system_priority_decides(
    codings: list[tuple[str, str]], feature: str
) -> None:
    for order in (codings, codings[::-1]):
        found = resolve_code(concept(*order), SITE)
        assert isinstance(found, Coded) and found.row.feature == feature


@pytest.mark.parametrize(
    ("sent", "standard"),
    [
        ("http://loinc.org", LOINC),
        (" HTTPS://LOINC.ORG/ ", LOINC),
        ("urn:oid:2.16.840.1.113883.6.1", LOINC),
        ("2.16.840.1.113883.6.96", SNOMED),
        ("http://www.snomed.info/sct", SNOMED),
        ("URN:ISO:STD:ISO:11073:10101", MDC),
        ("http://argo.run/cgm/CodeSystem/cgm-summary-codes-temporary", "http://hl7.org/fhir/uv/cgm/CodeSystem/cgm-summary-codes-temporary"),
        (" http://example.org/Own ", "http://example.org/Own"),
    ],
)  # fmt: skip
def test_systems_are_one_however_they_are_spelled(sent: str, standard: str) -> None:
    assert standard_system(sent) == standard


def test_an_excluded_code_beside_a_known_one_excludes_both() -> None:
    assert resolve_code(concept((LOINC, "2089-1"), (LOINC, "86911-5")), SITE) == Uncoded("code_is_goal")


@pytest.mark.parametrize(
    ("term", "unit", "full"), [("29140", "mg/dL", "160212"), ("18949", "mm[Hg]", "150021")]
)
def test_a_16_bit_term_stands_for_the_code_whose_unit_fits(term: str, unit: str, full: str) -> None:
    found = resolve_code(concept((MDC, term)), SITE, frozenset({unit}))
    assert isinstance(found, Coded)
    assert (found.row.code, found.flags) == (full, frozenset({"mdc_16bit_code"}))
    assert isinstance(resolve_code(concept((MDC, term)), SITE, frozenset({"kg"})), Uncoded)


@pytest.mark.parametrize(
    "junk", [None, 5, "x", [], {}, {"coding": 5}, {"coding": [5, {"code": 7}]}, {"text": 3}]
)
def test_what_is_no_concept_is_unmapped(junk: object) -> None:
    found = resolve_code(junk, SITE)
    assert isinstance(found, Uncoded) and found.reason == "code_unmapped"


def test_unknown_concepts_are_named_as_an_integrator_would_look_them_up() -> None:
    assert names_of(concept(("http://a", "1"), ("http://b", "2"))) == "http://a|1, http://b|2"
    assert names_of({"text": "Heart rate"}) == '"Heart rate"'
