"""Looking after what waits. One role, one file, one `run_once`; any number of keepers may run.

relay        publishes what is due, or was not confirmed
rescuer      ends leases that ran out
expirer      ends what was not started in its time
releaser     lets what was parked behind a pause go on
scheduler    submits a task for each tick of a schedule
batch_closer submits what follows a batch when all of it is over
bulk_runner  acts on everything that a filter matched
reconciler   dispatches anew what the broker lost
dead_letters settles what the broker gave up on
bookkeeper   enters what the event log says into rollups and ledger
pruner       removes what is past its retention
"""

from task_system.keeper.keeper import Keeper

__all__ = ["Keeper"]
