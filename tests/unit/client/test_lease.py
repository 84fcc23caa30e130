"""Signs of life, by a clock that the test turns."""

from webrtc_lite_client.lease import ALIVE_EVERY_S, Lease


def test_a_sign_of_life_is_due_every_ten_minutes_from_the_connection_on() -> None:
    assert ALIVE_EVERY_S == 600.0
    lease = Lease().connected(100.0)

    assert lease.look(699.0) == (lease, False)
    lease, due = lease.look(700.0)
    assert due
    assert lease.due == 1300.0


def test_hearing_again_that_the_call_is_connected_delays_nothing() -> None:
    lease = Lease().connected(100.0)

    assert lease.connected(500.0) == lease


def test_before_the_call_is_connected_nothing_is_due() -> None:
    assert Lease().look(1e9) == (Lease(), False)
