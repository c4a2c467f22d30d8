"""What the patient takes besides ordered insulin, and its class."""

import gzip
import json

import pytest

from fhir_mappers.code_tables import read_table
from fhir_mappers.medications import drug_class, to_medications
from fhir_mappers.references import index_medications

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"


def request(name: str = "prednisone 10 MG Oral Tablet", **more: object) -> dict:
    return {
        "resourceType": "MedicationRequest", "id": "r", "status": "active", "intent": "order",
        "medicationCodeableConcept": {"text": name},
    } | more  # fmt: skip


def statement(name: str = "prednisone", **more: object) -> dict:
    base = {"resourceType": "MedicationStatement", "id": "s", "status": "active"}
    return base | {"medicationCodeableConcept": {"text": name}} | more


def coded(system: str, code: str) -> dict:
    return {"coding": [{"system": system, "code": code}]}


@pytest.mark.spec("H-13")
@pytest.mark.parametrize(
    ("concept", "expected"),
    [
        (coded(RXNORM, "8640"), "systemic_steroid"),
        (coded(ATC, "H02AB07"), "systemic_steroid"),
        ({"text": "dexamethasone 4 MG Oral Tablet"}, "systemic_steroid"),
        ({"text": "hydrocortisone 100 MG Injection"}, "systemic_steroid"),
        ({"text": "hydrocortisone 10 MG/ML Topical Cream"}, None),
        ({"text": "prednisolone acetate 10 MG/ML Ophthalmic Suspension"}, None),
        ({"text": "triamcinolone 55 MCG Nasal Spray"}, None),
        (coded(ATC, "A10BJ06"), "glp1_receptor_agonist"),
        ({"text": "0.5 ML dulaglutide 3 MG/ML Auto-Injector [Trulicity]"}, "glp1_receptor_agonist"),
        ({"text": "Mounjaro"}, "glp1_receptor_agonist"),
        ({"text": "empagliflozin 10 MG Oral Tablet"}, "sglt2_inhibitor"),
        (coded(ATC, "A10BD15"), "sglt2_inhibitor"),
        ({"text": "glimepiride 2 MG Oral Tablet"}, "sulfonylurea"),
        ({"text": "glucagon 3 MG Nasal Powder"}, "glucagon"),
        ({"text": "insulin lispro 100 UNT/ML"}, "insulin"),
        ({"text": "lisinopril 10 MG Oral Tablet"}, None),
        *(
            ({"text": n}, "sulfonylurea")
            for n in ("Amaryl", "Glucotrol XL", "Diamicron MR", "Glucovance", "tolbutamide", "Daonil")
        ),
        *(
            ({"text": n}, "glinide")
            for n in ("repaglinide 1 MG", "nateglinide", "Prandin", "Starlix", "NovoNorm")
        ),
        *(
            ({"text": n}, "sglt2_inhibitor")
            for n in ("Synjardy", "Glyxambi", "Qtern", "Xigduo XR", "Invokamet", "Trijardy")
        ),
        *(({"text": n}, "dpp4_inhibitor") for n in ("Januvia", "linagliptin", "Janumet XR", "Galvus")),
        *(
            ({"text": n}, "systemic_steroid")
            for n in ("Orapred ODT", "Rayos", "Solu-Cortef", "Entocort EC", "Depo-Medrol")
        ),
        ({"text": "budesonide 3 MG Delayed Release Oral Capsule"}, "systemic_steroid"),
        ({"text": "budesonide 0.25 MG/ML Inhalation Suspension"}, None),
        ({"text": "budesonide 2 MG/ACTUAT Rectal Foam"}, None),
        ({"text": "empagliflozin 10 MG / linagliptin 5 MG Oral Tablet"}, "sglt2_inhibitor"),
        (coded(ATC, "A10BX02"), "glinide"),
        (coded(ATC, "A10BH01"), "dpp4_inhibitor"),
        (coded(ATC, "A07EA06"), "systemic_steroid"),
        (coded(RXNORM, "73044"), "glinide"),
        ({}, None),
        (None, None),
    ],
)
def test_H13_a_drug_class_is_found_by_code_or_by_printed_name(concept, expected):
    assert drug_class(concept) == expected


def test_a_current_order_is_a_medication_with_its_span_and_codes():
    bounds = {"repeat": {"boundsPeriod": {"start": "2024-05-01T00:00:00Z", "end": "2024-05-08T00:00:00Z"}}}
    concept = coded(RXNORM, "8640") | {"text": "prednisone"}
    (found,) = to_medications(
        [request(medicationCodeableConcept=concept, dosageInstruction=[{"timing": bounds}])], [], {}
    )
    assert (found.name, found.codes, found.drug_class) == (
        "prednisone",
        {f"{RXNORM}|8640"},
        "systemic_steroid",
    )
    assert (found.start_ms, found.end_ms) == (1_714_521_600_000, 1_715_126_400_000)


def test_an_order_without_bounds_counts_from_its_writing():
    (found,) = to_medications([request(authoredOn="2024-05-01T00:00:00Z")], [], {})
    assert (found.start_ms, found.end_ms) == (1_714_521_600_000, None)


@pytest.mark.parametrize(
    "change", [{"status": "stopped"}, {"status": "draft"}, {"intent": "plan"}, {"doNotPerform": True}]
)
def test_an_order_that_is_not_current_is_left_out(change):
    assert to_medications([request(**change)], [], {}) == ()


def test_ordered_insulin_is_left_to_the_insulin_orders_and_reported_insulin_is_kept():
    insulin = "insulin glargine 100 UNT/ML"
    found = to_medications([request(insulin)], [statement(insulin)], {})
    assert [(m.reference, m.drug_class) for m in found] == [("MedicationStatement/s", "insulin")]


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True),
        ({"status": "intended"}, True),
        ({"status": "completed"}, False),
        ({"status": "not-taken"}, False),
        ({"status": "entered-in-error"}, False),
        ({"status": "recorded"}, True),
        ({"status": "recorded", "adherence": {"code": coded("http://a", "taking")}}, True),
        ({"status": "recorded", "adherence": {"code": coded("http://a", "not-taking")}}, False),
        ({"status": "recorded", "adherence": {"code": coded("http://a", "on-hold")}}, False),
    ],
)
def test_a_statement_counts_while_it_says_that_the_drug_is_taken(change, taken):
    assert bool(to_medications([], [statement(**change)], {})) is taken


def test_a_statement_has_the_time_it_states():
    period = {"start": "2024-05-01T00:00:00Z", "end": "2024-05-08T00:00:00Z"}
    (found,) = to_medications([], [statement(effectivePeriod=period)], {})
    assert (found.start_ms, found.end_ms) == (1_714_521_600_000, 1_715_126_400_000)


def test_real_synthea_orders_with_references_are_resolved(shared):
    bundle = json.loads(
        gzip.decompress((shared / "data/fhir/synthea_diabetes/Lynelle567.json.gz").read_bytes())
    )
    pairs = [(e.get("fullUrl", ""), e["resource"]) for e in bundle["entry"]]
    index = index_medications(pair for pair in pairs if pair[1]["resourceType"] == "Medication")
    orders = [r for _, r in pairs if r["resourceType"] == "MedicationRequest"]
    found = to_medications(orders, [], index)
    assert [m.name for m in found] == [
        "24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet", "lisinopril 10 MG Oral Tablet",
    ]  # fmt: skip
    revived = [r | {"status": "active"} for r in orders if "medicationReference" in r]
    assert {m.name for m in to_medications(revived, [], index)} == {
        "Kyleena 19.5 MG Intrauterine System", "Etonogestrel 68 MG Drug Implant",
    }  # fmt: skip


def test_every_row_of_the_table_names_its_source_and_is_there_once():
    rows = read_table("medication_codes.csv")
    assert all(row["source"] and row["match"] in ("exact", "prefix", "word") for row in rows)
    keys = [(row["drug_class"], row["system"], row["code"]) for row in rows]
    assert len(keys) == len(set(keys))
