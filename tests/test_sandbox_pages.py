"""The pages of the demonstration EHR: what they show, what they send on, and what they never run."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_ehr import NOW_MS, ORIGIN, SandboxEhr, new_ehr
from werkzeug.test import TestResponse

from cds_service.sandbox import chart_svg, pages, rendering
from cds_service.sandbox.drafts import active_orders, context_of, drafted, sign
from cds_service.sandbox.formulary import ORDERABLE
from cds_service.sandbox.hook_client import Exchange
from cds_service.sandbox.personas import PERSONAS
from fhir_mappers.insulin_products import product_of
from hooks.errors import BadRequest

ATTACK = "<img src=x onerror=alert(1)>\"'&{{7*7}}</script><script>alert(2)</script>"
ALLOWED = frozenset(
    "p strong em ul ol li table thead tbody tr th td code pre blockquote h1 h2 h3 h4 h5 h6 hr br a".split()  # noqa: SIM905
)
GLARGINE = {"rxcui": "847230", "units": 24, "when": "HS"}


@pytest.fixture
def ehr(tmp_path: Path) -> Iterator[SandboxEhr]:
    made = new_ehr(tmp_path)
    made.sandbox.storage.put({"resourceType": "Patient", "id": "a", "birthDate": "1980-05-16"})
    yield made
    made.sandbox.storage.close()


def page(ehr: SandboxEhr, path: str, body: Any = None) -> TestResponse:
    client = ehr.sandbox.app.test_client()
    if body is None:
        return client.get(path, base_url=ORIGIN)
    return client.post(path, base_url=ORIGIN, json=body)


@pytest.mark.parametrize("path", ["/", "/patients/a"])
def test_every_page_says_that_it_is_a_demonstration_and_runs_no_inline_code(
    ehr: SandboxEhr, path: str
) -> None:
    response = page(ehr, path)
    assert response.status_code == 200
    assert "Demonstration EHR – simulated patients, not for care" in response.text
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';") and "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", response.text)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", response.text)


def test_hostile_text_in_a_record_is_shown_as_text(ehr: SandboxEhr) -> None:
    store = ehr.sandbox.storage
    subject = {"subject": {"reference": "Patient/x"}}
    store.put(
        {"resourceType": "Patient", "id": "x", "name": [{"given": [ATTACK], "family": ATTACK}]}
        | {"gender": ATTACK, "birthDate": ATTACK}
    )
    active = {"coding": [{"code": "active"}]}
    store.put(
        {"resourceType": "Condition", "id": "c", "code": {"text": ATTACK}, "clinicalStatus": active} | subject
    )
    drug = {"text": ATTACK, "coding": [{"code": ATTACK}]}
    order = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "authoredOn": ATTACK}
    store.put(order | {"medicationCodeableConcept": drug, "dosageInstruction": [{"text": ATTACK}]} | subject)
    for path in ("/", "/patients/x"):
        text = page(ehr, path).text
        assert "<img src=x" not in text and "alert(2)</script>" not in text and ATTACK not in text
        assert ATTACK in unescape(text)


@given(st.text(max_size=200))
def test_markdown_never_becomes_an_element_that_we_do_not_allow(text: str) -> None:
    for source in (
        text,
        f"**{text}**",
        f"| a |\n|---|\n| {text} |",
        f"<b {text}>",
        f"![x]({text})",
        f"[x]({text})",
    ):
        tags = re.findall(r"<\s*/?\s*([a-zA-Z][\w-]*)", rendering.markdown(source))
        assert set(tags) <= ALLOWED
        assert "javascript:" not in re.sub(r">[^<]*<", "><", rendering.markdown(source)).lower()


def test_a_table_in_the_detail_of_a_card_becomes_a_table() -> None:
    assert "<td>62\N{NO-BREAK SPACE}%</td>" in rendering.markdown("| Metric |\n|---|\n| 62 % |")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example.org", ""])
def test_a_link_that_is_not_of_the_web_leads_nowhere(url: str) -> None:
    assert rendering.web_address(url) == "about:blank"


def exchange(**changes: Any) -> Exchange:
    sent = {"hook": "patient-view", "fhirAuthorization": {"access_token": "SECRET-TOKEN", "scope": "x"}}
    values = {"service": {"id": "s"}, "url": "u", "sent": sent, "prefetch": {}, "status": 200, "answer": {}}
    times = {"gathered_ms": 1.0, "answered_ms": 2.0, "sent_bytes": 10}
    return Exchange(**{**values, **times, **changes})


def test_the_developer_panel_hides_the_token_and_cuts_what_is_long() -> None:
    entries = b",".join([b'{"resource":{}}'] * 3)
    prefetch = {"cgm": b'{"resourceType":"Bundle","entry":[' + entries + b"]}", "none": b"null"}
    panel = rendering.panel(exchange(prefetch=prefetch, answer={"cards": ["x" * 100_000]}))
    assert "SECRET-TOKEN" not in panel.request
    assert len(panel.response) < 41_000 and "cut: 100," in panel.response
    assert panel.prefetch[0][1].startswith("Bundle of 3") and panel.prefetch[1][1].startswith("null")


def test_hostile_text_in_a_card_is_shown_as_text(ehr: SandboxEhr) -> None:
    card = {
        "uuid": ATTACK,
        "summary": ATTACK,
        "indicator": ATTACK,
        "detail": ATTACK,
        "source": {"label": ATTACK, "url": "javascript:alert(1)"},
        "links": [{"label": ATTACK, "url": "javascript:alert(1)"}],
        "suggestions": [{"uuid": ATTACK, "label": ATTACK, "actions": [{"description": ATTACK}]}],
        "overrideReasons": [{"code": ATTACK, "system": ATTACK, "display": ATTACK}],
    }
    hostile = exchange(service={"id": ATTACK, "title": ATTACK}, answer={"cards": [card]})
    with ehr.sandbox.app.test_request_context():
        text = pages.render_cards([hostile])
    assert "<img" not in text and "<script" not in text and 'href="javascript' not in text
    assert text.count("alert(2)") >= 10


@pytest.mark.parametrize("answer", [{}, {"cards": None}, [], "text", {"cards": {}}])
def test_an_answer_that_is_no_list_of_cards_shows_no_card(answer: Any) -> None:
    assert exchange(answer=answer).cards == []
    assert exchange(answer={"cards": [{}]}, status=500).cards == []


def test_a_service_that_is_down_is_shown_and_nothing_looks_like_an_all_clear(ehr: SandboxEhr) -> None:
    answer = page(ehr, "/patients/a/hooks/patient-view", {}).get_json()
    assert answer["failures"] == 1 and answer["findings"] == 0
    assert "cannot be reached" in answer["cards"] and "Nothing is known" in answer["cards"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/patients/nobody", None, 404),
        ("/patients/nobody/hooks/patient-view", {}, 404),
        ("/patients/a/hooks/order-dispatch", {}, 404),
        ("/patients/a/hooks/order-select", {"form": {"rxcui": "0", "when": "HS"}}, 400),
        ("/patients/a/hooks/order-select", {"form": {**GLARGINE, "units": "many"}}, 400),
        ("/patients/a/hooks/order-select", {"form": {**GLARGINE, "units": "nan"}}, 400),
        ("/patients/a/hooks/order-select", {"form": {**GLARGINE, "units": -4}}, 400),
        ("/patients/a/hooks/order-select", {"draft": {"resourceType": "Patient"}}, 400),
        ("/patients/a/orders", {}, 400),
        ("/patients/a/hooks/patient-view", [], 400),
    ],
)
def test_what_no_form_of_ours_sends_is_refused(ehr: SandboxEhr, path: str, body: Any, status: int) -> None:
    response = page(ehr, path, body)
    assert response.status_code == status
    assert response.get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("rxcui", ORDERABLE)
def test_every_product_on_the_list_is_an_insulin_that_the_mapper_knows(rxcui: str) -> None:
    order = drafted("a", {**GLARGINE, "rxcui": rxcui}, NOW_MS)
    product = product_of(order["medicationCodeableConcept"])
    assert product is not None and product.ingredient and product.units_per_ml


def test_the_order_is_a_draft_for_this_patient_with_its_dose_and_no_words_of_its_own() -> None:
    order = drafted("a", GLARGINE, NOW_MS)
    assert (order["status"], order["intent"], order["subject"]) == (
        "draft",
        "order",
        {"reference": "Patient/a"},
    )
    dosage = order["dosageInstruction"][0]
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == 24 and "text" not in dosage
    assert "doseAndRate" not in drafted("a", {**GLARGINE, "units": ""}, NOW_MS)["dosageInstruction"][0]
    context = context_of("a", order, selected=True)
    assert context["selections"] == [f"MedicationRequest/{order['id']}"]
    assert context["draftOrders"]["entry"][0]["resource"] == order


def test_signing_activates_the_draft_and_stops_the_former_order_of_that_product(ehr: SandboxEhr) -> None:
    store = ehr.sandbox.storage
    first = sign(store, "a", drafted("a", GLARGINE, NOW_MS))
    sign(store, "a", drafted("a", {**GLARGINE, "rxcui": "1653202"}, NOW_MS))
    second = page(ehr, "/patients/a/orders", {"draft": drafted("a", {**GLARGINE, "units": 26}, NOW_MS)})
    assert second.get_json()["signed"].endswith("26 units")
    active = {order["medicationCodeableConcept"]["coding"][0]["code"] for order in active_orders(store, "a")}
    assert active == {"847230", "1653202"}
    former = store.read("MedicationRequest", first["id"])
    assert former is not None and former.parsed()["status"] == "stopped"


def test_a_draft_for_somebody_else_or_already_active_is_not_signed(ehr: SandboxEhr) -> None:
    for wrong in ({"subject": {"reference": "Patient/b"}}, {"status": "active"}):
        with pytest.raises(BadRequest):
            sign(ehr.sandbox.storage, "a", drafted("a", GLARGINE, NOW_MS) | wrong)


def test_an_age_is_counted_in_whole_years_and_unknown_without_a_full_date() -> None:
    def age(born: str) -> str:
        return rendering.banner({"id": "x", "birthDate": born}, [], [], NOW_MS).age

    assert (age("1980-05-15"), age("1980-05-16")) == ("46 years", "45 years")
    assert age("1980") == age("") == "age unknown"


def test_the_strip_shows_the_last_day_in_both_units_and_nothing_without_values() -> None:
    def reading(at: str, value: float, unit: str) -> dict[str, Any]:
        quantity = {"value": value, "unit": unit, "code": unit}
        return {"resourceType": "Observation", "effectiveDateTime": at, "valueQuantity": quantity}

    values = chart_svg.readings(
        [
            reading("2026-05-15T07:00:00Z", 10.0, "mmol/L"),
            reading("2026-05-14T12:00:00Z", 55, "mg/dL"),
            reading("2026-05-14T07:00:00Z", 99, "mg/dL"),
            reading("2026-05-15T07:30:00Z", 5, "furlongs"),
        ]
    )
    strip = chart_svg.day_strip(values, NOW_MS)
    assert strip is not None and strip.count("<circle") == 2
    assert "2 readings; the last one 180 mg/dL (10.0 mmol/L)" in strip
    assert strip.count('class="low"') == 1
    assert chart_svg.day_strip(values, NOW_MS + 2 * chart_svg.DAY_MS) is None


def test_each_story_is_told_on_the_page_of_its_patient(ehr: SandboxEhr) -> None:
    for persona in PERSONAS:
        ehr.sandbox.storage.put({"resourceType": "Patient", "id": persona.id})
        assert persona.story in unescape(page(ehr, f"/patients/{persona.id}").text)


ODD = [5, None, "x", [], [5], {"form": 5}, {"form": {"rxcui": [], "when": "HS"}}, {"draft": 5}, {"prefetch": []},
       {"form": {"rxcui": "847230", "when": ["HS"]}}, {"form": GLARGINE | {"units": {}}}, {"draft": {"resourceType": 5}},
       {"draft": {"resourceType": "MedicationRequest", "dosageInstruction": [{"doseAndRate": [{"doseQuantity": 5}]}]}}]  # fmt: skip
PATHS = ["/patients/a/hooks/order-select", "/patients/a/orders", "/feedback", "/fhir/MedicationRequest"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", ODD, ids=str)
def test_an_odd_body_is_refused_and_is_no_fault_of_the_sandbox(ehr: SandboxEhr, path: str, body: Any) -> None:
    assert page(ehr, path, body).status_code < 500


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_refused_and_is_no_fault_of_the_sandbox(
    ehr: SandboxEhr, path: str, opening: bytes
) -> None:
    client = ehr.sandbox.app.test_client()
    answer = client.post(path, base_url=ORIGIN, data=opening * 100_000, content_type="application/json")
    assert 400 <= answer.status_code < 500


def test_who_types_localhost_is_led_to_the_address_and_other_hosts_get_nothing(ehr: SandboxEhr) -> None:
    client = ehr.sandbox.app.test_client()
    led = client.get("/patients/a?x=1", base_url=ORIGIN.replace("127.0.0.1", "localhost"))
    assert (led.status_code, led.headers["Location"]) == (307, f"{ORIGIN}/patients/a?x=1")
    assert (
        client.post("/feedback", base_url=ORIGIN.replace("127.0.0.1", "localhost"), json={}).status_code
        == 403
    )
    assert client.get("/", base_url="http://rebound.example:8001").status_code == 403
