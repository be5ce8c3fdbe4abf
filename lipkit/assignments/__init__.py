"""Assignments: notebooks with their solutions in ``notebooks/assignments``, in nbgrader's form.

- :mod:`~lipkit.assignments.release`: the student version, without nbgrader; nbgrader's
  ``generate_assignment`` makes the same cells.
- :mod:`~lipkit.assignments.grade`: points of submissions, without nbgrader.
- :mod:`~lipkit.assignments.course`: a course folder for nbgrader.
- :mod:`~lipkit.assignments.data`: the prepared clips that assignments share.
"""
