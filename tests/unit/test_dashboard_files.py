"""What the dashboard's files promise, as far as it can be read off them."""

import json
import re
from pathlib import Path

import pytest

from task_system.dashboard.pages import STATIC, imported_by

MODULES = sorted(STATIC.glob("js/**/*.js"))
PAGES = sorted(STATIC.glob("js/pages/*.js"))
CATALOGUES = sorted(STATIC.glob("messages/*.json"))
#: Of all JavaScript, and of what one page loads.
MOST_BYTES = 150_000
MOST_BYTES_OF_A_PAGE = 90_000
MOST_LINES = 280


def messages(path: Path) -> dict[str, str | dict[str, str]]:
    found: dict[str, str | dict[str, str]] = json.loads(path.read_text())
    return found


def values_of(message: str | dict[str, str]) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", json.dumps(message).replace('{"', "")))


def everything() -> str:
    """All that messages and styles are used in."""
    return "\n".join(path.read_text() for path in [*MODULES, STATIC / "index.html"])


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_no_page_loads_much_javascript(page: Path) -> None:
    loaded = imported_by(STATIC / "js/main.js") | imported_by(page) | {STATIC / "js/early.js"}
    assert sum(path.stat().st_size for path in loaded) <= MOST_BYTES_OF_A_PAGE


def test_all_of_the_javascript_is_little() -> None:
    assert sum(module.stat().st_size for module in MODULES) <= MOST_BYTES


def test_every_module_is_loaded_by_some_page() -> None:
    loaded = set().union(*map(imported_by, [STATIC / "js/main.js", *PAGES])) | {STATIC / "js/early.js"}
    assert set(MODULES) == loaded


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_is_short_and_makes_no_markup_from_text(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://",
        text.replace("http://www.w3.org/2000/svg", ""),
    )


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://|<script(?![^>]* src=)", page)


def test_there_are_three_languages() -> None:
    assert [path.stem for path in CATALOGUES] == ["de", "en", "fr"]


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda path: path.stem)
def test_every_language_says_the_same(catalogue: Path) -> None:
    ours, english = messages(catalogue), messages(STATIC / "messages/en.json")
    assert list(ours) == list(english)
    assert {key: values_of(ours[key]) for key in ours} == {key: values_of(english[key]) for key in english}
    assert all(all(forms.values()) if isinstance(forms, dict) else forms for forms in ours.values())


def test_every_message_is_there() -> None:
    known = set(messages(STATIC / "messages/en.json"))
    topics = "|".join({key.split(".")[0] for key in known})
    used = {
        key
        for module in MODULES
        # Tags with a class look like keys, and so do the names of events.
        for key in re.findall(rf'"((?:{topics})\.[a-z]\w*)"', re.sub(r'\bh\(\s*"[^"]*"', "", module.read_text()))
        if key not in {"task.succeeded", "task.failed"}
    }
    used |= set(re.findall(r'data-(?:t|says|hint)="([^"]+)"', (STATIC / "index.html").read_text()))
    assert used
    assert sorted(used - known) == []


def test_every_message_is_used() -> None:
    sources = everything()
    made = [f"{start}\\w+{end}" for start, end in re.findall(r"`([\w.]*)\$\{[^}]*\}([\w.]*)`", sources)]
    is_made = re.compile("|".join(pattern for pattern in made if "." in pattern)).fullmatch
    unused = [
        key
        for key in messages(STATIC / "messages/en.json")
        # What says that nothing is there has a second sentence.
        if not any(f'"{name}"' in sources or is_made(name) for name in (key, key.removesuffix("_text")))
    ]
    assert unused == []


def test_every_style_is_of_something() -> None:
    sources = everything()
    styles = "\n".join(path.read_text() for path in STATIC.glob("css/*.css"))
    classes = set(re.findall(r"\.([a-z][\w-]+)(?=[^{}]*\{)", styles))
    made = set(re.findall(r"([a-z]+-)\$\{", sources))
    unused = [
        name
        for name in sorted(classes)
        if not re.search(rf"(?<![\w-]){name}(?![\w-])", sources) and not name.startswith(tuple(made))
    ]
    assert unused == []
