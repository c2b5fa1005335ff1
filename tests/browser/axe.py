"""axe-core, which finds what people with disabilities would stumble over. It comes from the npm registry, once."""

import json
import os
import shutil
import subprocess

import pytest
from playwright.sync_api import Page

from tests.integration.service import ROOT

VERSION = "axe-core@4.14.1"
#: Where it is kept from run to run.
HOME = ROOT / ".venv/axe"
_SCRIPT = HOME / "node_modules/axe-core/axe.min.js"
#: All that WCAG 2.2 asks for on the levels A and AA.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def source() -> str:
    """The script. Skips, or fails where nothing may be missing, when it cannot be had."""
    if not _SCRIPT.exists():
        _install()
    return _SCRIPT.read_text(encoding="utf-8")


def findings(page: Page, script: str, *, contrast_only: bool = False) -> list[str]:
    """What is serious or critical, a line each. contrast_only: for the second look at a page, in other colours."""
    page.evaluate(script)
    result = page.evaluate(
        "(rules) => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })",
        ["color-contrast"] if contrast_only else _RULES,
    )
    return [
        f"{found['id']}: {node['target']} {json.dumps([one['message'] for one in node['any'] + node['all']][:2])}"
        for found in result["violations"]
        if found["impact"] in {"serious", "critical"}
        for node in found["nodes"]
    ]


def _install() -> None:
    npm = shutil.which("npm")
    if npm is None:
        _missing("npm is not installed, so accessibility was not checked: `apt-get install npm`")
    HOME.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(HOME), VERSION]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        _missing(f"axe-core cannot be installed, so accessibility was not checked: {done.stderr[-500:]}")


def _missing(reason: str) -> None:
    pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
