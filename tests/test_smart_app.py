"""The SMART app from launch to page: whose it is, what the browser gets, what opens nothing."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from patience import PATIENCE_S
from sandbox_ehr import NOW_MS, Clock, Linked, linked
from smart_app_ehr import Person, query_of, words

from cds_service.addresses import parse_base, parse_registered
from cds_service.app import create_app
from cds_service.rates import Rates
from cds_service.sandbox.demo_state import DemoState
from cds_service.sandbox.hook_client import Reading
from cds_service.settings import load_settings
from cds_service.smart_app.app_context import LIFE_MS, context_for, open_sealed, seal
from cds_service.smart_app.routes import PAGES, content_policy
from cds_service.store.app_sessions import AppSessions
from cds_service.store.database import open_database
from cds_service.tenants import App, Tenant

KEY = base64.urlsafe_b64encode(b"k" * 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="module")
def ehr(folder: Path) -> Iterator[Linked]:
    with linked(folder) as running:
        yield running


@pytest.fixture
def person(ehr: Linked) -> Person:
    return Person(ehr)


def start(person: Person, **asked: str) -> requests.Response:
    """The first answer of the app to a launch, not followed."""
    return person.get(f"{person.ehr.service_base}/smart/launch", params=asked, allow_redirects=False)


@pytest.mark.spec("SM3", "SM8")
def test_SM8_a_launch_from_a_chart_opens_that_patients_glucose(person: Person) -> None:
    opened = person.launch("sim-pump")
    assert opened.status_code == 200 and opened.url.endswith("/glucose")
    assert "Iris Demo-Birch" in words(opened) and "Ambulatory glucose profile" in words(opened)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_for_a_patient_with_a_pump(person: Person, page: str) -> None:
    answer = person.page(person.launch("sim-pump"), page)
    assert answer.status_code == 200 and "Iris Demo-Birch" in words(answer)


@pytest.mark.parametrize("page", ["glucose", "risk", "print"])
def test_a_glucose_that_is_low_now_stands_first_on_every_page_about_glucose(
    person: Person, page: str
) -> None:
    answer = person.page(person.launch("sim-frail"), page)
    assert "Last glucose 67 mg/dL (3.7 mmol/L)" in words(answer)
    assert answer.text.index('role="alert"') < answer.text.index("<h2")


def test_in_pregnancy_the_page_shows_the_limits_of_pregnancy_and_no_gmi(ehr: Linked, person: Person) -> None:
    pregnancy = {
        "resourceType": "Condition",
        "id": "expecting",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "77386006"}]},
        "subject": {"reference": "Patient/sim-pump"},
    }
    usual = words(person.launch("sim-pump"))
    assert "GMI 6" in usual and "70-180 mg/dL" in usual and "63-140" not in usual
    ehr.sandbox.storage.put_all([pregnancy])
    opened = person.launch("sim-pump")
    shown = [words(opened), words(person.page(opened, "print"))]
    withdrawn = {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}
    ehr.sandbox.storage.put_all([pregnancy | withdrawn])
    for page in shown:
        assert "63-140 mg/dL (3.5-7.8 mmol/L)" in page and "70-180" not in page
        assert "GMI and risk indices are not stated: their limits are not those of pregnancy." in page


@pytest.mark.spec("SM4", "SM5")
def test_SM4_the_authorization_request_has_every_parameter_and_a_challenge_of_a_secret_verifier(
    person: Person,
) -> None:
    iss = f"{person.ehr.origin}/fhir"
    from_chart, alone = (query_of(start(person, iss=iss, **more)) for more in ({"launch": "x"}, {}))
    for asked in (from_chart, alone):
        assert asked["response_type"] == "code" and asked["client_id"] == "wearable-cds-app"
        assert asked["redirect_uri"] == f"{person.ehr.service_base}/smart/callback"
        assert asked["aud"] == iss and asked["code_challenge_method"] == "S256"
        assert len(base64.urlsafe_b64decode(asked["code_challenge"] + "=")) == hashlib.sha256().digest_size
        assert len(asked["state"].partition(".")[2]) >= 43  # 256 bits
        assert "offline_access" not in asked["scope"]
        assert asked["scope"].split()[-2:] == ["openid", "fhirUser"] and len(asked["nonce"]) >= 43
    assert from_chart["launch"] == "x" and from_chart["scope"].split()[0] == "launch"
    assert "launch" not in alone and alone["scope"].split()[0] == "launch/patient"
    assert from_chart["state"] != alone["state"]
    assert from_chart["code_challenge"] != alone["code_challenge"]


@pytest.mark.spec("SM3", "SM5")
def test_SM5_without_a_chart_the_ehr_asks_for_the_patient_and_says_that_consent_is_skipped(
    person: Person,
) -> None:
    asked = person.get(f"{person.ehr.service_base}/smart/launch", params={"iss": f"{person.ehr.origin}/fhir"})
    assert "consent are skipped" in words(asked)
    link = re.search(r'href="([^"]*patient=sim-frail[^"]*)"', asked.text)
    assert link is not None
    opened = person.get(person.ehr.origin + link[1].replace("&amp;", "&"))
    assert "Elsa Demo-Willow" in words(opened)


@pytest.mark.spec("SM3", "E-06")
@pytest.mark.parametrize(
    "iss", ["https://evil.example.org/fhir", "", "file:///etc/passwd", "http://127.0.0.1:1/fhir"]
)
def test_SM3_a_record_system_that_is_not_registered_is_refused_and_not_called(
    person: Person, iss: str
) -> None:
    answer = start(person, iss=iss, launch="x")
    assert answer.status_code == 400 and "not registered" in words(answer)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.spec("SM11", "E-07")
def test_SM11_no_token_reaches_the_browser_and_the_cookie_is_opaque_and_closed_to_scripts(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[str] = []
    issue = person.ehr.sandbox.tokens.issue

    def noting(*arguments: Any) -> str:
        tokens.append(issue(*arguments))
        return tokens[-1]

    monkeypatch.setattr(person.ehr.sandbox.tokens, "issue", noting)
    opened = person.launch("sim-pump")
    for page in PAGES:
        person.page(opened, page)
    sent = "".join(f"{answer.url} {answer.headers} {answer.text}" for answer in person.pages)
    assert len(tokens) == 1 and tokens[0] not in sent
    manners = [answer.headers["Set-Cookie"] for answer in person.pages if "Set-Cookie" in answer.headers]
    assert manners and all("HttpOnly" in m and "SameSite=Lax" in m and "Path=/smart" in m for m in manners)


@pytest.mark.spec("SM6", "E-06")
def test_SM6_a_callback_works_once_in_the_browser_that_began_and_with_its_own_state(person: Person) -> None:
    person.launch("sim-pump")
    callback = next(page.url for page in person.pages if "/smart/callback" in page.url)
    assert person.get(callback).status_code == 401
    begun = start(person, iss=f"{person.ehr.origin}/fhir", launch="x")
    state = query_of(begun)["state"]
    address = f"{person.ehr.service_base}/smart/callback"
    stranger = Person(person.ehr)
    assert stranger.get(address, params={"code": "c", "state": state}).status_code == 401
    forged = f"{state.partition('.')[0]}.{'A' * 43}"
    assert person.get(address, params={"code": "c", "state": forged}).status_code == 400
    assert person.get(address, params={"code": "c", "state": state}).status_code == 401  # it was used up


@pytest.mark.spec("SM6", "E-06")
@pytest.mark.parametrize(
    "came",
    [{"error": "access_denied"}, {"code": "no-such-code"}, {"code": "c", "iss": "https://evil.example"}],
)
def test_SM6_what_the_ehr_did_not_grant_opens_nothing(person: Person, came: dict[str, str]) -> None:
    state = query_of(start(person, iss=f"{person.ehr.origin}/fhir", launch="x"))["state"]
    address = f"{person.ehr.service_base}/smart/callback"
    answer = person.get(address, params=came | {"state": state}, allow_redirects=False)
    assert answer.status_code == 400 and "/smart/app/" not in answer.headers.get("Location", "")


@pytest.mark.spec("E-09")
def test_E09_two_patients_in_two_tabs_stay_apart(person: Person) -> None:
    first, second = person.launch("sim-pump"), person.launch("sim-frail")
    assert "Iris Demo-Birch" in words(person.page(first, "risk"))
    assert "Elsa Demo-Willow" in words(person.page(second, "risk"))
    handle = first.url.split("/")[-2]
    stranger = Person(person.ehr)
    assert stranger.get(first.url).status_code == 401
    other = handle[:-1] + ("A" if handle[-1] != "A" else "B")
    assert person.get(first.url.replace(handle, other)).status_code == 401


def test_closing_the_session_ends_it_for_good_and_no_other_site_can_do_it(person: Person) -> None:
    opened = person.launch("sim-pump")
    address = opened.url.rsplit("/", 1)[0] + "/leave"
    foreign = person.session.post(address, headers={"Sec-Fetch-Site": "cross-site"}, timeout=PATIENCE_S)
    assert foreign.status_code == 403 and person.page(opened, "risk").status_code == 200
    kept = requests.Session()
    kept.cookies.update(person.session.cookies)
    assert "closed" in words(person.session.post(address, timeout=PATIENCE_S))
    assert kept.get(opened.url, timeout=PATIENCE_S).status_code == 401


def test_what_is_not_there_is_a_page_that_says_so(person: Person) -> None:
    opened = person.launch("sim-pump")
    missing = person.page(opened, "settings")
    assert missing.status_code == 404 and "shows nothing here" in words(missing)
    file = person.get(f"{person.ehr.service_base}/smart/static/nothing.css")
    assert file.status_code == 404 and "shows nothing here" in words(file)


@pytest.mark.spec("E-07")
def test_E07_pages_run_no_script_and_are_framed_by_the_tenants_ehr_alone(person: Person) -> None:
    policy = person.launch("sim-pump").headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "script-src" not in policy and "default-src 'none'" in policy
    assert policy.endswith(f"frame-ancestors {person.ehr.origin}")
    address = parse_registered("https://ehr.example.org/auth")
    alone = Tenant("t", "https://ehr.example.org", app=App("c", address, address))
    assert content_policy(alone).endswith("frame-ancestors 'none'")
    assert content_policy(None).endswith("frame-ancestors 'none'")


@pytest.mark.spec("SM11", "E-07")
def test_SM11_behind_https_the_cookie_is_secure_and_fit_for_the_frame_of_another_site(
    ehr: Linked, tmp_path: Path
) -> None:
    state = DemoState(tmp_path, "http://127.0.0.1:8000", ehr.origin)
    known = load_settings(state.prepare())
    https = parse_base("https://cds.example.org")
    app = create_app(replace(known, public_base_url=https), clock_ms=lambda: NOW_MS)
    asked = {"iss": f"{ehr.origin}/fhir", "launch": "x"}
    answer = app.test_client().get("/smart/launch", query_string=asked)
    app.extensions["wearable_cds"].egress.close()
    manner = answer.headers["Set-Cookie"]
    assert manner.startswith("__Secure-wearable-cds-")
    assert all(word in manner for word in ("Secure;", "HttpOnly", "SameSite=None", "Partitioned"))


@pytest.mark.spec("C-08", "SM1")
def test_C08_endpoints_other_than_the_registered_ones_are_never_visited(ehr: Linked, tmp_path: Path) -> None:
    state = DemoState(tmp_path, "http://127.0.0.1:8000", ehr.origin)
    known = load_settings(state.prepare())
    tenant = known.tenants[0]
    assert tenant.app is not None
    moved = replace(tenant.app, authorize_url=parse_registered("http://127.0.0.1:9/auth", loopback=True))
    app = create_app(replace(known, tenants=(replace(tenant, app=moved),)), clock_ms=lambda: NOW_MS)
    answer = app.test_client().get("/smart/launch", query_string={"iss": f"{ehr.origin}/fhir", "launch": "x"})
    app.extensions["wearable_cds"].egress.close()
    assert answer.status_code == 400 and "not set up for each other" in answer.text


@pytest.mark.spec("LK1", "LK2", "LK5")
def test_LK2_every_card_links_to_the_app_with_a_context_that_names_nobody(ehr: Linked) -> None:
    service = ehr.service("glucose-review")
    cards = ehr.sandbox.client.call(service, ehr.context("sim-pump"), Reading()).cards
    links = [link for card in cards for link in card["links"]]
    assert len(links) == len(cards) > 0
    for link in links:
        assert link["type"] == "smart" and link["url"] == f"{ehr.service_base}/smart/launch"
        assert "sim-pump" not in link["appContext"] and "glucose" not in link["appContext"]


@pytest.mark.spec("LK2", "LK3")
def test_LK3_a_cards_context_leads_to_its_page_and_a_changed_one_to_the_first_with_a_word(
    ehr: Linked, person: Person
) -> None:
    service = ehr.service("vital-signs-review")
    card = ehr.sandbox.client.call(service, ehr.context("sim-watch"), Reading()).cards[0]
    sealed = card["links"][0]["appContext"]
    assert person.launch("sim-watch", sealed).url.endswith("/vital-signs")
    for other in (person.launch("sim-pump", sealed), person.launch("sim-watch", sealed[:-2] + "AA")):
        assert other.url.endswith("/glucose") and "could not be recognised" in words(other)


@pytest.mark.spec("LK2")
def test_LK2_a_context_is_ours_unchanged_and_not_old() -> None:
    context = context_for(KEY, "north", "glucose-review", "p1")
    sealed = seal(KEY, context, NOW_MS)
    assert open_sealed(KEY, sealed, NOW_MS + LIFE_MS) == context
    assert open_sealed(KEY, sealed, NOW_MS + LIFE_MS + 1) is None
    assert open_sealed(base64.urlsafe_b64encode(b"o" * 32), sealed, NOW_MS) is None
    assert open_sealed(KEY, "not one of ours", NOW_MS) is None and open_sealed(KEY, "ä", NOW_MS) is None
    assert seal(KEY, context, NOW_MS) == sealed
    assert context_for(KEY, "north", "glucose-review", "p2").patient != context.patient


@pytest.fixture
def sessions(tmp_path: Path) -> AppSessions:
    return AppSessions(open_database(f"sqlite:///{tmp_path / 'sessions.sqlite'}"), KEY)


@pytest.mark.spec("CH3", "SM11")
def test_CH3_what_the_database_keeps_of_a_session_cannot_be_read_without_the_cookie(
    sessions: AppSessions, tmp_path: Path
) -> None:
    sessions.keep("the cookie", "north", b"the access token", 2_000, 1_000)
    assert sessions.find("the cookie", 1_999) == b"the access token"
    assert sessions.find("another", 1_999) is None
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"the access token" not in stored and b"the cookie" not in stored


def test_a_session_ends_at_its_time_and_is_then_forgotten(sessions: AppSessions) -> None:
    sessions.keep("one", "north", b"1", 2_000, 1_000)
    assert sessions.find("one", 2_000) is None and sessions.take("one", 2_000) is None
    sessions.keep("two", "north", b"2", 4_000, 3_000)
    assert sessions.take("two", 3_500) == b"2" and sessions.take("two", 3_500) is None


def test_any_worker_serves_a_session_that_another_began(ehr: Linked, tmp_path: Path) -> None:
    known = load_settings(DemoState(tmp_path, "http://127.0.0.1:8000", ehr.origin).prepare())
    workers = [create_app(known, clock_ms=lambda: NOW_MS) for _ in range(2)]
    begun = (
        workers[0]
        .test_client()
        .get("/smart/launch", query_string={"iss": f"{ehr.origin}/fhir", "launch": "x"})
    )
    name, _, rest = begun.headers["Set-Cookie"].partition("=")
    other = workers[1].test_client()
    other.set_cookie(name, rest.partition(";")[0], path="/smart")
    state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
    answer = other.get("/smart/callback", query_string={"state": state, "error": "access_denied"})
    for worker in workers:
        worker.extensions["wearable_cds"].egress.close()
    assert answer.status_code == 400 and "did not authorize" in answer.text


@dataclass
class Process:
    """The service in this process, with a registration and a clock of the test's, launched by the sandbox."""

    client: FlaskClient
    clock: Clock
    ehr: Linked

    def launch(self, patient_id: str) -> str:
        """The path of the first page, after all redirections."""
        address = f"{self.ehr.origin}/patients/{patient_id}/launch"
        for _ in range(2):
            to_us = requests.get(address, allow_redirects=False, timeout=PATIENCE_S).headers["Location"]
            address = self.client.get(to_us.removeprefix(self.ehr.service_base)).headers["Location"]
        return address.removeprefix(self.ehr.service_base)


@pytest.fixture
def process(ehr: Linked, folder: Path) -> Iterator[Process]:
    known = load_settings(DemoState(folder, ehr.service_base, ehr.origin).prepare())
    app_registration = known.tenants[0].app
    assert app_registration is not None
    narrow = replace(app_registration, scopes=("patient/Patient.rs", "patient/Observation.rs"))
    clock = Clock()
    app = create_app(replace(known, tenants=(replace(known.tenants[0], app=narrow),)), clock_ms=clock)
    yield Process(app.test_client(), clock, ehr)
    app.extensions["wearable_cds"].egress.close()


@pytest.mark.spec("FA13", "FA5", "SM7")
def test_FA13_what_the_authorization_does_not_cover_is_named_on_the_page(process: Process) -> None:
    page = " ".join(re.sub(r"<[^>]+>", " ", process.client.get(process.launch("sim-pump")).text).split())
    assert "These data are not complete" in page
    assert "conditions: was not asked for: the authorization does not cover it" in page
    assert "No target is applied" in page and "Ambulatory glucose profile" in page


def test_launches_that_nobody_follows_are_limited_and_take_nothing_from_hook_calls(process: Process) -> None:
    asked = {"iss": f"{process.ehr.origin}/fhir", "launch": "x"}
    extensions = process.client.application.extensions
    extensions["wearable_cds"] = known = replace(extensions["wearable_cds"], rates=Rates(lambda: 0.0))
    limit = known.settings.tenants[0].limits.requests_per_minute
    for _ in range(limit):
        known.rates.take("demonstration launches", limit)
    refused = process.client.get("/smart/launch", query_string=asked)
    assert refused.status_code == 429 and "Too many requests" in refused.text
    known.rates.take("demonstration", limit)


@pytest.mark.spec("SM11")
def test_SM11_a_session_is_over_when_the_token_is(process: Process) -> None:
    path = process.launch("sim-pump")
    process.clock.now_ms += 59 * 60_000
    assert process.client.get(path).status_code == 200
    process.clock.now_ms += 2 * 60_000
    over = process.client.get(path)
    assert over.status_code == 401 and "This session is over" in over.text


@pytest.mark.spec("SE1")
def test_SE1_opening_and_every_page_stand_in_the_audit_log_without_the_patients_id(process: Process) -> None:
    path = process.launch("sim-pump")
    process.client.get(path)
    audit = process.client.application.extensions["wearable_cds"].store.audit
    lines = list(audit.lines("demonstration"))
    actions = [line["action"] for line in lines if line["action"].startswith("app.")]
    assert actions[-2:] == ["app.opened", "app.viewed.glucose"]
    users = [line["user"] for line in lines if line["action"].startswith("app.")]
    assert users[-2:] == ["Practitioner/sim-clinician"] * 2
    assert "sim-pump" not in str(lines) and audit.verify("demonstration").broken_at is None
