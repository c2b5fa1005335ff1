"""What a pool is handed to perform an attempt."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Job:
    """Small and plain, because it travels through a pipe."""

    task_id: UUID
    task_type: str
    #: JSON text.
    parameters: str
    attempt: int
    charged_attempts: int
    max_attempts: int
    lease_token: UUID
    timeout_s: float
