"""Journeys go in over HTTP and come out of real processes."""
