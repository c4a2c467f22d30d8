"""What a hostile or broken EHR sent to get a dose, silence or a fault: each test is one finding and its wish.

Over `pipeline.decide`, the command line and the sandbox, with the requests of `titration_request`.
"""

import gzip
import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from patience import PATIENCE_S
from titration_request import (
    ABOVE_GOAL,
    AS_OF_MS,
    GLARGINE,
    TYPE_2,
    UCUM,
    bundle,
    condition,
    draft,
    fingerstick,
    mornings,
    order,
    request,
    signing,
)

from cds_service import pipeline
from cds_service.cli import main
from cds_service.deadline import Deadline
from cds_service.sandbox.app import SandboxSettings, create_sandbox
from fhir_mappers.to_patient_record import to_patient_record
from hooks.card import Card
from hooks.errors import CannotAnswer
from hooks.protocol import parse
from hooks.registry import SERVICES

BY_HOOK = {
    s.hook: s for s in SERVICES if s.id in ("insulin-adjustment", "insulin-order-check", "glucose-review")
}
LARGE = [{"url": "https://ehr.example.org/x", "valueString": "A" * 5000}]


def cards(asked: dict[str, Any] | bytes) -> tuple[Card, ...]:
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    read = parse(body)
    moment = pipeline.Moment(AS_OF_MS, Deadline.after(60), uuid.UUID(int=1))
    return pipeline.decide(BY_HOOK[read.hook], read, moment, pipeline.Place()).decision.cards


def doses(asked: dict[str, Any]) -> list[str]:
    """Summaries of cards that propose a dose."""
    return [card.summary for card in cards(asked) if "consider" in card.summary or ": keep" in card.summary]


FAILED_SEARCHES = {
    "total without entries": {"total": 5},
    "batch-response that was forbidden": {
        "type": "batch-response",
        "entry": [{"response": {"status": "403 Forbidden"}}],
    },
    "batch-response with an outcome": {
        "type": "batch-response",
        "entry": [
            {
                "response": {
                    "status": "500",
                    "outcome": {
                        "resourceType": "OperationOutcome",
                        "issue": [{"severity": "error", "code": "exception"}],
                    },
                }
            }
        ],
    },
    "entry without a resource": {"entry": [{}]},
    "entry of null": {"entry": [None]},
    "next link without an address": {"link": [{"relation": "next"}]},
    "only resources of another type": {"entry": [{"resource": condition("t2", TYPE_2)}]},
}


@pytest.mark.parametrize("how", FAILED_SEARCHES)
def test_a_medication_search_that_did_not_succeed_starts_no_insulin(how: str) -> None:
    """Today: `consider starting 10 units a day` beside 20 units on record."""
    failed = {"resourceType": "Bundle", "type": "searchset"} | FAILED_SEARCHES[how]
    asked = request(mornings(ABOVE_GOAL), [], medications=failed)
    assert doses(asked) == []


@pytest.mark.parametrize("how", FAILED_SEARCHES)
def test_a_medication_search_that_did_not_succeed_leaves_no_order_check_silent(how: str) -> None:
    failed = {"resourceType": "Bundle", "type": "searchset"} | FAILED_SEARCHES[how]
    asked = signing([], draft(10), medications=failed)
    assert any("medication" in (card.detail or "").lower() for card in cards(asked))


@pytest.mark.parametrize("written", ["200.0", "2e2", "200.00"])
def test_a_tenfold_draft_is_found_however_its_number_is_written(written: str) -> None:
    """Numbers with a point or exponent arrive as Decimal, which `insulin_units` takes for no number."""
    body = (
        json.dumps(signing([order(20)], draft(200))).replace('"value": 200,', f'"value": {written},').encode()
    )
    assert [card.indicator for card in cards(body)] == ["critical"]


def test_a_draft_of_a_half_unit_is_read_and_can_be_adjusted() -> None:
    (card,) = cards(request(mornings(ABOVE_GOAL), [order(20)], draft(18.5)))
    assert card.suggestions


def test_a_draft_in_parts_of_a_millilitre_is_read() -> None:
    drafted = draft(20)
    (dosage,) = drafted["dosageInstruction"]
    del dosage["text"]
    dosage["doseAndRate"] = [
        {"doseQuantity": {"value": 2.5, "unit": "mL", "system": UCUM, "code": "mL"}},
    ]
    assert [card.indicator for card in cards(signing([order(20)], drafted))] == ["critical"]


LOW = fingerstick("low", 0.2, 45)
UNREAD = {
    "subject absent": {"subject": None},
    "subject by identifier": {"subject": {"identifier": {"value": "1"}}},
    "LO as a concept": {"valueQuantity": None, "valueCodeableConcept": {"text": "LO"}},
    "status unknown": {"status": "unknown"},
    "date only": {"effectiveDateTime": "2026-05-15"},
    "no time": {"effectiveDateTime": None},
    "four minutes ahead": {"effectiveDateTime": "2026-05-15T08:04:00Z"},
    "a local code": {"code": {"coding": [{"system": "http://local", "code": "GLU"}], "text": "Glucose POC"}},
    "2.5 under mg/dL": {"valueQuantity": {"value": 2.5, "unit": "mg/dL", "system": UCUM, "code": "mg/dL"}},
    "modifier": {"modifierExtension": [{"url": "http://x"}]},
}


@pytest.mark.parametrize("how", UNREAD)
def test_a_glucose_that_could_not_be_used_is_named_beside_a_raised_dose(how: str) -> None:
    """Today: 22 units, and the card is the same to the letter as without the reading of 45 mg/dL."""
    low = {name: value for name, value in (LOW | UNREAD[how]).items() if value is not None}
    without = cards(request(mornings(ABOVE_GOAL), [order(20)]))
    assert [c.detail for c in cards(request([*mornings(ABOVE_GOAL), low], [order(20)]))] != [
        c.detail for c in without
    ]


def test_a_prefetch_entry_cannot_blank_a_part_of_the_draft() -> None:
    """The bytes of a large entry also stand in the draft: only the entry itself may be left out of the outline."""
    drafted = draft(20) | {"modifierExtension": LARGE}
    asked = request(mornings(ABOVE_GOAL), [order(20)], drafted)
    asked["prefetch"]["not-advertised"] = LARGE
    assert parse(json.dumps(asked).encode()).context.draft_orders[0]["modifierExtension"] == LARGE


def test_a_deeply_nested_draft_is_refused_or_answered_but_is_no_fault_of_ours() -> None:
    """Parsed at depth 600, then `deepcopy` of the suggestion ends in RecursionError: 500."""
    asked = request(mornings(ABOVE_GOAL), [order(20)], draft(18) | {"x": "DEEP"})
    nested = b'{"a":' * 600 + b"1" + b"}" * 600
    body = json.dumps(asked).encode().replace(b'"DEEP"', nested)
    try:
        cards(body)
    except CannotAnswer as refused:
        assert refused.status == 400


def test_spaces_in_an_instruction_do_not_stop_the_process() -> None:
    """`DOSE_IN_TEXT` has `\\s*-?\\s*`: 16,000 spaces take 9 s, 200,000 take half an hour, holding the GIL."""
    code = "from fhir_mappers.dosage import DOSE_IN_TEXT; DOSE_IN_TEXT.findall('1 ' + ' ' * 200_000 + 'x')"
    subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=PATIENCE_S, cwd=Path(__file__).parent.parent
    )


def test_a_bundle_of_more_entries_than_anybody_reads_is_refused() -> None:
    """B-07: 50,000. A million empty entries (3 MB) hold a worker for 10 s, three million (15 MB) for a minute."""
    asked = request([], [], cgm={"resourceType": "Bundle", "entry": [None] * 50_001})
    del asked["prefetch"]["medications"]
    asked = {**asked, "hook": "patient-view", "context": {"patientId": "p1", "userId": "Practitioner/d"}}
    with pytest.raises(CannotAnswer):
        cards(asked)


NAMES = ["Huminsulin Basal", "Insuman Rapid", "Berlinsulin H", "Awiqli", "Actraphane", "Инсулин гларгин"]


@pytest.mark.parametrize("name", NAMES)
def test_an_insulin_by_a_name_that_is_not_on_the_list_is_not_passed_in_silence(name: str) -> None:
    drafted = draft(200, {"text": name})
    del drafted["dosageInstruction"][0]["text"]
    assert cards(signing([order(20)], drafted))


def test_a_medication_that_came_with_the_drafts_is_looked_at() -> None:
    """The reference prints a name of the ward; the Medication beside it in the Bundle says glargine."""
    drafted = draft(200)
    del drafted["medicationCodeableConcept"]
    drafted["medicationReference"] = {"reference": "Medication/m1", "display": "Ward stock pen 7"}
    medication = {"resourceType": "Medication", "id": "m1", "code": GLARGINE}
    assert cards(signing([order(20)], drafted, medication))


@pytest.mark.parametrize("cut", [slice(None, -20), slice(None, 14)])
def test_a_broken_gzip_file_is_refused_with_exit_2(cut: slice, tmp_path: Path) -> None:
    """EOFError is no OSError: exit 1 and `Aborted!`."""
    file = tmp_path / "broken.gz"
    file.write_bytes(gzip.compress(b'{"resourceType": "Bundle"}' * 100)[cut])
    assert CliRunner().invoke(main, ["map", str(file), "--patient", "p1"]).exit_code == 2


def test_a_csv_field_beyond_the_limit_is_refused_with_exit_2(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_text("time,gl\n" + "x" * 200_000 + ",5\n")
    assert CliRunner().invoke(main, ["features", str(file)]).exit_code == 2


def test_a_signed_order_with_a_dose_that_is_no_number_does_not_break_the_chart(tmp_path: Path) -> None:
    """The order is stored before it is put into words: the chart answers 500 from then on."""
    sandbox = create_sandbox(SandboxSettings("http://127.0.0.1:8001", "http://127.0.0.1:8000", tmp_path))
    sandbox.storage.put({"resourceType": "Patient", "id": "p1"})
    drafted = draft(20)
    drafted["dosageInstruction"] = [{"doseAndRate": [{"doseQuantity": {"value": "many"}}]}]
    client = sandbox.app.test_client()
    client.post("/patients/p1/orders", json={"draft": drafted}, base_url="http://127.0.0.1:8001")
    assert client.get("/patients/p1", base_url="http://127.0.0.1:8001").status_code == 200


def panel(count: int) -> dict[str, Any]:
    """One blood pressure with so many components, all of one moment."""
    pressure = {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}}
    parts = [pressure | {"valueQuantity": {"value": 120 + n % 9, "code": "mm[Hg]"}} for n in range(count)]
    found = fingerstick("panel", 0.2, 120)
    del found["valueQuantity"]
    return found | {
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "component": parts,
    }


def test_a_panel_of_thousands_of_parts_is_dropped_and_counted() -> None:
    """Each part was compared with each other by reading the whole panel again: 6,000 held a worker for minutes."""
    pages = {"vitals": [json.dumps(bundle([panel(60_000)])).encode()]}
    record = to_patient_record("p1", pages, as_of_ms=AS_OF_MS)
    assert record.rejected["too_many_components"].count == 1


def test_more_devices_than_anybody_wears_are_refused_and_are_no_fault_of_ours() -> None:
    """Each new device costs as much as a hundred readings; beyond 16 bits the answer was 500."""
    readings = [
        fingerstick(f"r{n}", n / 1e4, 120) | {"device": {"reference": f"Device/{n}"}} for n in range(3000)
    ]
    with pytest.raises(CannotAnswer) as refused:
        cards(request([*mornings(ABOVE_GOAL), *readings], [order(20)]))
    assert refused.value.status == 412


@pytest.mark.spec("D-07")
def test_D07_cards_beyond_ten_are_counted_on_the_last() -> None:
    """Ten were sent, and nothing said that there were more."""
    drafts = [draft(200) | {"id": f"d{number}"} for number in range(14)]
    found = cards(signing([order(20)], *drafts))
    assert len(found) == 10
    assert "more cards" in found[-1].summary + found[-1].detail


MERGED = {
    "named": [{"type": "replaced-by", "other": {"reference": "Patient/p2"}}],
    "not named": [{"type": "seealso"}, {"type": "replaced-by"}],
}


@pytest.mark.spec("F-14", "H-06")
@pytest.mark.parametrize("how", MERGED)
def test_F14_a_record_that_was_merged_into_another_gets_no_answer(how: str) -> None:
    """A dose was proposed: new readings, lows among them, are under the other id."""
    asked = request(mornings(ABOVE_GOAL), [order(20)])
    asked["prefetch"]["patient"]["link"] = MERGED[how]
    with pytest.raises(CannotAnswer) as refused:
        cards(asked)
    assert (refused.value.status, refused.value.reason) == (412, "merged_patient")


UNDERSTOOD_BY_NOBODY: dict[str, dict[str, Any]] = {
    "meaning changed": {"modifierExtension": [{"url": "https://ehr.example.org/not-a-person"}]},
    "died, as a text": {"deceasedBoolean": "true"},
    "died, at no time": {"deceasedDateTime": {"extension": []}},
}


@pytest.mark.spec("H-13")
@pytest.mark.parametrize("how", UNDERSTOOD_BY_NOBODY)
def test_H13_a_patient_whose_resource_cannot_be_understood_gets_no_dose(how: str) -> None:
    asked = request(mornings(ABOVE_GOAL), [order(20)])
    assert doses(asked) != []
    asked["prefetch"]["patient"] |= UNDERSTOOD_BY_NOBODY[how]
    assert doses(asked) == []
