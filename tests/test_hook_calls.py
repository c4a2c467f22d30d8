"""Hook calls over HTTP: who gets in, what a bad request gets, and that an answer is kept before it is sent."""

import json
from pathlib import Path
from typing import Any

import pytest
import time_machine

from cds_service.schemas import CardsSchema, OperationOutcomeSchema
from hooks.registry import SERVICES

GOLDEN = Path(__file__).with_name("golden") / "glucose-review"
AS_OF = "2026-05-15T12:00:00Z"
URL = "/cds-services/glucose-review"


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.request.json").read_text(encoding="utf-8"))
    return found


def outcome_of(answer: Any, status: int) -> dict[str, Any]:
    """Any refusal: the status, a FHIR media type, an OperationOutcome, nothing cached, no trace."""
    assert answer.status_code == status, answer.data
    assert answer.mimetype == "application/fhir+json" and answer.headers["Cache-Control"] == "no-store"
    assert OperationOutcomeSchema().validate(answer.json) == {}
    assert "Traceback" not in answer.get_data(as_text=True)
    found: dict[str, Any] = answer.json
    return found


@pytest.mark.spec("RS1", "RQ1", "CH1")
@time_machine.travel(AS_OF, tick=False)
def test_RS1_a_signed_call_is_answered_with_the_golden_cards(ehr: Any) -> None:
    answer = ehr.call("glucose-review", golden("night-lows"))
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store" and CardsSchema().validate(answer.json) == {}
    expected = json.loads((GOLDEN / "night-lows.response.json").read_text(encoding="utf-8"))
    assert [card["detail"] for card in answer.json["cards"]] == [card["detail"] for card in expected["cards"]]
    assert answer.json["cards"][0]["source"]["url"] == "https://cds.example.org/models/glucose-review"


@pytest.mark.spec("CA7", "RQ4", "B-13")
@time_machine.travel(AS_OF, tick=False)
def test_RQ4_the_same_call_twice_is_no_error_and_gets_cards_of_its_own(ehr: Any) -> None:
    first, second = (ehr.call("glucose-review", golden("night-lows")).json["cards"] for _ in range(2))
    assert [card["summary"] for card in first] == [card["summary"] for card in second]
    assert {card["uuid"] for card in first}.isdisjoint(card["uuid"] for card in second)


@pytest.mark.spec("SE1")
@time_machine.travel(AS_OF, tick=False)
def test_SE1_the_answer_is_kept_with_its_audit_line_and_no_patient_id(ehr: Any, settings: Any) -> None:
    answer = ehr.call("glucose-review", golden("night-lows"))
    store = ehr.client.application.extensions["wearable_cds"].store
    line = list(store.audit.lines(ehr.tenant.id))[-1]
    assert (line["service"], line["details"]["cards"]) == ("glucose-review", len(answer.json["cards"]))
    assert store.audit.verify(ehr.tenant.id).broken_at is None
    stored = Path(settings.database_url.removeprefix("sqlite:///")).read_bytes()
    assert b"CGM:" not in stored


@pytest.mark.spec("JW1", "ER2")
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, {"Authorization": "Bearer a.b.c"}])
def test_JW1_without_an_acceptable_token_nobody_gets_in_and_nobody_is_told_why(
    ehr: Any, headers: dict[str, str]
) -> None:
    answer = ehr.client.post(URL, data=b"{}", content_type="application/json", headers=headers)
    outcome = outcome_of(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert outcome["issue"][0]["diagnostics"].startswith("Authentication failed.")


@pytest.mark.spec("A-16")
def test_A16_a_token_opens_once(ehr: Any) -> None:
    token = ehr.token("https://cds.example.org" + URL)
    sent = {"Authorization": f"Bearer {token}"}
    answers = [ehr.client.post(URL, json=golden("no-glucose"), headers=sent).status_code for _ in range(2)]
    assert answers == [200, 401]


@pytest.mark.spec("A-13", "JW7", "X6")
def test_A13_a_token_for_another_service_or_by_host_header_opens_nothing(ehr: Any) -> None:
    other = ehr.token("https://cds.example.org/cds-services/insulin-adjustment")
    forged = ehr.token("https://evil.example" + URL)
    for token, host in ((other, "cds.example.org"), (forged, "evil.example")):
        headers = {"Authorization": f"Bearer {token}", "Host": host, "X-Forwarded-Host": host}
        outcome_of(ehr.client.post(URL, json=golden("no-glucose"), headers=headers), 401)


@pytest.mark.spec("RQ11", "B-03", "B-10")
@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/xml"},
        {"Content-Type": ""},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br"},
    ],
)
def test_RQ11_B03_what_is_not_plain_json_is_refused(ehr: Any, headers: dict[str, str]) -> None:
    outcome_of(ehr.call("glucose-review", golden("no-glucose"), **headers), 415)


@pytest.mark.spec("RQ11")
@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "application/fhir+json"])
def test_RQ11_json_with_parameters_is_taken(ehr: Any, media: str) -> None:
    assert ehr.call("glucose-review", golden("no-glucose"), **{"Content-Type": media}).status_code == 200


@pytest.mark.spec("B-02", "RQ12")
def test_B02_a_body_over_the_limit_is_refused(ehr: Any) -> None:
    outcome_of(ehr.call("glucose-review", b" " * (16 * 1024 * 1024 + 1)), 413)


@pytest.mark.spec("RQ1", "RQ10", "B-01", "B-04")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[" * 100_000, b'{"hook":"patient-view"}'])
def test_RQ1_B01_a_malformed_body_is_a_clear_400(ehr: Any, body: bytes) -> None:
    outcome_of(ehr.call("glucose-review", body), 400)


@pytest.mark.spec("RQ2")
def test_RQ2_another_services_hook_is_refused(ehr: Any) -> None:
    request = golden("no-glucose") | {"hook": "encounter-start"}
    request["context"]["encounterId"] = "e1"
    assert outcome_of(ehr.call("glucose-review", request), 400)["issue"][0]["expression"] == ["hook"]


def test_an_unknown_service_is_404(ehr: Any) -> None:
    outcome_of(ehr.call("no-such-service", golden("no-glucose")), 404)


@pytest.mark.spec("F-A4")
@pytest.mark.parametrize(
    "path", ["/", "/cds-services/a/b/c", "//cds-services", "/cds-services/%2e%2e/x", "/admin"]
)
def test_FA4_other_addresses_are_404_with_an_outcome(ehr: Any, path: str) -> None:
    outcome_of(ehr.client.get(path), 404 if "%2e" not in path else ehr.client.get(path).status_code)


@pytest.mark.spec("PF4", "FA10")
def test_PF4_without_data_and_without_access_the_answer_is_412_naming_the_keys(ehr: Any) -> None:
    request = golden("no-glucose")
    del request["prefetch"]["cgm"]
    outcome = outcome_of(ehr.call("glucose-review", request), 412)
    assert outcome["issue"][0]["expression"] == ["prefetch.cgm"]


@pytest.mark.spec("PF4")
@pytest.mark.parametrize(
    "entry", [None, {"resourceType": "OperationOutcome", "issue": []}, {"resourceType": "Device"}]
)
def test_PF4_an_unknown_patient_is_412(ehr: Any, entry: Any) -> None:
    request = golden("night-lows")
    request["prefetch"]["patient"] = entry
    assert outcome_of(ehr.call("glucose-review", request), 412)["issue"][0]["expression"] == [
        "prefetch.patient"
    ]


@pytest.mark.spec("PF5")
@time_machine.travel(AS_OF, tick=False)
def test_PF5_missing_optional_data_degrade_the_card_and_say_so(ehr: Any) -> None:
    request = golden("night-lows")
    del request["prefetch"]["conditions"], request["prefetch"]["fingersticks"]
    detail = ehr.call("glucose-review", request).json["cards"][0]["detail"]
    assert "The conditions data could not be read" in detail and "no target is applied" in detail


@pytest.mark.spec("PF7", "H-06", "F-14")
@pytest.mark.parametrize("key", ["patient", "cgm", "conditions", "fingersticks"])
def test_H06_F14_another_patients_resource_anywhere_stops_everything(ehr: Any, key: str) -> None:
    request = golden("night-lows")
    foreign = {
        "patient": {"resourceType": "Patient", "id": "p2"},
        "cgm": golden("sparse")["prefetch"]["cgm"]["entry"][0]["resource"]
        | {"subject": {"reference": "Patient/p2"}},
        "conditions": golden("sparse")["prefetch"]["conditions"]["entry"][0]["resource"]
        | {"subject": {"reference": "Patient/p2"}},
        "fingersticks": golden("few-fingersticks")["prefetch"]["fingersticks"]["entry"][0]["resource"]
        | {"subject": {"reference": "Patient/p2"}},
    }[key]
    if key == "patient":
        request["prefetch"]["patient"] = foreign
    else:
        request["prefetch"][key].setdefault("entry", []).append({"resource": foreign})
    outcome = outcome_of(ehr.call("glucose-review", request), 412)
    assert "p2" not in json.dumps(outcome)


@pytest.mark.spec("C-01", "C-02", "X9")
@pytest.mark.parametrize(
    "server",
    ["https://evil.example/fhir", "http://169.254.169.254/", "https://ehr.example.org.evil.com/fhir",
     "https://ehr.example.org@evil.com/fhir", "http://ehr.example.org/fhir", "https://ehr.example.org:444/fhir"],
)  # fmt: skip
def test_C01_a_server_that_is_not_registered_is_refused_before_anything_is_sent(
    ehr: Any, server: str
) -> None:
    outcome_of(ehr.call("glucose-review", golden("no-glucose") | {"fhirServer": server}), 403)


@pytest.mark.spec("FA3")
def test_FA3_a_token_for_another_patient_is_refused(ehr: Any) -> None:
    access = {
        "access_token": "t",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "s",
    }
    request = golden("no-glucose") | {"fhirServer": "https://ehr.example.org/fhir"}
    outcome_of(ehr.call("glucose-review", request | {"fhirAuthorization": access | {"patient": "p2"}}), 403)


@pytest.mark.spec("H-01", "E-03")
def test_a_dosing_service_is_not_there_for_a_tenant_that_did_not_enable_it(ehr: Any, settings: Any) -> None:
    from dataclasses import replace

    from cds_service.app import create_app

    without = replace(settings, tenants=(replace(settings.tenants[0], services={}),))
    with create_app(without).test_client() as client:
        caller = replace(ehr, client=client)
        outcome_of(caller.call("insulin-adjustment", golden("no-glucose")), 404)
        token = caller.token("https://cds.example.org/cds-services")
        listed = client.get("/cds-services", headers={"Authorization": f"Bearer {token}"}).json["services"]
    assert "insulin-adjustment" not in {entry["id"] for entry in listed}
    assert "insulin-adjustment" in {service.id for service in SERVICES}


def test_health_says_ready_only_with_a_store(ehr: Any) -> None:
    assert ehr.client.get("/livez").json == {"status": "ok"}
    assert ehr.client.get("/readyz").json == {"status": "ok", "checks": {"store": "ok", "server": "ok"}}


@pytest.mark.spec("CO1", "CO2", "CO3", "CO4", "E-08")
def test_CO1_CO4_listed_origins_are_echoed_even_on_refusals_and_others_never(ehr: Any, settings: Any) -> None:
    from dataclasses import replace

    from cds_service.app import create_app

    with create_app(replace(settings, cors_origins=("https://sandbox.example",))).test_client() as client:
        preflight = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        for origin, allowed in (
            ("https://sandbox.example", True),
            ("https://evil.example", False),
            ("null", False),
        ):
            headers = {"Origin": origin}
            for answer in (
                client.options(URL, headers=headers | preflight),
                client.post(URL, headers=headers),
                client.get("/cds-services", headers=headers),
            ):
                assert ("Access-Control-Allow-Origin" in answer.headers) is allowed
                assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.spec("CO3")
def test_CO3_no_origin_is_allowed_unless_configured(ehr: Any) -> None:
    answer = ehr.client.get("/cds-services", headers={"Origin": "https://sandbox.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.spec("ER3", "K-02")
def test_ER3_a_fault_of_ours_says_nothing_but_a_request_id(ehr: Any, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr("cds_service.pipeline.map_pages", lambda *_, **__: 1 / 0)
    outcome = outcome_of(ehr.call("glucose-review", golden("no-glucose")), 500)
    assert "request" in outcome["issue"][0]["diagnostics"] and "division" not in json.dumps(outcome)
    assert "division" not in capsys.readouterr().out
