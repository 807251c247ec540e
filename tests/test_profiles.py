"""Profiles of cameras: TOML files with a name, settings and zones."""

import pytest

from redact import Profile, Settings, SettingsError, Zone
from redact.profiles import shipped_profiles

DOOR = """
name = "Front door"
[settings]
detector = "thorough"
[[zones]]
name = "window"
box = [0.7, 0.1, 0.9, 0.4]
[[zones]]
rule = "ignore"
polygon = [[0, 0], [1, 0], [0, 1]]
"""


def test_a_profile_holds_settings_and_zones(tmp_path):
    (tmp_path / "door.toml").write_text(DOOR)
    profile = Profile.load(tmp_path / "door.toml")
    assert profile.name == "Front door"
    assert profile.settings.detector == "thorough"
    assert profile.settings.zones[0] == Zone.from_box(0.7, 0.1, 0.9, 0.4, name="window")
    assert profile.settings.zones[1].rule == "ignore"


def test_a_profile_needs_nothing_but_a_name(tmp_path):
    (tmp_path / "door.toml").write_text("name = 'x'")
    assert Profile.load(str(tmp_path / "door.toml")).settings == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a profile needs a name"),
        ("name = 3", "a profile needs a name, .* not 3"),
        ("name = ' '", "a profile needs a name"),
        ("name = 'x'\ncolour = 'red'", "unknown key 'colour'; a profile has name, settings and"),
        ("name = 'x'\nsettings = 3", r"\[settings\] must be a table, not 3"),
        ("name = 'x'\n[settings]\nstile = 'blur'", "unknown setting 'stile'"),
        ("name = 'x'\n[settings]\nstyle = 'blurr'", "style must be one of"),
        ("name = 'x'\n[settings]\nzones = []", r"zones of a profile are \[\[zones\]\]"),
        ("name = 'x'\n[zones]\nbox = 3", "zones must be a list of zones"),
        ("name = 'x'\n[[zones]]\nbox = [0, 0, 2, 1]", r"lie in 0\.\.1"),
        ("name = 'x'\n[[zones]]\nbox = [0, 0, 1, 1]\nrole = 'cover'", "no field 'role'"),
        ("name =", "can't read a profile from"),
    ],
)
def test_a_profile_that_cannot_be_used_is_refused_by_key_and_file(tmp_path, text, said):
    (tmp_path / "door.toml").write_text(text)
    with pytest.raises(SettingsError, match=said) as caught:
        Profile.load(tmp_path / "door.toml")
    assert "door.toml" in str(caught.value)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"door\.toml"):
        Profile.load(tmp_path / "door.toml")
    with pytest.raises(SettingsError, match=r"no profile .door.: .* recorder-corners, ring-"):
        Profile.load("door")


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_shipped_profile_covers_corners_alone(name):
    zones = Profile.load(name).settings.zones
    assert zones and all(zone.rule == "cover" for zone in zones)
    assert not any(zone.contains(0.5, y / 100) for zone in zones for y in range(100))
    assert not any(zone.contains(x / 100, 0.5) for zone in zones for x in range(100))
