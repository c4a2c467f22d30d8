"""The EHR's token: nine steps, each with the attacks of the catalogue that it must stop, by their reason code."""

import base64
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from cds_service.addresses import parse_address
from cds_service.client_auth import Caller, Verifier
from cds_service.egress import Egress
from cds_service.jwks import KeySets
from cds_service.store.database import open_database
from cds_service.store.replay import SqlUsedTokens
from cds_service.tenants import ALGORITHMS, Tenant
from hooks.errors import Unauthorized

NOW_MS = 1_780_000_000_000
NOW_S = NOW_MS // 1000
AUDIENCE = "https://cds.example/cds-services/glucose-review"
FEEDBACK = f"{AUDIENCE}/feedback"

EC_KEY = ECKey.generate_key("P-384", {"kid": "ec"}, private=True)
RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa"}, private=True)
P256_KEY = ECKey.generate_key("P-256", {"kid": "p256"}, private=True)
SOUTH_KEY = ECKey.generate_key("P-384", {"kid": "ec"}, private=True)
ORDER_P384 = (
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
)


def key_set(*keys: Key) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


NORTH = Tenant("north", "https://north.example", jwks=key_set(EC_KEY, RSA_KEY, P256_KEY))
SOUTH = Tenant("south", "https://south.example", jwks=key_set(SOUTH_KEY))


class Memory:
    """Used tokens of one process: enough where one process asks."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.until_ms = 0

    def first_use(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        self.until_ms = until_ms
        first = (issuer, token_id) not in self.seen
        self.seen.add((issuer, token_id))
        return first


class Unreachable(Egress):
    """A way out that counts who tried to leave."""

    calls = 0

    def send(self, *_: Any) -> Any:
        self.calls += 1
        raise AssertionError("a call left the process")


@dataclass
class Desk:
    """A verifier, and tokens as a good EHR makes them."""

    used: Memory = field(default_factory=Memory)
    egress: Unreachable = field(default_factory=Unreachable)
    tenants: tuple[Tenant, ...] = (NORTH, SOUTH)

    def verify(self, *authorization: str, now_ms: int = NOW_MS) -> Caller:
        verifier = Verifier(self.tenants, KeySets(self.tenants, self.egress), self.used)
        return verifier.verify(authorization, {AUDIENCE}, now_ms)

    def reason(self, token: str, **at: int) -> str:
        with pytest.raises(Unauthorized) as caught:
            self.verify(f"Bearer {token}", **at)
        assert str(caught.value.public) == Unauthorized.default_text
        return caught.value.reason


@pytest.fixture
def desk() -> Desk:
    return Desk()


def claims(**changes: Any) -> dict[str, Any]:
    good = {
        "iss": NORTH.issuer,
        "aud": AUDIENCE,
        "iat": NOW_S,
        "exp": NOW_S + 300,
        "jti": "jti-0001",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ABSENT}


ABSENT = object()


def b64(octets: bytes | str | Mapping[str, Any]) -> str:
    if isinstance(octets, Mapping):
        octets = json.dumps(octets)
    if isinstance(octets, str):
        octets = octets.encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def sign(payload: bytes | str | Mapping[str, Any], key: Key = EC_KEY, **header: Any) -> str:
    """A token with any header and payload, signed in truth by the key with the algorithm that `by` names."""
    algorithm = jws.JWSRegistry.algorithms[header.pop("by", "ES384")]
    members = {"alg": algorithm.name, "kid": "ec", "typ": "JWT", **header}
    signed = f"{b64({k: v for k, v in members.items() if v is not ABSENT})}.{b64(payload)}"
    return f"{signed}.{b64(algorithm.sign(signed.encode(), key))}"


def es384(signed: str, shape: Callable[[int, int], bytes]) -> str:
    der = EC_KEY.private_key.sign(signed.encode(), ec.ECDSA(hashes.SHA384()))  # type: ignore[union-attr]
    return f"{signed}.{b64(shape(*decode_dss_signature(der)))}"


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


GOOD_SIGNED = f"{b64({'alg': 'ES384', 'kid': 'ec', 'typ': 'JWT'})}.{b64(claims())}"


@pytest.mark.spec("JW1", "JW3")
@pytest.mark.parametrize(("key", "algorithm"), [(EC_KEY, "ES384"), (RSA_KEY, "RS384")])
def test_JW3_a_good_token_names_its_tenant(desk: Desk, key: Key, algorithm: str) -> None:
    caller = desk.verify(f"bearer {sign(claims(), key, by=algorithm, kid=key.kid)}")
    assert caller == Caller(NORTH, "jti-0001", str(key.kid), claims()["iat"])


@pytest.mark.spec("JW13")
def test_JW13_other_claims_are_tolerated(desk: Desk) -> None:
    assert desk.verify(f"Bearer {sign(claims(sub='client', fhirUser='Practitioner/1', nbf=NOW_S - 300))}")


@pytest.mark.parametrize("algorithm", ["PS384", "RS256", "EdDSA"])
def test_further_algorithms_work_where_the_tenant_chose_them(algorithm: str) -> None:
    key: Key = OKPKey.generate_key("Ed25519", {"kid": "ec"}) if algorithm == "EdDSA" else RSA_KEY
    tenant = replace(NORTH, algorithms=(algorithm,), jwks=key_set(key))
    token = sign(claims(), key, by=algorithm, kid=key.kid)
    assert Desk(tenants=(tenant,)).verify(f"Bearer {token}").tenant == tenant
    assert Desk(tenants=(replace(tenant, algorithms=("ES384",)),)).reason(token) == "jwt.alg"


# step 1: form


@pytest.mark.spec("A-19", "A-20")
@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("",),
        ("Bearer",),
        ("Basic abc",),
        (f"Bearer {sign(claims())}",) * 2,
        (f"Bearer {sign(claims())}, Bearer {sign(claims())}",),
        (f"Bearer  {sign(claims())}",),
        (f"Bearer {sign(claims())} ",),
        (f"Bearer {sign(claims())}=",),
        (f"Bearer {sign(claims())}\n",),
        (f"Bearer {'a' * 9000}.{'a' * 10}.{'a' * 10}",),
        ("Bearer a.b.c.d.e",),
        ("Bearer a.b",),
        ("Bearer a.a.a",),
        (f"Bearer {b64('[]')}.{b64('[]')}.{b64('x')}",),
        (f"Bearer {b64('[' * 4000)}.{b64(claims())}.{b64('x')}",),
        (f"Bearer {b64('{}'.encode('utf-16'))}.{b64(claims())}.{b64('x')}",),
    ],
)
def test_A19_A20_JW1_what_is_no_single_compact_token_is_refused(desk: Desk, headers: tuple[str, ...]) -> None:
    with pytest.raises(Unauthorized) as caught:
        desk.verify(*headers)
    assert caught.value.reason == "jwt.format"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_A06_any_text_as_a_token_is_refused_with_a_code(text: str) -> None:
    assert Desk().reason(text).startswith("jwt.")


@pytest.mark.spec("A-20", "JW16")
def test_A20_JW16_a_token_of_more_than_eight_kilobytes_is_refused(desk: Desk) -> None:
    assert desk.reason(sign(claims(padding="x" * 8192))) == "jwt.format"
    assert desk.verify(f"Bearer {sign(claims(padding='x' * 5000))}")


# step 2: header


@pytest.mark.spec("A-01", "JW3")
@pytest.mark.parametrize(
    "name", ["none", "NoNe", "NONE", "None", "nonE", "", None, 1, ["ES384"], "es384", "HS512"]
)
@pytest.mark.parametrize("signature", ["", b64("x")])
def test_A01_no_algorithm_is_none_in_any_case(desk: Desk, name: object, signature: str) -> None:
    assert desk.reason(f"{b64({'alg': name, 'kid': 'ec'})}.{b64(claims())}.{signature}") == "jwt.alg"


@pytest.mark.spec("A-02")
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("form", ["pem", "der", "jwk", "pem-stripped"])
def test_A02_a_public_key_is_no_shared_secret(desk: Desk, algorithm: str, form: str) -> None:
    pem = RSA_KEY.as_pem(private=False)
    secret = {
        "pem": pem,
        "pem-stripped": pem.strip(),
        "der": RSA_KEY.as_der(private=False),
        "jwk": json.dumps(RSA_KEY.as_dict(private=False)).encode(),
    }[form]
    signed = f"{b64({'alg': algorithm, 'kid': 'rsa'})}.{b64(claims())}"
    mac = jws.JWSRegistry.algorithms[algorithm].sign(signed.encode(), OctKey.import_key(b64(secret)[:64]))
    assert desk.reason(f"{signed}.{b64(mac)}") == "jwt.alg"


@pytest.mark.spec("A-04", "A-09", "JW2")
@pytest.mark.parametrize(
    "header",
    [
        {"jwk": SOUTH_KEY.as_dict(private=False)},
        {"x5c": ["MIIB"]},
        {"x5u": "https://evil.example/cert"},
        {"crit": ["exp2"]},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"crit": []},
        {"crit": "exp"},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"typ": "at+jwt"},
        {"typ": None},
        {"typ": "jose"},
    ],
)
def test_A04_A09_a_header_that_brings_its_own_trust_or_rules_is_refused(
    desk: Desk, header: dict[str, Any]
) -> None:
    key = SOUTH_KEY if "jwk" in header else EC_KEY
    assert desk.reason(sign(claims(), key, **header)) == "jwt.header"
    assert desk.egress.calls == 0


def test_a_header_without_typ_is_accepted(desk: Desk) -> None:
    assert desk.verify(f"Bearer {sign(claims(), typ=ABSENT)}")


@pytest.mark.spec("A-06")
@pytest.mark.parametrize("key_id", [ABSENT, None, 1, ["ec"], "", "x" * 10_000, "x" * 129])
def test_A06_a_key_id_that_is_no_short_text_is_refused(desk: Desk, key_id: object) -> None:
    assert desk.reason(sign(claims(), kid=key_id)) in {"jwt.header", "jwt.format"}


@pytest.mark.spec("A-06", "JW6")
@pytest.mark.parametrize("key_id", ["../../etc/passwd", "' or 1=1 --", "ec\n", "еc", "EC", "e", "other/+="])
def test_A06_a_key_id_is_compared_and_never_used_otherwise(desk: Desk, key_id: str) -> None:
    assert desk.reason(sign(claims(), kid=key_id)) == "jwt.key"
    assert desk.egress.calls == 0


# step 3: issuer


@pytest.mark.spec("A-14", "JW4")
@pytest.mark.parametrize(
    "issuer",
    [
        ABSENT,
        None,
        1,
        [NORTH.issuer],
        "https://north",
        "https://NORTH.example",
        "https://north.example/",
        "",
        {},
    ],
)
def test_A14_an_issuer_must_match_to_the_letter(desk: Desk, issuer: object) -> None:
    assert desk.reason(sign(claims(iss=issuer))) == "jwt.iss"
    assert desk.egress.calls == 0


# step 4: key


@pytest.mark.spec("A-05", "JW5", "X8")
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/jwks",
        "https://north.example.evil.com/jwks",
        "https://north.example@evil.com/jwks",
        "https://north.example./jwks",
        "https://north.example:444/jwks",
        "http://north.example/jwks",
        "https://north.example/jwks/",
        "https://north.example/jwks?x",
        "https://north.example/redirect",
        "file:///etc/passwd",
        "data:application/json,{}",
        "HTTPS://north.example/jwks",
        "",
        None,
        ["https://north.example/jwks"],
    ],
)
def test_A05_X8_a_token_does_not_say_where_its_key_is(url: object) -> None:
    tenant = replace(NORTH, jwks_url=parse_address("https://north.example/jwks"))
    desk = Desk(tenants=(tenant,))
    assert desk.reason(sign(claims(), jku=url)) == "jwt.key"
    assert desk.egress.calls == 0
    assert desk.verify(f"Bearer {sign(claims(), jku='https://north.example/jwks')}").tenant == tenant


@pytest.mark.spec("A-05")
def test_A05_a_jku_is_refused_where_none_is_registered(desk: Desk) -> None:
    assert desk.reason(sign(claims(), jku="https://north.example/jwks")) == "jwt.key"


@pytest.mark.spec("A-10", "JW6")
def test_A10_the_key_of_one_tenant_does_not_sign_for_another(desk: Desk) -> None:
    assert desk.reason(sign(claims(), SOUTH_KEY)) == "jwt.sig"
    assert desk.verify(f"Bearer {sign(claims(iss=SOUTH.issuer), SOUTH_KEY)}").tenant == SOUTH


@pytest.mark.spec("A-08", "JW3")
@pytest.mark.parametrize(
    ("key", "header"),
    [
        (RSA_KEY, {"by": "RS384", "kid": "ec"}),
        (EC_KEY, {"kid": "rsa"}),
        (P256_KEY, {"by": "ES256", "alg": "ES384", "kid": "p256"}),
    ],
)
def test_A08_a_key_must_fit_the_algorithm(desk: Desk, key: Key, header: dict[str, Any]) -> None:
    assert desk.reason(sign(claims(), key, **header)) == "jwt.key"


@pytest.mark.parametrize("member", [{"use": "enc"}, {"alg": "RS256"}])
def test_a_key_registered_for_another_purpose_is_refused(member: dict[str, str]) -> None:
    document = {"keys": [RSA_KEY.as_dict(private=False) | member, EC_KEY.as_dict(private=False)]}
    desk = Desk(tenants=(replace(NORTH, jwks=document),))
    assert desk.reason(sign(claims(), RSA_KEY, by="RS384", kid="rsa")) == "jwt.key"


# step 5: signature


@pytest.mark.spec("A-03")
@pytest.mark.parametrize(
    "signature", ["", b64(b"\0" * 96), b64("x"), sign(claims(jti="another-1")).rpartition(".")[2]]
)
def test_A03_an_empty_blank_or_borrowed_signature_is_refused(desk: Desk, signature: str) -> None:
    assert desk.reason(f"{GOOD_SIGNED}.{signature}") == "jwt.sig"


@pytest.mark.spec("A-03")
@given(st.data())
def test_A03_one_flipped_bit_anywhere_is_refused(data: st.DataObject) -> None:
    token = sign(claims())
    segments = [base64.urlsafe_b64decode(part + "==") for part in token.split(".")]
    which = data.draw(st.integers(0, 2))
    bit = data.draw(st.integers(0, len(segments[which]) * 8 - 1))
    flipped = bytearray(segments[which])
    flipped[bit // 8] ^= 1 << bit % 8
    segments[which] = bytes(flipped)
    assert Desk().reason(".".join(b64(part) for part in segments)).startswith("jwt.")


@pytest.mark.spec("A-08")
@pytest.mark.parametrize(
    "shape",
    [
        lambda r, s: raw(0, 0),
        lambda r, s: raw(ORDER_P384, s),
        lambda r, s: raw(r, ORDER_P384),
        lambda r, s: raw(r, 0),
        lambda r, s: raw(r, s)[:-1],
        lambda r, s: raw(r, s) + b"\0",
        lambda r, s: EC_KEY.private_key.sign(b"x", ec.ECDSA(hashes.SHA384())),  # type: ignore[union-attr]
    ],
)
def test_A08_signatures_outside_the_curve_or_in_another_form_are_refused(
    desk: Desk, shape: Callable[[int, int], bytes]
) -> None:
    assert desk.reason(es384(GOOD_SIGNED, shape)) == "jwt.sig"


# step 6: time


@pytest.mark.spec("A-11", "JW8")
@pytest.mark.parametrize(
    "value",
    [
        "ABSENT", "null", '"1780000300"', "true", "1780000300.0", "NaN", "1e400", "-1e400", "Infinity", "[1780000300]",
        "1" * 5000, str(NOW_S + 315_360_000), "-1", "0",
    ],
)  # fmt: skip
def test_A11_an_expiry_must_be_a_near_whole_second(desk: Desk, value: str) -> None:
    text = json.dumps(claims(exp=ABSENT))
    text = text if value == "ABSENT" else f'{text[:-1]}, "exp": {value}}}'
    assert desk.reason(sign(text)) in {"jwt.time", "jwt.format"}


@pytest.mark.spec("A-11", "JW8")
def test_A11_the_leeway_is_thirty_seconds_and_not_one_more(desk: Desk) -> None:
    token = sign(claims())
    assert desk.reason(token, now_ms=(NOW_S + 331) * 1000) == "jwt.time"
    assert desk.verify(f"Bearer {token}", now_ms=(NOW_S + 330) * 1000)


@pytest.mark.spec("A-12", "JW9")
@pytest.mark.parametrize(
    "changes",
    [
        {"iat": ABSENT},
        {"iat": "1"},
        {"iat": True},
        {"iat": NOW_S + 31, "exp": NOW_S + 300},
        {"iat": NOW_S - 331, "exp": NOW_S - 31},
        {"iat": 0, "exp": 300},
        {"iat": NOW_S, "exp": NOW_S + 301},
        {"iat": NOW_S, "exp": NOW_S},
        {"nbf": NOW_S + 31},
        {"nbf": "soon"},
        {"nbf": None},
    ],
)
def test_A12_a_token_from_the_future_the_past_or_of_long_life_is_refused(
    desk: Desk, changes: dict[str, Any]
) -> None:
    assert desk.reason(sign(claims(**changes))) == "jwt.time"


@pytest.mark.spec("JW8", "X7")
def test_JW8_X7_a_tenant_may_have_longer_tokens(desk: Desk) -> None:
    epic = replace(NORTH, max_token_lifetime_s=900)
    token = sign(claims(iat=NOW_S - 200, nbf=NOW_S - 500, exp=NOW_S + 700))
    assert desk.reason(token) == "jwt.time"
    assert Desk(tenants=(epic,)).verify(f"Bearer {token}").tenant == epic


# step 7: audience


@pytest.mark.spec("A-13", "A-21", "JW7")
@pytest.mark.parametrize(
    "audience",
    [
        ABSENT,
        None,
        [],
        [[AUDIENCE]],
        [AUDIENCE, "https://stranger.example"],
        [AUDIENCE, AUDIENCE],
        "https://cds.example/cds-services/insulin-adjustment",
        "https://cds.example",
        "https://cds.example/cds-services/",
        AUDIENCE + "/",
        AUDIENCE[:-1],
        AUDIENCE.replace("https", "http"),
        AUDIENCE.upper(),
        "https://north.example/token",
        {"0": AUDIENCE},
    ],
)
def test_A13_A21_an_audience_must_be_this_route_alone(desk: Desk, audience: object) -> None:
    assert desk.reason(sign(claims(aud=audience))) == "jwt.aud"


@pytest.mark.spec("JW7", "FB9")
def test_JW7_FB9_a_list_of_one_and_each_address_of_the_route_are_accepted(desk: Desk) -> None:
    assert desk.verify(f"Bearer {sign(claims(aud=[AUDIENCE]))}")
    verifier = Verifier(desk.tenants, KeySets(desk.tenants, desk.egress), desk.used)
    for number, audience in enumerate((AUDIENCE, FEEDBACK)):
        token = sign(claims(aud=audience, jti=f"feedback-{number}"))
        assert verifier.verify([f"Bearer {token}"], {AUDIENCE, FEEDBACK}, NOW_MS)


def test_an_audience_of_the_tenant_replaces_ours() -> None:
    desk = Desk(tenants=(replace(NORTH, audience="https://dev.example"),))
    assert desk.verify(f"Bearer {sign(claims(aud='https://dev.example'))}")
    assert desk.reason(sign(claims())) == "jwt.aud"


# step 8: claims


@pytest.mark.spec("A-15", "JW10")
@pytest.mark.parametrize(
    "token_id", [ABSENT, None, "", 12345678, "short-1", "x" * 257, "ＪＴＩ-0001", "jti\x000001", ["jti-0001"]]
)
def test_A15_a_token_id_is_eight_to_256_plain_characters(desk: Desk, token_id: object) -> None:
    assert desk.reason(sign(claims(jti=token_id))) == "jwt.claims"


@pytest.mark.spec("A-23")
@pytest.mark.parametrize("name", ["iss", "aud", "exp", "jti", "sub"])
def test_A23_a_name_that_stands_twice_is_refused(desk: Desk, name: str) -> None:
    text = f'{{"{name}": "https://evil.example", {json.dumps(claims(sub="x"))[1:]}'
    assert desk.reason(sign(text)) == "jwt.claims"


def test_a_header_name_that_stands_twice_is_refused(desk: Desk) -> None:
    header = '{"alg": "none", "alg": "ES384", "kid": "ec"}'
    signed = f"{b64(header)}.{b64(claims())}"
    assert desk.reason(es384(signed, raw)) == "jwt.header"


@pytest.mark.spec("JW12")
def test_JW12_a_tenant_claim_must_be_registered_and_chooses_among_tenants_of_one_issuer() -> None:
    one = replace(NORTH, id="one", tenant_claims=("clinic-1",))
    two = replace(NORTH, id="two", tenant_claims=("clinic-2", "clinic-3"))
    desk = Desk(tenants=(one, two))
    assert desk.verify(f"Bearer {sign(claims(tenant='clinic-3'))}").tenant == two
    for claim in ("clinic-4", ABSENT, None, ["clinic-1"]):
        assert desk.reason(sign(claims(tenant=claim, jti="jti-0002"))) == "jwt.claims"
    assert Desk().reason(sign(claims(tenant="clinic-1"))) == "jwt.claims"


# step 9: replay


@pytest.mark.spec("A-16", "JW10")
def test_A16_a_token_works_once_whatever_the_service(desk: Desk) -> None:
    token = sign(claims())
    assert desk.verify(f"Bearer {token}")
    assert desk.reason(token) == "jwt.replay"
    assert desk.reason(sign(claims())) == "jwt.replay"


@pytest.mark.spec("A-16")
def test_A16_of_fifty_copies_at_once_exactly_one_gets_in(tmp_path: Path) -> None:
    tenants = (NORTH,)
    used = SqlUsedTokens(open_database(f"sqlite:///{tmp_path / 'store.db'}"))
    verifier = Verifier(tenants, KeySets(tenants, Unreachable()), used)
    token = sign(claims())

    def attempt(_: int) -> bool:
        try:
            return bool(verifier.verify([f"Bearer {token}"], {AUDIENCE}, NOW_MS))
        except Unauthorized as refusal:
            assert refusal.reason == "jwt.replay"
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(50))) == 1


@pytest.mark.spec("JW10")
def test_JW10_a_token_is_remembered_as_long_as_it_could_be_accepted(desk: Desk) -> None:
    token = sign(claims())
    last_ms = (NOW_S + 330) * 1000 + 999
    assert desk.verify(f"Bearer {token}", now_ms=last_ms)
    assert desk.used.until_ms > last_ms


@pytest.mark.spec("A-17")
def test_A17_another_spelling_of_a_used_token_is_refused(desk: Desk) -> None:
    token = es384(GOOD_SIGNED, raw)
    assert desk.verify(f"Bearer {token}")
    signature = base64.urlsafe_b64decode(token.rpartition(".")[2])
    r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
    assert desk.reason(f"{GOOD_SIGNED}.{b64(raw(r, ORDER_P384 - s))}") == "jwt.replay"
    assert desk.reason(f"{token}=") == "jwt.format"


@pytest.mark.spec("A-18", "JW16")
def test_A18_JW16_a_forged_copy_does_not_use_up_the_victims_token(desk: Desk) -> None:
    assert desk.reason(f"{GOOD_SIGNED}.{b64(b'0' * 96)}") == "jwt.sig"
    assert desk.used.seen == set()
    assert desk.verify(f"Bearer {es384(GOOD_SIGNED, raw)}")


HELD_BY_NOBODY: Mapping[str, dict[str, Any]] = {
    "jwt.iss": {"claims": claims(iss="https://unknown.example")},
    "jwt.key": {"kid": "unknown"},
    "jwt.alg": {"claims": claims(iss=SOUTH.issuer), "kid": "ec"},
    "jwt.sig": {},
}
OF_STRANGERS: Mapping[str, Key] = {
    "ES384": ECKey.generate_key("P-384"),
    "ES256": ECKey.generate_key("P-256"),
    "RS384": RSAKey.generate_key(2048),
    "RS256": RSAKey.generate_key(2048),
    "PS384": RSAKey.generate_key(2048),
    "EdDSA": OKPKey.generate_key("Ed25519"),
}


@pytest.mark.spec("A-22")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_A22_whoever_a_token_names_one_signature_of_its_algorithm_is_checked(
    algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time of a refusal tells who is registered, with which keys and algorithms."""
    ed25519 = OKPKey.generate_key("Ed25519", {"kid": "ed"})
    keys = {"ES384": EC_KEY, "ES256": P256_KEY, "EdDSA": ed25519}
    known = key_set(EC_KEY, RSA_KEY, P256_KEY, ed25519)
    north = replace(NORTH, jwks=known, algorithms=ALGORITHMS)
    others = tuple(name for name in ALGORITHMS if name != algorithm)
    desk = Desk(tenants=(north, replace(SOUTH, algorithms=others)))
    model, checked = jws.JWSRegistry.algorithms[algorithm], list[Key]()
    verify = model.verify
    monkeypatch.setattr(model, "verify", lambda *given: checked.append(given[2]) or verify(*given))
    for reason, changes in HELD_BY_NOBODY.items():
        members = {"claims": claims(), "kid": str(keys.get(algorithm, RSA_KEY).kid), **changes}
        payload = members.pop("claims")
        assert desk.reason(sign(payload, OF_STRANGERS[algorithm], by=algorithm, **members)) == reason
    assert len(checked) == len(HELD_BY_NOBODY)
    for key in checked:
        model.check_key(key)


@pytest.mark.spec("A-22")
@pytest.mark.parametrize("change", [{"kid": "rsa"}, {"jku": "https://elsewhere.example/jwks.json"}])
def test_A22_a_key_that_cannot_have_signed_is_held_against_a_decoy_too(
    desk: Desk, change: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, checked = jws.JWSRegistry.algorithms["ES384"], list[Key]()
    verify = model.verify
    monkeypatch.setattr(model, "verify", lambda *given: checked.append(given[2]) or verify(*given))
    assert desk.reason(sign(claims(), **change)) == "jwt.key"
    assert len(checked) == 1


@pytest.mark.spec("A-22")
def test_A22_every_refusal_says_the_same(desk: Desk) -> None:
    used = sign(claims())
    desk.verify(f"Bearer {used}")
    outcomes = set()
    for token in ("x", sign(claims(iss="https://unknown.example")), sign(claims(), SOUTH_KEY), used):
        with pytest.raises(Unauthorized) as caught:
            desk.verify(f"Bearer {token}")
        outcomes.add(json.dumps(caught.value.to_operation_outcome()))
    assert len(outcomes) == 1
