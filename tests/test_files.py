from pathlib import Path

import pytest

from sentiment.files import atomic_path


def test_a_file_gets_its_name_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    (path / "sub").mkdir(parents=True)
    with atomic_path(path) as temporary:
        temporary.mkdir()
        (temporary / "file").write_text("new")
    assert [entry.name for entry in path.iterdir()] == ["file"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def broken_off(path: Path, kind: str) -> None:
    with atomic_path(path) as temporary:
        assert not temporary.exists()
        if kind == "folder":
            temporary.mkdir()
        else:
            temporary.write_text("half")
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_error_leaves_what_was_there(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text("old")
    (tmp_path / "kept.new").mkdir()  # left by a process that was killed
    with pytest.raises(KeyboardInterrupt):
        broken_off(path, kind)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
