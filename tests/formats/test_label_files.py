from pathlib import Path

from afunet.formats.label_files import label_files, stem


def made(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_a_file_is_a_case(tmp_path: Path) -> None:
    made(tmp_path, "b.nii.gz", "a.mha", "labels.json", "c/mask.nii.gz")
    assert label_files(tmp_path, ["mask"]) == {
        "a": tmp_path / "a.mha",
        "b": tmp_path / "b.nii.gz",
    }


def test_else_a_folder_is_a_case_with_the_first_name_that_is_there(tmp_path: Path) -> None:
    made(tmp_path, "k1/mask.nii.gz", "k1/instances.nii.gz", "k2/mask.nrrd", "k3/notes.txt")
    found = label_files(tmp_path, ["instances", "mask"])
    assert {case: path.name for case, path in found.items()} == {
        "k1": "instances.nii.gz",
        "k2": "mask.nrrd",
    }


def test_a_folder_without_label_files_has_no_case(tmp_path: Path) -> None:
    assert label_files(made(tmp_path, "00.png"), ["mask"]) == {}


def test_the_stem_is_the_name_without_its_format() -> None:
    assert [stem(Path(name)) for name in ("bones.nii.gz", "a.b.NII", "x.txt")] == [
        "bones",
        "a.b",
        "x.txt",
    ]
