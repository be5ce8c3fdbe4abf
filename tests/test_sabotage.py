"""The planted faults: each can be planted alone, and all together."""

import pytest

from lipkit.course.sabotage import FAULTS, source_with, step_with
from lipkit.errors import LipkitError


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_changes_the_step_once(fault):
    sound, faulty = source_with().splitlines(), source_with([fault]).splitlines()
    assert len(sound) == len(faulty)
    assert sum(a != b for a, b in zip(sound, faulty, strict=True)) == 1
    assert callable(step_with([fault]))


def test_all_faults_fit_into_one_step():
    assert callable(step_with(FAULTS))


def test_an_unknown_fault_is_refused():
    with pytest.raises(LipkitError, match="unknown; did you mean 'sign'"):
        step_with(["signs"])
