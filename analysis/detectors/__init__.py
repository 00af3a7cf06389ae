"""Detectors of inefficient modes: pure, fed with one `Minute` after the other, live and over history alike."""
