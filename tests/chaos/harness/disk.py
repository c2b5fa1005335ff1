"""A disk that can be full: a small file system in memory, mounted where a folder was."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_PIECE = b"\0" * 2**20


class SmallDisk:
    """What is mounted on a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, leave_mb: int = 0) -> None:
        """Leave no more than that: by default no byte."""
        left = shutil.disk_usage(self.folder).free // 2**20
        with self._ballast.open("ab", buffering=0) as file:
            for _ in range(left - leave_mb):
                file.write(_PIECE)
            for size in () if leave_mb else (2**12, 1):
                with suppress(OSError):
                    while file.write(_PIECE[:size]) == size:
                        pass

    def make_room(self) -> None:
        """Free what was filled."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, room_mb: int) -> Iterator[SmallDisk]:
    """While inside, what is in the folder is on a disk with so much room besides. Nobody may have it open."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    size = int(_run("du", "-sm", "--apparent-size", str(aside)).split()[0]) + room_mb
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(folder))
    except subprocess.CalledProcessError as error:
        folder.rmdir()
        aside.rename(folder)
        pytest.skip(f"a small file system cannot be mounted here: {error.stderr}")
    try:
        _copy(aside, folder)
        disk = SmallDisk(folder)
        yield disk
        disk.make_room()
        shutil.rmtree(aside)
        aside.mkdir()
        _copy(folder, aside)
    finally:
        # Somebody may still have a file open there.
        _run("umount", "--lazy", str(folder))
        folder.rmdir()
        aside.rename(folder)


def _copy(source: Path, target: Path) -> None:
    """All of it, with owners and modes."""
    _run("cp", "-a", f"{source}/.", str(target))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
