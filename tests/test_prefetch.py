"""Prefetch: the templates we publish and the nine states of what comes back."""

import re

import pytest

from hooks.prefetch import DataNeed, EntryState, read_entries, search_parameters, template

PATIENT = DataNeed("patient", "Patient", "age and sex", required=True)
CGM = DataNeed("cgm", "Observation", "metrics", (("code", "http://loinc.org|99504-3"),), days=14, count=4500)
NEEDS = (PATIENT, CGM)
ENTRY = '{"fullUrl":"x","resource":{"resourceType":"Observation"}}'


def bundle(entries: str, links: str = "") -> bytes:
    return f'{{"resourceType":"Bundle","type":"searchset","link":[{links}],"entry":[{entries}]}}'.encode()


@pytest.mark.spec("PF1")
@pytest.mark.parametrize(
    ("body", "state"),
    [
        (None, EntryState.ABSENT),
        (b"null", EntryState.NULL),
        (b'{"resourceType":"OperationOutcome","issue":[]}', EntryState.OPERATION_OUTCOME),
        (bundle(""), EntryState.EMPTY_BUNDLE),
        (b'{"resourceType":"Bundle"}', EntryState.EMPTY_BUNDLE),
        (b'{"resourceType":"Bundle","entry":null}', EntryState.EMPTY_BUNDLE),
        (b'{"resourceType":"Bundle","entry":[ \n ]}', EntryState.EMPTY_BUNDLE),
        (b'{"resourceType":"Bundle","entry":{}}', EntryState.WRONG_TYPE),
        (b'{"resourceType":"Bundle","entry":7}', EntryState.WRONG_TYPE),
        (bundle(ENTRY, '{"relation":"next","url":"https://e/x"}'), EntryState.TRUNCATED_BUNDLE),
        (bundle("", '{"relation":"next","url":"https://e/x"}'), EntryState.TRUNCATED_BUNDLE),
        (bundle(ENTRY + ',{"resource":{"resourceType":"OperationOutcome"}}'), EntryState.BUNDLE),
        (b'{"response":{"status":"200"},"resource":{}}', EntryState.WRAPPED),
        (b'{"resourceType":"Patient","id":"p1"}', EntryState.WRONG_TYPE),
        (b"[]", EntryState.WRONG_TYPE),
        (b"7", EntryState.WRONG_TYPE),
        (b'"text"', EntryState.WRONG_TYPE),
    ],
)
def test_PF1_every_state_of_a_search_entry_is_told_apart(body: bytes | None, state: EntryState) -> None:
    sent = {} if body is None else {"cgm": body}
    assert read_entries(NEEDS, sent)["cgm"].state is state


@pytest.mark.spec("PF1")
@pytest.mark.parametrize(
    ("body", "state"),
    [
        (b'{"resourceType":"Patient","id":"p1"}', EntryState.RESOURCE),
        (b'{"resourceType":"Practitioner","id":"p1"}', EntryState.WRONG_TYPE),
        (bundle(ENTRY), EntryState.WRONG_TYPE),
        (b"null", EntryState.NULL),
    ],
)
def test_PF1_a_read_entry_holds_the_resource_asked_for(body: bytes, state: EntryState) -> None:
    assert read_entries(NEEDS, {"patient": body})["patient"].state is state


@pytest.mark.spec("PF1")
def test_PF1_each_key_is_judged_alone() -> None:
    found = read_entries(NEEDS, {"cgm": b"null"})
    assert (found["patient"].state, found["cgm"].state) == (EntryState.ABSENT, EntryState.NULL)


@pytest.mark.spec("PF3")
def test_PF3_keys_nobody_advertised_are_ignored() -> None:
    assert set(read_entries(NEEDS, {"extra": b"null"})) == {"patient", "cgm"}


@pytest.mark.spec("PF1")
def test_PF1_a_truncated_bundle_keeps_its_page_and_the_address_of_the_next() -> None:
    entry = read_entries(NEEDS, {"cgm": bundle(ENTRY, '{"relation":"next","url":"https://e/p?2"}')})["cgm"]
    assert entry.body and entry.next_url == "https://e/p?2"


@pytest.mark.spec("PT14", "PT8")
def test_PT14_PT8_the_relative_dialect_asks_for_one_day_more_in_one_date_parameter() -> None:
    text = template(CGM, "relative-date")
    assert "date=ge{{today() - 15 days}}" in text and len(re.findall(r"[?&]date=", text)) == 1


@pytest.mark.spec("PT2", "X2")
def test_PT2_the_core_dialect_uses_plain_tokens_only() -> None:
    assert re.findall(r"{{(.*?)}}", template(CGM, "core")) == ["context.patientId"]


@pytest.mark.spec("PF6")
def test_PF6_the_search_asks_what_the_template_asks() -> None:
    searched = dict(search_parameters(CGM, "p1", 1_700_000_000_000))
    published = dict(part.split("=", 1) for part in template(CGM, "relative-date").split("?")[1].split("&"))
    assert searched.keys() == published.keys()
    assert searched["date"] == "ge2023-10-30T22:13:20Z"
