"""Try a running service from outside: each task type, priorities, retries, errors.

    python test_tasks.py                                    # http://127.0.0.1:5000, or a service of its own
    BASE_URL=http://127.0.0.1:8080 python test_tasks.py     # that one

Where BASE_URL is not set and nobody answers at its default, an embedded service is started for the time of the tests,
with its data in a temporary folder. Runs under pytest as well.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

DEFAULT_URL = "http://127.0.0.1:5000"
READY = "/api/health/ready"
#: A module of task types, one of which fails as often as it is asked to.
FLAKY = "tests.task_types_for_tests"
START_S = 30.0
TASK_S = 30.0
POLL_S = 0.05
TERMINAL = {"SUCCESS", "FAILURE", "CANCELLED", "EXPIRED"}
Json = dict[str, Any]


class Api:
    """The service, as any program sees it."""

    def __init__(self, url: str, files: Path | None = None) -> None:
        self.url = url.rstrip("/")
        #: Where the service's files are, if these tests may write there.
        self.files = files
        self._http = requests.Session()

    def get(self, path: str) -> requests.Response:
        """GET a path."""
        return self._http.get(self.url + path, timeout=10)

    def post(self, body: Json | bytes, content_type: str = "application/json") -> requests.Response:
        """Submit a task."""
        headers = {"Content-Type": content_type}
        if isinstance(body, bytes):
            return self._http.post(f"{self.url}/api/tasks", data=body, headers=headers, timeout=10)
        return self._http.post(f"{self.url}/api/tasks", json=body, headers=headers, timeout=10)

    def submit(self, task_type: str, parameters: Json, **more: Any) -> Json:
        """Submit a task that is to be accepted."""
        answer = self.post({"task_type": task_type, "parameters": parameters, **more})
        assert answer.status_code == 202, answer.text
        accepted: Json = answer.json()
        return accepted

    def task(self, task_id: str) -> Json:
        """The task as it is now."""
        answer = self.get(f"/api/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        task: Json = answer.json()
        return task

    def wait_for(self, task_id: str, holds: Callable[[Json], bool]) -> Json:
        """Poll the task until that holds of it."""
        deadline = time.monotonic() + TASK_S
        while not holds(task := self.task(task_id)):
            assert time.monotonic() < deadline, f"waited {TASK_S:g} s in vain: {task}"
            time.sleep(POLL_S)
        return task

    def run(self, task_type: str, parameters: Json, **more: Any) -> Json:
        """Submit a task and wait for its end."""
        accepted = self.submit(task_type, parameters, **more)
        return self.wait_for(accepted["task_id"], lambda task: task["state"] in TERMINAL)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


# The service.


@contextmanager
def service() -> Iterator[Api]:
    """The service at BASE_URL, or one of our own where nobody was asked for and nobody is there."""
    asked_for = os.environ.get("BASE_URL")
    if asked_for and not _answers(asked_for):
        pytest.exit(f"{asked_for}{READY} is not answered with 200. Start a service there, or unset BASE_URL.", 1)
    if asked_for or _answers(DEFAULT_URL):
        api = Api(asked_for or DEFAULT_URL)
        try:
            yield api
        finally:
            api.close()
    else:
        with embedded() as api:
            yield api


@contextmanager
def embedded() -> Iterator[Api]:
    """`python -m task_system run` on a free port, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="task-system-") as folder:
        url = f"http://127.0.0.1:{_free_port()}"
        own = {"HOST": "127.0.0.1", "PORT": url.rpartition(":")[2], "DATA_DIR": folder, "TASK_MODULES": FLAKY}
        embedded_mode = {"DATABASE_URL": "", "BROKER_URL": "", "REDIS_URL": "", "SMTP_URL": ""}
        log = Path(folder, "service.log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "task_system", "run"],
                cwd=Path(__file__).parent,
                env={**os.environ, **embedded_mode, **own},
                stdout=output,
                stderr=output,
            )
        files = Path(folder, "files")
        files.mkdir(exist_ok=True)
        api = Api(url, files)
        try:
            deadline = time.monotonic() + START_S
            while not _answers(url):
                assert process.poll() is None, f"the service has ended:\n{log.read_text()}"
                assert time.monotonic() < deadline, f"the service does not answer:\n{log.read_text()}"
                time.sleep(POLL_S)
            yield api
        finally:
            api.close()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(START_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        return requests.get(url.rstrip("/") + READY, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with service() as running:
        yield running


# The tests.


@pytest.mark.parametrize("priority", ["high", "normal", "low"])
def test_each_priority_has_its_queue(api: Api, priority: str) -> None:
    accepted = api.submit("data_processing", {"data": "test data"}, priority=priority, delay=0)
    assert accepted["queue"] == f"data_processing.{priority}"
    assert (accepted["state"], accepted["status"]) == ("PENDING", "pending")
    assert accepted["message"] == "Task submitted successfully."
    task = api.wait_for(accepted["task_id"], lambda task: task["state"] in TERMINAL)
    assert (task["state"], task["priority"], task["attempt"]) == ("SUCCESS", priority, 1)


def test_data_processing_answers_statistics(api: Api) -> None:
    task = api.run("data_processing", {"data": "city,sold\nOslo,12\nRome,7\nOslo,\n"})
    assert task["state"] == "SUCCESS", task["error"]
    assert task["result"]["rows"] == 3
    city, sold = task["result"]["columns"]
    assert (city["name"], city["type"], city["distinct"]) == ("city", "text", 2)
    assert (sold["type"], sold["count"], sold["nulls"], sold["numbers"]["mean"]) == ("integer", 2, 1, 9.5)


def test_email_sending_tells_what_became_of_the_message(api: Api) -> None:
    task = api.run("email_sending", {"to": "user@example.com", "subject": "Hello", "text": "It works."})
    assert task["state"] == "SUCCESS", task["error"]
    [recipient] = task["result"]["recipients"]
    assert (recipient["address"], recipient["status"] in {"accepted", "written"}) == ("user@example.com", True)


def test_file_processing_inspects_a_file_that_it_was_given(api: Api) -> None:
    if api.files is None:
        pytest.skip("only the service that these tests start shares its data folder with them")
    (api.files / "sales.csv").write_text("city,sold\nOslo,12\n")
    task = api.run("file_processing", {"filename": "sales.csv", "operation": "inspect"})
    assert task["state"] == "SUCCESS", task["error"]
    assert (task["result"]["size_bytes"], task["result"]["lines"]) == (18, 2)


def test_file_processing_fails_for_good_where_there_is_no_such_file(api: Api) -> None:
    task = api.run("file_processing", {"filename": f"{uuid.uuid4()}.txt", "operation": "inspect"})
    assert (task["state"], task["attempt"]) == ("FAILURE", 1)


def test_file_processing_stays_within_its_folder(api: Api) -> None:
    outside = api.post({"task_type": "file_processing", "parameters": {"filename": "../../etc/passwd"}})
    if outside.status_code == 202:
        task = api.wait_for(outside.json()["task_id"], lambda task: task["state"] in TERMINAL)
        assert task["state"] == "FAILURE"
    else:
        assert outside.status_code == 422


def test_every_type_is_described_with_an_example_that_is_accepted(api: Api) -> None:
    types = {found["name"]: found for found in api.get("/api/task-types").json()["task_types"]}
    assert {"data_processing", "email_sending", "file_processing"} <= set(types)
    for name in ("data_processing", "email_sending", "file_processing"):
        answer = api.post({**types[name]["example"], "delay": 86_400})
        assert answer.status_code == 202, answer.text
        assert answer.json()["status"] == "scheduled"
        # Whoever's service this is, it is to be left with nothing to do.
        assert requests.delete(api.url + answer.json()["links"]["self"], timeout=10).json()["state"] == "CANCELLED"


def test_a_delayed_task_waits(api: Api) -> None:
    accepted = api.submit("data_processing", {"data": [1, 2]}, delay=1)
    assert accepted["status"] == "scheduled"
    task = api.wait_for(accepted["task_id"], lambda task: task["state"] in TERMINAL)
    assert task["state"] == "SUCCESS"
    assert task["started_at"] >= accepted["run_at"]


def test_a_failed_attempt_is_kept_and_tried_again(api: Api) -> None:
    if "test_flaky" not in {found["name"] for found in api.get("/api/task-types").json()["task_types"]}:
        pytest.skip(f"this service has no type that fails as asked: start it with TASK_MODULES={FLAKY}")
    task = api.run("test_flaky", {"times": 2})
    assert (task["state"], task["attempt"]) == ("SUCCESS", 3)
    assert [(error["attempt"], error["message"]) for error in task["errors"]] == [(1, "failure 1"), (2, "failure 2")]
    task = api.run("test_flaky", {"times": 9})
    assert (task["state"], task["attempt"], task["error"]["message"]) == ("FAILURE", 3, "failure 3")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"task_type": ', "application/json", 400),
        (b"task_type=data_processing", "application/x-www-form-urlencoded", 415),
        (b'{"task_type": "nobody_knows"}', "application/json", 422),
        (
            b'{"task_type": "data_processing", "parameters": {"data": "x"}, "priority": "urgent"}',
            "application/json",
            422,
        ),
        (b'{"task_type": "data_processing", "parameters": {"date": "x"}}', "application/json", 422),
        (b'{"task_type": "data_processing", "parameters": {"data": "x"}, "delay": -1}', "application/json", 422),
        (b'{"task_type": "data_processing", "parameters": {"data": "x"}, "colour": "red"}', "application/json", 422),
    ],
    ids=["no JSON", "a form", "unknown type", "unknown priority", "wrong parameter", "negative delay", "unknown field"],
)
def test_what_cannot_be_accepted_is_refused_with_a_reason(
    api: Api, body: bytes, content_type: str, status: int
) -> None:
    answer = api.post(body, content_type)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["error"]
    assert problem["detail"]
    if status == 422:
        assert all(re.fullmatch(r"[\w.]+", error["path"]) and error["message"] for error in problem["errors"])


def test_unknown_addresses_and_methods_are_told_apart(api: Api) -> None:
    assert api.get(f"/api/tasks/{uuid.uuid4()}").status_code == 404
    assert api.get("/api/nothing").status_code == 404
    assert requests.put(f"{api.url}/api/tasks", timeout=10).status_code == 405


def test_the_service_says_that_it_is_well(api: Api) -> None:
    assert api.get("/api/health/live").status_code == 200
    assert api.get("/api/health/ready").json()["status"] == "ready"
    assert api.get("/").json()["version"]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-v", "--no-header", "-p", "no:cacheprovider"]))
