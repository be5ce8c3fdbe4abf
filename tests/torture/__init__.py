"""Kills, full disks, rivals and lost workers: ``python -m torture`` in ``tests/``."""
