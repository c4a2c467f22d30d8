"""The app in a real browser: launch, every page, nothing from outside, no script, 400 pixels, keyboard alone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser import CHROMIUM, Watched, chromium
from playwright.sync_api import Browser
from sandbox_ehr import Linked, linked, simulated

from cds_service.smart_app.routes import PAGES

ATTACK = '"><img src=x onerror="window.hit=1"><script>window.hit=1</script>{{7*7}}\''
HOSTILE = "sim-hostile"
SEEN_AS_TEXT = {"text", "display", "family", "patientInstruction", "unit", "comment"}

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed")


@pytest.fixture(scope="module")
def ehr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    with linked(tmp_path_factory.mktemp("browser")) as running:
        running.sandbox.storage.put_all(hostile_patient())
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


class Seen(Watched):
    """Somebody at the pages of the app."""

    def launch(self, patient_id: str) -> None:
        """From the chart of a patient to the first page of the app."""
        self.page.goto(f"{self.ehr.origin}/patients/{patient_id}/launch")

    def open(self, name: str) -> None:
        """Another page of the app."""
        self.page.goto(f"{self.page.url.rsplit('/', 1)[0]}/{name}")

    def overflow_px(self) -> int:
        """By how much the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.fixture(params=[1280], ids=str)
def seen(request: pytest.FixtureRequest, browser: Browser, ehr: Linked) -> Iterator[Seen]:
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    seen = Seen(context.new_page(), ehr)
    yield seen
    context.close()


def hostile_patient() -> Iterator[dict[str, Any]]:
    """A patient in whose every text there is an attack."""
    for resource in simulated():
        text = json.dumps(resource)
        if "sim-glargine" in text:
            yield _attacked(json.loads(text.replace("sim-glargine", HOSTILE)))


def _attacked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _attacked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_attacked(inner, name) for inner in value]
    if name == "given" or (name in SEEN_AS_TEXT and name != "unit"):
        return f"{value} {ATTACK}"
    return value


def test_a_launch_and_every_page_ask_only_this_machine_and_break_no_content_policy(seen: Seen) -> None:
    seen.launch("sim-pump")
    assert seen.page.get_by_role("heading", name="Ambulatory glucose profile").is_visible()
    for name, (title, _) in PAGES.items():
        seen.open(name)
        assert seen.page.get_by_role("heading", level=1).inner_text() == title
    assert seen.hosts == {"127.0.0.1"}
    assert seen.complaints == []


@pytest.mark.parametrize("seen", [400], indirect=True)
@pytest.mark.parametrize("patient", ["sim-pump", "sim-watch", "sim-glargine", "sim-fingersticks"])
def test_no_page_is_wider_than_a_side_frame_of_400_pixels(seen: Seen, patient: str) -> None:
    seen.launch(patient)
    for name in PAGES:
        seen.open(name)
        assert seen.overflow_px() <= 0, name


@pytest.mark.spec("E-07", "D-01")
def test_E07_text_of_the_record_never_becomes_markup_or_script(seen: Seen) -> None:
    seen.launch(HOSTILE)
    for name in PAGES:
        seen.open(name)
        assert seen.page.locator("main img, header img, script, iframe").count() == 0, name
        assert seen.page.evaluate("window.hit") is None, name
        assert ATTACK in seen.page.locator("header .patient").inner_text()
    assert seen.complaints == []


def test_the_keyboard_alone_reaches_content_pages_tables_and_the_end_of_the_session(seen: Seen) -> None:
    seen.launch("sim-pump")
    page, focused = seen.page, "document.activeElement.textContent.trim()"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Skip to content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "14 days"
    table = page.locator("summary").first
    while not table.evaluate("element => element === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.get_by_role("table", name="Glucose by time of day").is_visible()
    seen.open("data")
    for expected in ("Skip to content", "Close the session", "Glucose", "Lows and highs to come"):
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == expected
    page.keyboard.press("Enter")
    page.wait_for_url("**/risk")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="The session is closed").wait_for()


def test_every_chart_has_words_and_a_table_for_those_who_do_not_see_it(seen: Seen) -> None:
    seen.launch("sim-pump")
    for name in ("glucose", "risk", "vital-signs"):
        seen.open(name)
        unnamed = seen.page.locator("svg:not([aria-label])").count()
        drawn, tables = seen.page.locator("figure").count(), seen.page.locator("figure table").count()
        assert unnamed == 0 and drawn == tables


def test_the_page_to_print_fills_one_sheet(seen: Seen) -> None:
    seen.launch("sim-pump")
    seen.open("print")
    for paper in ("A4", "Letter"):
        printed = seen.page.pdf(format=paper, print_background=True)
        assert printed.count(b"/Type /Page\n") == 1 or printed.count(b"/Type /Page ") == 1


def test_a_page_without_colour_still_tells_low_from_high(seen: Seen) -> None:
    seen.launch("sim-pump")
    words = seen.page.locator(".strips li p").nth(1).inner_text()
    assert "in range" in words and "lowest" in words
