"""Times are read as they are written."""

import pytest

from redact.types import format_span, format_time, parse_spans, parse_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.5", 12.5),
        ("0:12.4", 12.4),
        ("1:02:03.4", 3723.4),
        ("90", 90),
        (".5", 0.5),
        ("0:90", 90),
    ],
)
def test_a_time_is_read(text, seconds):
    assert parse_time(text) == pytest.approx(seconds)


@pytest.mark.parametrize("seconds", [0.0, 12.4, 725.0, 3723.4])
def test_a_written_time_is_read_as_it_was(seconds):
    assert parse_time(format_time(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "x", "-1", "1:", ":1", "1:2:3:4", "1e3", "nan", "1:-2", "١"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a time; write 12\.5, 0:12\.5 or 1:02:03"):
        parse_time(text)


@pytest.mark.parametrize("span", [(0.0, 0.5), (10.0, 20.0), (59.9996, 3723.125), (600.0, 601.0)])
def test_a_written_span_is_read_as_it_was(span):
    assert parse_spans(format_span(*span))[0] == pytest.approx(span, abs=5e-4)


def test_spans_are_written_as_people_do():
    assert parse_spans("0:10-0:20, 1:05-1:10.5") == ((10, 20), (65, 70.5))
    assert format_span(10, 70.5) == "0:10-1:10.5"
