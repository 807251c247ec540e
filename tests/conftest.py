"""The doorbell scene of the examples, written once for all tests that need real finds."""

import pytest


@pytest.fixture(scope="session")
def doorbell(tmp_path_factory):
    """Path of a clip with a real face that comes nearer, a plate that stays, sound and a title."""
    import doorbell_scene

    path = tmp_path_factory.mktemp("doorbell") / "doorbell.mp4"
    doorbell_scene.write_scene(path)
    return path
