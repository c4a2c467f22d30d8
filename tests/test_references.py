"""What a resource points to, in every shape of reference and FHIR version."""

import pytest

from fhir_mappers.references import codings, index_medications, medication_concept, same_system

CODE = {"text": "insulin glargine 100 UNT/ML"}
MEDICATION = {"resourceType": "Medication", "id": "m1", "code": CODE}
FULL_URL = "https://ehr.example/fhir/Medication/m1"
URN = "urn:uuid:955ecc35-d4a0-3472-59c6-a0f02b73c671"


@pytest.mark.parametrize(
    ("full_url", "reference"),
    [
        ("", "Medication/m1"), ("", "Medication/m1/_history/3"), (FULL_URL, FULL_URL), (FULL_URL, "Medication/m1"),
        ("", FULL_URL), (URN, URN), (FULL_URL, FULL_URL + "/_history/2"),
    ],
)  # fmt: skip
def test_a_medication_is_found_by_relative_absolute_versioned_and_uuid_reference(full_url, reference):
    index = index_medications([(full_url, MEDICATION)])
    assert medication_concept({"medicationReference": {"reference": reference}}, index) == CODE
    assert medication_concept({"medication": {"reference": {"reference": reference}}}, index) == CODE


def test_a_contained_medication_is_found():
    request = {"contained": [MEDICATION], "medicationReference": {"reference": "#m1"}}
    assert medication_concept(request, {}) == CODE


@pytest.mark.parametrize("order", [{"medicationCodeableConcept": CODE}, {"medication": {"concept": CODE}}])
def test_the_concept_is_read_in_the_form_of_r4_and_of_r5(order):
    assert medication_concept(order, {}) == CODE


def test_a_medication_of_another_server_with_the_same_id_is_not_taken():
    index = index_medications([(FULL_URL, MEDICATION)])
    assert (
        medication_concept({"medicationReference": {"reference": "https://other/Medication/m1"}}, index)
        is None
    )


def test_the_printed_name_of_a_reference_stands_in_for_an_absent_medication():
    pointer = {"reference": "Medication/gone", "display": "Lantus"}
    assert medication_concept({"medicationReference": pointer}, {}) == {"text": "Lantus"}
    assert medication_concept({"medicationReference": {"reference": "Medication/gone"}}, {}) is None


@pytest.mark.parametrize(
    "written", ["http://snomed.info/sct", " https://SNOMED.info/sct/ ", "urn:oid:2.16.840.1.113883.6.96"]
)
def test_a_code_system_has_one_spelling(written):
    assert same_system(written) == "snomed.info/sct"


def test_codes_without_a_system_are_not_read():
    assert list(codings({"coding": [{"code": "44054006"}]})) == []
