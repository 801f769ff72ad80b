"""Pieces every API view is made of."""
