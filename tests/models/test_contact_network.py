"""The network for contacts: its size, its file, and boxes of any size through it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from afunet.errors import ConfigError
from afunet.models.contact_module import ContactModule
from afunet.models.contact_network import CONTACTS, ContactConfig
from afunet.models.export import BOXES, export_module
from afunet.models.fusion import folded

SMALL = ContactConfig(widths=(2, 3, 4))


def network(config: ContactConfig = SMALL) -> ContactModule:
    torch.manual_seed(0)
    module = ContactModule(config)
    with torch.no_grad():
        for _ in range(3):  # running statistics that are not 0 and 1
            module.train()(torch.rand(2, config.inputs, 16, 16, 16))
    return module.eval()


def test_it_has_at_most_a_million_parameters() -> None:
    assert sum(one.numel() for one in ContactModule(ContactConfig()).parameters()) <= 1_000_000


def test_it_keeps_the_size_of_any_box_of_whole_multiples() -> None:
    assert SMALL.multiple == 4
    with torch.no_grad():
        assert network()(torch.rand(1, 4, 8, 12, 20)).shape == (1, 1, 8, 12, 20)


def test_every_parameter_learns() -> None:
    module = network().train()
    module(torch.rand(2, 4, 16, 16, 16)).square().mean().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_batch_normalisation_is_folded_without_changing_the_answer() -> None:
    module, box = network(), torch.rand(1, 4, 8, 8, 12)
    short = folded(module)
    assert not any(isinstance(layer, nn.BatchNorm3d) for layer in short.modules())
    with torch.no_grad():
        assert torch.allclose(short(box), module(box), atol=1e-4)


def test_its_onnx_file_takes_boxes_of_any_size_and_says_the_same(tmp_path: Path) -> None:
    weights = tmp_path / "contacts.safetensors"
    CONTACTS.save(weights, network(), {"bones": 1})
    module = CONTACTS.load_module(weights, ContactModule)
    target = weights.with_suffix(".onnx")
    export_module(CONTACTS, weights, module, torch.zeros(2, 4, 8, 8, 8), target, BOXES)
    read = CONTACTS.load(target)
    assert read.config == SMALL
    for shape in ((1, 4, 4, 8, 12), (2, 4, 16, 4, 4), (3, 4, 8, 8, 8)):
        box = np.random.default_rng(0).random(shape, dtype=np.float32)
        with torch.no_grad():
            expected = module(torch.from_numpy(box)).numpy()
        np.testing.assert_allclose(read(box), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("widths", [(), (8,), (8, 0)])
def test_too_few_widths_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError):
        ContactConfig(widths=widths)
