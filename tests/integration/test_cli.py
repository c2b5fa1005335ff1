"""The commands, against a service that runs."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import pytest
from click.testing import CliRunner, Result

from task_system.cli.main import COMMANDS, SECTIONS, main
from tests.integration.service import ROOT, Embedded, Service, wait_until

Taskq = Callable[..., Result]
FAR = "--delay=86400"


@pytest.fixture
def taskq(embedded: Embedded) -> Taskq:
    """Run a command in this process; fails unless it exits with that code, None for any."""

    def run(*arguments: str, code: int | None = 0, given: str | None = None) -> Result:
        environment = {"BASE_URL": embedded.base_url, "COLUMNS": "200"}
        done = CliRunner().invoke(main, arguments, input=given, env=environment, prog_name="taskq")
        assert code in {None, done.exit_code}, f"{done.stdout}\n{done.stderr}\n{done.exception!r}"
        return done

    return run


def process(
    service: Service, *arguments: str, environment: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command as people do."""
    return subprocess.run(
        [sys.executable, "-m", "task_system", *arguments],
        cwd=ROOT,
        env={**service.environment(), "BASE_URL": service.base_url, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def ids(done: Result) -> list[str]:
    return done.stdout.split()


def test_the_list_of_commands_is_made_without_loading_them() -> None:
    program = (
        "import sys, time\n"
        "from click.testing import CliRunner\n"
        "from task_system.cli.main import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(time.process_time(), *(name for name in ('celery', 'flask', 'sqlalchemy', 'rich', 'httpx2') "
        "if name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    seconds, *loaded = done.stdout.split()
    assert loaded == []
    assert float(seconds) < 1.5  # 0.2 on a machine that does nothing else


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0, done.exception
    assert done.stdout.startswith("Usage:")


def test_the_sections_name_every_command_once() -> None:
    assert sum(map(len, SECTIONS.values())) == len(COMMANDS)


def test_a_task_is_followed_to_its_result(taskq: Taskq) -> None:
    done = taskq("submit", "test_echo", 'value={"a": [1, 2]}', "--wait")
    assert json.loads(done.stdout.partition("\n")[2]) == {"a": [1, 2]}
    assert ("success" in done.stdout, done.stderr) == (True, "")


def test_the_exit_code_says_how_it_ended(taskq: Taskq) -> None:
    done = taskq("submit", "test_fail", "--wait", code=1)
    assert "it cannot be done" in done.stdout
    assert "taskq show" in done.stderr
    assert taskq("submit", "test_noop", "--delay=5", "--expires-in=6", "-o", "ids").stdout


def test_values_are_read_as_the_type_would_have_them(taskq: Taskq, tmp_path: Path, embedded: Embedded) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Ada,\n")
    arguments = ("to=ada@example.com", "subject=42", f"text=@{letter}", FAR, "-o", "ids")
    [task_id] = ids(taskq("submit", "email_sending", *arguments))
    parameters = embedded.task(task_id)["parameters"]
    assert (parameters["subject"], parameters["text"]) == ("42", "Dear Ada,\n")
    [task_id] = ids(taskq("submit", "test_echo", "value.deep.number=42", "value.word=four", FAR, "-o", "ids"))
    assert embedded.task(task_id)["parameters"] == {"value": {"deep": {"number": 42}, "word": "four"}}


def test_what_only_looks_like_json_is_text(taskq: Taskq, embedded: Embedded) -> None:
    for text in ("NaN", "[1, -Infinity]", "1e999", "[" * 10_000 + "]" * 10_000):
        [task_id] = ids(taskq("submit", "test_echo", f"value={text}", FAR, "-o", "ids"))
        assert embedded.task(task_id)["parameters"] == {"value": text}


def test_a_file_that_is_no_json_is_said_to_be_none(taskq: Taskq, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"a": NaN}')
    said = taskq("submit", "test_echo", f"value=@{broken}", code=2).stderr
    assert "broken.json is no JSON" in said
    assert "another name" in said


def test_what_is_not_to_be_is_no_option(taskq: Taskq) -> None:
    one, other = (
        ids(taskq("submit", "test_noop", "--tag=cli-not", f"--tag={tag}", FAR, "-o", "ids"))[0] for tag in "ab"
    )
    assert ids(taskq("list", "tag:cli-not", "-tag:a", "-o", "ids")) == [other]
    assert ids(taskq("list", "-o", "ids", "-tag:b", "tag:cli-not")) == [one]
    assert ids(taskq("list", "-o", "ids", "tag:cli-not", "-(tag:a OR state:success)")) == [other]
    assert (
        json.loads(taskq("bulk", "cancel", "tag:cli-not", "-tag:a", "--dry-run", "-o", "json").stdout)["matching"] == 1
    )
    assert ids(taskq("list", "-o", "ids", "--", "tag:cli-not", "-tag:a")) == [other]


@pytest.mark.parametrize(
    ("arguments", "said", "next_"),
    [
        ("lits", "no command", "Did you mean list"),
        ("submit no_such_type", "no task type", "data_processing"),
        ("submit test_flaky times=often", "parameters.times", "whole number"),
        ("submit test_noop nonsense", "no parameter", "key=value"),
        ("submit test_noop --json [", "no JSON", '--json \'{"data"'),
        ("submit test_noop --json [1]", "an object", '--json \'{"data"'),
        ("submit test_echo value=@nowhere.txt", "cannot be read", "@PATH"),
        ("submit test_echo value.a=1 value.a.b=2", "a value already", "one of the two"),
        ("submit test_noop --delay soon", "--delay", "30s, 5m"),
        ("submit test_echo value=\udcff", "cannot be written in utf-8", "UTF-8"),
        ("submit test_noop --key=", "Idempotency-Key", "1 to 255 visible"),
        ("submit test_noop --key=\u00e9", "Idempotency-Key", "1 to 255 visible"),
        ("show \udcff", "cannot be written in utf-8", "UTF-8"),
        ("list -state:failed", "position", "one of pending"),
        ("retry nothing --parameters=", "no JSON", "--parameters '"),
        ("list state:", "position", "taskq list --help"),
        ("list --limit 0", "--limit", "taskq list --help"),
        ("show nothing", "no task", "taskq list"),
        ("log nothing", "no task", "taskq list"),
        ("result nothing", "no task", "taskq list"),
        ("cancel nothing", "no task", "taskq list"),
        ("retry nothing", "no task", "taskq list"),
        ("retry nothing --parameters [", "no JSON", "--parameters '"),
        ("retry nothing --parameters 1", "an object", "--parameters '"),
        ("bulk cancel", "SEARCH", "taskq bulk --help"),
        ("bulk cancel state:", "position", "taskq list --help"),
        ("queues pause nothing", "no queue", "taskq queues"),
        ("queues pause default.low --for long", "no span", "30s, 5m"),
        ("queues pause default.low --for 0", "too short", "at least 1.0 s"),
        ("schedules show nothing", "no schedule", "taskq schedules"),
        ("schedules add cli test_echo value=1", "--cron '0 3 * * *'", "--every 5m"),
        ("schedules add cli test_echo value=1 --every 5m --cron @daily", "one of the two", "--every 5m"),
        ("schedules add cli test_echo value=1 --every 100ms", "every_s", "from 1 to 316,224,000"),
        ("schedules add cli test_echo value=1 --every 5min", "no span", "30s, 5m"),
        ("files show nothing", "no file", "taskq files"),
        ("files get nothing -", "no file", "taskq files"),
        ("files remove nothing", "no file", "taskq files"),
        ("files remove nothing --url http://127.0.0.1:9", "no service", "taskq run"),
        ("files --url http://127.0.0.1:9 remove nothing", "no service", "taskq run"),
        ("queues purge default.low", "nobody said yes", "--yes"),
        ("files put nowhere.txt", "nowhere.txt", "files put --help"),
        ("batches show nothing", "no task of that batch", "taskq batches"),
        ("batches submit nowhere.txt", "nowhere.txt", "batches submit --help"),
        ("batches submit -", "no task in it", "POST /api/tasks"),
        ("failures retry nothing", "No task has that failure", "taskq failures"),
        ("failures --window long", "--window", "taskq failures --help"),
        ("stats --window long", "--window", "taskq stats --help"),
        ("workers -o long", "-o", "taskq workers --help"),
        ("watch --every 0", "too short", "at least 200 ms"),
        ("worker no_lane", "no_lane", "taskq worker --help"),
        ("completion no_shell", "no_shell", "taskq completion --help"),
        ("new-task No-Name", "no task type", "resize_image"),
        ("list --url nonsense://", "nonsense", "--url"),
        ("list --url http://127.0.0.1:9", "no service", "taskq run"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(taskq: Taskq, arguments: str, said: str, next_: str) -> None:
    done = taskq(*arguments.split(), code=None, given="")
    assert done.exit_code in {1, 2}
    assert said in done.stderr
    assert next_ in done.stderr


def test_what_is_wrong_is_said_once(taskq: Taskq) -> None:
    assert taskq("list", "state:", code=None).stderr.count("at position") == 1


def test_ids_go_from_command_to_command(taskq: Taskq) -> None:
    made = [ids(taskq("submit", "test_echo", "--tag=cli-ids", FAR, "-o", "ids"))[0] for _ in range(3)]
    found = taskq("list", "tag:cli-ids", "-o", "ids")
    assert sorted(ids(found)) == sorted(made)
    assert "cancelled" in taskq("cancel", "-", "--reason", "cli", given=found.stdout).stdout
    again = ids(taskq("retry", "-", "--parameters", '{"value": 7}', "-o", "ids", given=found.stdout))
    assert len(again) == 3
    assert taskq("list", "tag:cli-ids", "state:cancelled", "-o", "json").exit_code == 0
    taskq("submit", "test_noop", "--tag=cli-over", "--wait")
    over = ids(taskq("list", "tag:cli-over", "-o", "ids"))
    assert "is over" in taskq("cancel", *over, code=1).stderr


def test_lists_are_shown_as_tables_json_and_ids(taskq: Taskq) -> None:
    [task_id] = ids(taskq("submit", "test_echo", "value=[bold]no[/bold]", "--tag=cli-list", "-o", "ids"))
    assert task_id in taskq("list", "tag:cli-list").stdout
    assert json.loads(taskq("list", "tag:cli-list", "-o", "json").stdout)[0]["task_id"] == task_id
    assert "[bold]no[/bold]" in taskq("show", task_id).stdout
    assert "No task fits" in taskq("list", "tag:nobody-has-it").stderr


def test_a_list_goes_on_over_its_pages(taskq: Taskq, embedded: Embedded) -> None:
    tasks = [{"task_type": "test_noop", "delay": 86_400, "tags": ["cli-pages"]}] * 230
    assert embedded.request("POST", "/api/tasks/batch", json={"tasks": tasks}).status_code == 202
    assert len(ids(taskq("list", "tag:cli-pages", "-n", "225", "-o", "ids"))) == 225


def test_a_result_comes_alone(embedded: Embedded) -> None:
    task_id = embedded.run("test_echo", {"value": [1, "ü"]})["task_id"]
    done = process(embedded, "result", task_id)
    assert (done.returncode, json.loads(done.stdout)) == (0, [1, "ü"])


def test_queues_are_closed_and_opened(taskq: Taskq) -> None:
    assert "until" in taskq("queues", "pause", "image_processing.low", "--for", "15m", "--reason", "cli").stdout
    [row] = [line for line in taskq("queues").stdout.splitlines() if line.startswith("image_processing.low")]
    assert "paused" in row
    assert "0 tasks" in taskq("queues", "purge", "image_processing.low", "--yes").stdout
    assert "goes on" in taskq("queues", "resume", "image_processing.low").stdout
    assert "queue" in taskq("queues", "resume", "nothing", code=1).stderr


def test_schedules_are_made_shown_and_removed(taskq: Taskq) -> None:
    more = ("--priority=high", "--jitter=5m", "--catch-up=last", "--ends-at=2031-01-31T08:00:00Z")
    taskq("schedules", "add", "cli-nightly", "test_echo", "value=1", "--cron", "0 3 * * *", *more)
    try:
        made = json.loads(taskq("schedules", "show", "cli-nightly", "-o", "json").stdout)
        assert (made["priority"], made["jitter_s"], made["catch_up"]) == ("high", 300.0, "last")
        assert made["ends_at"].startswith("2031-01-31T08:00:00")
        assert "cli-nightly" in taskq("schedules").stdout
        assert "0 3 * * * (UTC)" in taskq("schedules", "show", "cli-nightly").stdout
        taskq("schedules", "pause", "cli-nightly", "--reason", "cli")
        taskq("schedules", "resume", "cli-nightly")
        assert len(ids(taskq("schedules", "run", "cli-nightly"))) == 1
    finally:
        taskq("schedules", "remove", "cli-nightly", "--yes")
    assert "cli-nightly" not in taskq("schedules").stdout


def test_files_go_up_and_come_down(taskq: Taskq, tmp_path: Path) -> None:
    source = tmp_path / "words.txt"
    source.write_bytes(b"some words\n" * 1000)
    [file_id] = ids(taskq("files", "put", str(source), "-o", "ids"))
    assert "words.txt" in taskq("files").stdout
    assert "11.0 kB" in taskq("files").stdout
    assert taskq("files", "get", file_id, "-").stdout == source.read_text()
    taskq("files", "get", file_id, str(tmp_path / "back.txt"))
    assert (tmp_path / "back.txt").read_bytes() == source.read_bytes()
    taskq("files", "get", str(uuid4()), str(tmp_path / "back.txt"), code=1)
    assert (tmp_path / "back.txt").read_bytes() == source.read_bytes(), "what cannot be had overwrites nothing"
    assert "words.txt" in taskq("files", "show", file_id).stdout
    taskq("files", "remove", file_id)
    assert "no file" in taskq("files", "show", file_id, code=1).stderr


def test_a_file_of_tasks_is_submitted(taskq: Taskq, tmp_path: Path) -> None:
    lines = tmp_path / "tasks.ndjson"
    lines.write_text('{"task_type": "test_noop"}\n\n{"task_type": "no_such_type"}\n')
    made = taskq("batches", "submit", str(lines), "--each", code=1)
    assert "line 3: task_type" in made.stderr
    batch_id = made.stdout.split()[0]
    assert batch_id in taskq("batches").stdout
    assert "of 1 (" in taskq("batches", "show", batch_id).stdout
    assert "line 3: task_type" in taskq("batches", "submit", str(lines), code=1).stderr
    lines.write_text('{"task_type": \n')
    assert "line 1 is no JSON" in taskq("batches", "submit", str(lines), code=1).stderr
    lines.write_bytes(b'{"task_type": "\xff"}\n')
    assert "line 1 is no JSON" in taskq("batches", "submit", str(lines), code=1).stderr


def test_failures_are_grouped(taskq: Taskq, embedded: Embedded) -> None:
    embedded.run("test_fail")
    assert "it cannot be done" in taskq("failures").stdout


def test_a_failure_is_retried_as_a_whole(taskq: Taskq, embedded: Embedded) -> None:
    task = embedded.run("test_fail")
    assert task["state"] == "FAILURE"
    done = taskq("failures", "retry", task["failure"], "--reason", "cli")
    assert done.stdout.split()[:2] == ["retry", "done"]
    assert embedded.task(task["task_id"])["retried_as"]


def test_all_that_a_search_finds_is_acted_on(taskq: Taskq) -> None:
    for _ in range(2):
        taskq("submit", "test_echo", "value=1", "--tag=cli-bulk", FAR)
    assert json.loads(taskq("bulk", "cancel", "tag:cli-bulk", "--dry-run", "-o", "json").stdout)["matching"] == 2
    asked = taskq("bulk", "cancel", "tag:cli-bulk", given="n\n", code=1)
    assert "cancel would act on 2 tasks" in asked.stderr
    assert len(ids(taskq("list", "tag:cli-bulk", "state:pending", "-o", "ids"))) == 2
    done = taskq("bulk", "cancel", "tag:cli-bulk", "--reason", "cli", "--yes").stdout.split()
    assert done == ["cancel", "done", "acted", "on", "2", "left", "alone", "0", "refused", "0"]
    assert "No task fits" in taskq("bulk", "delete", "tag:nobody-has-it", "--yes").stderr


def test_what_a_task_logged_is_shown_and_followed(taskq: Taskq, embedded: Embedded, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    task_id = embedded.submit("test_logs", {"lines": ["one", "two"], "gate": str(gate)}, priority="high")["task_id"]
    opening = threading.Timer(0.3, gate.touch)
    opening.start()
    lines = taskq("log", "-f", task_id).stdout.splitlines()
    opening.join()
    assert [line.split()[-1] for line in lines[:2]] == ["one", "two"]
    assert embedded.task(task_id)["finished_at"]
    assert taskq("log", task_id).stdout.splitlines() == lines
    first = json.loads(taskq("log", task_id, "--attempt", "1", "-o", "json").stdout.partition("\n}")[0] + "}")
    assert (first["attempt"], first["message"]) == (1, "one")
    [silent] = ids(taskq("submit", "test_echo", "value=1", FAR, "-o", "ids"))
    assert "It logged nothing" in taskq("log", silent).stderr


def test_statistics_are_shown(taskq: Taskq, embedded: Embedded) -> None:
    embedded.run("test_noop")
    wait_until(lambda: "test_noop" in taskq("stats").stdout, 20, "the type in the books")
    seen = taskq("stats", "--window", "15m", "--by", "lane").stdout
    assert "in 15m" in seen
    assert "default" in seen
    assert json.loads(taskq("stats", "-o", "json").stdout)["window"] == "1h"


def test_workers_and_queues_are_shown(taskq: Taskq) -> None:
    assert "alive" in taskq("workers").stdout
    names = {one["name"] for one in json.loads(taskq("workers", "-o", "json").stdout)["workers"]}
    assert set(ids(taskq("workers", "-o", "ids"))) == names
    assert "default.low" in ids(taskq("queues", "-o", "ids"))
    assert json.loads(taskq("queues", "-o", "json").stdout)["broker"] == "up"


def test_the_doctor_finds_all_well(embedded: Embedded) -> None:
    done = process(embedded, "doctor", "-o", "json")
    assert done.returncode == 0, done.stdout
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert {"settings", "task types", "database", "migrations", "workers", "keeper", "clock", "api"} <= set(found)


def test_the_doctor_says_what_to_do(embedded: Embedded, tmp_path: Path) -> None:
    empty = {**embedded.environment(), "DATA_DIR": str(tmp_path), "BASE_URL": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "task_system", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=empty, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout.count("✗") == 2
    assert "taskq run" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_watch_shows_tasks_until_it_is_interrupted(embedded: Embedded, tmp_path: Path) -> None:
    task_id = embedded.run("test_noop", tags=["cli-watch"])["task_id"]
    seen = tmp_path / "seen"
    with seen.open("w") as output:
        watching = subprocess.Popen(
            [sys.executable, "-u", "-m", "task_system", "watch", "tag:cli-watch", "--every", "0.2"],
            cwd=ROOT,
            env={**embedded.environment(), "BASE_URL": embedded.base_url, "FORCE_COLOR": "1"},
            stdout=output,
        )
        try:
            wait_until(lambda: task_id in seen.read_text(), 30, "the task on the screen")
        finally:
            watching.send_signal(signal.SIGINT)
            code = watching.wait(20)
    assert code == 0


def test_a_new_task_type_works_and_so_does_its_test(embedded: Embedded, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TASK_FOLDER": "our_tasks"}
    command = [sys.executable, "-m", "task_system", "new-task", "greet_people"]
    made = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "our_tasks/greet_people.py" in made.stdout
    test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "our_tasks/test_greet_people.py"]
    tested = subprocess.run(test, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout
    style = ("check", "--isolated", "--select", "E,F,W,B", "--line-length", "120")
    linted = [sys.executable, "-m", "ruff", *style, "our_tasks"]
    assert subprocess.run(linted, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "there already" in again.stderr
    loaded = subprocess.run(
        [sys.executable, "-m", "task_system", "openapi"],
        cwd=ROOT,
        env={**embedded.environment(), "TASK_FOLDER": str(tmp_path / "our_tasks")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Submit_greet_people" in json.loads(loaded.stdout)["components"]["schemas"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("def broken(:\n", "line 1: SyntaxError"), ("import json\n\njson.loads('')\n", "line 3: JSONDecodeError")],
)
def test_a_broken_file_stops_the_start_and_is_named(embedded: Embedded, tmp_path: Path, text: str, said: str) -> None:
    folder = tmp_path / "broken_tasks"
    folder.mkdir()
    (folder / "a_fine_one.py").write_text("")
    (folder / "test_of_it.py").write_text("raise SystemExit(9)")
    (folder / "broken.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "task_system", "run"],
        cwd=ROOT,
        env={**embedded.environment(), "TASK_FOLDER": str(folder), "DATA_DIR": str(tmp_path / "data"), "PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"broken.py cannot be loaded, {said}" in done.stderr
    assert "Mend it, or move it out" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("command", "broker"), [("run", "memory://"), ("web", "amqp://127.0.0.1:9//")])
def test_a_taken_port_is_said_before_anything_is_started(
    embedded: Embedded, tmp_path: Path, command: str, broker: str
) -> None:
    done = process(embedded, command, environment={"DATA_DIR": str(tmp_path), "BROKER_URL": broker})
    assert (done.returncode, done.stderr.count("\n"), "set PORT" in done.stderr) == (1, 1, True), done.stderr
    assert not list(tmp_path.iterdir())


def test_shells_are_offered_task_types(embedded: Embedded) -> None:
    assert "_TASKQ_COMPLETE" in process(embedded, "completion", "bash").stdout
    done = subprocess.run(
        [sys.executable, "-c", "from task_system.cli.main import main; main(prog_name='taskq')"],
        cwd=ROOT,
        env={
            **os.environ,
            "BASE_URL": embedded.base_url,
            "_TASKQ_COMPLETE": "bash_complete",
            "COMP_WORDS": "taskq submit test_e",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert {"plain,test_echo", "plain,test_exit"} == set(done.stdout.split())


def test_no_command_was_left_out() -> None:
    """Each is run somewhere in these tests, and each of a group, for more than its help or an error."""
    texts = "\n".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))

    def is_run(*words: str) -> bool:
        arguments = re.escape(", ".join(f'"{word}"' for word in words))
        return bool(re.search(rf'(taskq\(|process\(\w+, |"task_system", ){arguments}', texts))

    every = [(name,) for name in COMMANDS]
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        every += [(name, part) for part in (command.commands if isinstance(command, click.Group) else ())]
    # It starts servers of its own.
    assert [words for words in every if not is_run(*words)] == [("stack",)]
