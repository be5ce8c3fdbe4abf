"""lipkit: learn, reproduce and audit "Lip Movements Generation at a Glance" (ECCV 2018)."""

__version__ = "0.1.0"
