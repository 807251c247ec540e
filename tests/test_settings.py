"""Settings are validated when made."""

import dataclasses

import pytest

from redact import Settings, SettingsError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("detector", "best"),
        ("style", "none"),
        ("audio", "mute"),
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


def test_settings_error_is_a_value_error():
    with pytest.raises(ValueError):
        Settings(crf=-1)


def test_toml_table_is_read(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text('[redact]\nstyle = "solid"\nmargin_ratio = 1\n')
    assert Settings.from_toml(file) == Settings(style="solid", margin_ratio=1)
    file.write_text("crf = 30\n")
    assert Settings.from_toml(file).crf == 30


@pytest.mark.parametrize("text", ["crf = ", 'colour = "red"\n', "redact = 3\n"])
def test_unusable_toml_is_refused(tmp_path, text):
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(SettingsError):
        Settings.from_toml(file)


def test_missing_toml_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        Settings.from_toml(tmp_path / "nowhere.toml")


def test_settings_survive_a_round_trip():
    settings = Settings(style="pixelate", faces=False)
    assert Settings.from_dict(dataclasses.asdict(settings)) == settings
