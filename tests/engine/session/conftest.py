import pytest
import tinybundle

from engine.inference.model import Model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tinybundle.write(tmp_path_factory.mktemp("bundle"))
    return Model.load(str(folder), precision="float", provider="CPUExecutionProvider")
