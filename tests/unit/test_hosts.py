"""Under which names the service is asked for: those that nobody outside can point here, and those that it is told."""

import pytest

from task_system.api.hosts import refuser_of_other_hosts
from task_system.model.errors import OtherHost

ALLOWED = ("tasks.example.com", "*.internal.example", "Shouted.Example")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:5000",
        "10.1.2.3:80",
        "127.1",
        "[::1]",
        "[::1]:5000",
        "[2001:db8::7]:443",
        "localhost",
        "LOCALHOST:5000",
        "localhost.:5000",
        "tasks.localhost:5000",
        "web",
        "web:5000",
        "task_system-web-1:5000",
        "tasks.example.com",
        "tasks.example.com:8443",
        "Tasks.Example.COM",
        "tasks.example.com.",
        "a.internal.example",
        "a.b.internal.example:5000",
        "shouted.example",
        "",
        None,
    ],
)
def test_ours(host: str | None) -> None:
    refuse = refuser_of_other_hosts(ALLOWED)
    for _ in range(2):
        refuse({} if host is None else {"HTTP_HOST": host})


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.example:5000",
        "notlocalhost.example",
        "example.com",
        "x.tasks.example.com",
        "tasks.example.com.evil.example",
        "internal.example",
        "evilinternal.example",
        "evil.example:5000:localhost",
        "evil.example/.localhost",
        "evil.example@localhost",
        "[::1].evil.example",
        "[evil.example",
        ":5000",
        ".",
        "127.0.0.1 evil.example",
        "bücher.example",
        "w" * 300,
    ],
)
def test_not_ours(host: str) -> None:
    refuse = refuser_of_other_hosts(ALLOWED)
    for _ in range(2):
        with pytest.raises(OtherHost, match="ALLOWED_HOSTS"):
            refuse({"HTTP_HOST": host})


def test_who_is_refused_reads_what_to_set() -> None:
    with pytest.raises(OtherHost, match=r"`ALLOWED_HOSTS=tasks\.example\.com`"):
        refuser_of_other_hosts(())({"HTTP_HOST": "Tasks.Example.com.:5000"})


def test_all_are_ours_where_something_else_looks_at_names() -> None:
    refuser_of_other_hosts(("*",))({"HTTP_HOST": "evil.example"})
