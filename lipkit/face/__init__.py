"""Faces: dlib's 68 points on a clip, their tracking, the lip crop and its inverse."""
