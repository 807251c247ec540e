"""The split of photographs into those trained on and those held out."""

from redact.training.split import is_trained_on


def test_only_photos_of_a_clear_licence_and_an_even_group_are_trained_on():
    assert is_trained_on("openimages_416/a.jpg", {"tier": "A", "group": 4})
    assert not is_trained_on("openimages_416/a.jpg", {"tier": "A", "group": 5})
    assert not is_trained_on("openimages_416/a.jpg", {"tier": "B", "group": 4})
    assert not is_trained_on("robertlucian_ro/a.jpg", {"tier": "A", "group": 4})
