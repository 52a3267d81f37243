"""Counts checks, and prints those that fail."""

import time


class Checks:
    def __init__(self):
        self.passed, self.failed = 0, []

    def expect(self, what, actual, expected):
        """`expected` is a value, or a function that says whether the actual value is right."""
        right = expected(actual) if callable(expected) else actual == expected
        if right:
            self.passed += 1
        else:
            wanted = "" if callable(expected) else f", expected {expected!r}"
            self.failed.append(what)
            print(f"  FAILED {what}: {str(actual)[:500]}{wanted}", flush=True)
        return right


def wait_for(condition, seconds):
    """The first true result of the condition within this time, else its last result."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result or time.monotonic() > end:
            return result
        time.sleep(0.05)
