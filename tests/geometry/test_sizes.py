import pytest

from afunet.geometry.sizes import area_text, counted, volume_text


@pytest.mark.parametrize(
    ("mm3", "words"),
    [
        (0, "0 mm³"),
        (0.4, "0 mm³"),
        (77.3, "77 mm³"),
        (999.4, "999 mm³"),
        (999.5, "1.0 cm³"),
        (1000, "1.0 cm³"),
        (281_523, "281.5 cm³"),
        (1_666_060, "1,666.1 cm³"),
    ],
)
def test_volumes_are_in_cubic_centimetres_from_a_thousand_on(mm3: float, words: str) -> None:
    assert volume_text(mm3) == words


@pytest.mark.parametrize(
    ("mm2", "words"), [(256, "256 mm²"), (999.6, "10.0 cm²"), (40_560, "405.6 cm²")]
)
def test_areas_are_in_square_centimetres_from_a_thousand_on(mm2: float, words: str) -> None:
    assert area_text(mm2) == words


def test_without_a_spacing_voxels_and_pixels_are_counted() -> None:
    assert volume_text(587_691, spacing_known=False) == "587,691 voxels"
    assert volume_text(1, spacing_known=False) == "1 voxel"
    assert area_text(18_195, spacing_known=False) == "18,195 pixels"


def test_one_is_one_and_many_are_many() -> None:
    assert [counted(n, "piece") for n in (0, 1, 2, 1200)] == [
        "0 pieces",
        "1 piece",
        "2 pieces",
        "1,200 pieces",
    ]
