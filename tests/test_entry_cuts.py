"""Cutting a Bundle between entries is a guess that decoding proves: it never reads anything but the Bundle."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observation_strategies import json_values, odd_observations, plain_observations, wild_observations

from fhir_mappers.decode import NotFhir, read_page
from fhir_mappers.entry_cuts import cut_bundle
from fhir_mappers.plain_readings import Sorted, sort_pieces

TRAPS = [
    {"note": '},{"resource":{"resourceType":"Observation"}}'},
    {"note": '"entry":['},
    {"note": '\\"entry":[{"resource":'},
    {"entry": [{"resource": {"id": "nested"}}, {"resource": {"id": "nested too"}}]},
    {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Observation", "id": "inner"}}]},
]
members = st.dictionaries(
    st.sampled_from(["total", "link", "meta", "type", "note"]), json_values | st.sampled_from(TRAPS)
)
resources = plain_observations() | odd_observations() | wild_observations() | st.sampled_from(TRAPS)
entries = st.lists(
    st.builds(lambda r, url: {"resource": r} if url is None else {"fullUrl": url, "resource": r}, resources, st.sampled_from([None, "urn:uuid:1"]))
    | json_values,
    max_size=6,
)  # fmt: skip


def written(made: dict[str, Any], layout: int | None) -> bytes:
    """JSON, compact or indented."""
    return json.dumps(made, indent=layout, separators=(",", ":") if layout is None else None).encode()


def seen(found: Sorted) -> dict[str, Any]:
    """Everything that sorting a page finds out, cut or whole."""
    page, count = found.page, len(found.ids)
    return {
        "ids": found.ids,
        "odd": found.odd,
        "others": found.other_kinds,
        "groups": {look: (g.positions, g.times, g.values) for look, g in found.groups.items()},
        "resources": [page.resource(position) for position in range(count)],
        "urls": [page.full_url(position) for position in range(count)],
        "rest": (page.total, page.has_next),
    }


@given(members, entries, members, st.sampled_from([None, 1, 2]), st.integers(1, 400))
def test_a_bundle_in_pieces_says_what_it_says_whole(
    before: dict[str, Any], inside: list[Any], after: dict[str, Any], layout: int | None, piece_bytes: int
) -> None:
    content = written(
        {"resourceType": "Bundle", **before, "entry": inside, **{f"_{k}": v for k, v in after.items()}},
        layout,
    )
    guessed = cut_bundle(content, piece_bytes)
    cut = sort_pieces(guessed) if guessed is not None else None
    whole = sort_pieces(read_page(content))
    assert whole is not None
    if cut is not None:
        assert seen(cut) == seen(whole)


@given(st.lists(plain_observations(), min_size=4, max_size=12), st.sampled_from([None, 2]))
def test_a_bundle_of_alike_entries_is_really_cut(made: list[Any], layout: int | None) -> None:
    content = written(
        {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in made]}, layout
    )
    page = cut_bundle(content, 100)
    assert page is not None and len(page.pieces) == len(made)
    assert sort_pieces(page) is not None


@given(st.lists(plain_observations(), min_size=2, max_size=4), st.data())
def test_what_is_malformed_whole_is_malformed_in_pieces(made: list[Any], data: st.DataObject) -> None:
    content = written(
        {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in made]}, None
    )
    place = data.draw(st.integers(0, len(content) - 1))
    broken = (
        content[:place]
        + data.draw(st.sampled_from([b"", b"]", b"[", b"{", b"}", b",", b'"']))
        + content[place + 1 :]
    )
    guessed = cut_bundle(broken, 50)
    cut = sort_pieces(guessed) if guessed is not None else None
    try:
        whole = sort_pieces(read_page(broken))
    except NotFhir:
        assert cut is None
        return
    assert whole is not None and (cut is None or seen(cut) == seen(whole))


@pytest.mark.parametrize(
    "content",
    [
        b'{"resourceType":"Bundle","entry":[{"resource":{"id":"a"}},{"resource":{"id":"b"}}],"entry":[{"resource":{"id":"c"}}]}',
        b'{"resourceType":"Bundle","x":{"entry":[{"resource":1},{"resource":2}]},"entry":[{"resource":{"id":"c"}}]}',
        b'{"resourceType":"List","entry":[{"item":{"reference":"a"}},{"item":{"reference":"b"}}]}',
    ],
)
def test_an_entry_array_that_is_not_the_bundles_is_not_cut(content: bytes) -> None:
    assert cut_bundle(content, 5) is None
