"""`--cold` starts functions exactly as their image does, and they answer all the same."""

import pytest

from tests.e2e.platform import running_platform


def test_a_cold_function_answers_its_first_request(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_platform(tmp_path_factory.mktemp("platform"), "--cold") as platform:
        assert platform.session()
        (command,) = (line for line in platform.processes().values() if "functions/chat/sessions/main.py" in line)
        assert "-m shared.runner" in command
