"""Optical flow between neighbouring frames: F in the paper's equations.

Three estimators; all answer in pixels per frame, x then y (each docstring gives the shape).

- :mod:`lipkit.flow.farneback`: OpenCV's, with the authors' parameters; not differentiable.
- :mod:`lipkit.flow.lucas_kanade`: weight-free and differentiable, for the training losses.
- :mod:`lipkit.flow.flownet`: the paper's, learned from Farneback's as a proxy.

:mod:`lipkit.flow.cache` keeps Farneback's flow of real clips on disk.
"""
