"""Files over HTTP: the same in both modes."""

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.service import MAX_FILE_BYTES, Json, Service, children, wait_until

MIB = 1024 * 1024
#: What a transfer of any size may add to a process.
MORE_MEMORY_KB = 40 * 1024


def upload(service: Service, content: Any, name: str = "a.txt", **headers: str) -> requests.Response:
    return service.request("POST", "/api/files", data=content, params={"name": name}, headers=headers, timeout_s=60)


def kept(service: Service, content: bytes = b"abcdefgh", name: str = "a.txt") -> Json:
    answer = upload(service, content, name)
    assert answer.status_code == 201, answer.text
    view: Json = answer.json()
    return view


def get(service: Service, file: Json, **headers: str) -> requests.Response:
    return service.request("GET", file["links"]["content"], headers=headers)


def unfinished(service: Service) -> list[str]:
    """What is being written, or was left."""
    folder = service.data_dir / "blobs" / "unfinished"
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def files_in(service: Service) -> int:
    return service.rows("SELECT count(*) FROM files")[0][0]


def test_a_file_comes_back_as_it_was_sent(service: Service) -> None:
    content = os.urandom(300_000)
    answer = upload(service, content, "Köln 1.bin")
    view = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == view["links"]["content"]
    assert view["name"] == "Köln 1.bin"
    assert view["size"] == len(content)
    assert view["sha256"] == hashlib.sha256(content).hexdigest()
    assert (view["content_type"], view["task_id"]) == ("application/octet-stream", None)
    back = get(service, view)
    assert (back.status_code, back.content) == (200, content)
    assert service.get(view["links"]["self"]).json() == view


def test_a_form_brings_a_file(service: Service) -> None:
    form = {"file": ("report.html", b"<!DOCTYPE html><p>hello</p>" + b"\r\n--no boundary" * 10_000, "text/plain")}
    answer = service.request("POST", "/api/files", files=form, data={"comment": "before it"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "report.html"
    assert get(service, answer.json()).content == form["file"][1]


def test_an_empty_file_is_a_file(service: Service) -> None:
    view = kept(service, b"")
    assert (view["size"], view["content_type"]) == (0, "application/x-empty")
    assert get(service, view).content == b""
    assert get(service, view, Range="bytes=0-").status_code == 416


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "text/html"),
        (b"PK\x03\x04\x14\0\0\0\0\0", "application/zip"),
        (b"a,b\n1,2\n", "text/plain"),
        ("Füße".encode(), "text/plain"),
        (b"\0\1\2\3", "application/octet-stream"),
    ],
)
def test_the_type_is_told_by_content(embedded: Service, content: bytes, content_type: str) -> None:
    assert kept(embedded, content, "image.png")["content_type"] == content_type


def test_what_was_uploaded_cannot_run_in_a_browser(service: Service) -> None:
    page = kept(service, b"<!DOCTYPE html><script>alert(1)</script>", 'a"; x.html\r\nSet-Cookie: a=b')
    answer = get(service, page)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="a_; x.htmlSet-Cookie: a=b"')
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.csv", "a.csv"),
        ("..", "unnamed"),
        ("a\0b.txt", "ab.txt"),
        ("cod\u202egpj.exe", "codgpj.exe"),
        ("x" * 400 + ".csv", "x" * 251 + ".csv"),
    ],
)
def test_a_name_is_no_path(embedded: Service, name: str, shown: str) -> None:
    view = kept(embedded, b"x", name)
    assert view["name"] == shown
    assert get(embedded, view).content == b"x"


@pytest.mark.parametrize(
    ("asked", "status", "content", "said"),
    [
        ("bytes=0-2", 206, b"abc", "bytes 0-2/8"),
        ("bytes=6-", 206, b"gh", "bytes 6-7/8"),
        ("bytes=-3", 206, b"fgh", "bytes 5-7/8"),
        ("bytes=-30", 206, b"abcdefgh", "bytes 0-7/8"),
        ("bytes=5-500", 206, b"fgh", "bytes 5-7/8"),
        ("bytes=-0", 200, b"abcdefgh", None),
        ("bytes=0-1,4-5", 200, b"abcdefgh", None),
        ("lines=0-1", 200, b"abcdefgh", None),
        ("bytes=3-1", 200, b"abcdefgh", None),
        ("nonsense", 200, b"abcdefgh", None),
    ],
)
def test_a_range_is_answered(service: Service, asked: str, status: int, content: bytes, said: str | None) -> None:
    answer = get(service, _letters(service), Range=asked)
    assert (answer.status_code, answer.content, answer.headers.get("Content-Range")) == (status, content, said)
    assert answer.headers["Content-Length"] == str(len(content))


def test_a_range_behind_the_end_is_told_where_that_is(service: Service) -> None:
    answer = get(service, _letters(service), Range="bytes=8-")
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */8")
    assert (answer.headers["Content-Type"], answer.json()["error"]) == ("application/problem+json", "no_such_range")


def _letters(service: Service, _made: dict[int, Json] = {}) -> Json:  # noqa: B006 - one file for all these tests
    if id(service) not in _made:
        _made[id(service)] = kept(service)
    return _made[id(service)]


def test_conditions(service: Service) -> None:
    file = _letters(service)
    tag, changed = get(service, file).headers["ETag"], get(service, file).headers["Last-Modified"]
    assert tag == f'"{file["sha256"]}"'
    part = {"Range": "bytes=0-1"}
    assert get(service, file, **part, **{"If-Range": tag}).status_code == 206
    assert get(service, file, **part, **{"If-Range": changed}).status_code == 206
    assert get(service, file, **part, **{"If-Range": '"another"'}).content == b"abcdefgh"
    assert get(service, file, **part, **{"If-Range": "Mon, 01 Jan 2001 00:00:00 GMT"}).status_code == 200
    fresh = get(service, file, **{"If-None-Match": tag})
    assert (fresh.status_code, fresh.content) == (304, b"")


def test_a_weak_tag_is_good_for_all_of_a_file_and_not_for_a_part(service: Service) -> None:
    file = _letters(service)
    weak = f'W/"{file["sha256"]}"'
    assert get(service, file, **{"If-None-Match": weak}).status_code == 304
    assert get(service, file, Range="bytes=0-1", **{"If-Range": weak}).content == b"abcdefgh"


def test_head_says_what_get_would(service: Service) -> None:
    file = _letters(service)
    answer = service.request("HEAD", file["links"]["content"])
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "8")


def test_pages(embedded: Service) -> None:
    ids = [kept(embedded, b"x", f"{number}")["file_id"] for number in range(3)]
    first = embedded.get("/api/files?limit=2").json()
    assert [file["file_id"] for file in first["files"]] == ids[:0:-1]
    second = embedded.get(first["next"]).json()
    assert second["files"][0]["file_id"] == ids[0]
    assert embedded.get("/api/files?limit=0").status_code == 422
    assert embedded.get("/api/files?cursor=x").status_code == 422


def test_deleted_is_gone(service: Service) -> None:
    file = kept(service)
    deleted = service.request("DELETE", file["links"]["content"])
    assert (deleted.status_code, deleted.content, "Content-Type" in deleted.headers) == (204, b"", False)
    for method, path in (("GET", "content"), ("DELETE", "content"), ("GET", "self")):
        answer = service.request(method, file["links"][path])
        assert (answer.status_code, answer.json()["error"]) == (404, "file_not_found")
    assert service.get("/api/files/nonsense").status_code == 404
    assert not list((service.data_dir / "blobs").rglob(file["file_id"]))


@pytest.mark.parametrize(
    ("form", "path"),
    [
        ({"files": {"other": ("a", b"x")}}, "other"),
        ({"files": {"comment": (None, "only text")}}, "file"),
        ({"files": [("file", ("a", b"x")), ("file", ("b", b"y"))]}, "file"),
        ({"files": {"file": (None, "text")}}, "file"),
    ],
)
def test_a_form_that_does_not_fit_is_refused(service: Service, form: dict[str, Any], path: str) -> None:
    before = files_in(service)
    answer = service.request("POST", "/api/files", **form)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)
    assert (files_in(service), unfinished(service)) == (before, [])


@pytest.mark.parametrize(
    "body",
    [
        b"no form at all",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut off',
        b"--b\r\nContent-Type: text/plain\r\n\r\nno name\r\n--b--\r\n",
        b"--b--\r\n",
    ],
)
def test_a_broken_form_is_refused(service: Service, body: bytes) -> None:
    before = files_in(service)
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = service.request("POST", "/api/files", data=body, headers=headers)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "State." not in answer.text
    assert (files_in(service), unfinished(service)) == (before, [])


def test_a_file_over_the_limit_is_refused_unread(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        length = 2 * MAX_FILE_BYTES
        connection.sendall(f"POST /api/files HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode())
        connection.sendall(b"x" * 1000)
        assert b" 413 " in connection.recv(1000)


def test_a_form_over_the_limit_leaves_nothing(service: Service) -> None:
    before = files_in(service)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(MAX_FILE_BYTES // MIB):
            yield b"x" * MIB
        yield b"x\r\n--b--\r\n"

    answer = upload(service, body(), **{"Content-Type": "multipart/form-data; boundary=b"})
    assert (answer.status_code, answer.json()["status"]) == (413, 413)
    assert (files_in(service), unfinished(service)) == (before, [])


def test_only_uploads_may_be_as_large_as_files(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        head = "POST /api/tasks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {MAX_FILE_BYTES}\r\n\r\n".encode())
        connection.sendall(b"x" * 1000)
        assert b" 413 " in connection.recv(1000)


def test_a_body_of_unknown_length_is_refused_or_whole(service: Service) -> None:
    answer = upload(service, iter([b"a", b"b"]))
    assert answer.status_code in {411, 201}
    if answer.status_code == 201:
        assert answer.json()["size"] == 2


@pytest.mark.parametrize("form", [False, True])
def test_nothing_is_left_of_an_upload_that_breaks_off(service: Service, form: bool) -> None:
    before = files_in(service)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' if form else b""
    kind = "multipart/form-data; boundary=b" if form else "text/plain"
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        start = f"POST /api/files HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {10 * MIB}\r\n\r\n"
        connection.sendall(start.encode())
        connection.sendall(head + b"x" * MIB)
        if service.mode == "stack":
            wait_until(lambda: unfinished(service), 20, "the upload has begun")
    wait_until(lambda: not unfinished(service), 20, "nothing is left")
    assert files_in(service) == before


def _processes(service: Service) -> list[int]:
    """Those that serve the API."""
    pid = service.processes["service" if service.mode == "embedded" else "web"].pid
    assert pid
    return [pid, *children(pid)]


def _memory_kb(pid: int, line: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(row for row in status.splitlines() if row.startswith(line)).split()[1])


def test_a_transfer_takes_the_same_memory_whatever_its_size(service: Service) -> None:
    kept(service, b"x" * MIB)  # what is loaded by the first one
    processes = _processes(service)
    before = {}
    for pid in processes:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
        before[pid] = _memory_kb(pid, "VmRSS")
    size = 80 * MIB
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield form
        for _ in range(size // MIB):
            yield b"x" * MIB
        yield b"\r\n--b--\r\n"

    answer = upload(service, body(), **{"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code == 201, answer.text
    raw = upload(service, (b"x" * size))
    assert raw.json()["sha256"] == answer.json()["sha256"]
    address = f"{service.base_url}{answer.json()['links']['content']}"
    with requests.get(address, stream=True, timeout=60) as download:
        assert sum(len(chunk) for chunk in download.iter_content(MIB)) == size
    for pid in processes:
        assert _memory_kb(pid, "VmHWM") - before[pid] < MORE_MEMORY_KB
    for view in (answer.json(), raw.json()):
        service.request("DELETE", view["links"]["content"])


def test_a_task_reads_a_file_and_makes_one(service: Service) -> None:
    table = kept(service, b"city,price\nBonn,1\nOslo,2\n", "sales.csv")
    wish = {"file": {"file_id": table["file_id"]}, "output": "ndjson"}
    task = service.run("data_processing", wish, timeout_s=60)
    assert task["state"] == "SUCCESS", task["error"]
    [made] = task["files"]
    assert (made["name"], made["task_id"]) == ("sales.ndjson", task["task_id"])
    assert task["result"]["output"]["file_id"] == made["file_id"]
    assert get(service, made).content.count(b"\n") == 2
    assert made in service.get("/api/files?limit=5").json()["files"]
    assert service.task(task["task_id"])["files"] == [made]


def test_what_is_made_by_an_attempt_that_fails_is_no_file(service: Service) -> None:
    before = files_in(service)
    task = service.run("test_makes_files", {"times": 1})
    assert task["state"] == "SUCCESS"
    assert [file["name"] for file in task["files"]] == ["made by attempt 2.txt"]
    assert files_in(service) == before + 1
    failed = service.run("test_makes_files", {"times": 3})
    assert (failed["state"], failed["files"]) == ("FAILURE", [])
    assert files_in(service) == before + 1


def test_a_large_result_is_served_from_where_it_is(service: Service) -> None:
    size = MIB
    submitted = service.submit("test_large_result", {"count": size})
    task = service.finished(submitted["task_id"])
    assert (task["result"], task["result_size"], task["files"]) == (None, size + 2, [])
    answer = service.get(task["links"]["result"])
    assert (answer.headers["Content-Type"], answer.json()) == ("application/json", "x" * size)
    part = service.request("GET", task["links"]["result"], headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, b'"x')
    row = service.get("/api/tasks?include=result&task_type=test_large_result&limit=1").json()["tasks"][0]
    assert (row["task_id"], row["result"]) == (task["task_id"], None)
    again = service.request("POST", f"/api/tasks/{task['task_id']}/retry").json()
    assert service.finished(again["task_id"])["result_size"] == size + 2


def test_a_task_in_one_s_hand_has_its_files_at_once(service: Service) -> None:
    wish = {"task_type": "test_makes_files", "parameters": {"times": 0}}
    answer = service.request("POST", "/api/tasks?wait=20", json=wish)
    assert (answer.status_code, len(answer.json()["files"])) == (200, 1)


def test_a_file_that_is_not_there_is_told_at_once(service: Service) -> None:
    file = kept(service, b"city\nBonn\n", "cities.csv")
    wish = {"task_type": "data_processing", "parameters": {"file": {"file_id": file["file_id"]}}, "delay": 86_400}
    keyed = {"Idempotency-Key": file["file_id"]}
    first = service.request("POST", "/api/tasks", json=wish, headers=keyed)
    assert first.status_code == 202, first.text
    batch = service.request("POST", "/api/tasks/batch", json={"tasks": [wish]})
    assert batch.status_code == 202
    service.request("DELETE", file["links"]["content"])

    def refused(path: str, body: Json | str, at: str, method: str = "POST", **headers: str) -> None:
        text = {"data": body} if isinstance(body, str) else {"json": body}
        answer = service.request(method, path, headers=headers, **text)
        assert answer.status_code == 422, answer.text
        [error] = answer.json()["errors"]
        assert (error["path"], f"there is no file {file['file_id']}" in error["message"]) == (at, True)

    refused("/api/tasks", wish, "parameters.file")
    refused("/api/tasks", wish | {"unique_for": 60}, "parameters.file")
    refused("/api/tasks", wish | {"delay": 0, "debounce": 5, "debounce_by": ["parameters.file"]}, "parameters.file")
    again = service.request("POST", "/api/tasks", json=wish, headers=keyed)
    assert (again.status_code, again.json()["task_id"]) == (202, first.json()["task_id"])

    fine = {"task_type": "test_noop"}
    refused("/api/tasks/batch", {"tasks": [fine, wish]}, "tasks.1.parameters.file")
    refused("/api/tasks/batch", {"tasks": [fine], "callback": wish}, "callback.parameters.file")
    lines = json.dumps(fine) + "\n" + json.dumps(wish) + "\n"
    ndjson = {"Content-Type": "application/x-ndjson"}
    refused("/api/tasks/batch", lines, "lines.2.parameters.file", **ndjson)
    each = service.request("POST", "/api/tasks/batch?mode=each", data=lines, headers=ndjson).json()
    assert (each["accepted"], each["errors"][0]["line"]) == (1, 2)
    each = service.request("POST", "/api/tasks/batch", json={"tasks": [fine, wish], "mode": "each"}).json()
    assert (each["accepted"], each["tasks"][1]["errors"][0]["path"]) == (1, "parameters.file")

    over = service.run("data_processing", {"data": "some text"})
    edited = {"parameters": wish["parameters"]}
    refused(f"/api/tasks/{over['task_id']}/retry", edited, "parameters.file")
    schedule = {"name": file["file_id"], "task_type": "data_processing", "every_s": 3600}
    refused("/api/schedules", schedule | edited, "parameters.file")
    made = service.request("POST", "/api/schedules", json=schedule | {"parameters": {"data": "some text"}}).json()
    refused(made["links"]["self"], edited, "parameters.file", "PATCH")
    assert service.request("DELETE", made["links"]["self"]).status_code == 204
    for task_id in (first.json()["task_id"], batch.json()["tasks"][0]["task_id"]):
        assert service.request("DELETE", f"/api/tasks/{task_id}").status_code == 200


def test_what_is_submitted_later_is_refused_when_its_file_is_gone(service: Service) -> None:
    file = kept(service, b"city\nBonn\n", "cities.csv")
    gone, parameters = f"there is no file {file['file_id']}", {"file": {"file_id": file["file_id"]}}
    wish = {"task_type": "data_processing", "parameters": parameters}
    fine = {"task_type": "test_noop", "delay": 86_400}
    assert service.run(**wish, tags=[file["file_id"]])["state"] == "SUCCESS"
    batch = service.request("POST", "/api/tasks/batch", json={"tasks": [fine], "callback": wish}).json()
    rule = wish | {"name": file["file_id"], "every_s": 1, "paused": True}
    schedule = service.request("POST", "/api/schedules", json=rule).json()["links"]["self"]
    assert service.request("DELETE", file["links"]["content"]).status_code == 204

    by_hand = service.request("POST", f"{schedule}/run-now")
    assert by_hand.status_code == 422, by_hand.text
    [error] = by_hand.json()["errors"]
    assert (error["path"], gone in error["message"]) == ("parameters.file", True)
    service.request("POST", f"{schedule}/resume")
    filter_ = {"tag": file["file_id"], "state": "success"}
    bulk = service.request("POST", "/api/bulk", json={"action": "retry", "filter": filter_}).json()["links"]["self"]
    service.request("DELETE", f"/api/tasks/{batch['tasks'][0]['task_id']}")

    def after(path: str, until: str) -> Json:
        return wait_until(lambda: (made := service.get(path).json())[until] and made, 20, f"{path} has {until}")

    done = after(bulk, "finished_at")
    assert (done["succeeded"], done["failed"], gone in done["errors"][0]["message"]) == (0, 1, True)
    tick = after(schedule, "ticks")["ticks"][-1]
    assert (tick["outcome"], tick["task_id"], gone in tick["detail"]) == ("refused", None, True)
    assert gone in after(f"/api/batches/{batch['batch_id']}", "finished_at")["callback_error"]
    assert service.request("DELETE", schedule).status_code == 204
