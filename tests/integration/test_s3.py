"""The service with its files in S3, and not on its own disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.service import Embedded
from tests.s3_server import S3Server


class WithS3(Embedded):
    def __init__(self, folder: Path, server: S3Server) -> None:
        self._server = server
        super().__init__(folder)

    def environment(self) -> dict[str, str]:
        return super().environment() | self._server.environment


@pytest.fixture(scope="module")
def with_s3(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[WithS3]:
    made = WithS3(tmp_path_factory.mktemp("with_s3") / "service", s3_server)
    try:
        made.start()
        yield made
    finally:
        made.end()


def test_files_go_there_and_come_from_there(with_s3: WithS3) -> None:
    table = b"city,price\n" + b"Bonn,1\n" * 200_000
    uploaded = with_s3.request("POST", "/api/files?name=sales.csv", data=table, timeout_s=60).json()
    filter_ = [{"column": "price", "is": "gt", "value": 1}]
    wish = {"file": {"file_id": uploaded["file_id"]}, "output": "csv", "filter": filter_}
    task = with_s3.run("data_processing", wish, timeout_s=120)
    assert (task["state"], task["result"]["rows_read"]) == ("SUCCESS", 200_000)
    [made] = task["files"]
    assert with_s3.get(made["links"]["content"]).content == b"city,price\r\n"
    part = with_s3.request("GET", uploaded["links"]["content"], headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, b"price")
    assert with_s3.request("DELETE", uploaded["links"]["content"]).status_code == 204
    assert with_s3.get(uploaded["links"]["content"]).status_code == 404
    assert not (with_s3.data_dir / "blobs").exists()
    assert [path for path in (with_s3.data_dir / "scratch").rglob("*") if path.is_file()] == []


def test_a_large_result_goes_there(with_s3: WithS3) -> None:
    task = with_s3.run("test_large_result", {"count": 300_000})
    assert (task["result"], task["result_size"]) == (None, 300_002)
    assert len(with_s3.get(task["links"]["result"]).json()) == 300_000
