"""Addresses are compared by their parts; nothing that only looks like a registered server passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.addresses import (
    UnacceptableAddress,
    parse_address,
    parse_base,
    parse_registered,
    resolve_under,
)
from cds_service.tenants import FhirBase, Tenant
from hooks.errors import Forbidden

BASE = parse_base("https://ehr.example/fhir")
TENANT = Tenant("north", "https://ehr.example", fhir_bases=(FhirBase(BASE),))

IMPOSTORS = [
    "https://ehr.example.evil.com/fhir",
    "https://ehr.example@evil.com/fhir",
    "https://ehr.example\\@evil.com/fhir",
    "//evil.com/fhir",
    "https://ehr.example:8443/fhir",
    "http://ehr.example/fhir",
    "https://ehr.example./fhir",
    "https://ehr.example/fhir/../admin",
    "https://ehr.example/fhir/%2e%2e/admin",
    "https://ehr.example/fhirx",
    "https://ehr.example/FHIR",
    "https://ehr.example/fhir#x",
    "https://ehr.example /fhir",
    "https://еhr.example/fhir",
    "https://ehr.example\t/fhir",
    "file:///fhir",
]


@pytest.mark.spec("C-03")
@pytest.mark.parametrize("address", IMPOSTORS)
def test_C03_what_only_looks_like_the_registered_server_is_denied(address: str) -> None:
    with pytest.raises(Forbidden) as caught:
        TENANT.fhir_base(address)
    assert caught.value.reason == "egress.denied"


@pytest.mark.spec("C-01")
@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "https://localhost/fhir",
        "https://2130706433/fhir",
        "https://0x7f.1/fhir",
        "https://[::ffff:127.0.0.1]/fhir",
        "https://intranet/fhir",
    ],
)
def test_C01_a_server_that_is_not_registered_is_denied(address: str) -> None:
    with pytest.raises(Forbidden):
        TENANT.fhir_base(address)


@pytest.mark.spec("C-02")
def test_C02_the_server_of_another_tenant_is_denied() -> None:
    other = Tenant(
        "south", "https://south.example", fhir_bases=(FhirBase(parse_base("https://south.example/r4")),)
    )
    assert other.fhir_base("https://south.example/r4")
    with pytest.raises(Forbidden):
        TENANT.fhir_base("https://south.example/r4")


@pytest.mark.spec("C-03", "RQ6")
@pytest.mark.parametrize(
    "address", ["https://ehr.example/fhir", "https://ehr.example/fhir/", "HTTPS://EHR.Example:443/fhir"]
)
def test_C03_RQ6_case_of_the_host_default_port_and_trailing_slash_do_not_matter(address: str) -> None:
    assert TENANT.fhir_base(address).address == BASE


@pytest.mark.spec("C-05")
@pytest.mark.parametrize(
    "link",
    [
        *IMPOSTORS,
        "/other",
        "../admin",
        "//evil.com/fhir/Observation",
        "https://ehr.example/",
        "\\\\evil.com",
        "http://[",
        "//[",
        "https://[x]/fhir",
        "https://[::ffff:1.2.3.4.5]/fhir",
    ],
)
def test_C05_a_link_that_leaves_the_base_is_not_followed(link: str) -> None:
    with pytest.raises(UnacceptableAddress):
        resolve_under(BASE, link)


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://ehr.example/fhir?_getpages=1&_count=2", "/fhir?_getpages=1&_count=2"),
        ("https://ehr.example/fhir/Observation?ct=a|b", "/fhir/Observation?ct=a|b"),
        ("Observation?p=2", "/fhir/Observation?p=2"),
        ("https://ehr.example/fhir/?page=2", "/fhir/?page=2"),
    ],
)
def test_an_opaque_link_inside_the_base_is_kept_letter_by_letter(link: str, target: str) -> None:
    assert resolve_under(BASE, link).target == target


@given(st.text(max_size=60) | st.text("/:[]?@#.%htps", max_size=12))
def test_whatever_is_accepted_lies_under_the_base(link: str) -> None:
    try:
        found = resolve_under(BASE, link)
    except UnacceptableAddress:
        return
    assert BASE.covers(found)
    assert ".." not in found.path.split("/")


@given(st.text())
def test_any_text_is_an_address_or_a_typed_refusal_that_quotes_nothing(text: str) -> None:
    try:
        assert parse_address(text).scheme in {"http", "https"}
    except UnacceptableAddress as refusal:
        assert len(text) < 6 or text not in str(refusal)


def test_http_is_for_this_machine_in_development_only() -> None:
    assert parse_registered("http://127.0.0.1:8080/x", loopback=True)
    for text, loopback in (("http://127.0.0.1:8080/x", False), ("http://ehr.example/x", True)):
        with pytest.raises(UnacceptableAddress):
            parse_registered(text, loopback=loopback)


@given(st.text(min_size=1, max_size=20))
def test_segments_are_escaped_so_that_an_id_never_becomes_a_path(segment: str) -> None:
    assert BASE.under("Patient", segment).path.count("/") == 3
