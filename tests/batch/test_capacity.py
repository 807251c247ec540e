"""How many workers and threads a machine gets for which clips."""

import pytest

from redact import Settings, SettingsError, WorkerLimits
from redact.batch.capacity import capacity_for, free_memory

MANY = [100] * 50
GB = 10**9


def chosen(sizes, settings=None, *, cores=4, free_bytes=64 * GB, **options):
    settings = settings or Settings()
    found = capacity_for(sizes, settings, cores=cores, free_bytes=free_bytes, **options)
    return found.workers, found.threads


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (MANY, (4, 1)),
        ([100], (1, 4)),
        ([100, 100], (2, 2)),
        # One clip is so long that all cores are needed for it.
        ([1000, 1, 1, 1, 1], (1, 4)),
        ([], (1, 4)),
    ],
)
def test_workers_have_one_thread_unless_a_clip_would_keep_the_rest_waiting(sizes, expected):
    assert chosen(sizes) == expected


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 7, 64])
@pytest.mark.parametrize("threads", [0, 1, 2, 5])
def test_workers_times_threads_never_exceed_the_cores(cores, threads):
    workers, given = chosen(MANY, Settings(threads=threads), cores=cores)
    assert workers * given <= max(cores, threads)
    assert not threads or given == threads


def test_a_number_of_workers_divides_the_cores():
    assert chosen(MANY, workers=2) == (2, 2)
    assert chosen(MANY, workers=3) == (3, 1)
    assert chosen(MANY, workers=8) == (8, 1)


def test_memory_bounds_the_workers_and_is_divided_among_them():
    assert chosen(MANY, cores=16, free_bytes=5 * GB)[0] == 3
    assert chosen(MANY, cores=16, free_bytes=0)[0] == 1
    assert chosen(MANY, cores=16, free_bytes=10 * GB, memory_bytes=2 * GB)[0] == 4
    capacity = capacity_for(MANY, Settings(), workers=2, cores=4, free_bytes=20 * GB)
    assert capacity.memory_bytes == pytest.approx(8.5 * GB)


@pytest.mark.parametrize("workers", [0, -1, 2000, True])
def test_a_number_of_workers_that_makes_no_sense_is_refused(workers):
    with pytest.raises(SettingsError, match="workers must lie in"):
        chosen(MANY, workers=workers)


@pytest.mark.parametrize(
    "values",
    [
        {"deadline_seconds": 0},
        {"stall_seconds": -1.0},
        {"memory_bytes": 0},
        {"clips_per_worker": 0},
        {"tries": 0},
    ],
)
def test_limits_that_make_no_sense_are_refused(values):
    with pytest.raises(SettingsError, match=next(iter(values))):
        WorkerLimits(**values)


def test_free_memory_is_a_plausible_number():
    assert 10**7 < free_memory() < 10**14
