"""`taskq doctor`: what the service needs, looked at from here with its settings; ✓, or what to do."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from task_system.api.checks import Check, checks
from task_system.broker import policies
from task_system.cli.api import Api, Refused, Unreachable, reaches
from task_system.cli.output import Column, Json, Marked, as_json, set_out, shown, table
from task_system.model.errors import NotReady, TaskSystemError
from task_system.settings import Settings
from task_system.store.looking import Looking
from task_system.wiring.parts import Parts

#: Clocks further apart make delays and leases wrong by as much, in seconds.
MOST_SKEW_S = 2.0


@click.command()
@shown("table", "json")
@reaches
def doctor(api: Api, output: str) -> None:
    """Check everything, and say what to do. The exit code is 1 when something is wrong.

    It looks with the settings of this folder and environment, as `taskq worker` would, and asks the API at --url.
    """
    found = [_run(name, check) for name, check in _checks(Parts(Settings()), api)]
    if output == "json":
        as_json(found)
    else:
        columns: list[Column] = [
            ("", _mark, {}),
            ("", lambda one: one["name"], {}),
            ("", lambda one: one["says"], {"overflow": "fold"}),
        ]
        made = table(found, columns)
        made.show_header = False
        set_out(made)
    raise SystemExit(0 if all(one["well"] for one in found) else 1)


def _checks(parts: Parts, api: Api) -> Iterator[tuple[str, Check]]:
    settings = parts.settings
    yield "settings", lambda: _mode(settings)
    yield "task types", lambda: {"registered": len(parts.registry)}
    if _is_new(settings):
        yield "database", _nothing_yet
    else:
        yield from _of_the_service(parts)
        yield "clock", lambda: _clock(parts)
    if not settings.embedded:
        yield "broker version", lambda: {"RabbitMQ": parts.inspector.version()}
        yield "policies", lambda: _policies(settings)
    yield "api", lambda: _api(api)


def _of_the_service(parts: Parts) -> Iterator[tuple[str, Check]]:
    """What readiness checks too, but for a broker that lives in another process."""
    made = checks(
        database=parts.database,
        inspector=parts.inspector,
        results=parts.results,
        workers=parts.workers,
        lanes={task_type.lane for task_type in parts.registry},
        alive_s=parts.settings.lease_s,
    )
    for name, check in made.items():
        if not (name == "broker" and parts.settings.embedded):
            yield {"workers": "workers", "redis": "Redis"}.get(name, name), check


def _mode(settings: Settings) -> dict[str, object]:
    if settings.embedded:
        return {"embedded": "SQLite and a broker in memory, one process", "data": str(settings.data_dir.resolve())}
    return {"full stack": "each role a process of its own"}


def _is_new(settings: Settings) -> bool:
    """Whether there is no SQLite file yet; to look would make one."""
    path = settings.database.removeprefix("sqlite:///")
    return path != settings.database and not Path(path).exists()


def _nothing_yet() -> dict[str, object]:
    raise NotReady("there are no data here yet: `taskq run` makes them, or set DATA_DIR to where they are")


def _clock(parts: Parts) -> dict[str, object]:
    skew_s = (datetime.now(UTC) - Looking(parts.database).now()).total_seconds()
    if abs(skew_s) > MOST_SKEW_S:
        raise NotReady(f"this machine's clock is {skew_s:+.1f} s off the database's: let NTP set both")
    return {"skew_ms": round(abs(skew_s) * 1000)}


def _policies(settings: Settings) -> dict[str, object]:
    url = settings.rabbitmq_management_url.get_secret_value()
    if not url:
        raise NotReady("set RABBITMQ_MANAGEMENT_URL, so that they can be looked at")
    if policies.missing(url, settings.broker):
        raise NotReady(f"they are not as they should be: run `taskq migrate`, or {policies.command(settings.broker)}")
    return {"policy": policies.NAME}


def _api(api: Api) -> dict[str, object]:
    try:
        return {"answers at": api.url, "version": api.get("/")["version"]}
    except (Unreachable, Refused) as error:
        raise NotReady(error.message) from None


def _run(name: str, check: Check) -> Json:
    try:
        return {
            "name": name,
            "well": True,
            "says": ", ".join(f"{key} {_flat(value)}" for key, value in check().items()),
        }
    except TaskSystemError as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        return {"name": name, "well": False, "says": f"{error.detail}{cause}".replace("\n", " ")}


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _mark(one: Json) -> Marked:
    return Marked("[green]✓[/]" if one["well"] else "[red]✗[/]")
