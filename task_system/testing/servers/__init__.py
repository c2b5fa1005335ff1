"""Real servers of our own for tests, benchmarks and ``make stack``: private processes on free loopback ports.

They end with the process that started them, however that one ends.
"""

from task_system.testing.servers.binaries import ServerMissing
from task_system.testing.servers.mail_catcher import MailCatcher
from task_system.testing.servers.postgresql import PostgreSQL
from task_system.testing.servers.private import PrivateServers
from task_system.testing.servers.process import Process
from task_system.testing.servers.rabbitmq import RabbitMQ
from task_system.testing.servers.redis import Redis
from task_system.testing.servers.server import Server, ServerFailed

__all__ = [
    "MailCatcher",
    "PostgreSQL",
    "PrivateServers",
    "Process",
    "RabbitMQ",
    "Redis",
    "Server",
    "ServerFailed",
    "ServerMissing",
]
