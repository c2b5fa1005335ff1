"""Which process runs which file of tests: what waits long begins early, each kind of server runs in few processes.

Tests of one file share what it made, so a file is one process's. The servers of a folder start anew in each process
that takes one of its files, so a process stays where it is while there is anything left to do.
"""

from collections import Counter

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

#: Folders of tests, in the order in which they begin: in how many processes each runs while another has work. Two full
#: stacks are all that starts at the same time.
PROCESSES = {"chaos": 1, "browser": 1, "integration": 2, "fuzz": 1, "contract": 2, "unit": 9}
#: The longest files, which begin before the others of their folder.
LONG = (
    "faults",
    "postman",
    "outages",
    "running",
    "celery_client",
    "controls",
    "acts",
    "pages",
    "broker",
    "data_tables",
)


def folder_of(path: str) -> str:
    """The folder below `tests` that a file is in; none, of other files."""
    return path.removeprefix("tests/").rpartition("/")[0].partition("/")[0]


def rank(path: str) -> tuple[int, int]:
    """Files with a lower one begin earlier."""
    folders, name = list(PROCESSES), path.rpartition("test_")[2].removesuffix(".py")
    folder = folder_of(path)
    place = folders.index(folder) if folder in folders else len(folders)
    return place, LONG.index(name) if name in LONG else len(LONG)


class Order(LoadFileScheduling):
    """Hands out files by rank, each to a process that has its servers while there are such files."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(self._best_for(node), last=False)
        super()._assign_work_unit(node)

    def _best_for(self, node: WorkerController) -> str:
        folders = {one: {folder_of(path) for path in files} for one, files in self.assigned_work.items()}
        processes = Counter(folder for found in folders.values() for folder in found)
        free = [
            path
            for path in self.workqueue
            if (folder := folder_of(path)) in folders[node] or processes[folder] < PROCESSES.get(folder, 1)
        ]
        return min(free or self.workqueue, key=rank)
