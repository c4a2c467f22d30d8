"""Large prefetch entries obey the rules of small ones: no repeated member, no number out of range."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.large_json import may_overflow, refuse_inexact
from hooks.strict_json import NotStrictJson

IDS = {
    "numbers": "{}",
    "UUIDs": "9b0f5fd2-6c8e-4a57-8a3e-{:012x}",
    "letters": "eqVQEgPdrUUqCWzHfw{}",
}


def letters(number: int) -> str:
    """A word for a number, as servers that number in letters write it."""
    return "".join("ghijklmnop"[int(digit)] for digit in f"{number:06d}")


def bundle(count: int = 300, ids: str = "numbers") -> bytes:
    """A searchset of readings that differ in id, time and value."""
    entries = []
    for number in range(count):
        id = IDS[ids].format(letters(number) if ids == "letters" else number)
        code = {"coding": [{"system": "http://loinc.org", "code": "99504-3"}], "text": "Glucose"}
        reading = {
            "resourceType": "Observation",
            "id": id,
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{id}"}],
            "code": code,
            "effectiveDateTime": f"2026-05-{1 + number % 28:02d}T08:00:00Z",
            "valueQuantity": {"value": 90 + number % 100, "unit": "mg/dL", "code": "mg/dL"},
        }
        entries.append({"fullUrl": f"https://ehr.example.org/Observation/{id}", "resource": reading})
    whole = {"resourceType": "Bundle", "type": "searchset", "total": count, "entry": entries}
    return json.dumps(whole, separators=(",", ":")).encode()


REPEATED = {
    "value": (b'"valueQuantity":{"value":150,', b'"valueQuantity":{"value":150,"value":55,'),
    "value before others": (b'"valueQuantity":{"value":150,', b'"value":1,"valueQuantity":{"value":150,"value":55,'),
    "status": (b'"valueQuantity":{"value":150,', b'"code":{},"valueQuantity":{"value":150,'),
    "nested otherwise with the same names": (
        b'"code":{"coding":[{"system":"http://loinc.org","code":"99504-3"}],"text":"Glucose"},'
        b'"effectiveDateTime":"2026-05-05T08:00:00Z","valueQuantity":{"value":150,',
        b'"code":{"coding":[{"system":"http://loinc.org"}]},"code":{"text":"Glucose"},'
        b'"effectiveDateTime":"2026-05-05T08:00:00Z","valueQuantity":{"value":150,',
    ),
    "escaped": (b'"valueQuantity":{"value":150,', b'"valueQuantity":{"value":150,"v\\u0061lue":55,'),
    "behind a string of braces": (
        b'"valueQuantity":{"value":150,',
        b'"valueQuantity":{"value":150,"x":"},{\\"fullUrl\\"","value":55,',
    ),
}  # fmt: skip


@pytest.mark.spec("B-04", "RQ10")
@pytest.mark.parametrize("ids", IDS)
def test_B04_a_large_entry_without_repetition_passes_whatever_its_ids(ids: str) -> None:
    refuse_inexact(bundle(ids=ids))


@pytest.mark.spec("B-04", "RQ10")
@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("how", REPEATED)
def test_B04_RQ10_one_repeated_member_among_hundreds_of_entries_is_found(how: str, ids: str) -> None:
    text, (before, after) = bundle(ids=ids), REPEATED[how]
    assert text.count(before) >= 1
    with pytest.raises(NotStrictJson, match="repeats"):
        refuse_inexact(text.replace(before, after, 1))


@pytest.mark.spec("B-04", "RQ10")
@pytest.mark.parametrize("where", [b'"type":"searchset",', b'"total":300,'])
def test_B04_a_repetition_around_the_entries_is_found(where: bytes) -> None:
    with pytest.raises(NotStrictJson, match="repeats"):
        refuse_inexact(bundle().replace(where, where * 2))


@pytest.mark.spec("B-04", "RQ10")
@pytest.mark.parametrize("number", [b"1e999", b"-1E+400", b"1.5e309", b"9" * 5000, b"1e99999999999999999999"])
@pytest.mark.parametrize("place", [b'"value":150,', b'"text":"Glucose"},"effectiveDateTime":"2026-05-17'])
def test_B04_a_number_out_of_range_is_found_read_or_not(number: bytes, place: bytes) -> None:
    text = bundle()
    assert place in text
    with pytest.raises(NotStrictJson):
        refuse_inexact(text.replace(place, b'"extension":%b,%b' % (number, place), 1))


def test_numbers_in_range_and_numbers_in_words_pass() -> None:
    text = bundle().replace(
        b'"value":150,', b'"value":1.9e2,"x":1e-999,"note":"1e999 or 12e400","id":"1e999",', 1
    )
    refuse_inexact(text)


def test_escaped_text_passes() -> None:
    narrative = rb'"text":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Gl\u00fccose \\</div>"'
    refuse_inexact(bundle().replace(b'"text":"Glucose"', narrative))


def test_words_of_braces_and_quotes_pass() -> None:
    refuse_inexact(bundle().replace(b'"unit":"mg/dL"', rb'"unit":"}{\",{\"fullUrl\":"', 7))


class Members(list[tuple[str, Any]]):
    """The members of an object in order, with repetitions."""


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-10, 10**6), st.text("ab1\\\"{}:,", max_size=6)),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(st.text("ab1", max_size=2), inner), max_size=3)
                  .map(Members),
    max_leaves=6,
)  # fmt: skip


def written(value: Any) -> str:
    if isinstance(value, Members):
        return "{" + ",".join(f"{json.dumps(name)}:{written(inner)}" for name, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def repeats(value: Any) -> bool:
    if isinstance(value, Members):
        names = [name for name, _ in value]
        return len(set(names)) < len(names) or any(repeats(inner) for _, inner in value)
    return isinstance(value, list) and any(map(repeats, value))


@pytest.mark.spec("B-04", "RQ10")
@given(st.lists(st.tuples(JSON, st.booleans()), min_size=3, max_size=12))
def test_B04_a_text_is_refused_exactly_if_an_object_in_it_repeats_a_member(
    drawn: list[tuple[Any, bool]],
) -> None:
    entries = [Members([("fullUrl", "x"), ("resource", value), ("more", again)]) for value, again in drawn]
    whole = Members([("resourceType", "Bundle"), ("entry", entries)])
    text = written(whole).encode()
    if repeats(whole):
        with pytest.raises(NotStrictJson):
            refuse_inexact(text)
    else:
        refuse_inexact(text)


def test_nothing_in_a_stream_of_readings_could_overflow() -> None:
    assert not may_overflow(bundle()) and not may_overflow(bundle(ids="UUIDs"))


FLOODS = {
    "members": b"{" + b",".join(b'"k%d":0' % number for number in range(500_000)) + b"}",
    "objects": b"[" + b",".join([b"{}"] * 500_000) + b"]",
}


@pytest.mark.spec("B-11")
@pytest.mark.parametrize("what", FLOODS)
def test_B11_a_flood_of_members_is_refused_before_it_is_read(what: str) -> None:
    with pytest.raises(NotStrictJson, match="too many"):
        refuse_inexact(FLOODS[what])
