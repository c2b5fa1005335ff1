"""Commands that follow what happens: told by a stream, and by looking where there is none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from task_system.cli.api import Api, Refused, Unreachable
from task_system.cli.following import looks, moments, states_of
from tests.chaos.harness.proxy import FaultProxy, ProxyLoop
from tests.integration.listener import crowded
from tests.integration.service import Embedded, Json


class Asking(Api):
    """Notes what it asks for at once; streams are not among it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked: list[str] = []

    def send(self, method: str, path: str, **options: Any) -> Any:
        self.asked.append(path)
        return super().send(method, path, **options)


@pytest.fixture
def api(embedded: Embedded) -> Iterator[Asking]:
    made = Asking(embedded.base_url)
    yield made
    made.close()


def until_held(states: Iterator[Json]) -> None:
    """Follow a `test_progress` until it waits for its gate."""
    for seen in states:
        if seen["progress"]["percent"] == 40:
            assert (seen["status"], seen["progress"]["message"]) == ("started", "nearly half")
            return
    raise AssertionError("it was never seen at 40 percent")


def opened(gate: Path, states: Iterator[Json]) -> Json:
    """Let it go on; answers the last that was seen of it."""
    gate.touch()
    *_, last = states
    assert last["state"] == "SUCCESS"
    return last


def submitted(embedded: Embedded, gate: Path) -> str:
    task_id: str = embedded.submit("test_progress", {"gate": str(gate)}, priority="high")["task_id"]
    return task_id


def test_a_task_is_told_of_and_read_once(embedded: Embedded, api: Asking, tmp_path: Path) -> None:
    task_id = submitted(embedded, tmp_path / "gate")
    states = states_of(api, task_id)
    until_held(states)
    assert opened(tmp_path / "gate", states)["task_id"] == task_id
    assert api.asked == [f"/api/tasks/{task_id}"]


def test_one_looks_now_and_then_where_there_is_no_room_for_a_stream(
    embedded: Embedded, api: Asking, tmp_path: Path
) -> None:
    with crowded(embedded):
        states = states_of(api, submitted(embedded, tmp_path / "gate"))
        until_held(states)
        assert api.asked
        opened(tmp_path / "gate", states)
        when = moments(api, 0.01)
        assert [next(when) for _ in range(5)] == [True] * 5


def test_a_task_is_looked_at_when_the_connection_is_lost(embedded: Embedded, tmp_path: Path) -> None:
    loop = ProxyLoop()
    proxy = FaultProxy(loop, urlsplit(embedded.base_url).port or 0)
    api = Asking(f"http://127.0.0.1:{proxy.port}")
    try:
        states = states_of(api, submitted(embedded, tmp_path / "gate"))
        until_held(states)
        assert api.asked == []
        proxy.cut()
        assert next(states)["status"] == "started"
        opened(tmp_path / "gate", states)
    finally:
        api.close()
        proxy.down()
        loop.stop()


def test_a_service_that_is_away_for_a_while_is_waited_for(embedded: Embedded, tmp_path: Path) -> None:
    loop = ProxyLoop()
    proxy = FaultProxy(loop, urlsplit(embedded.base_url).port or 0)

    class Patient(Asking):
        """The service is back after it was asked in vain twice."""

        vain = 0

        def send(self, method: str, path: str, **options: Any) -> Any:
            try:
                return super().send(method, path, **options)
            except Unreachable:
                self.vain += 1
                if self.vain == 2:
                    proxy.up()
                raise

    api = Patient(f"http://127.0.0.1:{proxy.port}")
    try:
        states = states_of(api, submitted(embedded, tmp_path / "gate"))
        until_held(states)
        proxy.down()
        opened(tmp_path / "gate", states)
        assert api.vain == 2
    finally:
        api.close()
        proxy.down()
        loop.stop()


def test_a_service_that_was_never_there_is_not(api: Asking) -> None:
    nowhere = Asking("http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        next(looks(nowhere, "nothing"))
    with pytest.raises(Refused):
        next(looks(api, "nothing"))
    assert (len(nowhere.asked), len(api.asked)) == (1, 1)
    nowhere.close()


def test_one_looks_when_something_happened(embedded: Embedded, api: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("task_system.cli.following.SETTLED_S", 0.0)
    monkeypatch.setattr("task_system.cli.following.LOOK_ANYHOW_S", 1e6)
    when = moments(api, 0.2)
    assert next(when)
    while next(when):
        pass  # What other tests left going on comes to its end.
    embedded.submit("test_noop")
    while not next(when):
        pass
