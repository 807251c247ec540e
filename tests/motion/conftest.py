"""What the tests of motion share."""

import pytest
from noisy_street import make_street


@pytest.fixture
def street():
    """A still scene, twice as wide as a frame of it."""
    return make_street()
