"""A real browser before a real service. Whatever a page complains of fails the test that opened it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.chromium import running_chromium
from tests.integration.service import Embedded, running_embedded

#: A busy machine is slow, and not wrong.
PATIENCE_MS = 30_000
_TELL = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""

NewPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    expect.set_options(timeout=PATIENCE_MS)
    with running_chromium() as running:
        yield running


@pytest.fixture(scope="session")
def failpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in it arms a failpoint of the service."""
    return tmp_path_factory.mktemp("failpoints")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, failpoints: Path) -> Iterator[Embedded]:
    """A service for all of these tests."""
    folder = tmp_path_factory.mktemp("browser")
    with running_embedded(folder, FAILPOINTS=str(failpoints)) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_page(browser: Browser, service: Embedded) -> Iterator[NewPage]:
    """Makes pages in browsers of their own: nothing is remembered from another test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # A request that is refused is the page's business; it may well ask for what may not be there.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def make(width: int = 1440, height: int = 900, base_url: str = service.base_url, **options: object) -> Page:
        context = browser.new_context(
            base_url=base_url,
            viewport={"width": width, "height": height},
            locale="en-GB",
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
            **options,  # type: ignore[arg-type]
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(_TELL)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """One page."""
    return new_page()
