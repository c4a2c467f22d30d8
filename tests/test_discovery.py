"""Discovery over HTTP: where it is, what it lists, and that its templates follow the rules of prefetch."""

import re
from dataclasses import replace
from typing import Any

import pytest

from cds_service.app import create_app
from cds_service.schemas import DiscoverySchema
from cds_service.tenants import ServiceSetting
from hooks.hook_definitions import HOOKS, IDS
from hooks.prefetch import template
from hooks.registry import SERVICES

TEMPLATES = [
    pytest.param(service, need, dialect, id=f"{service.id}-{need.key}-{dialect}")
    for service in SERVICES
    for need in service.needs
    for dialect in ("core", "relative-date")
]


@pytest.mark.spec("DI1", "DI2", "DI3", "DI4", "DI6", "DI7", "DI8")
def test_DI1_discovery_lists_every_service_with_all_its_members(ehr: Any) -> None:
    answer = ehr.client.get("/cds-services")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert DiscoverySchema().validate(answer.json) == {}
    assert [entry["id"] for entry in answer.json["services"]] == [service.id for service in SERVICES]


@pytest.mark.spec("DI11")
@pytest.mark.parametrize("path", ["/cds-services", "/cds-services/"])
@pytest.mark.parametrize("accept", [None, "text/html", "application/json"])
def test_DI11_no_slash_or_accept_header_leads_to_a_redirect(ehr: Any, path: str, accept: str | None) -> None:
    headers = {"Accept": accept} if accept else {}
    assert ehr.client.get(path, headers=headers).status_code == 200


@pytest.mark.spec("DI13", "F-A4")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "POST"])
def test_DI13_other_methods_are_refused_with_what_is_allowed(ehr: Any, method: str) -> None:
    answer = ehr.client.open("/cds-services", method=method)
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]
    assert answer.json["resourceType"] == "OperationOutcome"


@pytest.mark.spec("DI13")
def test_DI13_head_and_options_answer(ehr: Any) -> None:
    assert ehr.client.head("/cds-services").status_code == 200
    assert ehr.client.options("/cds-services").status_code in (200, 204)


@pytest.mark.spec("DI14", "CH1")
def test_CH1_discovery_may_be_kept_shortly_and_revalidated(ehr: Any) -> None:
    first = ehr.client.get("/cds-services")
    assert (
        first.headers["Cache-Control"] == "public, max-age=300" and "Authorization" in first.headers["Vary"]
    )
    again = ehr.client.get("/cds-services", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.spec("X2", "DI14")
def test_X2_a_registered_caller_gets_its_own_prefetch_dialect(ehr: Any) -> None:
    token = ehr.token("https://cds.example.org/cds-services")
    answer = ehr.client.get("/cds-services", headers={"Authorization": f"Bearer {token}"})
    assert answer.headers["Cache-Control"].startswith("private")


@pytest.mark.spec("X10")
def test_X10_a_bad_token_on_discovery_is_refused(ehr: Any) -> None:
    answer = ehr.client.get("/cds-services", headers={"Authorization": "Bearer x.y.z"})
    assert answer.status_code == 401


@pytest.mark.spec("X3", "DI9", "DI10")
def test_X3_each_service_has_an_id_and_a_hook_of_its_own() -> None:
    ids = [service.id for service in SERVICES]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[a-z][a-z-]*", name) for name in ids)


@pytest.mark.spec("PT1", "PT2", "PT3")
@pytest.mark.parametrize(("service", "need", "dialect"), TEMPLATES)
def test_PT1_tokens_are_ids_that_the_hook_has(service: Any, need: Any, dialect: Any) -> None:
    tokens = set(re.findall(r"{{(.*?)}}", template(need, dialect)))
    of_hook = {f"context.{name}" for name in HOOKS[service.hook].required & IDS}
    dates = {token for token in tokens if re.fullmatch(r"today\(\) - \d+ days", token)}
    assert tokens - dates <= of_hook and (dialect == "relative-date" or not dates)


@pytest.mark.spec("PT4", "PT5", "PT6", "PT7", "PT8", "PT9", "PT10", "PT12", "PT15")
@pytest.mark.parametrize(("service", "need", "dialect"), TEMPLATES)
def test_PT4_templates_are_reads_or_searches_that_every_client_can_run(
    service: Any, need: Any, dialect: Any
) -> None:
    text = template(need, dialect)
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", need.key) and len(text) < 2000
    if "?" not in text:
        assert text == "Patient/{{context.patientId}}"
        return
    parameters = [part.split("=", 1) for part in text.partition("?")[2].split("&")]
    names = [name for name, _ in parameters]
    assert len(set(names)) == len(names) and not any(":" in name for name in names)
    values = dict(parameters)
    assert values.get("_sort", "-date") == "-date" and int(values.get("_count", "1")) > 0
    assert all(
        value.startswith("ge")
        for name, value in parameters
        if name in ("date", "authoredon", "effective-time")
    )
    assert all(" | " not in code and "|" in code for code in values.get("code", "x|y").split(","))


@pytest.mark.spec("PT13")
def test_PT13_every_key_says_what_it_is_for_and_asks_no_wildcard() -> None:
    for service in SERVICES:
        for need in service.needs:
            assert need.purpose and "*" not in template(need, "core")


@pytest.mark.spec("DI5", "DI15")
def test_DI5_DI15_prefetch_is_text_by_key_and_no_template_needs_another(ehr: Any) -> None:
    for entry in ehr.client.get("/cds-services").json["services"]:
        assert entry["prefetch"]
        assert all(isinstance(text, str) and text and "%" not in text for text in entry["prefetch"].values())


@pytest.mark.spec("PT11")
def test_PT11_no_template_needs_an_encounter(ehr: Any) -> None:
    assert "encounterId" not in ehr.client.get("/cds-services").get_data(as_text=True)


@pytest.mark.spec("DI2")
def test_DI2_a_tenant_without_services_gets_an_empty_list(ehr: Any, settings: Any) -> None:
    none = {service.id: ServiceSetting(enabled=False) for service in SERVICES}
    closed = replace(settings, tenants=(replace(settings.tenants[0], services=none),))
    with create_app(closed).test_client() as client:
        token = ehr.token("https://cds.example.org/cds-services")
        answer = client.get("/cds-services", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json) == (200, {"services": []})
