"""What a key of a clip's metadata tells about: a place, a time, a device."""

from __future__ import annotations

import re

# The first match counts.
_TOPICS = {
    "location": r"location|gps|geo|iso6709|xyz|latitude|longitude|altitude|place",
    "time": r"date|time|year|timecode",
    "device": r"make|model|device|manufacturer|serial|firmware|software|android|camera|lens|owner",
}
# Keys that every file of their kind has: they describe the container only.
_STRUCTURE_KEYS = re.compile(
    r"major_brand|minor_version|compatible_brands|handler_name|vendor_id|language|duration"
    r"|encoder|number_of_frames|number_of_bytes|bps|_statistics_.*",
    re.IGNORECASE,
)


def is_structure(key: str) -> bool:
    """Whether files of a kind all have such a key, ours too."""
    # A language may follow the key: "title-eng".
    return bool(_STRUCTURE_KEYS.fullmatch(key.rpartition("-")[0] or key))


def topic_of(key: str) -> str:
    """One of "location", "time" and "device" by the words in the key; "metadata" for all others."""
    topics = (topic for topic, words in _TOPICS.items() if re.search(words, key.lower()))
    return next(topics, "metadata")
