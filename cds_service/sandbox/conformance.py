"""What the sandbox's FHIR server says about itself: CapabilityStatement and SMART configuration.

Served by `fhir_server`; the search parameters come from the table in `indexing`.
"""

from typing import Any, Final

from cds_service.sandbox.indexing import PARAMETERS, SearchParameters

_INTERACTIONS: Final = ("read", "search-type", "create", "update")


def capability_statement(base: str, date: str) -> dict[str, Any]:
    """The CapabilityStatement of the server at `base`."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "implementation": {"description": "Demonstration EHR: simulated patients, not for care", "url": base},
        "rest": [
            {
                "mode": "server",
                "security": {
                    "service": [
                        {
                            "coding": [
                                {
                                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                                    "code": "SMART-on-FHIR",
                                }
                            ]
                        }
                    ]
                },
                "resource": [_resource(name, known) for name, known in PARAMETERS.items()],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def _resource(name: str, known: SearchParameters) -> dict[str, Any]:
    parameters = {"_id": "token", "_lastUpdated": "date", "identifier": "token"}
    parameters |= dict.fromkeys(known.tokens, "token")
    parameters |= {known.date: "date"} if known.date else {}
    if name not in ("Practitioner", "Device"):
        parameters |= {"patient": "reference"} | ({} if name == "Patient" else {"subject": "reference"})
    return {
        "type": name,
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned",
        "conditionalCreate": True,
        "updateCreate": True,
        "searchParam": [{"name": key, "type": kind} for key, kind in parameters.items()],
    }


def smart_configuration(base: str) -> dict[str, Any]:
    """The SMART configuration: Backend Services, and launches of an app."""
    origin = base.rsplit("/", 1)[0]
    return {
        "issuer": base,
        "jwks_uri": f"{origin}/.well-known/jwks.json",
        "authorization_endpoint": f"{origin}/auth/authorize",
        "token_endpoint": f"{origin}/auth/token",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES384", "RS384"],
        "grant_types_supported": ["client_credentials", "authorization_code"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": [
            "openid",
            "fhirUser",
            "launch",
            "launch/patient",
            "patient/*.rs",
            "system/*.rs",
            "system/*.read",
        ],
        "capabilities": [
            "launch-ehr",
            "launch-standalone",
            "sso-openid-connect",
            "client-confidential-asymmetric",
            "context-ehr-patient",
            "context-standalone-patient",
            "permission-patient",
            "permission-v1",
            "permission-v2",
        ],
    }
