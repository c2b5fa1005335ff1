"""From a submission to a message: validate, record, publish. See `docs/internals.md` for the path.

Nobody waits for the broker: a submission is answered when its row is committed.
"""
