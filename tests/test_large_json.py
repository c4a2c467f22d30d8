"""Large prefetch entries obey the rules of small ones: no repeated member, no number out of range."""

import json
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.envelope import Envelope, split_envelope
from hooks.large_json import outline_of, refuse_inexact
from hooks.prefetch import DataNeed, read_entries
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


def hold(text: bytes) -> None:
    """Holds a text to the rules as a hook does: by its outline."""
    refuse_inexact(outline_of(text).text)


@pytest.mark.spec("B-04", "RQ10")
@pytest.mark.parametrize("ids", IDS)
def test_B04_a_large_entry_without_repetition_passes_whatever_its_ids(ids: str) -> None:
    hold(bundle(ids=ids))


@pytest.mark.spec("B-04", "RQ10")
@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("how", REPEATED)
def test_B04_RQ10_one_repeated_member_among_hundreds_of_entries_is_found(how: str, ids: str) -> None:
    text, (before, after) = bundle(ids=ids), REPEATED[how]
    assert text.count(before) >= 1
    with pytest.raises(NotStrictJson, match="repeats"):
        hold(text.replace(before, after, 1))


@pytest.mark.spec("B-04", "RQ10")
@pytest.mark.parametrize("where", [b'"type":"searchset",', b'"total":300,'])
def test_B04_a_repetition_around_the_entries_is_found(where: bytes) -> None:
    with pytest.raises(NotStrictJson, match="repeats"):
        hold(bundle().replace(where, where * 2))


@pytest.mark.spec("B-04", "RQ10")
@pytest.mark.parametrize("number", [b"1e999", b"-1E+400", b"1.5e309", b"9" * 5000, b"1e99999999999999999999"])
@pytest.mark.parametrize("place", [b'"value":150,', b'"text":"Glucose"},"effectiveDateTime":"2026-05-17'])
def test_B04_a_number_out_of_range_is_found_read_or_not(number: bytes, place: bytes) -> None:
    text = bundle()
    assert place in text
    with pytest.raises(NotStrictJson):
        hold(text.replace(place, b'"extension":%b,%b' % (number, place), 1))


def test_numbers_in_range_and_numbers_in_words_pass() -> None:
    text = bundle().replace(
        b'"value":150,', b'"value":1.9e2,"x":1e-999,"note":"1e999 or 12e400","id":"1e999",', 1
    )
    hold(text)


def test_escaped_text_passes() -> None:
    narrative = rb'"text":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Gl\u00fccose \\</div>"'
    hold(bundle().replace(b'"text":"Glucose"', narrative))


def test_words_of_braces_and_quotes_pass() -> None:
    hold(bundle().replace(b'"unit":"mg/dL"', rb'"unit":"}{\",{\"fullUrl\":"', 7))


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
            hold(text)
    else:
        hold(text)


FLOODS = {
    "members": b"{" + b",".join(b'"k%d":0' % number for number in range(500_000)) + b"}",
    "objects": b"[" + b",".join([b"{}"] * 500_000) + b"]",
}


@pytest.mark.spec("B-11")
@pytest.mark.parametrize("what", FLOODS)
def test_B11_a_flood_of_members_is_refused_before_it_is_read(what: str) -> None:
    with pytest.raises(NotStrictJson, match="too many"):
        hold(FLOODS[what])


def refusal(text: bytes) -> str | None:
    """What is said against a text, read member by member."""
    try:
        refuse_inexact(text)
    except NotStrictJson as fault:
        return str(fault)
    return None


CONFUSABLE = [
    ['"a":"b","c":1', '"a":"b","a":1', '"a":"b","d":1', '"a":["b",9,1]', '"a":"p","b":1'],
    ['"a":"bbbbb"', '"a":1,"b":2', '"a":1,"a":2', r'"a":"b\\bb"', '"a":1e+100', '"a":"1e999"'],
    ['"a":1e308', '"a":9e308', '"a":1e999', '"a":1E+99', '"a":11111', '"a":0.001', '"a":-1e-9', '"a":false'],
    [r'"a":"\u0041"', r'"a":"\u0000"', r'"a":"\\0000"', r'"a":"\"0000"', '"a":"\u00fc0000"', '"a":"\x7f00000"'],
    ['"a":{"b":1,"c":2}', '"a":{"b":1,"b":2}', '"a":{"b":"c,\'"}', '"a":[{"b":1},2]', '"a":[{"b":"}"}]'],
    [r'"a":1,"\u0062":1', r'"a":1,"\u0061":1', '"a":1,"\u00fc1111":1'],
    ['"a" :1,"b":1', '"a":1 ,"b":1', '"a" :1,"a":1', '"a": 10,"b":1'],
]  # fmt: skip
"""Members of nearly the same length, of which some repeat a name or have a number or string that is refused."""

WIDTH = 40


def stream(usual: str, other: str, count: int = 9) -> bytes:
    """Entries of one length, one of them with other members than all before and after it."""
    entries = []
    for members in [*[usual] * count, other, usual]:
        fill = "p" * (WIDTH - len(members.encode()))
        entries.append(f'{{"fullUrl":{{{members},"p":"{fill}"}}}}')
    return f'{{"resourceType":"Bundle","entry":[{",".join(entries)}]}}'.encode()


@pytest.mark.spec("B-04", "RQ10")
@pytest.mark.parametrize("group", CONFUSABLE, ids=str)
def test_B04_RQ10_an_outline_is_refused_exactly_if_its_text_is(group: list[str]) -> None:
    for usual, other in permutations(group, 2):
        text = stream(usual, other)
        assert json.loads(text) and refusal(outline_of(text).text) == refusal(text), (usual, other)


BROKEN = [
    '"a":01,"b":1', '"a":1,"b":', '"a":1,"b" 1', '"a":"bbb\x01bbb"', '"a":"\n"    ', '"a":"b"c"d"', '"a":[1,2}  ',
    '"a":1.,"b":1', '"a":-,"b":1', r'"a":"\x","c"', '"a":NaN,"b"', '"a":.1,"b":', '"a":11,"b"}', '}},{"a":{"',
]  # fmt: skip


def split(body: bytes) -> Envelope | None:
    """A body as a hook reads it; None where it is refused."""
    try:
        return split_envelope(body)
    except NotStrictJson:
        return None


def is_exact(body: bytes) -> bool:
    """Whether a body is exact JSON, read member by member."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return refusal(body) is None


@pytest.mark.spec("B-04", "RQ10")
@pytest.mark.parametrize("usual", ['"a":"b","c":1', '"a":11,"b":1', '"a":"bbbbbbb"', '"a":1.5,"b":9'])
def test_B04_RQ10_a_body_is_refused_exactly_if_reading_all_of_it_refuses_it(usual: str) -> None:
    for other in [*BROKEN, *(members for group in CONFUSABLE for members in group)]:
        sent = stream(usual, other, 90)
        body = b'{"context":{"same":%b},"prefetch":{"cgm":%b,"more":%b}}' % (stream(usual, usual), sent, sent)
        found = split(body)
        assert (found is not None) == is_exact(body), other
        if found is not None:
            assert found.prefetch == {"cgm": sent, "more": sent}
            assert found.members["context"] == json.loads(body)["context"]


@pytest.mark.spec("B-04", "RQ10")
def test_B04_a_repetition_in_what_only_looks_like_entries_is_found() -> None:
    """Strings and what stands between them have changed places: `},{` is the name of each member of `x`."""
    alike = b',{":":","}' * 20
    text = b'{"resourceType":"Bundle","entry":[{":":","}' + alike + b'],"x":{"' + alike + b'":1}}'
    assert json.loads(text)["x"]["},{"] == ":"
    with pytest.raises(NotStrictJson, match="repeats"):
        hold(text)


@given(st.integers(9, 60), st.data())
def test_bytes_put_anywhere_into_a_stream_change_nothing_of_that(count: int, data: st.DataObject) -> None:
    text = bundle(count)
    place = data.draw(st.integers(0, len(text)))
    put = data.draw(st.sampled_from([b"1", b"e9", b'"', b'\\"', b"}", b'"a":1,', b"0."]))
    changed = text[:place] + put + text[place:]
    try:
        msgspec.json.decode(changed)
    except msgspec.DecodeError:
        return
    assert refusal(outline_of(changed).text) == refusal(changed)


@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize("indent", [None, 2])
def test_one_reading_of_a_kind_is_left_whatever_the_ids_and_the_layout(ids: str, indent: int | None) -> None:
    text = json.dumps(json.loads(bundle(ids=ids)), indent=indent).encode()
    outline = outline_of(text)
    kept = json.loads(outline.text)["entry"]
    assert len(kept) < 8 and len(kept) + sum(gap.entries for gap in outline.gaps) == 300


NEED = DataNeed("cgm", "Observation", "metrics", days=14)
ENTRIES = [
    {"resource": {"resourceType": "Observation", "id": "a"}},
    {"resource": {"resourceType": "Observatiom", "id": "a"}},
    {"resource": {"resourceType": "OperationOutcome"}},
    {"fullUrl": "x"},
    {"resource": {"resourceType": "Bundle", "entry": [{"resource": {"id": f"{n}"}} for n in range(250)]}},
]


@pytest.mark.spec("PF1")
@given(st.lists(st.tuples(st.sampled_from(ENTRIES), st.sampled_from([1, 9, 100, 250])), max_size=3))
def test_PF1_an_outline_tells_the_same_state_as_its_text(runs: list[tuple[Any, int]]) -> None:
    entries = [entry for entry, count in runs for _ in range(count)]
    text = json.dumps({"resourceType": "Bundle", "entry": entries}).encode()
    sent = {"cgm": text}
    assert read_entries((NEED,), sent, {"cgm": outline_of(text)}) == read_entries((NEED,), sent)
