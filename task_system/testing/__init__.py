"""What tests of task types need: run a handler without database, broker or worker.

In a test of the user's:

    ctx = FakeContext(tmp_path)
    result = image_resize(ctx, Resize(url="https://example.com/a.png", width=64))
    assert ctx.percents[-1] == 100

`tmp_path` is pytest's; the handler sees it as the service's data folder.
"""

from task_system.testing.context import FakeContext, ProgressReport

__all__ = ["FakeContext", "ProgressReport"]
