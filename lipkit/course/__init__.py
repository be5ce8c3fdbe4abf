"""The course: its notebooks and their runner, lessons' helpers, assignments, the demo, the site."""
