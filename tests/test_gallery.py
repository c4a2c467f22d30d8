"""Every golden card as a person sees it: whole, at the width of a desk and at that of a side frame."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from browser import CHROMIUM, chromium
from gallery import WIDTHS, answers, gallery, opened
from playwright.sync_api import Browser

from hooks.registry import SERVICES

WIDER_THAN_ITS_BOX = """() => [...document.querySelectorAll(".case, .case .card, .case .card > *")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).display !== "inline")
  .map((box) => box.closest(".case").dataset.case + ": " + box.className)"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("gallery") / "gallery.html"
    written.write_text(gallery(), "utf-8")
    return written


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("Debian's chromium is not installed")
    with chromium() as running:
        yield running


def test_the_gallery_shows_every_golden_card_of_every_service(file: Path) -> None:
    text = unescape(file.read_text("utf-8")).replace("\N{NO-BREAK SPACE}", " ")
    for service in SERVICES:
        for name, answer in answers(service.id):
            assert f'data-case="{service.id}/{name}"' in text
            assert all(card["summary"] in text for card in answer["cards"])


@pytest.mark.parametrize("width", WIDTHS)
def test_no_golden_card_is_wider_than_its_frame(browser: Browser, file: Path, width: int) -> None:
    page = opened(browser, file, width)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(WIDER_THAN_ITS_BOX) == []
    page.close()


def test_no_summary_breaks_off(file: Path) -> None:
    cut = [
        f"{service.id}/{name}: {card['summary']}"
        for service in SERVICES
        for name, answer in answers(service.id)
        for card in answer["cards"]
        if card["summary"].rstrip().endswith(("…", "..."))
    ]
    assert cut == []
