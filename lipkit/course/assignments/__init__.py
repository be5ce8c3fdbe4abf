"""Assignments: notebooks with their solutions in ``notebooks/teachers``, in nbgrader's form.

The lessons link to the student versions in ``notebooks/assignments``, which are made of them.

- :mod:`~lipkit.course.assignments.release`: the student version, without nbgrader; nbgrader's
  ``generate_assignment`` makes the same cells.
- :mod:`~lipkit.course.assignments.grade`: points of submissions, without nbgrader.
- :mod:`~lipkit.course.assignments.course`: a course folder for nbgrader.
- :mod:`~lipkit.course.assignments.data`: the prepared clips that assignments share.
- :mod:`~lipkit.course.assignments.claim`: evidence and verdict of a claim of one's own.
- :mod:`~lipkit.course.assignments.leaderboard`: everybody's weights on held-out people.
"""
