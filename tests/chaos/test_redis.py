"""Redis is a copy: it may be away, slow, full, empty or closed to us, and no task notices."""

import signal

from redis import Redis as Client

from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import System
from tests.chaos.harness.toxics import Latency, ResetPeer, Timeout

COPY = "Redis holds copies: without it nothing is lost, refused or run again."


@row("F14", "kill -9 of Redis, which comes back empty", promise=COPY, tells="redis", every_change=True)
def test_redis_dies(system: System) -> Steps:
    system.servers.redis.kill()
    yield
    system.servers.redis.start()


@row("F14", "Redis hangs (SIGSTOP)", promise=COPY, tells="redis", during_s=5)
def test_redis_hangs(system: System) -> Steps:
    system.servers.redis.send_signal(signal.SIGSTOP)
    yield
    system.servers.redis.send_signal(signal.SIGCONT)


@row("F14", "a half-open connection to Redis for 10 s", promise=COPY, tells="redis", during_s=10)
def test_a_half_open_connection_to_redis(system: System) -> Steps:
    with system.toxic("redis", Timeout()):
        yield


@row("F14", "Redis answers 300 ms late", promise=COPY, during_s=5)
def test_redis_is_slow(system: System) -> Steps:
    with system.toxic("redis", Latency(0.3)):
        yield


@row("F14", "Redis resets every connection", promise=COPY, tells="redis")
def test_redis_resets(system: System) -> Steps:
    with system.toxic("redis", ResetPeer()):
        yield


@row("F14", "Redis is full and takes nothing (maxmemory, noeviction)", promise=COPY, during_s=5)
def test_redis_is_full(system: System) -> Steps:
    with Client.from_url(system.servers.redis.url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        yield
        client.config_set("maxmemory", "0")


@row("F14", "FLUSHALL", promise=COPY)
def test_redis_is_flushed(system: System) -> Steps:
    with Client.from_url(system.servers.redis.url) as client:
        client.flushall()
    yield


@row("F14", "Redis has another password", promise=COPY, tells="redis")
def test_redis_has_another_password(system: System) -> Steps:
    with Client.from_url(system.servers.redis.url) as client:
        before = client.config_get("requirepass")["requirepass"]
        client.config_set("requirepass", "another")
        client.client_kill_filter(_type="normal", skipme=True)
        yield
        client.config_set("requirepass", before)
