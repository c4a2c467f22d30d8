"""Hook requests: what is read, what is refused, and that a refusal names the member and not its value."""

import json
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.envelope import split_envelope
from hooks.errors import BadRequest
from hooks.hook_definitions import HOOKS
from hooks.protocol import HookRequest, parse
from hooks.strict_json import NotStrictJson

DRAFT = {"resourceType": "MedicationRequest", "id": "draft-1", "dosageInstruction": [{"text": "x"}]}
CONTEXT_MEMBERS: dict[str, Any] = {
    "userId": "Practitioner/dr-1",
    "patientId": "p1",
    "encounterId": "e1",
    "selections": ["MedicationRequest/draft-1"],
    "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": DRAFT}]},
    "dispatchedOrders": ["ServiceRequest/1"],
    "performer": "Organization/1",
    "appointments": {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Appointment"}}]},
    "conditions": {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Condition"}}]},
    "medications": {"resourceType": "Bundle", "entry": [{"resource": DRAFT}]},
    "allergyIntolerance": {"resourceType": "AllergyIntolerance"},
}


def request(hook: str = "patient-view", **changes: Any) -> dict[str, Any]:
    context = {name: deepcopy(CONTEXT_MEMBERS[name]) for name in sorted(HOOKS[hook].required)}
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-11ad-ab82-33b2ec2a2b1c",
        "context": context,
        **changes,
    }


def read(body: Any) -> HookRequest:
    return parse(body if isinstance(body, bytes) else json.dumps(body).encode())


def refused(body: Any) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read(body)
    return caught.value


@pytest.mark.spec("CX1")
@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_CX1_every_hook_is_read_with_its_required_context(hook: str) -> None:
    assert read(request(hook)).hook == hook


@pytest.mark.spec("CX1", "RQ1", "RQ9")
@pytest.mark.parametrize(
    ("hook", "name"), [(h, n) for h, d in sorted(HOOKS.items()) for n in sorted(d.required)]
)
@pytest.mark.parametrize("empty", ["absent", None, "", [], {}])
def test_CX1_RQ9_a_missing_or_empty_required_member_is_named(hook: str, name: str, empty: Any) -> None:
    body = request(hook)
    if empty == "absent":
        del body["context"][name]
    else:
        body["context"][name] = empty
    assert refused(body).expression == (f"context.{name}",)


@pytest.mark.spec("RQ1", "RQ9")
@pytest.mark.parametrize("name", ["hook", "hookInstance", "context"])
@pytest.mark.parametrize("value", [None, "", [], {}, 7, True, ["x"]])
def test_RQ1_a_mistyped_member_of_the_envelope_is_refused(name: str, value: Any) -> None:
    assert refused({**request(), name: value}).status == 400


@pytest.mark.spec("RQ3")
@pytest.mark.parametrize(
    "instance",
    [
        "d1577c69-dfbe-11ad-ab82-33b2ec2a2b1c",
        "00000000-0000-0000-0000-000000000000",
        "D1577C69-DFBE-F1AD-0B82-33B2EC2A2B1C",
    ],
)
def test_RQ3_any_uuid_shape_is_taken(instance: str) -> None:
    assert read(request(hookInstance=instance)).hook_instance == instance


@pytest.mark.spec("RQ3")
@pytest.mark.parametrize(
    "instance", ["d1577c69", "{d1577c69-dfbe-11ad-ab82-33b2ec2a2b1c}", "d1577c69dfbe11adab8233b2ec2a2b1c"]
)
def test_RQ3_what_is_no_uuid_is_refused(instance: str) -> None:
    assert refused(request(hookInstance=instance)).expression == ("hookInstance",)


@pytest.mark.spec("RQ8", "RQ14")
def test_RQ8_RQ14_unknown_members_and_extensions_are_ignored() -> None:
    body = request(user="Practitioner/1", redirect="http://x", extension={"a": {"b": 1}})
    body["context"]["extension"] = {"c": 1}
    assert read(body).context.patient_id == "p1"


@pytest.mark.spec("RQ10", "B-04")
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"nul",
        b'{"hook": NaN}',
        b'{"hook": Infinity}',
        b'{"context": 1e400}',
        b'{"context": ' + b"9" * 5000 + b"}",
        b'{"hook": "patient-view",}',
        b'{"hook": "a" /* x */}',
        b'{"hook": "patient-view", "hook": "order-sign"}',
        b'{"context": {"patientId": "p1", "patientId": "p2"}}',
        b'{"prefetch": {"a": null, "a": 1}}',
        b'{"prefetch": {}, "prefetch": {}}',
        b'{"hook": "\\ud800"}',
        b'{"hook": "\xff"}',
        b'{"hook": "a\x00"}',
        b'\xef\xbb\xbf{"hook": "patient-view"}',
        '{"hook": "patient-view"}'.encode("utf-16"),
        b"[" * 200_000,
        b'{"context":' * 100_000,
        b'{"prefetch": {"a": ' + b"[" * 200_000,
    ],
    ids=lambda text: repr(text[:24]),
)
def test_B04_what_is_not_exact_json_is_refused(text: bytes) -> None:
    assert refused(text).status == 400


@pytest.mark.spec("B-11")
def test_B11_a_flood_of_members_is_refused() -> None:
    flood = {f"k{n}": n for n in range(200_000)}
    assert refused(request(extension=flood)).status == 400


@pytest.mark.spec("RQ10")
def test_RQ10_a_large_prefetch_entry_sent_twice_is_refused() -> None:
    entry = json.dumps({"resourceType": "Bundle", "note": "x" * 9000})
    body = json.dumps(request())[:-1] + f', "prefetch": {{"cgm": {entry}, "cgm": {entry}}}}}'
    assert refused(body.encode()).status == 400


@pytest.mark.spec("RQ13")
def test_RQ13_decimals_keep_their_digits() -> None:
    body = json.dumps(request("order-sign")).replace('[{"text": "x"}]', "1.50")
    assert str(read(body.encode()).context.draft_orders[0]["dosageInstruction"]) == "1.50"
    assert isinstance(read(body.encode()).context.draft_orders[0]["dosageInstruction"], Decimal)


@pytest.mark.spec("CX2")
@pytest.mark.parametrize("user", ["Practitioner/a", "PractitionerRole/a.b-1"])
def test_CX2_a_user_of_the_right_type_is_read(user: str) -> None:
    body = request("order-select")
    body["context"]["userId"] = user
    assert read(body).context.user_id == user


@pytest.mark.spec("CX2")
@pytest.mark.parametrize(
    "user",
    [
        "a",
        "Patient/a",
        "Practitioner/",
        "Practitioner/a b",
        "Practitioner/" + "a" * 65,
        "https://x/Practitioner/a",
    ],
)
def test_CX2_a_user_of_another_form_is_refused(user: str) -> None:
    body = request("order-select")
    body["context"]["userId"] = user
    assert refused(body).expression == ("context.userId",)


@pytest.mark.spec("CX3", "B-08")
@pytest.mark.parametrize("patient", ["Patient/p1", "../p", "p1?x=", "p1&_include=*", "ü", "p" * 65, "p1\n"])
def test_CX3_B08_a_patient_id_that_is_no_bare_id_is_refused(patient: str) -> None:
    body = request()
    body["context"]["patientId"] = patient
    assert refused(body).expression == ("context.patientId",)


@pytest.mark.spec("CX4")
@pytest.mark.parametrize("selection", ["draft-1", "MedicationRequest/other"])
def test_CX4_a_selection_without_its_draft_is_refused(selection: str) -> None:
    body = request("order-select")
    body["context"]["selections"] = [selection]
    assert refused(body).expression == ("context.selections",)


@pytest.mark.spec("CX5", "X11")
def test_CX5_X11_a_bundle_without_type_and_an_order_without_intent_are_read() -> None:
    body = request("order-sign")
    body["context"]["draftOrders"] = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "MedicationRequest"}}],
    }
    assert len(read(body).context.draft_orders) == 1


@pytest.mark.spec("CX6")
def test_CX6_only_the_selected_draft_is_acted_on() -> None:
    body = request("order-select")
    body["context"]["draftOrders"]["entry"] = [{"resource": DRAFT}, {"resource": {**DRAFT, "id": "draft-2"}}]
    assert [order["id"] for order in read(body).context.selected_orders()] == ["draft-1"]


@pytest.mark.spec("CX12")
def test_CX12_orders_of_two_fhir_versions_together_are_refused() -> None:
    body = request("order-sign")
    r4 = {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"text": "a"}}
    r5 = {"resourceType": "MedicationRequest", "medication": {"concept": {"text": "a"}}}
    body["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": r4}, {"resource": r5}]}
    assert refused(body).reason == "fhir_version"


@pytest.mark.spec("FV2")
def test_FV2_an_order_of_dstu2_is_refused_and_not_misread() -> None:
    body = request("order-sign")
    body["context"]["draftOrders"] = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "MedicationOrder"}}],
    }
    assert "DSTU2" in refused(body).public


AUTHORIZATION: dict[str, Any] = {
    "access_token": "t-1",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/*.read",
    "subject": "cds",
}


@pytest.mark.spec("FA1", "RQ5")
def test_FA1_a_complete_authorization_is_read_and_hides_its_token() -> None:
    found = read(request(fhirServer="https://ehr.example.org/fhir", fhirAuthorization=AUTHORIZATION))
    assert found.fhir_authorization is not None and found.fhir_authorization.expires_in_s == 300
    assert "t-1" not in repr(found)


@pytest.mark.spec("RQ5", "B-06")
def test_RQ5_an_authorization_without_its_server_is_refused() -> None:
    assert refused(request(fhirAuthorization=AUTHORIZATION)).expression == ("fhirServer",)


@pytest.mark.spec("FA1", "B-06")
@pytest.mark.parametrize(
    "change",
    [{name: None} for name in AUTHORIZATION]
    + [{"token_type": "bearer"}, {"expires_in": 0}, {"expires_in": -1}, {"expires_in": True}, {"expires_in": "300"},
       {"expires_in": 1.5}, {"access_token": "a\r\nX: y"}, {"access_token": "ä"}, {"access_token": 7}],
    ids=str,
)  # fmt: skip
def test_FA1_B06_an_odd_authorization_is_refused(change: dict[str, Any]) -> None:
    body = request(fhirServer="https://ehr.example.org", fhirAuthorization={**AUTHORIZATION, **change})
    assert refused(body).status == 400


@pytest.mark.spec("B-05", "ER3")
def test_B05_a_refusal_repeats_nothing_of_the_input() -> None:
    body = request()
    body["context"]["patientId"] = "secret name/../x"
    assert "secret" not in json.dumps(refused(body).to_operation_outcome("r-1"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.spec("B-05")
@given(
    member=st.sampled_from(
        ["hook", "hookInstance", "context", "prefetch", "fhirServer", "fhirAuthorization"]
    ),
    value=json_values,
)
def test_B05_any_value_in_any_member_is_read_or_refused(member: str, value: Any) -> None:
    try:
        parse(json.dumps({**request("order-select"), member: value}).encode())
    except BadRequest as answer:
        assert answer.to_operation_outcome()["issue"][0]["severity"] == "error"


@pytest.mark.spec("B-04")
@given(st.binary(max_size=300))
def test_B04_no_bytes_make_the_parser_fail_otherwise(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(body)


LARGE = b'{"resourceType":"Bundle","entry":[' + b",".join([b'{"a":"' + b"x" * 90 + b'"}'] * 60) + b"]}"


@pytest.mark.parametrize("key", ["a", "b"])
def test_large_prefetch_entries_are_kept_byte_for_byte_wherever_they_stand(key: str) -> None:
    body = (
        b'{"context":{"same":' + LARGE + b'},"prefetch":{"a":' + LARGE
        + b',"small":1.50,"b":' + LARGE + b'},"after":1}'
    )  # fmt: skip
    envelope = split_envelope(body)
    members, entries = envelope.members, envelope.prefetch
    assert entries[key] == LARGE and entries["small"] == b"1.50"
    assert members["context"]["same"] == json.loads(LARGE) and members["after"] == 1
    assert members["prefetch"]["a"] is None and members["prefetch"]["b"] is None


def test_a_large_entry_sent_twice_is_refused() -> None:
    with pytest.raises(NotStrictJson, match="repeats"):
        split_envelope(b'{"prefetch":{"a":' + LARGE + b',"b":1,"a":' + LARGE + b"}}")


@pytest.mark.spec("CX8")
def test_CX8_order_dispatch_is_read_by_its_names_of_today_and_older_ones_are_told_apart() -> None:
    assert read(request("order-dispatch")).context.patient_id == "p1"
    old = request("order-dispatch")
    old["context"]["order"] = old["context"].pop("dispatchedOrders")[0]
    assert refused(old).expression == ("context.dispatchedOrders",)
