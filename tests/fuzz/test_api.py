"""Whatever the description allows and forbids, sent to the API by schemathesis: all its checks, and chains of links.

A few requests of each kind on every change, always the same ones; `make fuzz` sends others, for as long as it is told.
"""

import os
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.openapi import from_wsgi
from schemathesis.schemas import BaseSchema

from task_system.model.routing import LANES
from task_system.settings import Settings
from task_system.store.migrate import upgrade
from task_system.store.workers import Identity
from task_system.wiring.parts import Parts
from task_system.wiring.web import assemble

load_all_checks()

#: Answers with a file in them are closed by a server; schemathesis leaves that to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

#: Of each operation and of chains; many more when fuzzing.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
SOME, FEW = 4, 1
CHAINS = max(3, EXAMPLES // 10)
#: They answer for as long as one listens.
STREAMS = r"/events$"
#: What is there under another address too.
AGAIN = "^/api/tasks/submit$"
#: Many tasks at once, of all types, take long to make up; the tasks in them are those of POST /api/tasks.
LARGE = "/api/tasks/batch"
#: What their models ask for is more than JSON Schema can say (either this or that, a moment that is to come, a search
#: that can be read): a body that fits the schema may be answered with 422, which must say where and why.
MORE_THAN_SCHEMA = (
    "POST /api/tasks",
    "PATCH /api/tasks/{task_id}",
    "GET /api/tasks",
    "POST /api/bulk",
    "POST /api/schedules",
    "PATCH /api/schedules/{schedule_id}",
    "POST /api/queues/{name}/pause",
    "POST /api/tasks/batch",
    "GET /api/failures",
)
#: In its mode `each` a batch is accepted, and says for each task what is wrong with it; in a form all is bytes.
TAKES_WHAT_IS_WRONG = ("POST /api/tasks/batch", "POST /api/files")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The API over an empty database; what it accepts is run by nobody."""
    parts = Parts(Settings(data_dir=tmp_path_factory.mktemp("fuzz")))
    upgrade(parts.database)
    made = assemble(parts)
    made.before_request(lambda: _alive(parts))
    yield made
    parts.dispatcher.stop()
    parts.database.close()
    parts.background_database.close()


def _alive(parts: Parts) -> None:
    """Say that all are at work, or readiness is an error."""
    for role in ("worker", "keeper"):
        parts.workers.beat(Identity(name=role, role=role, host="here", pid=1, version="1", slots=1, lanes=LANES))


@pytest.fixture(scope="module")
def api(app: Flask) -> BaseSchema:
    return from_wsgi("/api/openapi.json", app).exclude(path_regex=STREAMS).exclude(path_regex=AGAIN)


def hypothesis(examples: int) -> settings:
    return settings(
        max_examples=EXAMPLES or examples,
        deadline=None,
        database=None,
        derandomize=not EXAMPLES,
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if EXAMPLES else [])],
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_every_operation_answers_as_described(api: BaseSchema, mode: GenerationMode) -> None:
    failed = []
    for operation in (found.ok() for found in api.get_all_operations()):
        examples = FEW if operation.path == LARGE else SOME
        given_one = given(case=operation.as_strategy(generation_mode=mode))
        try:
            hypothesis(examples)(given_one(check))()
        except Unsatisfiable:
            continue  # nothing can be wrong with a request that takes nothing
        except (FailureGroup, AssertionError) as error:
            failed.append(f"{operation.label}: {''.join(traceback.format_exception(error))[-3000:]}")
    assert not failed, "\n\n".join(failed)


def test_what_one_answer_leads_to_is_answered_as_described(api: BaseSchema) -> None:
    class Chains(api.as_state_machine()):  # type: ignore[misc]
        def validate_response(self, response: Any, case: schemathesis.Case, *_: Any, **__: Any) -> None:
            hold(case, response)

    Chains.run(settings=settings(hypothesis(CHAINS), stateful_step_count=6))


def check(case: schemathesis.Case) -> None:
    hold(case, case.call())


def hold(case: schemathesis.Case, response: Any) -> None:
    """Hold the answer against the description. What is refused is told why."""
    case.validate_response(response, excluded_checks=list(_excluded(case, response)))
    if response.status_code >= 400 and case.method != "HEAD":
        problem: dict[str, Any] = response.json()
        assert problem["status"] == response.status_code
        assert problem["detail"]
        assert response.status_code != 422 or all(error["message"] for error in problem["errors"])


def _excluded(case: schemathesis.Case, response: Any) -> Iterator[Any]:
    label = case.operation.label
    if label in MORE_THAN_SCHEMA and response.status_code == 422:
        yield CHECKS.get_one("positive_data_acceptance")
    if label in TAKES_WHAT_IS_WRONG and response.status_code in {201, 202}:
        yield CHECKS.get_one("negative_data_rejection")
    # A body of nothing without its length: schemathesis takes it for any body.
    if response.status_code == 411:
        yield CHECKS.get_one("positive_data_acceptance")
        yield CHECKS.get_one("negative_data_rejection")
    # How much of a file there is no description of a header can say.
    if response.status_code == 416:
        yield CHECKS.get_one("positive_data_acceptance")
    # One request refuses a type, and those after it are told so.
    if response.status_code == 503 and response.json()["error"] == "task_type_refused":
        yield CHECKS.get_one("not_a_server_error")
