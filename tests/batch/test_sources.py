"""Which clips are found, and what their results are called."""

import os
from pathlib import Path

import pytest
from PIL import Image

from redact import ClipError, TargetError, image_files
from redact.batch.sources import IMAGE_SUFFIXES, find_jobs, result_name

unix_only = pytest.mark.skipif(os.name == "nt", reason="links need rights there")


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def results_of(*sources):
    return [job.result for job in find_jobs(sources).jobs]


def test_a_folder_is_searched_to_the_bottom_and_mirrored(tmp_path):
    write(tmp_path, "a.mp4", "may/b.MKV", "may/2/c.avi", "may/notes.txt", ".trash/d.mp4", ".e.mp4")
    assert results_of(tmp_path) == [
        "a.redacted.mp4",
        "may/b.MKV.redacted.mp4",
        "may/2/c.avi.redacted.mp4",
    ]


def test_results_lie_as_the_clips_lie_below_their_common_folder(tmp_path):
    write(tmp_path, "a.mp4", "front/1.mp4", "back/1.mp4", "back/no_suffix")
    found = results_of(tmp_path / "a.mp4", tmp_path / "front", tmp_path / "back" / "no_suffix")
    assert found == ["a.redacted.mp4", "front/1.redacted.mp4", "back/no_suffix.redacted.mp4"]


def test_the_same_name_in_two_folders_gives_two_results(tmp_path):
    write(tmp_path, "x/clips/1.mp4", "y/clips/1.mp4")
    found = results_of(tmp_path / "x" / "clips", tmp_path / "y" / "clips")
    assert found == ["x/clips/1.redacted.mp4", "y/clips/1.redacted.mp4"]


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("a.mp4", "a.redacted.mp4"),
        ("a.MP4", "a.redacted.mp4"),
        ("a.avi", "a.avi.redacted.mp4"),
        ("b/a.b.mp4", "b/a.b.redacted.mp4"),
        ("no_suffix", "no_suffix.redacted.mp4"),
    ],
)
def test_the_name_of_a_result_shows_that_it_is_one(name, result):
    assert result_name(name) == result


def test_images_are_found_and_keep_their_suffix_and_animations_are_clips(tmp_path):
    still, other = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), "red")
    still.save(tmp_path / "a.jpg")
    still.save(tmp_path / "b.gif", save_all=True, append_images=[other])
    write(tmp_path, "a.mp4", "c.png")
    assert results_of(tmp_path) == [
        "a.redacted.jpg",
        "a.redacted.mp4",
        "b.gif.redacted.mp4",
        "c.png.redacted.mp4",
    ]


def test_images_of_all_suffixes_that_can_be_written_are_found():
    assert set(image_files.SUFFIXES) == IMAGE_SUFFIXES


def test_two_clips_are_never_given_one_result(tmp_path):
    write(tmp_path, "a.mp4", "a")
    with pytest.raises(TargetError, match=r"would both become 'a\.redacted\.mp4'"):
        find_jobs([tmp_path / "a.mp4", tmp_path / "a"])


def test_a_clip_that_is_named_twice_is_done_once(tmp_path, monkeypatch):
    write(tmp_path, "a.mp4")
    monkeypatch.chdir(tmp_path)
    assert results_of(tmp_path, "a.mp4", Path("..") / tmp_path.name / "a.mp4") == ["a.redacted.mp4"]


@unix_only
def test_links_are_followed_and_loops_end(tmp_path):
    write(tmp_path, "in/a.mp4", "elsewhere/b.mp4")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "again.mp4").symlink_to(tmp_path / "in" / "a.mp4")
    assert results_of(tmp_path / "in") == ["a.redacted.mp4", "other/b.redacted.mp4"]


@unix_only
def test_a_link_to_nowhere_is_a_clip_that_will_be_unreadable(tmp_path):
    (tmp_path / "a.mp4").symlink_to(tmp_path / "gone")
    assert find_jobs([tmp_path]).jobs[0].size == 0


def test_results_below_a_folder_are_no_sources(tmp_path):
    write(tmp_path, "a.mp4", "out/a.redacted.mp4", "out/b.avi.redacted.mp4")
    found = find_jobs([tmp_path])
    assert [job.result for job in found.jobs] == ["a.redacted.mp4"]
    assert found.skipped_count == 2


def test_a_result_that_is_named_is_a_source(tmp_path):
    write(tmp_path, "a.redacted.mp4")
    assert results_of(tmp_path / "a.redacted.mp4") == ["a.redacted.redacted.mp4"]


def test_a_folder_that_cannot_be_listed_is_told(tmp_path, monkeypatch):
    write(tmp_path, "a.mp4", "locked/b.mp4")
    listed = os.scandir

    def scandir(place):
        if str(place).endswith("locked"):
            raise PermissionError(13, "Permission denied", place)
        return listed(place)

    monkeypatch.setattr(os, "scandir", scandir)
    found = find_jobs([tmp_path])
    assert [job.result for job in found.jobs] == ["a.redacted.mp4"]
    assert "can't list the folder" in found.problems[0]


@pytest.mark.parametrize(
    ("sources", "error", "said"),
    [
        ("a.mp4", TypeError, "must be a list"),
        ([], ClipError, "nothing to redact"),
        (["gone.mp4"], ClipError, "no such file or folder: 'gone.mp4'"),
        (["empty"], ClipError, "no video file in 'empty'"),
    ],
)
def test_sources_that_cannot_be_meant_are_refused(tmp_path, monkeypatch, sources, error, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=said):
        find_jobs(sources)
