"""SMART scopes of both versions: what they grant, and that odd ones grant nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.scopes import granted, parse_scopes

LAB = (("category", "laboratory"), ("patient", "1"))


def rights(scope: str) -> str:
    found = parse_scopes(scope)
    return "".join(verb for verb in "rs" if granted(found, verb, "Observation", ()))  # type: ignore[arg-type]


@pytest.mark.spec("SC1", "FA5")
@pytest.mark.parametrize(
    ("scope", "grants"),
    [
        ("patient/*.*", "rs"),
        ("patient/*.read", "rs"),
        ("patient/*.write", ""),
        ("user/Observation.read", "rs"),
        ("system/Observation.rs", "rs"),
        ("patient/Observation.r", "r"),
        ("patient/Observation.s", "s"),
        ("patient/Observation.cruds", "rs"),
        ("patient/Observation.crud", "r"),
        ("patient/Patient.rs", ""),
        ("openid fhirUser launch patient/Observation.rs offline_access", "rs"),
        ("patient/Patient.r patient/Observation.s", "s"),
        ("patient/Observation.r patient/Observation.s", "rs"),
    ],
)
def test_SC1_FA5_both_versions_grant_what_they_say(scope: str, grants: str) -> None:
    assert rights(scope) == grants


@pytest.mark.spec("SC2", "SC3")
@pytest.mark.parametrize(
    "scope",
    [
        "",
        "patient/Observation.dus",
        "patient/Observation.sr",
        "patient/Observation.rea",
        "patient/Observation.reads",
        "patient/Observation.",
        "patient/Observation",
        "patient/Observation.rr",
        "patient/Observation.RS",
        "patient/observation.rs",
        "Patient/Observation.rs",
        "practitioner/Observation.rs",
        "patient/Observation.rs?",
        "patient/Observation.rs?category",
        "patient/Obs*.rs",
        "patient/Observation.rs,",
    ],
)
def test_SC2_SC3_a_scope_out_of_the_grammar_grants_nothing(scope: str) -> None:
    assert rights(scope) == ""


@pytest.mark.spec("SC3")
@pytest.mark.parametrize(
    ("parameters", "covered"),
    [
        (LAB, True),
        ((("patient", "1"),), False),
        ((("category", "vital-signs"),), False),
        ((("category", "laboratory,vital-signs"),), False),
    ],
)
def test_SC3_a_limited_scope_covers_the_searches_within_its_limit(
    parameters: tuple[tuple[str, str], ...], covered: bool
) -> None:
    scopes = parse_scopes("patient/Observation.rs?category=laboratory")
    assert granted(scopes, "s", "Observation", parameters) is covered
    assert not granted(scopes, "r", "Observation", parameters)


@given(st.text(alphabet="cruds", max_size=6))
def test_SC2_letters_grant_only_in_their_order(letters: str) -> None:
    in_order = letters == "".join(c for c in "cruds" if c in letters) and letters
    assert bool(parse_scopes(f"patient/Observation.{letters}")) is bool(in_order)


@given(st.text())
def test_any_text_is_parsed(text: str) -> None:
    assert all(scope.permissions <= set("cruds") for scope in parse_scopes(text))
