"""RabbitMQ's policies, set and looked at as `taskq migrate` and `taskq doctor` do, on whichever version is here."""

import pytest

from task_system.broker import policies
from task_system.model.errors import BrokerUnavailable
from task_system.testing.servers import RabbitMQ


def test_policies_are_set_and_what_was_changed_since_is_seen(managed_rabbitmq: RabbitMQ) -> None:
    addresses = managed_rabbitmq.management_url, managed_rabbitmq.url
    assert policies.missing(*addresses)
    for _ in range(2):
        policies.apply(*addresses)
        assert not policies.missing(*addresses)
    managed_rabbitmq.ctl("set_policy", "-p", "task_system", policies.NAME, ".*", '{"delivery-limit": 5}')
    assert policies.missing(*addresses)
    with pytest.raises(BrokerUnavailable, match=r"did not take the call: \S"):
        policies.apply(addresses[0], addresses[1].replace("/task_system", "/nowhere/at/all"))
