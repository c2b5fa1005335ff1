"""The composition root: the only folder that knows everybody. One file a kind of process, so that none loads another's.

Nothing here connects to anything: connections are opened by whoever uses them first, after any fork.
"""
