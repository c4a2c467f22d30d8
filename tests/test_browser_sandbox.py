"""The sandbox EHR in a real browser: orders, feedback, all patients, what is broken, hostile text, keyboard."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, Watched, chromium
from playwright.sync_api import Browser, Locator, Page, expect
from sandbox_ehr import Linked, linked
from test_browser_smart_app import ATTACK, HOSTILE, hostile_patient

from cds_service.sandbox.breakage import Fault
from cds_service.sandbox.personas import PERSONAS
from fhir_mappers.patient import ZONE_EXTENSION

GLARGINE = "847230"
ODD = "sim-odd-banner"
FOCUSED = "element => element === document.activeElement"

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox-browser")


@pytest.fixture(scope="module")
def ehr(folder: Path) -> Iterator[Linked]:
    with linked(folder) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


class Clinician(Watched):
    """Somebody at the EHR's pages."""

    def open(self, path: str) -> None:
        self.page.goto(self.ehr.origin + path)

    def chart(self, patient_id: str) -> None:
        """The chart, once the services have answered."""
        self.open(f"/patients/{patient_id}")
        expect(self.page.locator("#progress")).to_contain_text("patient-view:")

    def choose_insulin(self) -> Locator:
        """Chooses glargine at the dose in use; gives the card about it."""
        self.page.select_option("#rxcui", GLARGINE)
        expect(self.page.locator("#progress")).to_contain_text("order-select:")
        return self.page.locator("#order-cards .card").first

    def draft(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.page.locator("#draft").text_content() or "")
        return found

    def break_it(self, fault: Fault) -> None:
        self.page.locator(".break summary").click()
        self.page.locator(f".break input[value={fault}]").check()
        self.page.locator(".break button").click()


@pytest.fixture
def clinician(browser: Browser, ehr: Linked, request: pytest.FixtureRequest) -> Iterator[Clinician]:
    width = getattr(request, "param", 1280)
    context = browser.new_context(viewport={"width": width, "height": 900})
    seen = Clinician(context.new_page(), ehr)
    yield seen
    context.close()
    ehr.sandbox.client.server.breakage.choose(Fault.NONE)
    assert seen.hosts == {"127.0.0.1"}
    assert seen.complaints == []


def stored_feedback(folder: Path, card: str | None) -> list[tuple[str, str | None]]:
    """Outcome and reason of all feedback that the service keeps about a card."""
    with closing(sqlite3.connect(folder / "service.sqlite")) as database:
        return list(database.execute("select outcome, reason_code from feedback where card = ?", (card,)))


def units(draft: dict[str, Any]) -> float:
    found: float = draft["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"]
    return found


@pytest.mark.spec("FB2", "FB9")
def test_a_suggestion_changes_the_draft_is_reported_and_can_be_signed(
    clinician: Clinician, folder: Path
) -> None:
    page = clinician.page
    clinician.chart("sim-glargine")
    card = clinician.choose_insulin()
    before, uuid = clinician.draft(), card.get_attribute("data-card")
    card.locator(".accept").first.click()
    expect(card.locator(".outcome")).to_have_text("Feedback sent: accepted.")
    after = clinician.draft()
    assert units(after) > units(before) and after["id"] == before["id"]
    assert page.locator("#units").input_value() == f"{units(after):g}"
    assert stored_feedback(folder, uuid) == [("accepted", None)]
    page.locator("#sign").click()
    expect(page.locator("#order-state")).to_contain_text(f"Signed: 3 ML insulin glargine 100 UNT/ML Pen Injector, {units(after):g} units")  # fmt: skip
    clinician.chart("sim-glargine")
    expect(page.locator("#summary .orders")).to_contain_text(f"{units(after):g} units")


@pytest.mark.spec("FB3")
def test_an_override_with_a_reason_leaves_the_draft_and_is_stored(clinician: Clinician, folder: Path) -> None:
    clinician.chart("sim-fingersticks")
    card = clinician.choose_insulin()
    before, uuid = clinician.draft(), card.get_attribute("data-card")
    card.locator(".override summary").click()
    reason = card.locator("select[name=reason]")
    chosen = json.loads(reason.locator("option").nth(1).get_attribute("value") or "")
    reason.select_option(index=1)
    card.locator("input[name=comment]").fill("tried in spring")
    card.locator(".override button").click()
    expect(card.locator(".outcome")).to_have_text("Feedback sent: overridden.")
    assert clinician.draft() == before
    assert stored_feedback(folder, uuid) == [("overridden", chosen["code"])]


def test_signing_straight_from_the_dose_field_takes_one_click_and_signs_what_the_field_says(
    clinician: Clinician,
) -> None:
    page = clinician.page
    clinician.chart("sim-glargine")
    clinician.choose_insulin()
    page.locator("#units").fill("200")
    page.locator("#sign").click()
    expect(page.locator("#progress")).to_contain_text("order-sign:")
    expect(page.locator("#sign")).to_have_text("Sign anyway")
    assert units(clinician.draft()) == 200
    page.locator("#discard").click()


def test_a_tenfold_dose_is_not_signed_before_its_card_was_shown(clinician: Clinician) -> None:
    page = clinician.page
    clinician.chart("sim-stale")
    clinician.choose_insulin()
    page.locator("#units").fill("200")
    page.locator("#units").press("Tab")
    expect(page.locator("#order-state")).to_have_text("Draft: 200 units at bedtime")
    page.locator("#sign").click()
    expect(page.locator("#sign")).to_have_text("Sign anyway")
    assert "critical" in (page.locator("#order-cards .card").first.get_attribute("class") or "")
    page.locator("#discard").click()
    expect(page.locator("#draft")).to_have_text("none")


def test_the_developer_panel_shows_what_was_sent_for_each_key_and_what_came_back(
    clinician: Clinician,
) -> None:
    page = clinician.page
    clinician.chart("sim-glargine")
    page.locator(".developer > summary").click()
    review = page.locator(".exchange", has_text="glucose-review").first
    expect(review.get_by_role("row", name="cgm")).to_contain_text("Bundle of")
    expect(review).to_contain_text("answered in")
    page.get_by_label("read by the service from FHIR").check()
    page.locator("#again").click()
    expect(page.locator("#panel")).to_contain_text("No prefetch: the service reads FHIR")
    assert "(not shown)" in (page.locator(".exchange pre").first.text_content() or "")


def test_the_link_of_a_card_opens_the_app_for_this_patient(clinician: Clinician) -> None:
    clinician.chart("sim-pump")
    with clinician.page.expect_popup() as opened:
        clinician.page.get_by_role("link", name="SMART app").first.click()
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible()
    expect(opened.value.locator("header")).to_contain_text("Iris Demo-Birch")


def test_all_patients_are_listed_by_urgency_and_lead_to_their_charts(clinician: Clinician) -> None:
    page = clinician.page
    clinician.open("/risks")
    expect(page.locator("#progress")).to_contain_text("Asked at")
    shown = [row.get_attribute("class") for row in page.locator(".board > li").all()]
    order = ["critical", "warning", "unanswered", "info", "silent"]
    assert len(shown) == len(PERSONAS) and shown == sorted(shown, key=lambda each: order.index(each or ""))
    page.locator(".board a").first.click()
    expect(page.locator(".banner h1")).to_be_visible()


@pytest.mark.spec("X4")
def test_what_is_broken_is_said_on_every_page_and_nothing_looks_like_an_all_clear(
    clinician: Clinician,
) -> None:
    page = clinician.page
    clinician.open("/")
    clinician.break_it(Fault.LOGIN)
    expect(page.locator(".broken")).to_contain_text("HTML sign-in page")
    clinician.chart("sim-night-lows")
    expect(page.locator("#view-cards .failed")).to_have_count(3)
    expect(page.locator("#view-cards .card:not(.failed)")).to_have_count(0)
    expect(page.locator("#view-cards")).not_to_contain_text("assessed, no card")
    page.locator(".broken button").click()
    expect(page.locator(".broken")).to_have_count(0)
    expect(page.locator("#progress")).to_contain_text("patient-view:")
    expect(page.locator("#view-cards .card.warning").first).to_be_visible()


@pytest.mark.parametrize("clinician", [400], indirect=True)
@pytest.mark.parametrize("path", ["/", "/risks", "/patients/sim-glargine", "/patients/sim-watch"])
def test_no_page_is_wider_than_400_pixels(clinician: Clinician, path: str) -> None:
    clinician.open(path)
    expect(clinician.page.locator(".card, .board > li, .roster > li").first).to_be_visible()
    for tab in clinician.page.locator("[role=tab]").all():
        tab.click()
        assert clinician.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    clinician.page.locator(".break summary").click()
    box = clinician.page.locator(".break form").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 400


def odd_patient() -> dict[str, Any]:
    """A patient whose every line of the banner is an attack."""
    return {
        "resourceType": "Patient",
        "id": ODD,
        "name": [{"given": [ATTACK], "family": ATTACK}],
        "gender": ATTACK,
        "birthDate": ATTACK,
        "extension": [{"url": ZONE_EXTENSION, "valueCode": ATTACK}],
    }


@pytest.mark.spec("E-07", "D-01")
def test_E07_text_of_a_record_is_never_markup_or_script_on_any_page(clinician: Clinician) -> None:
    storage, page = clinician.ehr.sandbox.storage, clinician.page
    storage.put_all([odd_patient(), *hostile_patient()])
    clinician.open("/")
    assert ATTACK in page.locator(".roster").inner_text()
    for patient in (ODD, HOSTILE):
        clinician.chart(patient)
        assert ATTACK in page.locator(".banner").inner_text()
        clinician.choose_insulin()
        for tab in page.locator("[role=tab]").all():
            tab.click()
        assert page.locator("main img, main script, main iframe").count() == 0
        assert page.evaluate("window.hit") is None
    clinician.open("/risks")
    expect(page.locator("#progress")).to_contain_text("Asked at")
    assert page.locator("main img, main script").count() == 0 and page.evaluate("window.hit") is None
    for patient in (ODD, HOSTILE):
        storage.forget_patient(patient)


def tab_to(page: Page, target: str, key: str = "Tab") -> None:
    """Moves on until this has the focus; fails where the keyboard does not get there."""
    for _ in range(60):
        page.keyboard.press(key)
        if page.locator(target).first.evaluate(FOCUSED):
            return
    raise AssertionError(f"the keyboard does not reach {target}")


def test_an_order_is_drafted_changed_and_signed_with_the_keyboard_alone(clinician: Clinician) -> None:
    page = clinician.page
    clinician.chart("sim-stale")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    tab_to(page, "#tab-summary")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#results")).to_be_visible()
    expect(page.locator("#tab-results")).to_be_focused()
    tab_to(page, "#rxcui")
    page.keyboard.type("3 ML insulin glargine 100")
    page.keyboard.press("Tab")
    expect(page.locator("#progress")).to_contain_text("order-select:")
    tab_to(page, "#order-cards .override summary")
    page.keyboard.press("Enter")
    tab_to(page, "#order-cards .override button")
    page.keyboard.press("Enter")
    expect(page.locator("#order-cards .outcome").first).to_have_text("Feedback sent: overridden.")
    tab_to(page, "#sign", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#progress")).to_contain_text("order-sign:")
    if page.locator("#sign").inner_text() == "Sign anyway":
        page.keyboard.press("Enter")
    expect(page.locator("#order-state")).to_contain_text("Signed:")
