"""Every golden card on one page, as the sandbox shows it: for people to look at, and for `test_gallery`.

`python tests/gallery.py FOLDER` (or `make gallery`) writes the page and, where Chromium is, pictures of it.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from browser import CHROMIUM, chromium
from flask import render_template_string
from markupsafe import Markup
from playwright.sync_api import Browser, Page
from sandbox_ehr import new_ehr

from cds_service.sandbox import pages
from cds_service.sandbox.hook_client import Exchange
from hooks.registry import SERVICES

GOLDEN = Path(__file__).with_name("golden")
STYLE = Path(pages.__file__).with_name("static") / "sandbox.css"
WIDTHS = (1280, 400)
SLICE_PX = 1800

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Gallery of golden cards</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{{ style }}
.shelf { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(min(34rem, 100%), 1fr)); align-items: start; }
.case { min-width: 0; background: #fff; padding: .75rem; border: 1px solid #d5dde3; border-radius: 8px; }
.case > h2 { color: #546573; font-size: .9rem; margin: 0; }
main { max-width: none; }
</style></head>
<body><main>{% for service, cases in shelves %}<h1>{{ service.title }}</h1>
<div class="shelf" id="{{ service.id }}">{% for name, cards in cases %}
<section class="case" data-case="{{ service.id }}/{{ name }}"><h2>{{ name }}</h2>{{ cards }}</section>{% endfor %}
</div>{% endfor %}</main></body></html>
"""


def answers(service_id: str) -> Iterator[tuple[str, Any]]:
    """Name and response of each golden case of a service."""
    for file in sorted((GOLDEN / service_id).glob("*.response.json")):
        yield file.name.removesuffix(".response.json"), json.loads(file.read_text("utf-8"))


def _exchange(service: Any, answer: Any) -> Exchange:
    shown = {"id": service.id, "title": service.title}
    sent = {"context": {"patientId": "golden"}}
    return Exchange(shown, "", sent, {}, 200, answer, 0.0, 0.0, 0)


def gallery() -> str:
    """The page, complete in itself."""
    with tempfile.TemporaryDirectory() as folder:
        ehr = new_ehr(Path(folder))
        with ehr.sandbox.app.test_request_context():
            shelves = [
                (service, [(name, _cards(service, answer)) for name, answer in answers(service.id)])
                for service in SERVICES
            ]
            page = render_template_string(PAGE, shelves=shelves, style=Markup(STYLE.read_text("utf-8")))
        ehr.sandbox.storage.close()
    return page


def _cards(service: Any, answer: Any) -> Markup:
    return Markup(pages.render_cards([_exchange(service, answer)]))


def opened(browser: Browser, file: Path, width: int) -> Page:
    """The gallery in a window of this width."""
    page = browser.new_page(viewport={"width": width, "height": SLICE_PX})
    page.goto(file.as_uri())
    return page


def write(folder: Path) -> None:
    """The page, and pictures of each service at each width, every one a screen or two high."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "gallery.html"
    file.write_text(gallery(), "utf-8")
    if not CHROMIUM.exists():
        sys.stderr.write("No pictures: Debian's chromium is not installed.\n")
        return
    with chromium() as browser:
        for width in WIDTHS:
            page = opened(browser, file.resolve(), width)
            for service in SERVICES:
                _picture(page, service.id, folder / f"{service.id}-{width}")


def _picture(page: Page, service_id: str, name: Path) -> None:
    """Slices of a shelf, from the top of the page: one picture of all would be too tall to read."""
    page.evaluate("scrollTo(0, 0)")
    box = page.locator(f"#{service_id}").bounding_box()
    assert box is not None
    for number, top in enumerate(range(int(box["y"]), int(box["y"] + box["height"]), SLICE_PX), 1):
        page.evaluate(f"scrollTo(0, {top})")
        page.screenshot(path=name.with_name(f"{name.name}-{number}.png"))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
