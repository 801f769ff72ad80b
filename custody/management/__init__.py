"""Operators' commands of custody."""
