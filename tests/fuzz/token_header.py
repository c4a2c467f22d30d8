"""Any text as a hook token: refused with its code, or accepted by its signature; nothing else ever comes out.

Run: python tests/fuzz/token_header.py -runs=200000
"""

import base64
import json
import sys
import time

import atheris

with atheris.instrument_imports(include=["cds_service", "joserfc"]):
    from joserfc import jws, jwt
    from joserfc.jwk import ECKey

    from cds_service.client_auth import Verifier
    from cds_service.egress import Egress
    from cds_service.jwks import KeySets
    from cds_service.tenants import Tenant
    from hooks.errors import Unauthorized

AUDIENCE = "https://cds.example.org/cds-services/glucose-review"
KEY = ECKey.generate_key("P-384", {"kid": "k", "alg": "ES384"})
TENANTS = [Tenant("north", "https://ehr.example", jwks={"keys": [KEY.as_dict(private=False)]})]


class NeverSeen:
    """A replay store in which every token is new."""

    def first_use(self, issuer: str, token_id: str, until_ms: int, now_ms: int) -> bool:
        return True


VERIFIER = Verifier(TENANTS, KeySets(TENANTS, Egress()), NeverSeen())
NOW = int(time.time())
PROTECTED: dict[str, object] = {"alg": "ES384", "kid": "k", "typ": "JWT"}
CLAIMS: dict[str, object] = {
    "iss": "https://ehr.example",
    "aud": AUDIENCE,
    "iat": NOW,
    "exp": NOW + 300,
    "jti": "12345678",
}
GOOD = jwt.encode(PROTECTED, CLAIMS, KEY, algorithms=["ES384"])
_, PAYLOAD, SIGNATURE = GOOD.split(".")


def segment(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def changed(given: atheris.FuzzedDataProvider, members: dict[str, object]) -> bytes:
    """Good members with one of them, or a new one, made up."""
    name = given.PickValueInList([*members, "crit", "nbf", "tenant", given.ConsumeUnicode(8)])
    kinds = [
        given.ConsumeUnicode(64),
        given.ConsumeInt(12),
        given.ConsumeFloat(),
        [members.get("aud")],
        {},
        None,
    ]
    return json.dumps(members | {name: given.PickValueInList(kinds)}).encode()


def one_input(data: bytes) -> None:
    """Raw text, a made-up header, and made-up claims under a good header, unsigned and signed."""
    given = atheris.FuzzedDataProvider(data)
    header, claims = changed(given, PROTECTED), changed(given, CLAIMS)
    text = given.ConsumeUnicode(2048)
    signed = jws.serialize_compact(PROTECTED, claims, KEY, algorithms=["ES384"])
    good = segment(json.dumps(PROTECTED).encode())
    forged = [text, f"{segment(header)}.{PAYLOAD}.{SIGNATURE}", f"{good}.{segment(claims)}.{SIGNATURE}"]
    for token in (*forged, signed):
        try:
            VERIFIER.verify([f"Bearer {token}"], {AUDIENCE}, NOW * 1000)
        except Unauthorized as refusal:
            assert refusal.reason.startswith("jwt.")
        else:
            assert token in (GOOD, signed)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
