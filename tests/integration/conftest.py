"""One full stack and one embedded service for all tests of a session that do not break them."""

from collections.abc import Iterator

import pytest

from tests.integration.service import Embedded, Service, Stack, running_embedded, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """RabbitMQ, PostgreSQL, Redis, API, workers and keeper, each a process of its own."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """`python -m task_system run`."""
    with running_embedded(tmp_path_factory.mktemp("embedded")) as running:
        yield running


@pytest.fixture(scope="session", params=["embedded", "stack"])
def service(request: pytest.FixtureRequest) -> Service:
    """Each of the two: what holds for the one holds for the other."""
    running: Service = request.getfixturevalue(request.param)
    return running


@pytest.fixture(autouse=True)
def _all_alive(request: pytest.FixtureRequest) -> Iterator[None]:
    """A process that died during a test fails it, and its log says why."""
    yield
    for name in ("stack", "embedded"):
        if name in request.fixturenames:
            request.getfixturevalue(name).check()
