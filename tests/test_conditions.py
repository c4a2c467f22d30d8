"""Problems of the patient in this project's words."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappers.code_tables import read_table
from fhir_mappers.conditions import condition_drop_reason, to_conditions

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"


def condition(code: str, system: str = ICD, status: str | None = "active", **more: object) -> dict:
    clinical = {"clinicalStatus": {"coding": [{"system": "http://c", "code": status}]}} if status else {}
    coded = {"coding": [{"system": system, "code": code}]}
    return {"resourceType": "Condition", "id": code, "code": coded} | clinical | more


def verified(code: str) -> dict:
    return {"verificationStatus": {"coding": [{"system": "http://v", "code": code}]}}


def concepts(*resources: dict) -> set[str | None]:
    return {c.concept for c in to_conditions(resources)}


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (SNOMED, "46635009", {"type_1_diabetes"}),
        (SNOMED, "44054006", {"type_2_diabetes"}),
        (SNOMED, "90781000119102", {"type_2_diabetes"}),
        (SNOMED, "120711000119108", {"hypoglycaemia_unawareness", "type_1_diabetes"}),
        (SNOMED, "170766006", {"hypoglycaemia_unawareness"}),
        (SNOMED, "237633009", {"hypoglycaemia_in_diabetes"}),
        (SNOMED, "302866003", {"hypoglycaemia_in_diabetes"}),
        (SNOMED, "84114007", {"heart_failure"}),
        (SNOMED, "433146000", {"chronic_kidney_disease"}),
        (SNOMED, "236435004", {"chronic_kidney_disease", "dialysis"}),
        (SNOMED, "11687002", {"gestational_diabetes", "pregnancy"}),
        (SNOMED, "77386006", {"pregnancy"}),
        (SNOMED, "13645005", {"copd"}),
        (SNOMED, "52448006", {"dementia"}),
        (SNOMED, "248279007", {"frailty"}),
        (SNOMED, "386805003", {"cognitive_impairment"}),
        (SNOMED, "230690007", {"stroke"}),
        (SNOMED, "15777000", {None}),
        (ICD, "E10.9", {"type_1_diabetes"}),
        (ICD, "E109", {"type_1_diabetes"}),
        (ICD, "e11.65", {"type_2_diabetes"}),
        (ICD, "E11.649", {"type_2_diabetes", "hypoglycaemia_in_diabetes"}),
        (ICD, "E10.10", {"type_1_diabetes", "dka"}),
        (ICD, "O24.410", {"gestational_diabetes", "pregnancy"}),
        (ICD, "O24.011", {"type_1_diabetes", "pregnancy"}),
        (ICD, "E13.9", {"other_diabetes"}),
        (ICD, "N18.6", {"chronic_kidney_disease", "dialysis"}),
        (ICD, "Z99.2", {"dialysis"}),
        (ICD, "I13.2", {"heart_failure"}),
        (ICD, "I11.9", {None}),
        (ICD, "J44.1", {"copd"}),
        (ICD, "F50.01", {"eating_disorder"}),
        (ICD, "Z51.5", {"hospice"}),
        (ICD, "Z33.1", {"pregnancy"}),
        ("http://hl7.org/fhir/sid/icd-10", "E11.9", {"type_2_diabetes"}),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "E10.90", {"type_1_diabetes"}),
        ("urn:oid:2.16.840.1.113883.6.90", "E11.9", {"type_2_diabetes"}),
        ("http://example.org/local", "E11.9", {None}),
    ],
)  # fmt: skip
def test_a_code_means_what_its_table_says(system, code, expected):
    assert concepts(condition(code, system)) == expected


@pytest.mark.parametrize("file", ["Almeda560", "Lynelle567"])
def test_real_synthea_patients_with_complication_codes_have_type_2_diabetes(shared, file):
    bundle = json.loads(gzip.decompress((shared / f"data/fhir/synthea_diabetes/{file}.json.gz").read_bytes()))
    resources = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Condition"]
    found = to_conditions(resources)
    assert "type_2_diabetes" in {c.concept for c in found}
    assert "type_1_diabetes" not in {c.concept for c in found}
    assert len(found) < len(resources), "resolved problems are left out"
    complications = [r for r in resources if "due to type 2" in r["code"]["text"]]
    assert complications
    assert all(concepts(r) == {"type_2_diabetes"} for r in complications)


@pytest.mark.parametrize("status", ["resolved", "inactive", "remission"])
def test_a_problem_that_is_over_is_left_out_with_its_reason(status):
    assert condition_drop_reason(condition("E11.9", status=status)) == f"status:{status}"
    assert concepts(condition("E11.9", status=status)) == set()


@pytest.mark.parametrize("status", ["active", "recurrence", "relapse", "unknown", None])
def test_a_problem_not_said_to_be_over_stands(status):
    assert concepts(condition("E11.9", status=status)) == {"type_2_diabetes"}


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_a_refuted_problem_is_left_out(status):
    assert concepts(condition("E11.9", **verified(status))) == set()


@pytest.mark.parametrize(
    "written",
    [
        {"clinicalStatus": "resolved"},
        {"clinicalStatus": {"text": "Resolved"}},
        {"clinicalStatus": {"coding": [{"code": "resolved"}]}},
        {"verificationStatus": {"coding": [{"code": "refuted"}]}},
        {"verificationStatus": "refuted"},
    ],
)
def test_a_status_counts_without_its_code_system_as_text_and_as_older_versions_write_it(written):
    assert concepts({**condition("E11.9"), **written}) == set()
    assert concepts({**condition("E11.9"), "clinicalStatus": {"text": "Active"}}) == {"type_2_diabetes"}


def test_an_abated_problem_without_a_status_is_left_out():
    assert concepts(condition("E11.9", status=None, abatementDateTime="2020-01-01")) == set()
    assert concepts(condition("E11.9", status=None, abatementBoolean=False)) == {"type_2_diabetes"}


def test_of_repeated_diagnoses_the_one_recorded_last_stands():
    visits = [condition("O80", id=f"v{m}", recordedDate=f"2024-0{m}-01") for m in (2, 5, 3)]
    (found,) = to_conditions(visits)
    assert found.reference == "Condition/v5"


def test_a_text_only_problem_is_kept_without_a_concept():
    (found,) = to_conditions([{"resourceType": "Condition", "id": "t", "code": {"text": "type 2 diabetes"}}])
    assert (found.concept, found.name) == (None, "type 2 diabetes")


def test_onset_and_codes_are_kept():
    (found,) = to_conditions([condition("E11.9", onsetDateTime="2010-05-01T00:00:00Z")])
    assert (found.onset_ms, found.codes) == (1_272_672_000_000, {f"{ICD}|E11.9"})


@given(st.permutations([condition(c) for c in ("E11.9", "E10.641", "N18.6", "O24.0", "I10", "Z99.2")]))
def test_the_order_of_arrival_changes_nothing(resources):
    assert to_conditions(resources) == to_conditions(sorted(resources, key=lambda r: r["id"]))


def test_every_row_of_the_table_names_its_source_and_is_there_once():
    rows = read_table("condition_codes.csv")
    assert all(row["source"] and row["match"] in ("exact", "prefix") for row in rows)
    keys = [(row["concept"], row["system"], row["code"]) for row in rows]
    assert len(keys) == len(set(keys))
