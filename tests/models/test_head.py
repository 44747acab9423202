import numpy as np
import pytest

from afunet.models.head import labels, probabilities


def test_each_channel_is_a_class_of_its_own() -> None:
    logits = np.array([[[0.0], [np.log(3)], [-100.0]]], dtype=np.float32)
    found = probabilities(logits)
    assert (found.shape, found.dtype) == ((1, 3, 1), np.float32)
    assert found[0, :, 0].tolist() == pytest.approx([0.5, 0.75, 0.0])


def test_the_largest_logits_make_no_noise() -> None:
    logits = np.array([[-3e38, 3e38]], dtype=np.float32)
    assert probabilities(logits).tolist() == [[0.0, 1.0]]


def test_bone_alone_is_one_where_the_threshold_is_reached() -> None:
    probability = np.array([[[0.49, 0.5, 1.0]]], dtype=np.float32)
    assert labels(probability, 0.5).tolist() == [[0, 1, 1]]
    assert labels(probability, 0.5).dtype == np.uint8


def test_of_several_classes_the_likeliest_counts_and_of_equals_the_first() -> None:
    probability = np.array([[[0.6, 0.7, 0.2, 0.6], [0.9, 0.1, 0.4, 0.6]]], dtype=np.float32)
    assert labels(probability, 0.5).tolist() == [[2, 1, 0, 1]]
