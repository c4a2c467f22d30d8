"""Settings and the tenants file: read once, refused with every problem at once, never quoting a value."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from textwrap import dedent

import pytest
from joserfc.jwk import ECKey

from cds_service.own_keys import new_key
from cds_service.settings import InvalidSettings, load_settings

SECRET = urlsafe_b64encode(b"s" * 32).decode()


def write_tenants(folder: Path, text: str) -> Path:
    write_keys(folder, private=False)
    path = folder / "tenants.toml"
    path.write_text(dedent(text))
    return path


def write_keys(folder: Path, *, private: bool) -> None:
    key = ECKey.generate_key("P-384", {"kid": "k1"}, private=True)
    (folder / "keys.json").write_text(json.dumps({"keys": [key.as_dict(private=private)]}))


MINIMAL = """
    [[tenant]]
    id = "north"
    issuer = "https://ehr.example"
    jwks_file = "keys.json"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "WEARABLE_CDS_PUBLIC_BASE_URL": "https://cds.example",
        "WEARABLE_CDS_DATABASE_URL": "sqlite:////var/lib/wearable-cds/store.db",
        "WEARABLE_CDS_SECRET_KEY": SECRET,
        "WEARABLE_CDS_TENANTS_FILE": str(write_tenants(tmp_path, MINIMAL)),
        "HOME": "/nowhere",
    }


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(InvalidSettings) as caught:
        load_settings(environ)
    return caught.value.problems


def test_a_minimal_configuration_loads_with_strict_defaults(environ: dict[str, str]) -> None:
    settings = load_settings(environ)
    (tenant,) = settings.tenants
    assert (settings.development, settings.deadline_s, settings.cors_origins) == (False, 5.0, ())
    assert (tenant.algorithms, tenant.max_token_lifetime_s) == (("ES384", "RS384"), 300)
    assert not tenant.offers("insulin-adjustment", dosing=True)
    assert tenant.offers("glucose-review", dosing=False)


def test_a_full_tenant_loads(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps({"keys": [new_key("ES384", "2026")]}))
    (tmp_path / "own.json").chmod(0o600)
    (tmp_path / "aliases.toml").write_text("")
    write_tenants(
        tmp_path,
        """
        [[tenant]]
        id = "north"
        issuer = "https://ehr.example"
        algorithms = ["ES384"]
        jwks_url = "https://ehr.example/jwks"
        client_id = "us-at-north"
        max_token_lifetime_s = 900
        tenant_claims = ["clinic-1"]
        zone = "Europe/Helsinki"
        glucose_unit = "mmol/L"
        titration_table = "ada-2025"
        prefetch_dialect = "relative-date"
        search_method = "post"
        aliases_file = "aliases.toml"
        [[tenant.fhir_bases]]
        url = "https://ehr.example/fhir/"
        allow_private = true
        [tenant.services.insulin-adjustment]
        enabled = true
        approver = "Dr X"
        approved_on = 2026-01-31
        [tenant.services.glucose-review]
        enabled = false
        [tenant.backend]
        client_id = "us"
        token_url = "https://ehr.example/token"
        keys_file = "own.json"
        scopes = ["system/Observation.rs"]
        [tenant.limits]
        concurrent_requests = 4
        deadline_s = 4.0
        """,
    )
    (tenant,) = load_settings(environ).tenants
    assert tenant.offers("insulin-adjustment", dosing=True)
    assert not tenant.offers("glucose-review", dosing=False)
    assert tenant.fhir_bases[0].address.text == "https://ehr.example/fhir"
    assert tenant.fhir_bases[0].allow_private
    assert tenant.backend is not None
    assert tenant.backend.keys_file == tmp_path / "own.json"
    assert tenant.limits.deadline_s == 4.0


@pytest.mark.spec("F-26")
def test_F26_all_problems_come_at_once_and_no_value_is_shown(tmp_path: Path) -> None:
    (tmp_path / "open.key").write_text(SECRET)
    (tmp_path / "open.key").chmod(0o644)
    path = write_tenants(
        tmp_path,
        """
        [[tenant]]
        id = "North!"
        issuer = "https://canary-issuer.example"
        jwks = { keys = "canary-keys" }
        glucose_unit = "canary-unit"
        algorithms = ["HS256"]
        max_token_lifetime_s = 3601
        colour = "canary-colour"
        zone = "Mars/Canary"
        [[tenant.fhir_bases]]
        url = "ftp://canary.example"
        [tenant.services.insulin-adjustment]
        enabled = true
        approver = "Dr Canary"
        """,
    )
    found = problems(
        {
            "WEARABLE_CDS_PUBLIC_BASE_URL": "http://canary.example",
            "WEARABLE_CDS_DATABASE_URL": "mysql://canary:canary@host/db",
            "WEARABLE_CDS_SECRET_KEY_FILE": str(tmp_path / "open.key"),
            "WEARABLE_CDS_TENANTS_FILE": str(path),
            "WEARABLE_CDS_DEADLINE_S": "canary",
            "WEARABLE_CDS_HOOK_BODY_LIMIT_BYTES": "-1canary",
            "WEARABLE_CDS_COLOR": "canary",
            "WEARABLE_CDS_DEVELOPMENT": "canary",
        }
    )
    text = "\n".join(found)
    assert "canary" not in text.lower()
    named = [
        "PUBLIC_BASE_URL",
        "DATABASE_URL",
        "SECRET_KEY_FILE",
        "DEADLINE_S",
        "HOOK_BODY_LIMIT_BYTES",
        "COLOR",
        "DEVELOPMENT",
    ]
    assert all(f"WEARABLE_CDS_{name}: " in text for name in named)
    fields = [
        "id",
        "jwks",
        "glucose_unit",
        "algorithms",
        "max_token_lifetime_s",
        "colour",
        "zone",
        "url",
        "insulin-adjustment",
    ]
    assert all(f": {field}: " in text for field in fields), text


@pytest.mark.spec("F-26")
def test_F26_everything_required_is_named_when_nothing_is_given() -> None:
    assert [p.split(":")[0].removeprefix("WEARABLE_CDS_") for p in problems({})] == [
        "PUBLIC_BASE_URL",
        "DATABASE_URL",
        "SECRET_KEY",
        "TENANTS_FILE",
    ]


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o641])
def test_a_secret_file_that_others_can_read_is_refused(
    environ: dict[str, str], tmp_path: Path, mode: int
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(environ.pop("WEARABLE_CDS_SECRET_KEY"))
    environ["WEARABLE_CDS_SECRET_KEY_FILE"] = str(secret)
    secret.chmod(0o640)
    assert load_settings(environ)
    secret.chmod(mode)
    assert problems(environ) == ("WEARABLE_CDS_SECRET_KEY_FILE: is open to others; allow at most mode 0640",)


def test_secrets_do_not_show_in_the_representation(environ: dict[str, str]) -> None:
    environ["WEARABLE_CDS_REDIS_URL"] = "redis://:pa55word@host"
    text = repr(load_settings(environ))
    assert "pa55word" not in text
    assert SECRET not in text
    assert "store.db" not in text


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('audience = "https://elsewhere.example"', "audience may be replaced in development only"),
        (
            '[[tenant.fhir_bases]]\nurl = "https://x.example"\nopen = true',
            "an open FHIR server is for development only",
        ),
        ('[[tenant.fhir_bases]]\nurl = "http://localhost:8080/fhir"', "an address is not https"),
    ],
)
def test_what_is_for_development_is_refused_outside_it(
    environ: dict[str, str], tmp_path: Path, line: str, problem: str
) -> None:
    write_tenants(tmp_path, dedent(MINIMAL) + line)
    assert problems(environ) == (f"tenants file: north: {problem}",)
    assert load_settings(environ | {"WEARABLE_CDS_DEVELOPMENT": "true"})


def test_tenants_that_share_an_issuer_need_claims_that_tell_them_apart(
    environ: dict[str, str], tmp_path: Path
) -> None:
    row = '[[tenant]]\nid = "{}"\nissuer = "https://ehr.example"\njwks_file = "keys.json"\n{}\n'
    write_tenants(tmp_path, row.format("a", "") + row.format("b", 'tenant_claims = ["b"]'))
    assert "share an issuer" in problems(environ)[0]
    write_tenants(
        tmp_path, row.format("a", 'tenant_claims = ["a"]') + row.format("b", 'tenant_claims = ["b"]')
    )
    assert len(load_settings(environ).tenants) == 2


def test_two_tenants_with_one_name_are_refused(environ: dict[str, str], tmp_path: Path) -> None:
    write_tenants(tmp_path, dedent(MINIMAL) + dedent(MINIMAL).replace("ehr.example", "other.example"))
    assert problems(environ) == ("tenants file: two tenants are called north",)


def test_private_and_symmetric_keys_make_no_key_set(environ: dict[str, str], tmp_path: Path) -> None:
    write_keys(tmp_path, private=True)
    assert problems(environ) == ("tenants file: tenant: 0: jwks_file: holds no usable key set",)


@pytest.mark.spec("CO3")
def test_CO3_origins_are_listed_one_by_one(environ: dict[str, str]) -> None:
    environ["WEARABLE_CDS_CORS_ORIGINS"] = "https://a.example, https://b.example:8443"
    assert load_settings(environ).cors_origins == ("https://a.example", "https://b.example:8443")
    environ["WEARABLE_CDS_CORS_ORIGINS"] = "*"
    assert len(problems(environ)) == 1
