"""What a first start puts into `files/`, so that the examples of the task types work there."""

from contextlib import suppress
from pathlib import Path

NAME = "sales.csv"
CONTENT = """\
date,city,sold
2026-01-05,Oslo,12
2026-01-05,Rome,7
2026-01-06,Oslo,9
2026-01-06,Paris,0
2026-01-07,Rome,11
2026-01-07,Paris,4
"""


def put_sample(data_dir: Path) -> None:
    """Make `files/` where there is none, with a file in it. What is there is left alone, and so is a folder that is
    not ours to write to: tasks that need it say so.
    """
    folder = data_dir / "files"
    with suppress(OSError):
        # Of several workers that start at once, one makes it.
        folder.mkdir(parents=True)
        (folder / NAME).write_text(CONTENT, encoding="utf-8")
