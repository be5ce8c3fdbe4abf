"""Broken inputs for every reader: ``python -m fuzz`` in ``tests/``, or ``make fuzz``."""
