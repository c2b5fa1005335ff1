"""What is slow is not taken for stuck, nor what is stuck for slow."""

from tests.chaos.harness.draining import LONGEST_S, STALLS_S, Draining, slow


def test_what_ends_slowly_is_waited_for() -> None:
    draining = Draining(gone_at=100.0, within_s=60.0)
    for second in range(200):
        draining.look(400 - 2 * second, 100.0 + second)
        assert not draining.hopeless(100.0 + second)
    assert draining.late(299.0)
    assert 1.9 < draining.per_s(299.0) <= 2.0


def test_what_does_not_get_less_is_given_up() -> None:
    draining = Draining(gone_at=100.0, within_s=60.0)
    draining.look(50, 100.0)
    draining.look(7, 150.0)
    draining.look(7, 179.0)
    assert not draining.hopeless(150.0 + STALLS_S)
    assert draining.hopeless(151.0 + STALLS_S)


def test_nothing_is_given_up_before_its_time() -> None:
    draining = Draining(gone_at=100.0, within_s=60.0)
    draining.look(7, 100.0)
    assert not draining.hopeless(159.0)
    assert draining.hopeless(161.0)


def test_nothing_is_waited_for_without_end() -> None:
    draining = Draining(gone_at=0.0, within_s=60.0)
    draining.look(10_000, 0.0)
    draining.look(9_000, LONGEST_S + 1)
    assert draining.hopeless(LONGEST_S + 1)


def test_a_slow_machine_is_no_slow_service() -> None:
    assert not slow(8.0, 10.0)
    assert slow(4.0, 10.0)
