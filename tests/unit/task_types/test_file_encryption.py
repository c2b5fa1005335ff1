import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from task_system import Cancelled, Fail
from task_system.task_types.file_processing import FileMade, FileParameters, encryption, file_processing
from task_system.task_types.secret_values import Secrets
from task_system.testing import FakeContext

CHUNK_BYTES = 1024 * 1024


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases that cost next to nothing, where they are not what is tested."""
    monkeypatch.setitem(encryption._COST, "n", 16)


def run(ctx: FakeContext, operation: str, name: str, passphrase: Any = "correct horse") -> FileMade:
    result = file_processing(ctx, FileParameters(operation=operation, filename=name, passphrase=passphrase))
    assert isinstance(result, FileMade)
    return result


def refused(ctx: FakeContext, content: bytes, passphrase: Any = "correct horse") -> str:
    files = ctx.data_dir / "files"
    (files / "b.encrypted").write_bytes(content)
    before = sorted(files.iterdir())
    with pytest.raises(Fail) as failure:
        run(ctx, "decrypt", "b.encrypted", passphrase)
    assert sorted(files.iterdir()) == before
    return str(failure.value)


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])
def test_what_was_encrypted_is_decrypted(ctx: FakeContext, files: Path, size: int) -> None:
    content = os.urandom(size)
    (files / "a.csv").write_bytes(content)
    encrypted = run(ctx, "encrypt", "a.csv")
    assert encrypted.output == f"a-{ctx.task_id}.csv.encrypted"
    assert encrypted.output_bytes == 31 + size + 16 * max(1, -(-size // CHUNK_BYTES))
    assert ctx.percents[-1] == 100
    other = FakeContext(ctx.data_dir)
    decrypted = run(other, "decrypt", encrypted.output)
    assert decrypted.output == f"a-{other.task_id}.csv"
    assert (files / decrypted.output).read_bytes() == content


def test_the_same_file_is_encrypted_differently_each_time(ctx: FakeContext, files: Path) -> None:
    (files / "a").write_bytes(b"hello")
    assert run(ctx, "encrypt", "a").output_sha256 != run(FakeContext(ctx.data_dir), "encrypt", "a").output_sha256


@pytest.mark.usefixtures("cheap")
def test_whatever_is_changed_is_noticed(ctx: FakeContext, files: Path) -> None:
    (files / "a").write_bytes(b"x" * (2 * CHUNK_BYTES + 5))
    good = (files / run(ctx, "encrypt", "a").output).read_bytes()
    head, sealed = good[:31], CHUNK_BYTES + 16
    chunks = [good[31 : 31 + sealed], good[31 + sealed : 31 + 2 * sealed], good[31 + 2 * sealed :]]
    changed = {
        "content": head + bytes([chunks[0][0] ^ 1]) + chunks[0][1:] + chunks[1] + chunks[2],
        "salt": good[:8] + bytes([good[8] ^ 1]) + good[9:],
        "nonce": good[:24] + bytes([good[24] ^ 1]) + good[25:],
        "order": head + chunks[1] + chunks[0] + chunks[2],
        "a chunk cut off": head + chunks[0] + chunks[1],
        "bytes cut off": good[:-1],
        "all cut off": head,
        "a chunk twice": good + chunks[2],
        "more": good + b"x",
    }
    for what, content in changed.items():
        assert "was changed or cut off" in refused(ctx, content), what
    assert "The passphrase is wrong" in refused(ctx, good, "wrong horse")
    for other in (b"", b"hello", good[:30], b"X" + good[1:]):
        assert "was not made by `encrypt`" in refused(ctx, other)


def test_a_passphrase_by_reference(ctx: FakeContext, files: Path) -> None:
    (files / "a").write_bytes(b"hello")
    secrets = Secrets({"PHRASE": "correct horse", "BOUND": "x"}, hosts={"BOUND": ["example.com"]})
    here = FakeContext(ctx.data_dir, resources={Secrets: secrets})
    encrypted = run(here, "encrypt", "a", {"secret": "PHRASE"})
    assert (files / run(ctx, "decrypt", encrypted.output).output).read_bytes() == b"hello"
    for name, reason in (("OTHER", "no secret named `OTHER`"), ("BOUND", "may not be used here")):
        with pytest.raises(Fail, match=reason):
            run(here, "encrypt", "a", {"secret": name})
    with pytest.raises(Fail, match="no secret named `PHRASE`"):
        run(ctx, "encrypt", "a", {"secret": "PHRASE"})


def test_a_passphrase_is_not_shown() -> None:
    parameters = FileParameters(operation="encrypt", filename="a", passphrase="correct horse")
    assert "horse" not in repr(parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"operation": "encrypt"}, "needs `passphrase`"),
        ({"operation": "decrypt"}, "needs `passphrase`"),
        ({"operation": "encrypt", "passphrase": "short"}, "at least 8 characters"),
        ({"operation": "inspect", "passphrase": "correct horse"}, "`passphrase` is for encrypt and decrypt"),
    ],
)
def test_parameters_that_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        FileParameters.model_validate({"filename": "a", **parameters})
    assert message in str(error.value)


@pytest.mark.usefixtures("cheap")
def test_a_cancel_leaves_nothing(ctx: FakeContext, files: Path) -> None:
    (files / "a").write_bytes(b"x" * 3 * CHUNK_BYTES)
    with pytest.raises(Cancelled):
        run(FakeContext(ctx.data_dir, cancel_after=1), "encrypt", "a")
    assert [path.name for path in files.iterdir()] == ["a"]
