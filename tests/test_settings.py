"""Settings are validated when they are made, and read from TOML files and mappings."""

import dataclasses
import typing

import pytest

from redact import Settings, SettingsError
from redact.settings import as_settings, choices


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("detector", "best"),
        ("detector", ["fast"]),
        ("style", "none"),
        ("audio", "mute"),
        ("heads", "near_tracks"),
        ("heads", None),
        ("preset", "placebo!"),
        ("crf", 52),
        ("crf", 20.5),
        ("crf", True),
        ("faces", 1),
        ("faces", "no"),
        ("strength", 0),
        ("strength", float("nan")),
        ("margin_ratio", -0.1),
        ("max_gap_seconds", float("inf")),
        ("threads", -1),
    ],
)
def test_a_bad_value_is_refused_and_shown(field, value):
    with pytest.raises(SettingsError, match=field) as caught:
        Settings(**{field: value})
    assert repr(value) in str(caught.value)


def test_settings_that_cover_nothing_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="nothing would be covered"):
        Settings(faces=False, plates=False)
    with pytest.raises(SettingsError, match="nothing would be covered"):
        dataclasses.replace(Settings(plates=False), faces=False)
    (tmp_path / "s.toml").write_text("faces = false\nplates = false\n")
    with pytest.raises(SettingsError, match=r"nothing would be covered.*s\.toml"):
        Settings.from_toml(tmp_path / "s.toml")


def test_a_settings_error_is_a_value_error():
    with pytest.raises(ValueError):
        Settings(crf=-1)


def test_fields_with_a_fixed_set_of_values_are_typed_as_literals():
    """A type checker then reports a misspelt value, and the command line offers the same ones."""
    hints = typing.get_type_hints(Settings)
    for name in ("audio", "detector", "heads", "preset", "style"):
        assert typing.get_origin(hints[name]) is typing.Literal
        assert choices(name) == typing.get_args(hints[name])
        for value in choices(name):
            assert getattr(Settings(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("old", "new"), [("near tracks", "near-tracks"), ("all moving", "all-moving")]
)
def test_the_old_names_of_heads_still_work(tmp_path, old, new):
    assert Settings(heads=old).heads == new
    assert Settings(heads=old) == Settings(heads=new)
    assert Settings.from_dict({"heads": old}).heads == new
    (tmp_path / "s.toml").write_text(f'heads = "{old}"\n')
    assert Settings.from_toml(tmp_path / "s.toml").heads == new


def test_no_value_with_a_fixed_set_of_names_needs_quotes_in_a_shell():
    for name in ("audio", "detector", "heads", "preset", "style"):
        assert not any(" " in value for value in choices(name))


def test_settings_are_read_from_a_toml_table_or_the_top_level(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text('[redact]\nstyle = "solid"\nmargin_ratio = 1\n')
    assert Settings.from_toml(file) == Settings(style="solid", margin_ratio=1)
    file.write_text("crf = 30\n")
    assert Settings.from_toml(file).crf == 30


@pytest.mark.parametrize(
    "text", ["crf = ", 'colour = "red"\n', "redact = 3\n", "crf = 99\n", "a = " + "[" * 100_000]
)
def test_an_unusable_toml_file_is_refused_by_name(tmp_path, text):
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"settings\.toml"):
        Settings.from_toml(file)


@pytest.mark.parametrize("name", ["nowhere.toml", ".", "nul\0.toml"])
def test_a_toml_file_that_cannot_be_read_is_refused(tmp_path, name):
    with pytest.raises(SettingsError, match="can't read settings"):
        Settings.from_toml(tmp_path / name)


def test_settings_survive_a_round_trip():
    settings = Settings(style="pixelate", faces=False)
    assert Settings.from_dict(dataclasses.asdict(settings)) == settings


@pytest.mark.parametrize("value", [None, ["crf"], "crf", 3])
def test_only_a_mapping_is_turned_into_settings(value):
    with pytest.raises(TypeError, match="mapping of names to values"):
        Settings.from_dict(value)


def test_no_settings_are_the_defaults():
    settings = Settings(crf=30)
    assert as_settings(None) == Settings()
    assert as_settings(settings) is settings


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"crf": 30}, r"\{'crf': 30\} \(dict\); use Settings\.from_dict"),
        ("s.toml", r"'s\.toml' \(str\); use Settings\.from_toml"),
        (False, r"False \(bool\)"),
        (Settings, r"Settings or None"),
    ],
)
def test_anything_else_passed_as_settings_is_a_type_error_that_names_the_fix(value, said):
    with pytest.raises(TypeError, match=said):
        as_settings(value)
