"""Debian's browser, and a page of it that keeps what it asked for and what it complained of."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from patience import PATIENCE_S
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sandbox_ehr import Linked

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_MS = 1000 * PATIENCE_S

expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, headless."""
    with sync_playwright() as playwright:
        # a container has no user namespaces for the browser's own sandbox
        arguments = ["--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page of the browser at an EHR; `hosts` and `complaints` say what it asked and disliked."""

    page: Page
    ehr: Linked
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("request", lambda asked: self.hosts.add(urlsplit(asked.url).hostname or ""))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
