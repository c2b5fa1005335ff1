"""The page for people is served beside the API, and to nobody who asks for JSON."""

import re

import pytest

from tests.integration.service import Embedded

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
POLICY = "default-src 'self'"


@pytest.mark.parametrize("path", ["/", "/dashboard", "/dashboard/tasks", "/dashboard/tasks/anything"])
def test_browsers_are_given_the_page(embedded: Embedded, path: str) -> None:
    answer = embedded.request("GET", path, headers=BROWSER)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith(POLICY)
    assert "inline" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", None])
def test_programs_are_given_json_at_the_root(embedded: Embedded, accept: str | None) -> None:
    answer = embedded.request("GET", "/", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["service"] == "task-system"


def test_the_page_s_files_are_there_and_kept_for_good(embedded: Embedded) -> None:
    page = embedded.request("GET", "/", headers=BROWSER).text
    addresses = re.findall(r'(?:src|href)="(/dashboard/static/[^"]+)"', page)
    assert any(address.endswith("/js/main.js") for address in addresses)
    for address in addresses:
        answer = embedded.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_of_another_version_is_not_kept(embedded: Embedded) -> None:
    assert embedded.get("/dashboard/static/other/js/main.js").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["nothing.js", "../pages.py", "..%2fpages.py", "%2e%2e/pages.py"])
def test_nothing_else_is_served(embedded: Embedded, name: str) -> None:
    answer = embedded.get(f"/dashboard/static/x/{name}")
    assert "import" not in answer.text
