"""The Postman collection in `docs/`: made of today's description, and every request in it works."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.service import ROOT, Embedded, running_embedded

COLLECTION = ROOT / "docs/postman/task-system.postman_collection.json"
NEWMAN = "newman@6.2.2"
#: Where it is kept from run to run.
HOME = ROOT / ".venv/newman"

Json = dict[str, Any]


@pytest.fixture(scope="module")
def newman() -> str:
    """The program that runs collections, from the npm registry. Without npm there is none."""
    program = HOME / "node_modules/.bin/newman"
    if program.exists():
        return str(program)
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, so the Postman collection was not run: `apt-get install npm`")
    HOME.mkdir(parents=True, exist_ok=True)
    install = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(HOME), NEWMAN]
    done = subprocess.run(install, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        said = f"newman cannot be installed, so the Postman collection was not run: {done.stderr[-500:]}"
        pytest.fail(said) if os.environ.get("CI") == "true" else pytest.skip(said)
    return str(program)


@pytest.fixture
def alone(tmp_path: Path) -> Any:
    """A service of its own: some requests close queues and empty them."""
    with running_embedded(tmp_path) as running:
        yield running


def test_it_is_up_to_date(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TASK_MODULES"}
    done = subprocess.run(
        [sys.executable, "-m", "task_system", "openapi", "--postman"],
        cwd=ROOT,
        env={**environment, "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(COLLECTION.read_text()) == json.loads(done.stdout), "run `make postman`"


def test_every_request_is_answered_as_described(newman: str, alone: Embedded, tmp_path: Path) -> None:
    folders = [folder["name"] for folder in json.loads(COLLECTION.read_text())["item"] if folder["name"] != "streams"]
    report = tmp_path / "report.json"
    command = [newman, "run", str(COLLECTION), "--env-var", f"base_url={alone.base_url}", "--timeout-request", "20000"]
    command += ["--reporters", "json", "--reporter-json-export", str(report), "--color", "off"]
    for folder in folders:
        command += ["--folder", folder]
    subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    run = json.loads(report.read_text())["run"]
    assert [described(failure) for failure in run["failures"]] == []
    assert run["stats"]["assertions"]["total"] == run["stats"]["requests"]["total"] > 30


def described(failure: Json) -> str:
    """Which request failed, and how."""
    return f"{failure['source'].get('name')}: {failure['error'].get('message')}"
