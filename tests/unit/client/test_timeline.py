"""When each step was done, and how that is shown."""

from webrtc_lite_client.timeline import Mark, Timeline, table


def test_a_mark_counts_milliseconds_from_the_start() -> None:
    times = iter([100.0, 100.25, 101.5])
    timeline = Timeline(lambda: next(times))

    timeline.side("caller")("dialled")
    timeline.side("callee")("rings")

    assert timeline.marks == [Mark("caller", "dialled", 250.0), Mark("callee", "rings", 1500.0)]


def test_the_table_has_a_column_for_each_side_and_a_row_for_each_step_in_the_order_of_time() -> None:
    marks = [Mark("callee", "rings", 1234.6), Mark("caller", "session written", 17.2)]

    assert table(marks).splitlines() == [
        "     ms   caller            callee",
        "     17   session written",
        "   1235                     rings",
    ]


def test_a_call_that_did_not_start_has_a_table_without_rows() -> None:
    assert table([]).splitlines() == ["     ms   caller   callee"]
