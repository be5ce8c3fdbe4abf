"""One function over many items: what an executor is given, and how work is broken off."""

import ast
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lipkit.errors import LipkitError
from lipkit.jobs import pool
from lipkit.jobs.pool import each


def test_an_executor_has_few_of_many_items_at_a_time(monkeypatch):
    monkeypatch.setattr(pool, "IN_FLIGHT", 10)
    drawn = []

    def items():
        for number in range(1000):
            drawn.append(number)
            yield number

    results, ahead = {}, []
    with ThreadPoolExecutor(2) as executor:
        for item, result in each(lambda n: n * n, items(), executor=executor):
            results[item] = result
            ahead.append(len(drawn) - len(results))
    assert results == {n: n * n for n in range(1000)}
    assert 0 < max(ahead) < 10


def test_what_an_executor_has_begun_is_waited_for_and_the_rest_is_dropped():
    begun, ended = [], []
    at_work = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number:
            at_work.set()
            time.sleep(0.3)
        ended.append(number)
        return number

    with ThreadPoolExecutor(1) as executor:
        results = each(work, range(50), executor=executor)
        assert next(results) == (0, 0)
        assert at_work.wait(10)
        results.close()
        assert begun == ended
        assert len(begun) < 50


def test_an_executor_that_was_shut_down_is_one_line():
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(LipkitError, match=r"the executor gave up \(cannot schedule") as caught:
        next(each(abs, [1], executor=executor))
    assert "\n" not in str(caught.value)


def test_a_script_on_standard_input_may_use_processes():
    script = "from lipkit.jobs.pool import each\nprint(dict(each(abs, [-1, 2], workers=2)))"
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, timeout=100
    )
    # What is done first comes first.
    assert ast.literal_eval(done.stdout) == {-1: 1, 2: 2}, done.stderr
