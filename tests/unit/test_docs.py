"""What the documents say is held against the code."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from task_system.api.openapi.document import undescribed
from task_system.model.states import TRANSITIONS, State
from task_system.settings import Settings
from task_system.wiring.web import create_app

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
LOCKS = ("requirements.txt", "requirements-dev.txt")


def text(path: str) -> str:
    return (ROOT / path).read_text()


def rows(markdown: str, header: str) -> list[tuple[str, ...]]:
    """The cells of the table with that header."""
    lines = markdown.splitlines()
    start = lines.index(header) + 2
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return table


def test_the_table_of_states_is_the_code_s() -> None:
    documented = rows(text("docs/states.md"), "| from | to | who may cause it |")
    assert documented == [
        (f"`{source}`", f"`{target}`", who)
        for source, targets in TRANSITIONS.items()
        for target, who in targets.items()
    ]


def test_the_picture_of_states_has_every_state() -> None:
    drawn = re.findall(r'class="state"[^>]*>([A-Z]+)<', text("images/states.svg"))
    assert sorted(drawn) == sorted(State)


def test_every_route_is_described(tmp_path: Path) -> None:
    assert undescribed(create_app(Settings(data_dir=tmp_path))) == [], "put `@described(…)` below `@bp.…(…)`"


@pytest.mark.parametrize(("path", "most"), [("README.md", 150), ("CONTRIBUTING.md", 60)])
def test_short_documents_stay_short(path: str, most: int) -> None:
    assert len(text(path).splitlines()) <= most


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.name)
def test_a_decision_has_context_choice_and_cost_on_one_page(decision: Path) -> None:
    lines = decision.read_text().splitlines()
    assert len(lines) <= 40
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Choice", "## Cost"]
    assert lines[0].startswith(f"# {int(decision.name[:4])}. ")


@pytest.mark.parametrize("document", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    missing = [target for target in targets if "://" not in target and not (document.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_files_exist(document: Path) -> None:
    named = re.findall(r"`([\w./-]+(?:\.(?:py|md|toml|yml|txt)|/))`", document.read_text())
    places = (ROOT, ROOT / "task_system")
    unknown = {"my_tasks.py", "files/"}  # the reader's own
    assert not [name for name in named if name not in unknown and not any((at / name).exists() for at in places)]


@pytest.mark.parametrize("document", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_commands_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    named = set(
        re.findall(r"^(?:\w+=\S+ )?make ([a-z-]+)|`(?:\w+=\S+ )?make ([a-z-]+)`", document.read_text(), re.MULTILINE)
    )
    assert {first or second for first, second in named} <= targets


def test_make_help_lists_every_target() -> None:
    shown = subprocess.run(
        ["make", "-C", ROOT, "--no-print-directory", "help"], capture_output=True, text=True, check=True
    )
    phony = re.search(r"^\.PHONY: (.+)$", text("Makefile"), re.MULTILINE)
    assert phony
    assert {line.split()[1] for line in shown.stdout.splitlines()} == set(phony[1].split())


def test_the_readme_s_own_task_type_works(tmp_path: Path) -> None:
    code = re.search(r"```python\n(.+?)```", text("README.md"), re.DOTALL)
    assert code
    (tmp_path / "my_tasks.py").write_text(code[1])
    program = """
from pathlib import Path
import my_tasks
from task_system.registry import default_registry
from task_system.testing import FakeContext
greeting = default_registry.get("greeting")
print(greeting.handler(FakeContext(Path(".")), greeting.parameters.model_validate(greeting.example)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.stdout, done.stderr) == ("Hello, Ada!\n", "")


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_pin_what_the_project_asks_for(lock: str) -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    wanted = project["dependencies"] + (project["optional-dependencies"]["dev"] if "dev" in lock else [])
    pinned = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text(lock), re.MULTILINE))
    for requirement in map(Requirement, wanted):
        name = requirement.name.lower().replace("_", "-")
        if name == "task-system":  # its own extras
            continue
        assert name in pinned, f"{name} is not in {lock}; run `make lock`"
        assert requirement.specifier.contains(pinned[name]), f"{name} {pinned[name]}; run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_no_place_to_fetch_from(lock: str) -> None:
    assert not re.search(r"://|file:|^-(?!-hash)|--(?!hash=sha256:[0-9a-f]{64}\b)", text(lock), re.MULTILINE)


def test_both_locks_pin_the_same_versions() -> None:
    runtime, dev = (dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text(lock), re.MULTILINE)) for lock in LOCKS)
    assert {name: dev.get(name) for name in runtime} == runtime
